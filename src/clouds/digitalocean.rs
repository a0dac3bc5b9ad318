//! DigitalOcean.

use std::{collections::BTreeMap, sync::Arc};

use infra_digitalocean::{Connection, DigitalOcean, Scope, cluster_id};
use infra_object_store::ObjectStore;
use infra_provider_api::{Address, CloudError, Cluster, ErrorKind, Input, Reference};
use infra_provisioning::boot::Platform;
use secrecy::{ExposeSecret, SecretString};

use super::{AddonCredentials, Cloud, CloudAddon, DnsSolver, Surroundings};

/// The variable with the cluster's own token, unless infra.toml names another.
const CLUSTER_TOKEN: &str = "DIGITALOCEAN_CLUSTER_TOKEN";

/// Returns the token that the controllers in the cluster get. Only without any of the cluster's own
/// it is the operator's, who may do far more than they need.
fn cluster_token(
    operators: &SecretString,
    surroundings: &Surroundings,
) -> (SecretString, AddonCredentials) {
    // The embedded cloud has one by the usual name, and nothing else of the environment counts there.
    let named = surroundings.cluster_token.as_deref().filter(|_| !surroundings.only);
    let variable = named.unwrap_or(CLUSTER_TOKEN);
    let value = surroundings.get(variable).map(|value| value.trim().to_owned());
    let missing = |reason: String| {
        let error = CloudError::new(ErrorKind::Unauthorized, "read the cluster's token", reason);
        let hint = format!("export {variable}; docs/security.md names the scopes it needs");
        (SecretString::default(), AddonCredentials::Missing(error.with_hint(hint)))
    };
    match value.filter(|value| !value.is_empty()) {
        Some(value) if !value.bytes().all(|byte| byte.is_ascii_graphic()) => {
            missing(format!("{variable} holds characters that no token has"))
        }
        Some(value) if value == operators.expose_secret() => {
            let note = format!(
                "{variable} is your own DigitalOcean token, and the cluster's controllers get it: make one with fewer scopes (docs/security.md)"
            );
            (operators.clone(), AddonCredentials::Operators(note))
        }
        Some(value) => (SecretString::from(value), AddonCredentials::Own),
        None if named.is_some() => missing(format!("{variable} is not set")),
        None => {
            let note = format!(
                "the cluster's controllers get your own DigitalOcean token: make one with fewer scopes (docs/security.md) and export it as {variable}"
            );
            (operators.clone(), AddonCredentials::Operators(note))
        }
    }
}

/// The variable with the token for challenges by DNS, unless infra.toml names another.
const DNS_TOKEN: &str = "DIGITALOCEAN_DNS_TOKEN";

/// Returns the token that cert-manager changes records with. It lies in the cluster, so the operator's
/// own is refused.
fn dns_token(
    operators: &SecretString,
    surroundings: &Surroundings,
) -> Result<SecretString, CloudError> {
    let named = surroundings.dns_token.as_deref().filter(|_| !surroundings.only);
    let variable = named.unwrap_or(DNS_TOKEN);
    let missing = |reason: String| {
        let error = CloudError::new(ErrorKind::Unauthorized, "read the token for DNS", reason);
        let hint = format!("export {variable}; docs/security.md names the scopes it needs");
        Err(error.with_hint(hint))
    };
    let value = surroundings.get(variable).map(|value| value.trim().to_owned());
    match value.filter(|value| !value.is_empty()) {
        None => missing(format!("{variable} is not set")),
        Some(value) if !value.bytes().all(|byte| byte.is_ascii_graphic()) => {
            missing(format!("{variable} holds characters that no token has"))
        }
        Some(value) if value == operators.expose_secret() => {
            missing(format!("{variable} is your own token, and would lie in the cluster"))
        }
        Some(value) => Ok(SecretString::from(value)),
    }
}

fn dns_solver(token: Result<SecretString, CloudError>) -> DnsSolver {
    let missing = token.as_ref().err().cloned();
    DnsSolver {
        challenge: "dns-01-digitalocean",
        zone: None,
        variables: BTreeMap::new(),
        secrets: BTreeMap::from([("DNS_TOKEN".to_owned(), token.unwrap_or_default())]),
        missing,
    }
}

pub(super) fn connect(cluster: &Cluster, surroundings: &Surroundings) -> Result<Cloud, CloudError> {
    let mut connection = Connection::from_env(|name| surroundings.get(name))?;
    if let Some(pem) = &surroundings.ca_pem {
        connection = connection.with_ca_pem(pem);
    }
    connection = connection.with_clock_speed(surroundings.clock_speed.unwrap_or(1.0));
    let (token, addon_credentials) = cluster_token(&connection.token, surroundings);
    let dns_solver = dns_solver(dns_token(&connection.token, surroundings));
    let provider = DigitalOcean::new(connection, Scope::of(cluster))?;
    let store = provider.object_store()?;
    let endpoint = store.endpoint.parse().map_err(|error| {
        CloudError::new(
            ErrorKind::Invalid,
            "connect to Spaces",
            format!("{}: {error}", store.endpoint),
        )
    })?;
    let region = cluster.region.clone();
    Ok(Cloud {
        provider: Arc::new(provider),
        object_store: ObjectStore {
            endpoint: Some(endpoint),
            region: store.region,
            access_key: store.access_key_id,
            secret: store.secret_access_key,
            session_token: None,
            chain: None,
            ca_pem: store.ca_pem.map(String::into_bytes),
            path_style: true,
            owner: None,
        },
        // Spaces has no such check. Its list of buckets is the account's own, and that is asked.
        store_checks_owner: false,
        machine_kind: "droplet",
        api_host: Reference {
            address: Address::new("load_balancer", "api"),
            field: "ip".to_owned(),
        },
        api_door: Address::new("load_balancer", "api"),
        bucket: Address::new("bucket", "artifacts"),
        name_servers: &["ns1.digitalocean.com", "ns2.digitalocean.com", "ns3.digitalocean.com"],
        platform: Platform::DigitalOcean,
        addon_credentials,
        dns_solver,
        addon: Box::new(move |_, owner| CloudAddon {
            addon: "digitalocean",
            variables: BTreeMap::from([
                ("REGION".to_owned(), Input::Known(region.clone())),
                ("VPC_ID".to_owned(), Input::reference(Address::new("vpc", "main"), "id")),
                ("CLUSTER_ID".to_owned(), Input::Known(cluster_id(owner))),
                ("DO_TAG".to_owned(), Input::Known(owner.tag())),
            ]),
            secrets: BTreeMap::from([("DO_TOKEN".to_owned(), token.clone())]),
        }),
    })
}
