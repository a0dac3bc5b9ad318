//! Whose bucket a call is about. Names of buckets are shared by everybody and ours can be guessed, so a
//! stranger may have made one of that name, with a policy that lets us in.

use std::sync::{Arc, OnceLock};

use aws_sdk_s3::{
    config::{
        ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeTransmitInterceptorContextMut,
    },
    error::BoxError,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;

const HEADER: &str = "x-amz-expected-bucket-owner";

/// Names our account as the owner in every request about a bucket: S3 refuses those about a bucket of
/// any other account.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExpectedOwner(Arc<OnceLock<String>>);

impl ExpectedOwner {
    /// Notes the account of the credentials.
    pub(crate) fn set(&self, account: &str) {
        // The credentials of a run stay those of one account.
        let _ = self.0.set(account.to_owned());
    }
}

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
        // This one is about no bucket that exists.
        if config.load::<Metadata>().is_some_and(|call| call.name() == "CreateBucket") {
            return Ok(());
        }
        let account = self.0.get().ok_or("the account that owns the bucket is not known yet")?;
        context.request_mut().headers_mut().insert(HEADER, account.clone());
        Ok(())
    }
}
