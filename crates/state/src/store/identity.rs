//! The identity of a cluster.

use infra_provider_api::Owner;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Backend, StoreError};

pub(super) const NAME: &str = "identity.json";
const VERSION: u64 = 1;

#[derive(Serialize, Deserialize)]
struct Identity {
    version: u64,
    cluster: String,
    uuid: Uuid,
}

/// Derives the UUID that a cluster has by default. It is equal for the same cloud, account and
/// name, so that what it owns is found again even when the whole state is lost.
pub fn derived_uuid(provider: &str, account_id: &str, cluster: &str) -> Uuid {
    let name = format!("infra\n{provider}\n{account_id}\n{cluster}");
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
}

/// Reads the identity in `backend`, and makes it with `uuid` if there is none yet.
pub(super) async fn load(
    backend: &dyn Backend,
    cluster: &str,
    uuid: Uuid,
) -> Result<Owner, StoreError> {
    if let Some(owner) = read(backend, cluster).await? {
        return Ok(owner);
    }
    let identity = Identity { version: VERSION, cluster: cluster.to_owned(), uuid };
    let bytes = serde_json::to_vec_pretty(&identity)
        .map_err(|error| damaged(backend, error.to_string()))?;
    if backend.create_new(NAME, bytes).await? {
        return Ok(Owner { cluster: cluster.to_owned(), uuid });
    }
    // Somebody else was faster: theirs counts.
    match read(backend, cluster).await? {
        Some(owner) => Ok(owner),
        None => Err(damaged(backend, "it vanished while being read".to_owned())),
    }
}

/// Reads the identity in `backend`, if there is one.
pub(super) async fn read(
    backend: &dyn Backend,
    cluster: &str,
) -> Result<Option<Owner>, StoreError> {
    let Some(bytes) = backend.read(NAME).await? else { return Ok(None) };
    let value: serde_json::Value =
        serde_json::from_slice(&bytes).map_err(|error| damaged(backend, error.to_string()))?;
    if let Some(found) = value.get("version").and_then(serde_json::Value::as_u64)
        && found > VERSION
    {
        return Err(StoreError::Newer { name: backend.describe(NAME), found });
    }
    let identity: Identity =
        serde_json::from_value(value).map_err(|error| damaged(backend, error.to_string()))?;
    if identity.cluster != cluster {
        let (name, uuid) = (backend.describe(NAME), identity.uuid);
        return Err(StoreError::OtherCluster { name, cluster: identity.cluster, uuid });
    }
    Ok(Some(Owner { cluster: identity.cluster, uuid: identity.uuid }))
}

fn damaged(backend: &dyn Backend, reason: String) -> StoreError {
    StoreError::Damaged { name: backend.describe(NAME), reason }
}
