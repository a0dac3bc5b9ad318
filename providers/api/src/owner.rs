//! Whose resource is it: the identity of a cluster.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::Address;

/// The identity of a cluster. The UUID is made once, kept in the record, and is on everything the
/// cluster owns; ownership is equality with it, never a substring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The cluster's name; with an environment overlay that renames it, the overlaid one.
    pub cluster: String,
    /// The cluster's UUID.
    pub uuid: Uuid,
}

impl Owner {
    /// The first eight hex digits of the UUID, for names with tight limits. A name that carries it
    /// also carries the cluster's name, and is compared whole.
    pub fn short(&self) -> String {
        let mut text = self.uuid.simple().to_string();
        text.truncate(8);
        text
    }

    /// `<cluster>-<short>-<what>`: the exact name of a resource on a cloud that has no tags for its
    /// kind.
    pub fn exact_name(&self, what: &str) -> String {
        format!("{}-{}-{what}", self.cluster, self.short())
    }

    /// The tag that marks all this cluster owns: `infra:<uuid>`.
    pub fn tag(&self) -> String {
        format!("infra:{}", self.uuid)
    }

    /// The deterministic idempotency key of the `generation`-th create of `address`: the same call
    /// made again carries the same key. 32 hex digits.
    pub fn intent_key(&self, address: &Address, generation: u64) -> String {
        let mut hash = Sha256::new();
        hash.update(self.uuid.as_bytes());
        hash.update(address.to_string().as_bytes());
        hash.update(generation.to_be_bytes());
        hex::encode(&hash.finalize()[..16])
    }
}
