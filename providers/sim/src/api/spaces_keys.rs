//! `/v2/spaces/keys`: access keys of S3.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use base64::Engine;
use serde::Deserialize;
use serde_json::{Value, json};

use super::names::{required, time};
use super::{Answer, Api, Body, Ctx, Listing, Refusal, Reply};
use crate::world::{Grant, SpacesKey, State as World};

pub fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/spaces/keys", get(list).post(create))
        .route("/spaces/keys/{key}", get(show).put(update).patch(update).delete(delete))
}

fn view(k: &SpacesKey) -> Value {
    json!({
        "name": k.name,
        "access_key": k.access_key,
        "grants": k.grants,
        "created_at": time(k.created_at),
    })
}

fn find(w: &World, key: &str) -> Result<Arc<SpacesKey>, Refusal> {
    w.spaces_keys.by_id(key).cloned().ok_or_else(Refusal::not_found)
}

/// Makes a key with fresh random secrets.
pub fn put_new(w: &mut World, name: String, grants: Vec<Grant>) -> Arc<SpacesKey> {
    let seq = w.counters.next_order();
    let (id, secret): ([u8; 10], [u8; 32]) = (rand::random(), rand::random());
    w.spaces_keys.put(SpacesKey {
        seq,
        access_key: format!("DO00{}", hex::encode_upper(&id[..8])),
        secret_key: base64::engine::general_purpose::STANDARD_NO_PAD.encode(secret),
        name,
        grants,
        created_at: jiff::Timestamp::now(),
    })
}

/// Returns the account's own key, which may do everything; it is made if there is none.
pub fn first(w: &mut World) -> Arc<SpacesKey> {
    let own = w
        .spaces_keys
        .iter()
        .find(|k| k.grants.iter().any(|g| g.permission == "fullaccess"))
        .cloned();
    own.unwrap_or_else(|| {
        let all = Grant { bucket: String::new(), permission: "fullaccess".to_owned() };
        put_new(w, "account".to_owned(), vec![all])
    })
}

async fn list(State(api): Ctx, listing: Listing) -> Reply {
    let (name, bucket) = (listing.query("name"), listing.query("bucket"));
    let permission = listing.query("permission");
    Ok(api.sim.world.read(|w| {
        let all = w.spaces_keys.iter().filter(|k| {
            name.is_none_or(|n| k.name == n)
                && bucket.is_none_or(|b| k.grants.iter().any(|g| g.bucket == b))
                && permission.is_none_or(|p| k.grants.iter().any(|g| g.permission == p))
        });
        listing.rows("keys", &w.spaces_keys, all, view)
    }))
}

#[derive(Deserialize)]
struct Spec {
    name: Option<String>,
    grants: Option<Vec<Grant>>,
}

fn check_grants(grants: &[Grant]) -> Result<(), Refusal> {
    for g in grants {
        let good = match g.permission.as_str() {
            "fullaccess" | "" => g.bucket.is_empty(),
            "read" | "readwrite" => !g.bucket.is_empty(),
            _ => false,
        };
        if !good {
            return Err(Refusal::bad_request(
                "grants: permission must be read or readwrite of a bucket, or fullaccess with an empty bucket",
            ));
        }
    }
    Ok(())
}

async fn create(State(api): Ctx, Body(body): Body<Spec>) -> Reply {
    let name = required("name", body.name.as_deref())?.to_owned();
    let grants = body.grants.unwrap_or_default();
    check_grants(&grants)?;
    api.sim.world.write(|w| {
        let key = put_new(w, name, grants);
        let mut shown = view(&key);
        shown["secret_key"] = json!(key.secret_key);
        Ok(Answer::created(json!({ "key": shown })))
    })
}

async fn show(State(api): Ctx, Path(key): Path<String>) -> Reply {
    let key = api.sim.world.read(|w| find(w, &key))?;
    Ok(Answer::ok(json!({ "key": view(&key) })))
}

async fn update(State(api): Ctx, Path(key): Path<String>, Body(body): Body<Spec>) -> Reply {
    if let Some(grants) = &body.grants {
        check_grants(grants)?;
    }
    api.sim.world.write(|w| {
        let old = find(w, &key)?;
        let key = w.spaces_keys.put(SpacesKey {
            name: body.name.unwrap_or_else(|| old.name.clone()),
            grants: body.grants.unwrap_or_else(|| old.grants.clone()),
            ..SpacesKey::clone(&old)
        });
        Ok(Answer::ok(json!({ "key": view(&key) })))
    })
}

async fn delete(State(api): Ctx, Path(key): Path<String>) -> Reply {
    api.sim.world.write(|w| {
        let key = find(w, &key)?;
        w.spaces_keys.remove(key.seq);
        Ok(Answer::no_content())
    })
}
