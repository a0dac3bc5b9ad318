//! AWS's entry in the registry of clouds: the connection with all that is around it.

mod dns;
mod settings;
mod store;

use std::{collections::BTreeMap, sync::Arc};

use infra_cloud::{
    AddonCredentials, CloudAddon, CloudEntry, CloudEnv, ConnectedCloud, DnsCredentials, Image,
    OwnPlane, Plane, SettingsType, StateStores,
};
use infra_provider_api::{
    Address, BootPlatform, BucketAccess, CloudError, Cluster, ErrorKind, Input, Reference,
};

use crate::{Aws, Connection, MANIFESTS, Scope, cluster_id, connection::region_of};

/// The entry of AWS.
pub static CLOUD: CloudEntry = CloudEntry {
    name: "aws",
    title: "AWS",
    settings: SettingsType::of::<settings::AwsSettings>(),
    knows_region: true,
    image: Image::Named("ubuntu-24.04"),
    // The controllers run as their machines' role.
    cluster_token: None,
    dns_credentials: DnsCredentials::Keys(dns::DNS_KEYS),
    kube_tokens: None,
    connect: |cluster, env| Box::pin(connect(cluster, env)),
    state_stores: Some(StateStores {
        domain: None,
        // MinIO and the like are used with Amazon's variables, too.
        of_others: true,
        embedded: false,
        listing_hint: None,
        open: |place, env| Box::pin(store::open(place, env)),
    }),
    manifests: &MANIFESTS,
};

async fn connect(cluster: &mut Cluster, env: &CloudEnv) -> Result<ConnectedCloud, CloudError> {
    let operation = "connect to AWS";
    if env.only {
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
    let object_store = store::of_connection(&connection)?;
    let dns_solver = dns::dns_solver(cluster, &connection, env).await;
    let provider = Aws::new(connection, Scope::of(cluster));
    let region = cluster.region.clone();
    let plane = OwnPlane {
        object_store,
        store_checks_owner: true,
        machine_kind: "instance",
        api_host: Reference {
            address: Address::new("load_balancer", "api"),
            field: "host".to_owned(),
        },
        api_door: Address::new("security_group", "api"),
        bucket: Address::new("bucket", "artifacts"),
        platform: BootPlatform {
            cloud: "AWS",
            // Instance user data, before base64.
            user_data_max: 16 * 1024,
            bucket_access: BucketAccess::AsMachine,
        },
        addon: Box::new(move |_, owner| CloudAddon {
            addon: MANIFESTS.addon,
            variables: BTreeMap::from([
                ("REGION".to_owned(), Input::Known(region.clone())),
                ("CLUSTER_ID".to_owned(), Input::Known(cluster_id(owner))),
            ]),
            secrets: BTreeMap::new(),
        }),
    };
    Ok(ConnectedCloud {
        provider: Arc::new(provider),
        plane: Plane::Own(Box::new(plane)),
        name_servers: &[],
        // They run as their machines' role.
        addon_credentials: AddonCredentials::Own,
        dns_solver,
    })
}
