//! How far a node's boot is.

use serde::{Deserialize, Serialize};

use crate::node::NodeKitError;
use infra_object_store::Bucket;

/// State of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StageState {
    /// Under way.
    Running,
    /// Done.
    Done,
    /// Failed; the boot stopped there.
    Failed,
}

/// One stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageStatus {
    /// Name, one of [`crate::boot::STAGES`].
    pub stage: String,
    /// State.
    pub state: StageState,
    /// When it got that state (RFC 3339).
    #[serde(default)]
    pub at: String,
}

/// A node's last report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootStatus {
    /// Node name.
    pub node: String,
    /// The stage it is at.
    pub stage: String,
    /// That stage's state.
    pub state: StageState,
    /// `failed at containerd: …`, or empty.
    #[serde(default)]
    pub message: String,
    /// When (RFC 3339, the node's clock).
    #[serde(default)]
    pub at: String,
    /// All stages so far, in order.
    #[serde(default)]
    pub stages: Vec<StageStatus>,
}

impl BootStatus {
    /// Returns true if the whole boot is done.
    pub fn is_done(&self) -> bool {
        self.stage == "done" && self.state == StageState::Done
    }

    /// Returns true if kubeadm has joined the machine to its cluster.
    pub fn has_joined(&self) -> bool {
        self.is_done() || self.stage == "kubelet"
    }

    /// Returns true if the boot failed.
    pub fn is_failed(&self) -> bool {
        self.state == StageState::Failed
    }

    /// Says where and why it failed: `failed at containerd: …`.
    pub fn reason(&self) -> String {
        if self.message.starts_with("failed at ") {
            self.message.clone()
        } else {
            format!("failed at {}: {}", self.stage, self.message)
        }
    }
}

/// Reads the report of the machine of `node` that reports to `object`
/// ([`crate::node::report_of_call`], [`crate::node::report_of_machine`]); `None` when it has not sent
/// any.
pub async fn read_boot_status(
    bucket: &Bucket,
    node: &str,
    object: &str,
) -> Result<Option<BootStatus>, NodeKitError> {
    read(bucket, node, object).await
}

/// Reads a node's newest report, by the report's own time, over all revisions.
pub async fn read_status(bucket: &Bucket, node: &str) -> Result<Option<BootStatus>, NodeKitError> {
    let mut newest: Option<BootStatus> = None;
    for object in bucket.list(&format!("status/{node}/")).await? {
        if let Some(status) = read(bucket, node, &object.key).await?
            && newest.as_ref().is_none_or(|n| n.at <= status.at)
        {
            newest = Some(status);
        }
    }
    Ok(newest)
}

async fn read(bucket: &Bucket, node: &str, key: &str) -> Result<Option<BootStatus>, NodeKitError> {
    let Some(body) = bucket.get_optional(key).await? else {
        return Ok(None);
    };
    serde_json::from_slice(&body)
        .map(Some)
        .map_err(|e| NodeKitError::Status { node: node.into(), reason: e.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stage_is_told_once() {
        let failed = |message: &str| BootStatus {
            node: "worker-2".into(),
            stage: "containerd".into(),
            state: StageState::Failed,
            message: message.into(),
            at: String::new(),
            stages: Vec::new(),
        };
        let said = "failed at containerd: checksum mismatch";
        assert_eq!(failed(said).reason(), said);
        assert_eq!(failed("checksum mismatch").reason(), said);
    }
}
