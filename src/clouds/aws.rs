//! AWS.

use std::{collections::BTreeMap, sync::Arc};

use infra_aws::{Aws, Connection, Scope, cluster_id, region_of};
use infra_object_store::ObjectStore;
use infra_provider_api::{Address, CloudError, Cluster, ErrorKind, Input, Reference};
use infra_provisioning::boot::Platform;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{AddonCredentials, Cloud, CloudAddon, DnsSolver, Surroundings};

/// Opens a store whose credentials come from the SDK's default chain. The region is the one given,
/// else that of the usual places.
///
/// # Errors
/// Returns `Unauthorized` if the chain has no credentials, and `Invalid` if the endpoint cannot be
/// used.
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
/// Returns an error if there are no credentials, or if AWS refuses them or does not answer.
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

/// The variables with the keys that cert-manager changes records with.
const DNS_KEYS: [(&str, &str); 2] = [
    ("DNS_ACCESS_KEY_ID", "AWS_DNS_ACCESS_KEY_ID"),
    ("DNS_SECRET_ACCESS_KEY", "AWS_DNS_SECRET_ACCESS_KEY"),
];

/// Returns how cert-manager changes records. Its keys lie in the cluster, so the operator's own are
/// refused, and so are those that end in some hours.
async fn dns_solver(
    cluster: &Cluster,
    connection: &Connection,
    surroundings: &Surroundings,
) -> DnsSolver {
    let mut secrets = BTreeMap::new();
    let mut reason = None;
    for (name, variable) in DNS_KEYS {
        let value = surroundings.get(variable).unwrap_or_default().trim().to_owned();
        if value.is_empty() {
            reason = reason.or(Some(format!("{variable} is not set")));
        } else if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
            reason = reason.or(Some(format!("{variable} holds characters that no key has")));
        }
        secrets.insert(name.to_owned(), SecretString::from(value));
    }
    let id = secrets.get("DNS_ACCESS_KEY_ID").map(|id| id.expose_secret().to_owned());
    let id = id.unwrap_or_default();
    // Keys of a session come with a token that cert-manager has no place for.
    if reason.is_none() && id.starts_with("ASIA") {
        reason = Some("AWS_DNS_ACCESS_KEY_ID is of a session, which ends".to_owned());
    }
    if reason.is_none() && connection.access_key_id().await.as_ref() == Some(&id) {
        reason = Some("AWS_DNS_ACCESS_KEY_ID is your own key, and would lie in the cluster".into());
    }
    let missing = reason.map(|reason| {
        CloudError::new(ErrorKind::Unauthorized, "read the keys for DNS", reason).with_hint(
            "export AWS_DNS_ACCESS_KEY_ID and AWS_DNS_SECRET_ACCESS_KEY of a user of their own; \
             docs/providers/aws.md has its policy",
        )
    });
    let domain = cluster.dns.as_ref().filter(|dns| dns.manage_zone).map(|dns| dns.domain.clone());
    let zone =
        domain.as_ref().map(|domain| Input::reference(Address::new("hosted_zone", domain), "id"));
    DnsSolver {
        challenge: "dns-01-route53",
        zone: domain,
        variables: BTreeMap::from([
            ("REGION".to_owned(), Input::Known(cluster.region.clone())),
            ("HOSTED_ZONE".to_owned(), zone.unwrap_or(Input::Known(String::new()))),
        ]),
        secrets,
        missing,
    }
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
    let dns_solver = dns_solver(cluster, &connection, surroundings).await;
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
        api_door: Address::new("security_group", "api"),
        bucket: Address::new("bucket", "artifacts"),
        name_servers: &[],
        platform: Platform::Ec2,
        // They run as their machines' role.
        addon_credentials: AddonCredentials::Own,
        dns_solver,
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
