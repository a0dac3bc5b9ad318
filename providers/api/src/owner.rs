//! Whose resource is it: the identity of a cluster.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::Address;

/// The identity of a cluster. The UUID is made once, kept in the record, and is on everything the
/// cluster owns; ownership is equality with it, never a substring.
///
/// ```
/// use infra_provider_api::{Address, Owner, bucket_prefix, is_bucket_name, new_bucket_name};
///
/// let uuid = uuid::Uuid::from_u128(0x0a1b2c3d << 96);
/// let owner = Owner { cluster: "shop".into(), uuid };
/// assert_eq!(owner.exact_name("api"), "shop-0a1b2c3d-api");
/// assert_eq!(owner.tag(), "infra:0a1b2c3d-0000-0000-0000-000000000000");
///
/// // A call that is repeated carries the same key; a machine that is created again, another one.
/// let worker = Address::new("droplet", "worker-1");
/// assert_eq!(owner.intent_key(&worker, 1), owner.intent_key(&worker, 1));
/// assert_ne!(owner.intent_key(&worker, 1), owner.intent_key(&worker, 2));
///
/// assert_eq!(bucket_prefix(&owner), "infra-shop-0a1b2c3d");
/// assert!(is_bucket_name(&owner, &new_bucket_name(&owner)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The cluster's name; with an environment overlay that renames it, the overlaid one.
    pub cluster: String,
    /// The cluster's UUID.
    pub uuid: Uuid,
}

impl Owner {
    /// Returns the first eight hex digits of the UUID, for names with tight limits. A name that
    /// carries it also carries the cluster's name, and is compared whole.
    pub fn short(&self) -> String {
        let mut text = self.uuid.simple().to_string();
        text.truncate(8);
        text
    }

    /// Returns `<cluster>-<short>-<what>`: the exact name of a resource on a cloud that has no tags
    /// for its kind.
    pub fn exact_name(&self, what: &str) -> String {
        format!("{}-{}-{what}", self.cluster, self.short())
    }

    /// Returns the tag that marks all this cluster owns: `infra:<uuid>`.
    pub fn tag(&self) -> String {
        format!("infra:{}", self.uuid)
    }

    /// Derives the idempotency key of the `generation`-th create of `address`, in 32 hex digits. It
    /// is deterministic: a repeated call carries the key of the first.
    pub fn intent_key(&self, address: &Address, generation: u64) -> String {
        let mut hash = Sha256::new();
        hash.update(self.uuid.as_bytes());
        hash.update(address.to_string().as_bytes());
        hash.update(generation.to_be_bytes());
        hex::encode(&hash.finalize()[..16])
    }
}
