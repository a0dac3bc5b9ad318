//! Where one machine reports its boot.

use crate::node::{DEFAULT_URL_TTL, NodeKitError, PublishedNode, publish};
use crate::userdata::BootEnv;
use infra_object_store::Bucket;

impl PublishedNode {
    /// Returns the boot environment of the machine that is created with `key`: it reports to an
    /// object that no other machine knows, not even an earlier one of the same name and revision.
    /// One that signs for itself reports to an object of its own anyway.
    ///
    /// # Errors
    /// Returns an error if the bucket refuses.
    pub async fn env_of(&self, bucket: &Bucket, key: &str) -> Result<BootEnv, NodeKitError> {
        if self.env.store.is_some() {
            return Ok(self.env.clone());
        }
        let object = publish::report_of_call(&self.node, key);
        // With the state lost, keys begin again: then an earlier life may have left one.
        bucket.delete(&object).await?;
        let target = bucket.presign_put(&object, DEFAULT_URL_TTL).await?;
        Ok(BootEnv { status_put_url: target, ..self.env.clone() })
    }
}
