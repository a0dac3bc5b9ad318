//! Whose bucket it is. Names of buckets are shared by everybody and can be guessed, so a bucket of the
//! expected name may be a stranger's that takes what is written to it.

use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::Metadata;

use crate::{Bucket, StoreError};

const HEADER: &str = "x-amz-expected-bucket-owner";

/// Names the expected owner in every request about a bucket. Amazon refuses those about a bucket of
/// any other account, whatever that bucket's own policy allows.
#[derive(Debug, Clone)]
pub(crate) struct ExpectedOwner(pub String);

impl Intercept for ExpectedOwner {
    fn name(&self) -> &'static str {
        "ExpectedOwner"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // These are about no bucket that exists.
        let call = config.load::<Metadata>().map(Metadata::name);
        if !matches!(call, Some("CreateBucket" | "ListBuckets")) {
            context.request_mut().headers_mut().insert(HEADER, self.0.clone());
        }
        Ok(())
    }
}

impl Bucket {
    /// Returns true if the bucket belongs to the account of the credentials. The account's own list of
    /// buckets decides: a stranger's bucket answers every other question, if its owner lets it.
    ///
    /// # Errors
    /// Returns an error if the credentials may not list the account's buckets, or if the store is not
    /// available.
    pub async fn is_own(&self) -> Result<bool, StoreError> {
        let mut pages = self.client.list_buckets().into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| self.call("prove the owner of", "").error(e))?;
            if page.buckets().iter().any(|bucket| bucket.name() == Some(&self.name)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
