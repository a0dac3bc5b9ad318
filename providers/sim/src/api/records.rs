//! `/v2/domains/{name}/records`

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};

use super::domains::{self, TTL_DEFAULT, label};
use super::{Answer, Api, Body, Ctx, Listing, Refusal, Reply};
use crate::world::{DomainRecord, State as World};

/// The least TTL, seconds.
const TTL_MIN: u32 = 30;
/// The vendor's own `data` field is no longer than this.
const TXT_MAX: usize = 512;

pub fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/domains/{name}/records", get(list).post(create))
        .route("/domains/{name}/records/{id}", get(show).put(update).patch(update).delete(delete))
}

fn view(r: &DomainRecord) -> Value {
    json!({
        "id": r.id,
        "type": r.kind,
        "name": r.name,
        "data": r.data,
        "priority": r.priority,
        "port": r.port,
        "ttl": r.ttl,
        "weight": r.weight,
        "flags": r.flags,
        "tag": r.tag,
    })
}

/// Returns a record's full name.
pub fn full_name(r: &DomainRecord) -> String {
    match r.name.as_str() {
        "@" => r.domain.clone(),
        name => format!("{name}.{}", r.domain),
    }
}

fn find(w: &World, domain: &str, id: u64) -> Result<Arc<DomainRecord>, Refusal> {
    let domain = domains::find(w, domain)?;
    w.records.get(id).filter(|r| r.domain == domain.name).cloned().ok_or_else(Refusal::not_found)
}

async fn list(State(api): Ctx, Path(name): Path<String>, listing: Listing) -> Reply {
    api.sim.world.read(|w| {
        let domain = domains::find(w, &name)?;
        let (wanted, kind) = (listing.query("name"), listing.query("type"));
        let all = w.records.by_name(&domain.name).filter(|r| {
            wanted.is_none_or(|n| full_name(r).eq_ignore_ascii_case(n))
                && kind.is_none_or(|k| r.kind == k)
        });
        Ok(listing.rows("domain_records", &w.records, all, view))
    })
}

async fn show(State(api): Ctx, Path((name, id)): Path<(String, u64)>) -> Reply {
    let record = api.sim.world.read(|w| find(w, &name, id))?;
    Ok(Answer::ok(json!({ "domain_record": view(&record) })))
}

#[derive(Deserialize)]
struct Spec {
    #[serde(rename = "type")]
    kind: Option<String>,
    name: Option<String>,
    data: Option<String>,
    priority: Option<u32>,
    port: Option<u32>,
    ttl: Option<u32>,
    weight: Option<u32>,
    flags: Option<u32>,
    tag: Option<String>,
}

async fn create(State(api): Ctx, Path(domain): Path<String>, Body(body): Body<Spec>) -> Reply {
    api.sim.world.write(|w| {
        let domain = domains::find(w, &domain)?.name.clone();
        let record = DomainRecord {
            id: 0,
            kind: body.kind.unwrap_or_default(),
            name: relative(&body.name.unwrap_or_default(), &domain),
            data: body.data.unwrap_or_default(),
            priority: body.priority,
            port: body.port,
            ttl: body.ttl.unwrap_or(TTL_DEFAULT),
            weight: body.weight,
            flags: body.flags,
            tag: body.tag,
            domain,
        };
        let mut record = check(record)?;
        check_neighbours(w, &record)?;
        w.counters.record += 1;
        record.id = w.counters.record;
        let record = w.records.put(record);
        Ok(Answer::created(json!({ "domain_record": view(&record) })))
    })
}

async fn update(
    State(api): Ctx,
    Path((domain, id)): Path<(String, u64)>,
    Body(body): Body<Spec>,
) -> Reply {
    api.sim.world.write(|w| {
        let old = find(w, &domain, id)?;
        if body.kind.as_ref().is_some_and(|k| *k != old.kind) {
            return Err(Refusal::unprocessable("Type cannot be changed"));
        }
        if old.kind == "SOA" {
            let record = w.records.put(DomainRecord {
                ttl: body.ttl.unwrap_or(old.ttl).max(TTL_MIN),
                ..DomainRecord::clone(&old)
            });
            return Ok(Answer::ok(json!({ "domain_record": view(&record) })));
        }
        let o = DomainRecord::clone(&old);
        let data = match body.data {
            Some(data) => data,
            None if o.data == "@" || !host_data(&o.kind) => o.data,
            None => format!("{}.", o.data),
        };
        let record = check(DomainRecord {
            name: body.name.map_or(o.name, |n| relative(&n, &o.domain)),
            data,
            priority: body.priority.or(o.priority),
            port: body.port.or(o.port),
            ttl: body.ttl.unwrap_or(o.ttl),
            weight: body.weight.or(o.weight),
            flags: body.flags.or(o.flags),
            tag: body.tag.or(o.tag),
            id: o.id,
            domain: o.domain,
            kind: o.kind,
        })?;
        check_neighbours(w, &record)?;
        let record = w.records.put(record);
        Ok(Answer::ok(json!({ "domain_record": view(&record) })))
    })
}

async fn delete(State(api): Ctx, Path((domain, id)): Path<(String, u64)>) -> Reply {
    api.sim.world.write(|w| {
        let record = find(w, &domain, id)?;
        if record.kind == "SOA" {
            return Err(Refusal::unprocessable("SOA records cannot be deleted"));
        }
        w.records.remove(record.id);
        Ok(Answer::no_content())
    })
}

/// Makes a name relative to the zone; a full name with its final dot is taken as well.
fn relative(name: &str, domain: &str) -> String {
    let name = name.to_ascii_lowercase();
    match name.strip_suffix('.') {
        Some(full) if full == domain => "@".to_owned(),
        Some(full) => match full.strip_suffix(domain).and_then(|n| n.strip_suffix('.')) {
            Some(inner) => inner.to_owned(),
            None => name,
        },
        None => name,
    }
}

fn host_data(kind: &str) -> bool {
    ["CNAME", "MX", "NS", "SRV"].contains(&kind)
}

/// Checks a record by itself and brings its data into the form it is kept in.
fn check(mut r: DomainRecord) -> Result<DomainRecord, Refusal> {
    let refuse = |text: &str| Err(Refusal::unprocessable(text));
    if r.name.is_empty() {
        return refuse("Name can't be blank");
    }
    if !record_name(&r.name, &r.domain) {
        return refuse(
            "Name Only valid hostname characters are allowed: letters, numbers, '-', '_', '.', '@' for the domain itself, '*' as the whole first label",
        );
    }
    if r.data.is_empty() {
        return refuse("Data can't be blank");
    }
    if r.ttl < TTL_MIN {
        return refuse("TTL must be greater than or equal to 30");
    }
    match r.kind.as_str() {
        "A" if r.data.parse::<Ipv4Addr>().is_err() => {
            return refuse("Data IP address did not match IPv4 format (e.g. 255.255.255.255).");
        }
        "AAAA" if r.data.parse::<Ipv6Addr>().is_err() => {
            return refuse("Data IP address did not match IPv6 format.");
        }
        "A" | "AAAA" => {}
        "CNAME" | "MX" | "NS" | "SRV" => r.data = host(&r.data)?,
        "TXT" if r.data.len() > TXT_MAX => {
            return refuse("Data is too long (maximum is 512 characters)");
        }
        "TXT" => {}
        "CAA" => check_caa(&r)?,
        _ => {
            return refuse(
                "Type is not included in the list: A, AAAA, CAA, CNAME, MX, NS, SRV, TXT",
            );
        }
    }
    if ["MX", "SRV"].contains(&r.kind.as_str()) {
        within("Priority", r.priority, 0, 65_535)?;
    }
    if r.kind == "SRV" {
        within("Port", r.port, 1, 65_535)?;
        within("Weight", r.weight, 0, 65_535)?;
    }
    Ok(r)
}

fn check_caa(r: &DomainRecord) -> Result<(), Refusal> {
    within("Flags", r.flags, 0, 255)?;
    match r.tag.as_deref() {
        Some("issue" | "issuewild" | "iodef") => Ok(()),
        _ => Err(Refusal::unprocessable("Tag must be one of issue, issuewild, iodef")),
    }
}

fn within(field: &str, value: Option<u32>, min: u32, max: u32) -> Result<(), Refusal> {
    match value {
        Some(v) if (min..=max).contains(&v) => Ok(()),
        Some(_) => Err(Refusal::unprocessable(format!("{field} must be between {min} and {max}"))),
        None => Err(Refusal::unprocessable(format!("{field} can't be blank"))),
    }
}

fn record_name(name: &str, domain: &str) -> bool {
    if name == "@" || name == "*" {
        return true;
    }
    let rest = name.strip_prefix("*.").unwrap_or(name);
    name.len() + domain.len() < 253 && rest.split('.').all(|l| label(l, true))
}

/// Reads `@`, or a full host name with its final dot, which is not kept.
fn host(data: &str) -> Result<String, Refusal> {
    if data == "@" {
        return Ok(data.to_owned());
    }
    let Some(name) = data.strip_suffix('.') else {
        return Err(Refusal::unprocessable("Data needs to end with a dot (.)"));
    };
    if name.split('.').all(|l| label(l, true)) {
        Ok(name.to_ascii_lowercase())
    } else {
        Err(Refusal::unprocessable("Data is not a valid host name"))
    }
}

/// Checks that a CNAME stands alone at its name, and that no record is made twice.
fn check_neighbours(w: &World, new: &DomainRecord) -> Result<(), Refusal> {
    for r in w.records.by_name(&new.domain).filter(|r| r.id != new.id && r.name == new.name) {
        if r.kind == "CNAME" || new.kind == "CNAME" {
            return Err(Refusal::unprocessable(
                "CNAME records cannot share a name with other records",
            ));
        }
        let same = DomainRecord { id: new.id, ttl: new.ttl, ..DomainRecord::clone(r) };
        if same == *new {
            return Err(Refusal::unprocessable("Record already exists"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["@", "*", "www", "*.apps", "_acme-challenge", "a.b.c"] {
            assert!(record_name(good, "example.com"), "{good}");
        }
        for bad in ["a*", "a.*", "*a", "-a", "a b", "a..b", "ü"] {
            assert!(!record_name(bad, "example.com"), "{bad}");
        }
        assert_eq!(relative("www.example.com.", "example.com"), "www");
        assert_eq!(relative("example.com.", "example.com"), "@");
        assert_eq!(relative("WWW", "example.com"), "www");
    }

    #[test]
    fn hosts_end_with_a_dot() {
        assert!(host("www.example.com").is_err());
        assert_eq!(host("www.example.com.").unwrap(), "www.example.com");
        assert_eq!(host("@").unwrap(), "@");
    }
}
