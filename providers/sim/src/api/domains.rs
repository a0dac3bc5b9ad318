//! `/v2/domains`

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};

use super::names::required;
use super::{Answer, Api, Body, Ctx, Listing, Refusal, Reply};
use crate::world::{Domain, DomainRecord, State as World};

/// The TTL of records that give none, seconds.
pub const TTL_DEFAULT: u32 = 1800;
const NAME_SERVERS: [&str; 3] =
    ["ns1.digitalocean.com", "ns2.digitalocean.com", "ns3.digitalocean.com"];

pub fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/domains", get(list).post(create))
        .route("/domains/{name}", get(show).delete(delete))
}

/// Finds a domain by name; names compare in lower case.
///
/// # Errors
/// Returns 404 if there is none.
pub fn find(w: &World, name: &str) -> Result<Arc<Domain>, Refusal> {
    w.domains.by_id(&name.to_ascii_lowercase()).cloned().ok_or_else(Refusal::not_found)
}

fn view(w: &World, d: &Domain) -> Value {
    json!({ "name": d.name, "ttl": d.ttl, "zone_file": zone_file(w, d) })
}

fn zone_file(w: &World, d: &Domain) -> String {
    let mut text = format!("$ORIGIN {}.\n$TTL {}\n", d.name, d.ttl);
    for r in w.records.by_name(&d.name) {
        let host = match r.name.as_str() {
            "@" => format!("{}.", d.name),
            name => format!("{name}.{}.", d.name),
        };
        let data = match r.kind.as_str() {
            "SOA" => format!(
                "{} hostmaster.{}. {} 10800 3600 604800 1800",
                NAME_SERVERS[0], d.name, r.id
            ),
            "NS" | "CNAME" => format!("{}.", r.data),
            "MX" => format!("{} {}.", r.priority.unwrap_or(0), r.data),
            "TXT" => format!("{:?}", r.data),
            _ => r.data.clone(),
        };
        text.push_str(&format!("{host} {} IN {} {data}\n", r.ttl, r.kind));
    }
    text
}

async fn list(State(api): Ctx, listing: Listing) -> Reply {
    Ok(api
        .sim
        .world
        .read(|w| listing.rows("domains", &w.domains, w.domains.iter(), |d| view(w, d))))
}

async fn show(State(api): Ctx, Path(name): Path<String>) -> Reply {
    api.sim.world.read(|w| {
        let domain = find(w, &name)?;
        Ok(Answer::ok(json!({ "domain": view(w, &domain) })))
    })
}

#[derive(Deserialize)]
struct Create {
    name: Option<String>,
    ip_address: Option<String>,
}

async fn create(State(api): Ctx, Body(body): Body<Create>) -> Reply {
    let name = required("Name", body.name.as_deref())?.to_ascii_lowercase();
    check_name(&name)?;
    let address: Option<IpAddr> = body
        .ip_address
        .as_deref()
        .filter(|a| !a.is_empty())
        .map(|a| {
            a.parse()
                .map_err(|_| Refusal::unprocessable(format!("ip_address {a} is not an address")))
        })
        .transpose()?;
    api.sim.world.write(|w| {
        if w.domains.by_id(&name).is_some() {
            return Err(Refusal::unprocessable(
                "Name already exists: the domain is in use by an account",
            ));
        }
        let seq = w.counters.next_order();
        let domain = w.domains.put(Domain { seq, name: name.clone(), ttl: TTL_DEFAULT });
        put(w, &name, "SOA", TTL_DEFAULT.to_string());
        for server in NAME_SERVERS {
            put(w, &name, "NS", server.to_owned());
        }
        if let Some(ip) = address {
            let kind = if ip.is_ipv4() { "A" } else { "AAAA" };
            put(w, &name, kind, ip.to_string());
        }
        // The vendor fills these two in a moment later.
        Ok(Answer::created(json!({ "domain": {
            "name": domain.name, "ttl": null, "zone_file": null,
        }})))
    })
}

fn put(w: &mut World, domain: &str, kind: &str, data: String) {
    w.counters.record += 1;
    w.records.put(DomainRecord {
        id: w.counters.record,
        domain: domain.to_owned(),
        kind: kind.to_owned(),
        name: "@".to_owned(),
        data,
        priority: None,
        port: None,
        ttl: TTL_DEFAULT,
        weight: None,
        flags: None,
        tag: None,
    });
}

/// Checks that a name is `domain.TLD`: labels of letters, digits and inner dashes; at least two;
/// the last is not a number.
fn check_name(name: &str) -> Result<(), Refusal> {
    let labels: Vec<&str> = name.split('.').collect();
    let good = name.len() <= 253
        && labels.len() >= 2
        && labels.iter().all(|l| label(l, false))
        && labels.last().is_some_and(|t| t.len() >= 2 && !t.chars().all(|c| c.is_ascii_digit()));
    if good { Ok(()) } else { Err(Refusal::unprocessable("Name is not a valid domain name")) }
}

/// Returns true if the text is a label of a host name; some records also allow `_`.
pub fn label(text: &str, underscore: bool) -> bool {
    (1..=63).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || (underscore && c == '_'))
}

async fn delete(State(api): Ctx, Path(name): Path<String>) -> Reply {
    api.sim.world.write(|w| {
        let domain = find(w, &name)?;
        let records: Vec<u64> = w.records.by_name(&domain.name).map(|r| r.id).collect();
        for id in records {
            w.records.remove(id);
        }
        w.domains.remove(domain.seq);
        Ok(Answer::no_content())
    })
}

#[cfg(test)]
mod tests {
    use super::check_name;

    #[test]
    fn names() {
        for good in ["example.com", "a-b.example.co.uk", "xn--bcher-kva.example"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["com", "exa_mple.com", "-a.com", "a..com", "a.1", "a b.com", ""] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
