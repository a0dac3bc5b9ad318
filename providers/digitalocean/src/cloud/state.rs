//! Spaces as the store of the state.

use infra_cloud::{CloudEnv, StatePlace, StateStoreError, endpoint_of};
use infra_object_store::ObjectStore;

const KEYS: [&str; 2] = ["SPACES_ACCESS_KEY_ID", "SPACES_SECRET_ACCESS_KEY"];

/// Opens Spaces, in the cluster's region unless `[state]` names another.
pub(super) fn open(place: &StatePlace<'_>, env: &CloudEnv) -> Result<ObjectStore, StateStoreError> {
    let region = place.region.unwrap_or(place.cluster_region).to_owned();
    // The embedded cloud has one S3 only, wherever infra.toml leads.
    let own = place.endpoint.filter(|_| !env.only).map(str::to_owned);
    let endpoint = own
        .or_else(|| env.filled("SPACES_ENDPOINT_URL"))
        .unwrap_or_else(|| format!("https://{region}.digitaloceanspaces.com"));
    let (access_key, secret) = env.keys(KEYS)?;
    Ok(ObjectStore {
        endpoint: Some(endpoint_of(endpoint)?),
        region,
        access_key,
        secret,
        session_token: None,
        chain: None,
        ca_pem: env.ca_pem.clone().map(String::into_bytes),
        path_style: true,
        // Spaces knows no accounts by their number.
        owner: None,
    })
}
