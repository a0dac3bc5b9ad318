//! `/v2/account/keys`: SSH keys.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use base64::Engine;
use serde::Deserialize;
use serde_json::{Value, json};

use super::names::required;
use super::{Answer, Api, Body, Ctx, Listing, Refusal, Reply};
use crate::world::{SshKey, State as World};

pub fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/account/keys", get(list).post(create))
        .route("/account/keys/{key}", get(show).put(rename).delete(delete))
}

fn view(key: &SshKey) -> Value {
    json!({
        "id": key.id,
        "fingerprint": key.fingerprint,
        "public_key": key.public_key,
        "name": key.name,
    })
}

/// Finds a key by id or fingerprint.
pub fn find(world: &World, id: &str) -> Option<Arc<SshKey>> {
    match id.parse() {
        Ok(number) => world.keys.get(number).cloned(),
        Err(_) => world.keys.by_id(id).cloned(),
    }
}

async fn list(State(api): Ctx, listing: Listing) -> Reply {
    Ok(api.sim.world.read(|w| listing.rows("ssh_keys", &w.keys, w.keys.iter(), view)))
}

#[derive(Deserialize)]
struct Create {
    name: Option<String>,
    public_key: Option<String>,
}

async fn create(State(api): Ctx, Body(body): Body<Create>) -> Reply {
    let name = required("Name", body.name.as_deref())?.to_owned();
    let public_key = required("Public key", body.public_key.as_deref())?.trim().to_owned();
    let fingerprint = fingerprint(&public_key)
        .ok_or_else(|| Refusal::unprocessable("Key invalid type, we support 'ssh-rsa', 'ssh-dss', 'ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384' and 'ecdsa-sha2-nistp521'"))?;
    api.sim.world.write(|w| {
        if w.keys.by_id(&fingerprint).is_some() {
            return Err(Refusal::unprocessable("SSH Key is already in use on your account"));
        }
        w.counters.key += 1;
        let key = w.keys.put(SshKey { id: w.counters.key, fingerprint, public_key, name });
        Ok(Answer::created(json!({ "ssh_key": view(&key) })))
    })
}

async fn show(State(api): Ctx, Path(id): Path<String>) -> Reply {
    let key = api.sim.world.read(|w| find(w, &id)).ok_or_else(Refusal::not_found)?;
    Ok(Answer::ok(json!({ "ssh_key": view(&key) })))
}

#[derive(Deserialize)]
struct Rename {
    name: Option<String>,
}

async fn rename(State(api): Ctx, Path(id): Path<String>, Body(body): Body<Rename>) -> Reply {
    let name = required("Name", body.name.as_deref())?.to_owned();
    api.sim.world.write(|w| {
        let key = find(w, &id).ok_or_else(Refusal::not_found)?;
        let key = w.keys.put(SshKey { name, ..SshKey::clone(&key) });
        Ok(Answer::ok(json!({ "ssh_key": view(&key) })))
    })
}

async fn delete(State(api): Ctx, Path(id): Path<String>) -> Reply {
    api.sim.world.write(|w| {
        let key = find(w, &id).ok_or_else(Refusal::not_found)?;
        w.keys.remove(key.id);
        Ok(Answer::no_content())
    })
}

/// Computes the MD5 fingerprint (`aa:bb:…`) of an OpenSSH public key; returns `None` if it isn't
/// one.
fn fingerprint(public_key: &str) -> Option<String> {
    const TYPES: [&str; 6] = [
        "ssh-rsa",
        "ssh-dss",
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
    ];
    let mut words = public_key.split_whitespace();
    let kind = words.next().filter(|k| TYPES.contains(k))?;
    let blob = base64::engine::general_purpose::STANDARD.decode(words.next()?).ok()?;
    // The blob begins with its own type: four bytes of length, then the name.
    let length = u32::from_be_bytes(blob.get(..4)?.try_into().ok()?) as usize;
    if blob.get(4..4 + length)? != kind.as_bytes() || blob.len() <= 4 + length {
        return None;
    }
    let digest = <s3s::crypto::Md5 as s3s::crypto::Checksum>::checksum(&blob);
    let hex: Vec<String> = digest.as_ref().iter().map(|b| format!("{b:02x}")).collect();
    Some(hex.join(":"))
}

#[cfg(test)]
mod tests {
    use super::fingerprint;

    #[test]
    fn fingerprints() {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me@example.com";
        let print = fingerprint(key).unwrap();
        assert_eq!(print.split(':').count(), 16);
        assert!(fingerprint("ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIAABAg==").is_none());
        assert!(fingerprint("hello").is_none());
    }
}
