//! How a suite is in a cluster, without changing anything.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    AppsError, Health, Inventory, KubeClient, ObjectId, Suite,
    client::listed,
    kinds,
    plan::prepare,
    tls::{HostCertificate, host_certificates, tls_secrets},
    wait::{Judge, StorageClasses, is_unreported, selects, trouble},
};

/// How one object is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectStatus {
    /// Which.
    pub object: ObjectId,
    /// `None` when it is not there.
    pub health: Option<Health>,
    /// Whether it counts as ready only because no controller has ever written a status.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unreported: bool,
    /// What a Service of type LoadBalancer or an Ingress is reached at.
    pub addresses: Vec<String>,
}

/// How a suite is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuiteStatus {
    /// The suite.
    pub suite: String,
    /// Whether its last apply went through with exactly this content.
    pub up_to_date: bool,
    /// Its objects, sorted.
    pub objects: Vec<ObjectStatus>,
    /// The certificate of each host that its Ingresses serve with TLS.
    #[serde(default)]
    pub hosts: Vec<HostCertificate>,
    /// What is in the inventory and no longer in the suite.
    pub left: Vec<ObjectId>,
}

impl SuiteStatus {
    /// Returns true if every object exists and is ready.
    pub fn is_ready(&self) -> bool {
        self.objects.iter().all(|object| object.health == Some(Health::Ready))
    }
}

/// Reads the status of `suite` in the cluster.
///
/// # Errors
/// Returns [`AppsError::Manifests`] if a kind or a namespace is unknown. Returns
/// [`AppsError::OtherProject`] if the suite belongs to another project, or the error of a call.
pub async fn status(client: &KubeClient, suite: &Suite) -> Result<SuiteStatus, AppsError> {
    let inventory = Inventory::read(client, suite.name()).await?;
    if let Some(inventory) = &inventory {
        inventory.check_project(suite.project())?;
    }
    let prepared = prepare(client, suite, inventory.as_ref()).await?;
    let classes = listed(client, "storage.k8s.io/v1", "StorageClass").await?;
    let judge = Judge { classes: StorageClasses::of(&classes), rules: suite.wait_rules().to_vec() };
    let mut objects = Vec::new();
    for (object, target) in prepared.objects.iter().zip(&prepared.targets) {
        let live = prepared.live.get(&object.id);
        let health = live.map(|live| judge.health(&object.id, live));
        let may_report = target.has_status && !kinds::is_built_in(&object.id.group);
        let unreported =
            health == Some(Health::Ready) && may_report && live.is_some_and(is_unreported);
        let addresses = live.map(addresses).unwrap_or_default();
        objects.push(ObjectStatus { object: object.id.clone(), health, unreported, addresses });
    }
    if objects.iter().any(|o| matches!(o.health, Some(Health::Waiting(_)))) {
        let pods = listed(client, "v1", "Pod").await?;
        for status in &mut objects {
            if let (Some(Health::Waiting(reason)), Some(live)) =
                (&mut status.health, prepared.live.get(&status.object))
                && let Some(found) = pods.iter().filter(|pod| selects(live, pod)).find_map(trouble)
            {
                *reason = format!("{reason}; {}", found.reason);
            }
        }
    }
    // The digest says nothing of them.
    let mut secrets = prepared.objects.iter().filter(|object| object.id.is_secret());
    let same_secrets = secrets.all(|object| {
        let live = prepared.live.get(&object.id);
        live.is_some_and(|live| live.get("data") == object.value.get("data"))
    });
    let secrets = tls_secrets(prepared.objects.iter().map(|object| &object.value));
    let hosts = host_certificates(client, &secrets).await?;
    Ok(SuiteStatus {
        hosts,
        suite: suite.name().to_owned(),
        up_to_date: inventory.is_some_and(|i| i.digest == suite.digest()) && same_secrets,
        objects,
        left: prepared.left.into_iter().map(|(id, _)| id).collect(),
    })
}

fn addresses(object: &Value) -> Vec<String> {
    let text =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
    let ingress = object.pointer("/status/loadBalancer/ingress").and_then(Value::as_array);
    let rules = object.pointer("/spec/rules").and_then(Value::as_array);
    let hosts = rules.into_iter().flatten().filter_map(|rule| text(rule, "host"));
    let own =
        ingress.into_iter().flatten().filter_map(|i| text(i, "ip").or_else(|| text(i, "hostname")));
    hosts.chain(own).collect()
}
