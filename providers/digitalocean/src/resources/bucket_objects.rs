//! What is in a bucket: the mark of its owner, and the objects that go with it.

use aws_sdk_s3::{
    config::{
        ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeTransmitInterceptorContextMut,
    },
    error::BoxError,
    primitives::ByteStream,
    types::{Delete, ObjectIdentifier},
};
use infra_provider_api::{CloudError, Context, ErrorKind, RetryPolicy, retry};
use md5::{Digest, Md5};

use super::{bucket::Buckets, bucket_errors::mapped};

/// Says whose a bucket with a fixed name is.
const MARK_KEY: &str = ".infra/owner";

impl Buckets {
    /// Returns true if the account has the bucket. It lists what the account owns, because another
    /// account's public bucket would answer too.
    pub(super) async fn exists(&self, cx: &Context, name: &str) -> Result<bool, CloudError> {
        Ok(self.names(cx).await?.iter().any(|one| one == name))
    }

    /// Lists the names of the account's buckets.
    pub(super) async fn names(&self, cx: &Context) -> Result<Vec<String>, CloudError> {
        let client = self.client()?;
        let answer = retry(cx, RetryPolicy::READ, || async {
            client.list_buckets().send().await.map_err(|e| mapped("list buckets", &e))
        })
        .await?;
        Ok(answer.buckets().iter().filter_map(|one| one.name().map(str::to_owned)).collect())
    }

    /// Reads the owner's tag that is written in a bucket.
    pub(super) async fn mark(
        &self,
        cx: &Context,
        name: &str,
    ) -> Result<Option<String>, CloudError> {
        let client = self.client()?;
        let operation = format!("read the owner of bucket {name}");
        let answer = retry(cx, RetryPolicy::READ, || async {
            let answer = client
                .get_object()
                .bucket(name)
                .key(MARK_KEY)
                .send()
                .await
                .map_err(|e| mapped(&operation, &e))?;
            answer.body.collect().await.map_err(|error| {
                CloudError::new(
                    ErrorKind::MalformedResponse,
                    &operation,
                    format!("broke off: {error}"),
                )
            })
        })
        .await;
        match answer {
            Ok(body) => Ok(Some(String::from_utf8_lossy(&body.into_bytes()).trim().to_owned())),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Lists up to a thousand keys of a bucket.
    pub(super) async fn keys(&self, cx: &Context, name: &str) -> Result<Vec<String>, CloudError> {
        let client = self.client()?;
        let operation = format!("list bucket {name}");
        let answer = retry(cx, RetryPolicy::READ, || async {
            client.list_objects_v2().bucket(name).send().await.map_err(|e| mapped(&operation, &e))
        })
        .await?;
        Ok(answer.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect())
    }

    /// Marks a bucket with a fixed name as ours, unless it holds anything of others.
    pub(super) async fn claim(
        &self,
        cx: &Context,
        operation: &str,
        name: &str,
        new: bool,
    ) -> Result<(), CloudError> {
        let tag = cx.owner.tag();
        let mark = self.mark(cx, name).await?;
        if mark.as_ref() == Some(&tag) {
            return Ok(());
        }
        if mark.is_some() || !(new || self.keys(cx, name).await?.is_empty()) {
            let message = format!("the bucket {name} is there already and is not this cluster's");
            return Err(CloudError::new(ErrorKind::NameTaken, operation, message)
                .with_hint("leave `bucket` out of infra.toml to get one of the cluster's own"));
        }
        let put = self.client()?.put_object().bucket(name).key(MARK_KEY);
        let body = ByteStream::from(tag.into_bytes());
        put.body(body).send().await.map(drop).map_err(|e| mapped(operation, &e))
    }

    /// Removes up to a thousand objects in one call.
    pub(super) async fn remove(
        &self,
        operation: &str,
        name: &str,
        keys: &[String],
    ) -> Result<(), CloudError> {
        let local =
            |e: &dyn std::fmt::Display| CloudError::new(ErrorKind::Local, operation, e.to_string());
        let objects = keys
            .iter()
            .map(|key| ObjectIdentifier::builder().key(key).build().map_err(|e| local(&e)))
            .collect::<Result<Vec<_>, _>>()?;
        let delete = Delete::builder()
            .set_objects(Some(objects))
            .quiet(true)
            .build()
            .map_err(|e| local(&e))?;
        let answer = self
            .client()?
            .delete_objects()
            .bucket(name)
            .delete(delete)
            .customize()
            .interceptor(Md5Only)
            .send()
            .await
            .map_err(|e| mapped(operation, &e))?;
        match answer.errors().first() {
            None => Ok(()),
            Some(error) => {
                let key = error.key().unwrap_or("an object");
                let said = error.message().or(error.code()).unwrap_or("no reason");
                let message = format!("{key} could not be removed: {said}");
                Err(CloudError::new(ErrorKind::Busy, operation, message))
            }
        }
    }
}

/// S3 demands a checksum of the body that names what to delete. Spaces and other makers' stores know the
/// oldest one only, and some refuse a request that carries one of the SDK's.
#[derive(Debug)]
struct Md5Only;

impl Intercept for Md5Only {
    fn name(&self) -> &'static str {
        "Md5Only"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let Some(digest) = request.body().bytes().map(Md5::digest) else { return Ok(()) };
        let headers = request.headers_mut();
        headers.insert("content-md5", aws_smithy_types::base64::encode(digest));
        let newer: Vec<String> = headers
            .iter()
            .map(|(name, _)| name.to_owned())
            .filter(|name| {
                name.starts_with("x-amz-checksum-")
                    || name.starts_with("x-amz-sdk-checksum-")
                    || name == "x-amz-trailer"
            })
            .collect();
        for name in newer {
            headers.remove(name);
        }
        Ok(())
    }
}
