//! S3 as an object store: of a connection, and as the store of the state.

use infra_cloud::{CloudEnv, StatePlace, StateStoreError, endpoint_of, s3_store};
use infra_object_store::ObjectStore;
use infra_provider_api::{CloudError, ErrorKind};
use secrecy::SecretString;
use url::Url;

use crate::{Connection, connection::region_of};

/// Returns the store that keeps the cluster's objects.
pub(super) fn of_connection(connection: &Connection) -> Result<ObjectStore, CloudError> {
    let store = connection.object_store()?;
    let endpoint = store.endpoint.as_deref().map(str::parse).transpose().map_err(|error| {
        let message = format!("the endpoint of S3: {error}");
        CloudError::new(ErrorKind::Invalid, "connect to AWS", message)
    })?;
    Ok(ObjectStore {
        path_style: endpoint.is_some(),
        endpoint,
        region: store.region,
        access_key: String::new(),
        secret: SecretString::default(),
        session_token: None,
        chain: Some(store.credentials),
        ca_pem: None,
        owner: None,
    })
}

/// Opens the store of the state: by the variables that every tool for S3 reads, else by the SDK's
/// default chain (profiles, SSO, a machine's own role).
pub(super) async fn open(
    place: &StatePlace<'_>,
    env: &CloudEnv,
) -> Result<ObjectStore, StateStoreError> {
    let is_unset = |name: &str| env.filled(name).is_none();
    let mut store = match is_unset("AWS_ACCESS_KEY_ID") && is_unset("AWS_SECRET_ACCESS_KEY") {
        true => {
            let own = place.endpoint.map(str::to_owned).map(endpoint_of).transpose()?;
            chained(place.region, own).await?
        }
        false => s3_store(place, env)?,
    };
    store.owner = match place.account {
        Some(account) => Some(account.to_owned()),
        // Only Amazon's own store knows accounts by their number.
        None if store.endpoint.is_some() => None,
        None => Some(opened(place.region).await?.account().await?),
    };
    Ok(store)
}

/// Connects to the region given, else to that of the usual places.
async fn opened(region: Option<&str>) -> Result<Connection, CloudError> {
    let region = match region {
        Some(region) => region.to_owned(),
        None => region_of().await.unwrap_or_else(|| "us-east-1".to_owned()),
    };
    Connection::open(&region).await
}

/// Opens a store whose credentials come from the SDK's default chain.
async fn chained(region: Option<&str>, endpoint: Option<Url>) -> Result<ObjectStore, CloudError> {
    let connection = opened(region).await?;
    connection.log_in().await?;
    let store = of_connection(&connection)?;
    let endpoint = endpoint.or(store.endpoint.clone());
    Ok(ObjectStore { path_style: endpoint.is_some(), endpoint, ..store })
}
