//! Google Cloud's entry in the registry of clouds: the connection with all that is around it.

mod dns;
mod settings;

use std::sync::Arc;

use infra_cloud::{
    AddonCredentials, CloudEntry, CloudEnv, ConnectedCloud, DnsCredentials, Image, ManagedPlane,
    Plane, SettingsType,
};
use infra_provider_api::{Address, CloudError, Cluster, KubeToken};

use crate::{Connection, Gcp, MANIFESTS, Scope, credentials};

/// The entry of Google Cloud.
pub static CLOUD: CloudEntry = CloudEntry {
    name: "gcp",
    title: "Google Cloud",
    settings: SettingsType::of::<settings::GoogleSettings>(),
    knows_region: false,
    image: Image::Optional("cos_containerd"),
    // GKE runs the controllers.
    cluster_token: None,
    dns_credentials: DnsCredentials::Token(dns::DNS_KEY),
    kube_tokens: Some(|env| {
        Box::pin(async move { Ok(credentials::find(env).await?.tokens as Arc<dyn KubeToken>) })
    }),
    connect: |cluster, env| Box::pin(connect(cluster, env)),
    // Its buckets take no conditional writes by the API of S3, which the state's lock needs.
    state_stores: None,
    manifests: &MANIFESTS,
};

async fn connect(cluster: &Cluster, env: &CloudEnv) -> Result<ConnectedCloud, CloudError> {
    let connection = Connection::open(env, cluster.account.as_deref()).await?;
    let dns_solver = dns::dns_solver(cluster, &connection, env);
    let plane = ManagedPlane {
        operator: "Google",
        cluster: Address::new("gke_cluster", "main"),
        pool_kind: "node_pool",
        machine_kind: "instance",
        pool_label: "cloud.google.com/gke-nodepool",
        token: connection.kube_token(),
    };
    let provider = Gcp::new(connection, Scope::of(cluster))?;
    Ok(ConnectedCloud {
        provider: Arc::new(provider),
        plane: Plane::Managed(plane),
        name_servers: &[],
        addon_credentials: AddonCredentials::Own,
        dns_solver,
    })
}
