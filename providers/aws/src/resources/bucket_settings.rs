//! The settings of the cluster's bucket: what is wanted, read and set.

use aws_sdk_s3::{
    error::SdkError,
    operation::get_bucket_versioning::GetBucketVersioningError,
    types::{
        BucketLifecycleConfiguration, BucketVersioningStatus, ExpirationStatus, LifecycleRule,
        LifecycleRuleFilter, NoncurrentVersionExpiration, PublicAccessBlockConfiguration,
        ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration,
        ServerSideEncryptionRule, VersioningConfiguration,
    },
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use infra_provider_api::{CloudError, Context};

use super::api::{Api, busy};
use crate::policies;

/// Days that replaced versions are kept. Node bundles hold join tokens, and for control planes the
/// cluster's keys.
const OLD_VERSIONS_DAYS: i32 = 1;

/// What the bucket's settings are.
pub(super) struct Settings {
    pub versioned: bool,
    pub encrypted: bool,
    pub public_access_blocked: bool,
    pub tls_only: bool,
}

fn block() -> PublicAccessBlockConfiguration {
    PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .block_public_policy(true)
        .ignore_public_acls(true)
        .restrict_public_buckets(true)
        .build()
}

/// Reads the settings of a bucket that exists, in four calls side by side.
pub(super) async fn read(api: &Api, cx: &Context, name: &str) -> Result<Settings, CloudError> {
    let s3 = &api.s3;
    let operation = "look at the bucket's settings";
    let (versioning, encryption, access, policy) = futures::try_join!(
        api.read(cx, operation, || versioned(api, name)),
        api.find(cx, operation, || s3.get_bucket_encryption().bucket(name).send()),
        api.find(cx, operation, || s3.get_public_access_block().bucket(name).send()),
        api.find(cx, operation, || s3.get_bucket_policy().bucket(name).send()),
    )?;
    let access = access.and_then(|access| access.public_access_block_configuration);
    let policy = policy.and_then(|policy| policy.policy);
    Ok(Settings {
        versioned: versioning,
        encrypted: encryption.is_some(),
        public_access_blocked: access == Some(block()),
        tls_only: policy.is_some_and(|text| policies::read(&text) == policies::tls_only(name)),
    })
}

/// Returns true if replaced objects are kept. Some servers of S3's API call the answer's root by
/// another name than AWS does. The SDK refuses to read such an answer; then its text decides.
async fn versioned(
    api: &Api,
    name: &str,
) -> Result<bool, SdkError<GetBucketVersioningError, HttpResponse>> {
    match api.s3.get_bucket_versioning().bucket(name).send().await {
        Ok(answer) => Ok(answer.status() == Some(&BucketVersioningStatus::Enabled)),
        Err(error) => {
            let answer = error.raw_response().filter(|answer| answer.status().is_success());
            let text = answer.and_then(|answer| answer.body().bytes());
            match text.and_then(|text| std::str::from_utf8(text).ok()) {
                Some(text) => Ok(text.contains("<Status>Enabled</Status>")),
                None => Err(error),
            }
        }
    }
}

/// Sets all of them. Setting them again changes nothing.
pub(super) async fn set(api: &Api, operation: &str, name: &str) -> Result<(), CloudError> {
    let s3 = &api.s3;
    let wrong = |error: aws_sdk_s3::error::BuildError| busy(operation, error.to_string());
    let call = s3.put_public_access_block().bucket(name);
    api.effect(operation, call.public_access_block_configuration(block()).send()).await?;
    let versioning =
        VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let call = s3.put_bucket_versioning().bucket(name).versioning_configuration(versioning);
    api.effect(operation, call.send()).await?;
    let by_default = ServerSideEncryptionByDefault::builder()
        .sse_algorithm(ServerSideEncryption::Aes256)
        .build()
        .map_err(wrong)?;
    let rule = ServerSideEncryptionRule::builder()
        .apply_server_side_encryption_by_default(by_default)
        .build();
    let encryption =
        ServerSideEncryptionConfiguration::builder().rules(rule).build().map_err(wrong)?;
    let call = s3.put_bucket_encryption().bucket(name);
    api.effect(operation, call.server_side_encryption_configuration(encryption).send()).await?;
    let rule = LifecycleRule::builder()
        .id("old-versions")
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("").build())
        .noncurrent_version_expiration(
            NoncurrentVersionExpiration::builder().noncurrent_days(OLD_VERSIONS_DAYS).build(),
        )
        .build()
        .map_err(wrong)?;
    let lifecycle = BucketLifecycleConfiguration::builder().rules(rule).build().map_err(wrong)?;
    let call = s3.put_bucket_lifecycle_configuration().bucket(name);
    api.effect(operation, call.lifecycle_configuration(lifecycle).send()).await?;
    let policy = policies::tls_only(name).to_string();
    let call = s3.put_bucket_policy().bucket(name).policy(policy);
    api.effect(operation, call.send()).await?;
    Ok(())
}
