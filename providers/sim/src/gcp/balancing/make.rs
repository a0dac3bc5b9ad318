//! Making and changing resources as controllers do: one after the other, each found again by name.

use infra_sim_kube::CloudError;
use serde_json::Value;

use super::cluster::Cluster;
use crate::gcp::compute::{Kind, links, put};
use crate::world::{GcpState, State as World};

/// Makes a resource unless it is there, and lays the given fields over it; gives its path.
///
/// # Errors
/// Returns an error if the cloud refuses it, or an operation works at it.
pub fn ensure(
    w: &mut World,
    cluster: &Cluster,
    scope: &str,
    collection: &str,
    mut body: Value,
) -> Result<String, CloudError> {
    let name = body["name"].as_str().unwrap_or_default().to_owned();
    let path = format!("projects/{}/{scope}/{collection}/{name}", cluster.project);
    if let Some(row) = w.gcp_resources.by_id(&path).cloned() {
        if row.state != GcpState::Ready {
            return Err(CloudError::Unavailable(format!("The resource '{path}' is not ready")));
        }
        let fields = body.as_object().cloned().unwrap_or_default();
        let is_link = |name: &str| matches!(name, "network" | "target" | "backendService");
        let changed: Vec<(String, Value)> = fields
            .into_iter()
            .filter(|(name, value)| !is_link(name) && row.body[name.as_str()] != *value)
            .collect();
        if !changed.is_empty() {
            w.gcp_resources.modify(row.seq, |r| {
                for (name, value) in changed {
                    r.body[name.as_str()] = value;
                }
            });
        }
        return Ok(path);
    }
    let kind = Kind::of(collection)
        .ok_or_else(|| CloudError::Refused(format!("there is no kind {collection}")))?;
    let project = cluster.project.clone();
    let row = put(w, kind, &project, scope, &mut body, GcpState::Ready)
        .map_err(|refusal| CloudError::Refused(refusal.message))?;
    w.gcp_resources.modify(row.seq, |r| r.made_by = Some(cluster.seq));
    Ok(path)
}

/// Returns the link to a path.
pub fn link(path: &str) -> String {
    links::link(path)
}
