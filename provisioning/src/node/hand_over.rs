//! Handing a node's files over to one machine, on clouds whose machines share a role.
//!
//! AWS knows a machine only by its ARN, and that exists no sooner than the machine, whose user-data names
//! its files. So the files are published first, readable by nobody. Once the machine exists they are tagged
//! with its ARN, and the role's policy lets a machine read what carries its own.

use crate::kubeadm::Role;
use crate::node::publish;
use infra_object_store::{Bucket, StoreError};

/// The tag of an object that names the machine which may read it.
pub const MACHINE_TAG: &str = "machine";

const MARKERS: &str = "handovers/";

/// A machine that has been handed its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandOver {
    /// The node.
    pub node: String,
    /// The machine's ARN.
    pub machine: String,
}

impl HandOver {
    /// Returns the key of the object that tells of it: one list then tells of all, where reading tags
    /// takes a call for each object.
    fn marker(&self) -> String {
        format!("{MARKERS}{}/{}", self.node, self.machine)
    }
}

/// Lets the machine read the files of its node, and nobody else. It may be repeated.
///
/// # Errors
/// Returns an error if the bucket refuses or does not answer.
pub async fn hand_over(bucket: &Bucket, role: Role, to: &HandOver) -> Result<(), StoreError> {
    let mut files = bucket.list(&publish::folder(role, &to.node)).await?;
    // The bundle comes last: a machine that has it takes a refusal of the keys as final.
    files.sort_by_key(|object| object.key.ends_with("/bundle.tar.gz"));
    for object in files {
        match bucket.tag(&object.key, MACHINE_TAG, &to.machine).await {
            Ok(()) => {}
            // The machine has fetched and deleted its keys meanwhile.
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    bucket.put(&to.marker(), "").await
}

/// Lists the machines that were handed their files.
///
/// # Errors
/// Returns an error if the bucket cannot be listed.
pub async fn hand_overs(bucket: &Bucket) -> Result<Vec<HandOver>, StoreError> {
    let markers = bucket.list(MARKERS).await?;
    let read = markers.into_iter().filter_map(|marker| {
        let (node, machine) = marker.key.strip_prefix(MARKERS)?.split_once('/')?;
        Some(HandOver { node: node.to_owned(), machine: machine.to_owned() })
    });
    Ok(read.collect())
}

/// Forgets a machine that is about to go, with its reports.
///
/// # Errors
/// Returns an error if the bucket refuses or does not answer.
pub async fn end_hand_over(bucket: &Bucket, of: &HandOver) -> Result<(), StoreError> {
    bucket.delete(&publish::report_of_machine(&of.machine)).await?;
    bucket.delete(&of.marker()).await
}
