//! Recreating a suite's pods, for teams whose images change behind the same tag.

use std::future::Future;

use kube::core::params::{Patch, PatchParams};
use serde_json::{Value, json};

use super::{ApplyOptions, Change, Outcome, run::Run};
use crate::{
    AppsError, AppsEvent, Events, Inventory, KubeClient, ObjectId, Suite,
    plan::{Prepared, prepare},
};

/// Where kubectl notes a restart; a change of it rolls the pods.
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";
/// A manager of its own: an apply does not declare this field, and shall not take it out.
const MANAGER: &str = "infra-restart";

/// Which workloads are restarted, and when that was asked for.
pub(super) struct Restart {
    names: Vec<String>,
    at: String,
}

impl Restart {
    pub(super) fn concerns(&self, id: &ObjectId) -> bool {
        let rolls = id.group == "apps"
            && matches!(id.kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet");
        rolls && (self.names.is_empty() || self.names.iter().any(|name| id.is_named(name)))
    }

    pub(super) fn send(
        &self,
        client: KubeClient,
        prepared: &Prepared,
        place: usize,
    ) -> impl Future<Output = Result<(Change, Value), AppsError>> + use<> {
        let (id, target) = (prepared.objects[place].id.clone(), prepared.targets[place].clone());
        let annotations = json!({ RESTARTED_AT: self.at });
        async move {
            let api = &client.api(&target, id.namespace.as_deref());
            let template = json!({ "metadata": { "annotations": annotations } });
            let patch = &Patch::Merge(json!({ "spec": { "template": template } }));
            let params =
                &PatchParams { field_manager: Some(MANAGER.to_owned()), ..Default::default() };
            let name = id.name.as_str();
            let call = || async move { api.patch(name, params, patch).await };
            let after = client.call(&format!("restart {id}"), call).await?;
            Ok((Change::Updated, serde_json::to_value(after).unwrap_or(Value::Null)))
        }
    }
}

/// Recreates the pods of the suite's Deployments, StatefulSets and DaemonSets, in its order, and
/// waits for each workload; those named (`Kind/name`, `Kind/namespace/name`), or all. `at` is noted at each.
///
/// # Errors
/// Returns an error if something is wrong before anything is sent. Failures of single objects are
/// in the [`Outcome`].
pub async fn restart(
    client: &KubeClient,
    suite: &Suite,
    names: &[String],
    at: String,
    options: &ApplyOptions,
    events: &Events,
) -> Result<Outcome, AppsError> {
    let client = &client.reporting(events);
    let inventory = Inventory::read(client, suite.name()).await?;
    let prepared = prepare(client, suite, inventory.as_ref()).await?;
    let mut run = Run::new(client, suite, &prepared, options, events).await?;
    let restart = Restart { names: names.to_vec(), at };
    let concerned = prepared.objects.iter().filter(|object| restart.concerns(&object.id));
    let (suite, objects) = (suite.name().to_owned(), concerned.count());
    events.send(AppsEvent::Started { suite, objects });
    run.restart = Some(restart);
    run.work().await;
    Ok(run.outcome)
}
