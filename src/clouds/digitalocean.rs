//! DigitalOcean.

use std::{collections::BTreeMap, sync::Arc};

use infra_digitalocean::{Connection, DigitalOcean, Scope};
use infra_provider_api::{Address, CloudError, Cluster, ErrorKind, Input, Reference};
use infra_provisioning::{boot::Platform, store::ObjectStore};

use super::{Cloud, CloudAddon, Surroundings};

pub(super) fn connect(cluster: &Cluster, surroundings: &Surroundings) -> Result<Cloud, CloudError> {
    let mut connection = Connection::from_env(|name| surroundings.get(name))?;
    if let Some(pem) = &surroundings.ca_pem {
        connection = connection.with_ca_pem(pem);
    }
    connection = connection.with_clock_speed(surroundings.clock_speed.unwrap_or(1.0));
    let token = connection.token.clone();
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
        },
        machine_kind: "droplet",
        api_host: Reference {
            address: Address::new("load_balancer", "api"),
            field: "ip".to_owned(),
        },
        bucket: Address::new("bucket", "artifacts"),
        platform: Platform::DigitalOcean,
        addon: Box::new(move |_, owner| CloudAddon {
            addon: "digitalocean",
            variables: BTreeMap::from([
                ("REGION".to_owned(), Input::Known(region.clone())),
                ("VPC_ID".to_owned(), Input::reference(Address::new("vpc", "main"), "id")),
                ("DO_TAG".to_owned(), Input::Known(owner.tag())),
            ]),
            secrets: BTreeMap::from([("DO_TOKEN".to_owned(), token.clone())]),
        }),
    })
}
