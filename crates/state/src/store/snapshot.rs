//! The snapshot: what a compacted journal said.

use infra_provider_api::Owner;
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::{journal, resources::State};

const VERSION: u64 = 1;

#[derive(Serialize)]
struct SnapshotRef<'a> {
    version: u64,
    owner: &'a Owner,
    record: &'a State,
}

#[derive(Deserialize)]
struct Snapshot {
    owner: Owner,
    record: State,
}

#[derive(Deserialize)]
struct Version {
    version: u64,
}

/// Encodes `record` as the bytes of a snapshot.
pub(super) fn encode(record: &State, owner: &Owner) -> Result<Vec<u8>, serde_json::Error> {
    Ok(journal::seal(serde_json::to_vec(&SnapshotRef { version: VERSION, owner, record })?))
}

/// Decodes the state in a snapshot.
pub fn decode(bytes: &[u8], name: &str, owner: &Owner) -> Result<State, StoreError> {
    let damaged = |reason: String| StoreError::Damaged { name: name.to_owned(), reason };
    let version: Version =
        serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    if version.version > VERSION {
        return Err(StoreError::Newer { name: name.to_owned(), found: version.version });
    }
    journal::check(bytes).map_err(damaged)?;
    let snapshot: Snapshot =
        serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    if snapshot.owner.uuid != owner.uuid {
        let Owner { cluster, uuid } = snapshot.owner;
        return Err(StoreError::OtherCluster { name: name.to_owned(), cluster, uuid });
    }
    Ok(snapshot.record)
}
