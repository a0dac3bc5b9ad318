//! DigitalOcean's entry in the registry of clouds: the connection with all that is around it.

mod credentials;
mod settings;
mod state;

use std::{collections::BTreeMap, sync::Arc};

use infra_cloud::{
    CloudAddon, CloudEntry, CloudEnv, ConnectedCloud, DnsCredentials, Image, OwnPlane, Plane,
    SettingsType, StateStores,
};
use infra_provider_api::{
    Address, BootPlatform, BucketAccess, CloudError, Cluster, ErrorKind, Input, Reference,
};

use crate::{Connection, DigitalOcean, MANIFESTS, ObjectStore, Scope, cluster_id};

/// The entry of DigitalOcean.
pub static CLOUD: CloudEntry = CloudEntry {
    name: "do",
    title: "DigitalOcean",
    settings: SettingsType::of::<settings::DigitalOceanSettings>(),
    knows_region: false,
    image: Image::Named("ubuntu-24-04-x64"),
    cluster_token: Some(credentials::CLUSTER_TOKEN),
    dns_credentials: DnsCredentials::Token(credentials::DNS_TOKEN),
    kube_tokens: None,
    connect: |cluster, env| Box::pin(async move { connect(cluster, env) }),
    state_stores: Some(StateStores {
        domain: Some("digitaloceanspaces.com"),
        of_others: false,
        embedded: true,
        listing_hint: Some(
            "only the list of the account's buckets proves whose bucket it is: use a Spaces key that may list them",
        ),
        open: |place, env| Box::pin(async move { state::open(place, env) }),
    }),
    manifests: &MANIFESTS,
};

fn connect(cluster: &Cluster, env: &CloudEnv) -> Result<ConnectedCloud, CloudError> {
    let mut connection = Connection::from_env(|name| env.get(name))?;
    if let Some(pem) = &env.ca_pem {
        connection = connection.with_ca_pem(pem);
    }
    connection = connection.with_clock_speed(env.clock_speed.unwrap_or(1.0));
    let (token, addon_credentials) = credentials::cluster_token(&connection.token, env);
    let dns_solver = credentials::dns_solver(credentials::dns_token(&connection.token, env));
    let provider = DigitalOcean::new(connection, Scope::of(cluster))?;
    let object_store = object_store(provider.object_store()?)?;
    let region = cluster.region.clone();
    let plane = OwnPlane {
        object_store,
        // Spaces has no such check. Its list of buckets is the account's own, and that is asked.
        store_checks_owner: false,
        machine_kind: "droplet",
        api_host: Reference {
            address: Address::new("load_balancer", "api"),
            field: "ip".to_owned(),
        },
        api_door: Address::new("load_balancer", "api"),
        bucket: Address::new("bucket", "artifacts"),
        platform: BootPlatform {
            cloud: "DigitalOcean",
            // `user_data` of the droplet API.
            user_data_max: 64 * 1024,
            bucket_access: BucketAccess::PresignedUrls,
        },
        addon: Box::new(move |_, owner| CloudAddon {
            addon: MANIFESTS.addon,
            variables: BTreeMap::from([
                ("REGION".to_owned(), Input::Known(region.clone())),
                ("VPC_ID".to_owned(), Input::reference(Address::new("vpc", "main"), "id")),
                ("CLUSTER_ID".to_owned(), Input::Known(cluster_id(owner))),
                ("DO_TAG".to_owned(), Input::Known(owner.tag())),
            ]),
            secrets: BTreeMap::from([("DO_TOKEN".to_owned(), token.clone())]),
        }),
    };
    Ok(ConnectedCloud {
        provider: Arc::new(provider),
        plane: Plane::Own(Box::new(plane)),
        name_servers: &["ns1.digitalocean.com", "ns2.digitalocean.com", "ns3.digitalocean.com"],
        addon_credentials,
        dns_solver,
    })
}

fn object_store(store: ObjectStore) -> Result<infra_object_store::ObjectStore, CloudError> {
    let endpoint = store.endpoint.parse().map_err(|error| {
        CloudError::new(
            ErrorKind::Invalid,
            "connect to Spaces",
            format!("{}: {error}", store.endpoint),
        )
    })?;
    Ok(infra_object_store::ObjectStore {
        endpoint: Some(endpoint),
        region: store.region,
        access_key: store.access_key_id,
        secret: store.secret_access_key,
        session_token: None,
        chain: None,
        ca_pem: store.ca_pem.map(String::into_bytes),
        path_style: true,
        owner: None,
    })
}
