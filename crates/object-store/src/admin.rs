//! The bucket itself.

use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};

use crate::{Bucket, StoreError};

/// Whether a bucket is there for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketState {
    /// No bucket of that name.
    Absent,
    /// There, and these credentials may use it.
    Present,
    /// There, and these credentials may not: most likely another account's.
    Foreign,
}

impl Bucket {
    /// Looks whether the bucket exists.
    pub async fn state(&self) -> Result<BucketState, StoreError> {
        let answer = self.client.head_bucket().bucket(&self.name).send().await;
        match answer.map_err(|e| self.call("look at", "").error(e)) {
            Ok(_) => Ok(BucketState::Present),
            Err(e) if e.is_not_found() => Ok(BucketState::Absent),
            Err(StoreError::AccessDenied { .. }) => Ok(BucketState::Foreign),
            Err(e) => Err(e),
        }
    }

    /// Makes the bucket; one that these credentials own already is no error.
    ///
    /// # Errors
    /// Returns [`StoreError::NameTaken`] if another account has that name.
    pub async fn create(&self) -> Result<(), StoreError> {
        let mut request = self.client.create_bucket().bucket(&self.name);
        // Only AWS wants the region here, and only outside us-east-1.
        if self.store.endpoint.is_none() && self.store.region != "us-east-1" {
            let region = BucketLocationConstraint::from(self.store.region.as_str());
            request = request.create_bucket_configuration(
                CreateBucketConfiguration::builder().location_constraint(region).build(),
            );
        }
        match request.send().await {
            Ok(_) => Ok(()),
            Err(e) => {
                let ours = e.as_service_error().is_some_and(|s| s.is_bucket_already_owned_by_you());
                let error = self.call("create", "").error(e);
                // Some clones answer "exists" for our own bucket too. That it answers is no proof.
                let own_again =
                    matches!(error, StoreError::NameTaken { .. }) && self.is_own().await?;
                if ours || own_again { Ok(()) } else { Err(error) }
            }
        }
    }

    /// Deletes the bucket, which must be empty; one that is not there is no error.
    pub async fn delete_bucket(&self) -> Result<(), StoreError> {
        let sent = self.client.delete_bucket().bucket(&self.name).send().await;
        match sent.map_err(|e| self.call("delete", "").error(e)) {
            Ok(_) => Ok(()),
            Err(e) if e.is_not_found() => Ok(()),
            Err(e) => Err(e),
        }
    }
}
