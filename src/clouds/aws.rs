//! AWS.

use std::{collections::BTreeMap, sync::Arc};

use infra_aws::{Aws, Connection, Scope, cluster_id, region_of};
use infra_provider_api::{Address, CloudError, Cluster, ErrorKind, Input, Reference};
use infra_provisioning::{boot::Platform, store::ObjectStore};
use secrecy::SecretString;
use url::Url;

use super::{AddonCredentials, Cloud, CloudAddon, Surroundings};

/// A store whose credentials come from the SDK's default chain. Its region is the one given, else
/// that of the usual places.
///
/// # Errors
/// `Unauthorized` when the chain has no credentials, `Invalid` for an endpoint that can't be used.
pub(crate) async fn chained_store(
    region: Option<String>,
    endpoint: Option<Url>,
) -> Result<ObjectStore, CloudError> {
    let region = match region {
        Some(region) => region,
        None => region_of().await.unwrap_or_else(|| "us-east-1".to_owned()),
    };
    let connection = Connection::open(&region).await?;
    connection.log_in().await?;
    let store = object_store(&connection)?;
    let endpoint = endpoint.or(store.endpoint.clone());
    Ok(ObjectStore { path_style: endpoint.is_some(), endpoint, ..store })
}

/// Returns the account that the SDK's default chain leads to.
///
/// # Errors
/// There are no credentials, or AWS refuses them or does not answer.
pub(crate) async fn account(region: Option<String>) -> Result<String, CloudError> {
    let region = match region {
        Some(region) => region,
        None => region_of().await.unwrap_or_else(|| "us-east-1".to_owned()),
    };
    Connection::open(&region).await?.account().await
}

fn object_store(connection: &Connection) -> Result<ObjectStore, CloudError> {
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

pub(super) async fn connect(
    cluster: &mut Cluster,
    surroundings: &Surroundings,
) -> Result<Cloud, CloudError> {
    let operation = "connect to AWS";
    if surroundings.only {
        let message = "the embedded cloud has no AWS";
        return Err(CloudError::new(ErrorKind::Invalid, operation, message).with_hint(
            "leave out --sim: a run on AWS goes where AWS_ENDPOINT_URL or the region leads",
        ));
    }
    if cluster.region.is_empty() {
        cluster.region = region_of().await.ok_or_else(|| {
            CloudError::new(ErrorKind::Invalid, operation, "no region")
                .with_hint("write `region` under [providers.aws], or set AWS_REGION or AWS_PROFILE")
        })?;
    }
    let connection = Connection::open(&cluster.region).await?;
    let object_store = object_store(&connection)?;
    let provider = Aws::new(connection, Scope::of(cluster));
    let region = cluster.region.clone();
    Ok(Cloud {
        provider: Arc::new(provider),
        object_store,
        store_checks_owner: true,
        machine_kind: "instance",
        api_host: Reference {
            address: Address::new("load_balancer", "api"),
            field: "host".to_owned(),
        },
        bucket: Address::new("bucket", "artifacts"),
        platform: Platform::Ec2,
        // They run as their machines' role.
        addon_credentials: AddonCredentials::Own,
        addon: Box::new(move |_, owner| CloudAddon {
            addon: "aws",
            variables: BTreeMap::from([
                ("REGION".to_owned(), Input::Known(region.clone())),
                ("CLUSTER_ID".to_owned(), Input::Known(cluster_id(owner))),
            ]),
            secrets: BTreeMap::new(),
        }),
    })
}
