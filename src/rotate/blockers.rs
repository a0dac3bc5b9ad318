//! What would hold a drain, found before anything is started.

use infra_provider_api::{CloudError, Context, RetryPolicy, retry};
use k8s_openapi::{
    api::{core::v1::Pod, policy::v1::PodDisruptionBudget},
    apimachinery::pkg::apis::meta::v1::LabelSelector,
};
use kube::{Api, Client, api::ListParams};

use super::drain::{failed, moves};

/// A pod that a drain can't move now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocker {
    /// The node that it is on.
    pub node: String,
    /// `namespace/name` of the pod.
    pub pod: String,
    /// Why: the PodDisruptionBudget and its numbers.
    pub reason: String,
}

/// Lists the pods of `nodes` that no controller makes again, as `node: namespace/name`: a drain would delete them for
/// good.
///
/// # Errors
/// Returns an error if the API server refuses or cannot be reached.
pub async fn unmanaged(
    client: &Client,
    nodes: &[String],
    cx: &Context,
) -> Result<Vec<String>, CloudError> {
    let operation = "look which pods nobody makes again";
    let list = || async {
        let pods = Api::<Pod>::all(client.clone()).list(&list_of(nodes)).await;
        pods.map_err(|error| failed(operation, &error))
    };
    let pods = retry(cx, RetryPolicy::READ, list).await?;
    let on_nodes = pods.items.iter().filter_map(|pod| {
        let node = node_of(pod).filter(|node| nodes.contains(node))?;
        let owners = pod.metadata.owner_references.iter().flatten();
        let is_managed = owners.clone().any(|owner| owner.controller == Some(true));
        (moves(pod) && !is_managed).then(|| {
            let (namespace, name) =
                (pod.metadata.namespace.as_deref(), pod.metadata.name.as_deref());
            format!("{node}: {}/{}", namespace.unwrap_or_default(), name.unwrap_or_default())
        })
    });
    Ok(on_nodes.collect())
}

fn node_of(pod: &Pod) -> Option<String> {
    pod.spec.as_ref().and_then(|spec| spec.node_name.clone())
}

/// Returns what lists the pods of `nodes`: one list, however many there are.
fn list_of(nodes: &[String]) -> ListParams {
    match nodes {
        [only] => ListParams::default().fields(&format!("spec.nodeName={only}")),
        _ => ListParams::default(),
    }
}

fn selects(selector: &LabelSelector, pod: &Pod) -> bool {
    let none = std::collections::BTreeMap::new();
    let labels = pod.metadata.labels.as_ref().unwrap_or(&none);
    let all_labels =
        selector.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value));
    all_labels
        && selector.match_expressions.iter().flatten().all(|expression| {
            let value = labels.get(&expression.key);
            let among = || {
                value
                    .is_some_and(|value| expression.values.iter().flatten().any(|one| one == value))
            };
            match expression.operator.as_str() {
                "In" => among(),
                "NotIn" => !among(),
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                _ => false,
            }
        })
}

/// Finds the pods of `nodes` that a PodDisruptionBudget will not let go now. A budget that allows
/// one disruption lets several pods go one after the other, so only budgets that allow none block.
///
/// # Errors
/// Returns an error if the API server refuses or cannot be reached.
pub async fn blockers(
    client: &Client,
    nodes: &[String],
    cx: &Context,
) -> Result<Vec<Blocker>, CloudError> {
    let operation = format!("look what would hold a drain of {}", nodes.join(", "));
    let look = || async { look(client, nodes).await.map_err(|error| failed(&operation, &error)) };
    retry(cx, RetryPolicy::READ, look).await
}

async fn look(client: &Client, nodes: &[String]) -> Result<Vec<Blocker>, kube::Error> {
    let pods = Api::<Pod>::all(client.clone()).list(&list_of(nodes)).await?;
    let budgets =
        Api::<PodDisruptionBudget>::all(client.clone()).list(&ListParams::default()).await?;
    let mut found = Vec::new();
    let on_nodes = pods.items.iter().filter_map(|pod| {
        let node = node_of(pod).filter(|node| nodes.contains(node))?;
        moves(pod).then_some((node, pod))
    });
    for (node, pod) in on_nodes {
        for budget in &budgets.items {
            let same_namespace = budget.metadata.namespace == pod.metadata.namespace;
            let selected = budget
                .spec
                .as_ref()
                .and_then(|spec| spec.selector.as_ref())
                .is_some_and(|selector| selects(selector, pod));
            let Some(status) = &budget.status else { continue };
            if same_namespace && selected && status.disruptions_allowed.unwrap_or(0) == 0 {
                found.push(Blocker {
                    node: node.clone(),
                    pod: format!(
                        "{}/{}",
                        pod.metadata.namespace.as_deref().unwrap_or_default(),
                        pod.metadata.name.as_deref().unwrap_or_default()
                    ),
                    reason: format!(
                        "PodDisruptionBudget {} allows no disruption: {} of {} wanted pods are healthy",
                        budget.metadata.name.as_deref().unwrap_or_default(),
                        status.current_healthy.unwrap_or(0),
                        status.desired_healthy.unwrap_or(0)
                    ),
                });
            }
        }
    }
    Ok(found)
}
