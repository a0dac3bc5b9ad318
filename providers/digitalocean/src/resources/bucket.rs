//! `bucket`: where the nodes' artifacts are, in Spaces. The name that is made up for a cluster holds
//! its short id and is the mark; a name fixed in infra.toml is proven by an object in the bucket.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use aws_sdk_s3::{
    Client,
    primitives::ByteStream,
    types::{Delete, ObjectIdentifier},
};
use futures::future::join_all;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, ErrorKind, Found, Observed, OnChange, Resource,
    RetryPolicy, UpdateRequest, retry,
};
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, nothing_to_update, outputs, ready},
    bucket_errors::mapped,
};
use crate::{ObjectStore, object_store};

/// Says whose a bucket with a fixed name is.
const MARK_KEY: &str = ".infra/owner";

/// A bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketSpec {
    /// Its name, unique in the whole region of Spaces.
    pub name: String,
    /// The region of Spaces.
    pub region: String,
}

/// The name of a cluster's bucket where infra.toml fixes none.
pub(crate) fn derived_name(owner: &infra_provider_api::Owner) -> String {
    format!("infra-{}-{}", owner.cluster, owner.short())
}

pub(crate) struct Buckets {
    api: Arc<Api>,
    client: OnceLock<Client>,
}

impl Buckets {
    pub(crate) fn new(api: Arc<Api>) -> Self {
        Self { api, client: OnceLock::new() }
    }

    /// Made at first use: a run without a bucket needs no keys.
    fn client(&self) -> Result<&Client, CloudError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let store = ObjectStore::new(&self.api.connection, &self.api.scope.region)?;
        let client = store.client()?;
        Ok(self.client.get_or_init(|| client))
    }

    fn found(&self, name: &str) -> Found<BucketSpec> {
        let region = object_store::spaces_region(&self.api.scope.region).to_owned();
        let endpoint = object_store::endpoint(&self.api.connection, &region);
        let outputs = outputs([
            ("name", json!(name)),
            ("endpoint", json!(endpoint)),
            ("region", json!(region)),
        ]);
        let spec = BucketSpec { name: name.to_owned(), region };
        ready(Address::new("bucket", "artifacts"), name.to_owned(), spec, outputs)
    }

    /// Whether the account has the bucket. Asked by listing what the account owns: another one's
    /// public bucket would answer too.
    async fn exists(&self, cx: &Context, name: &str) -> Result<bool, CloudError> {
        let client = self.client()?;
        let answer = retry(cx, RetryPolicy::READ, || async {
            client.list_buckets().send().await.map_err(|e| mapped("list buckets", &e))
        })
        .await?;
        Ok(answer.buckets().iter().any(|bucket| bucket.name() == Some(name)))
    }

    /// The owner's tag that is written in a bucket.
    async fn mark(&self, cx: &Context, name: &str) -> Result<Option<String>, CloudError> {
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
                CloudError::new(ErrorKind::Garbled, &operation, format!("broke off: {error}"))
            })
        })
        .await;
        match answer {
            Ok(body) => Ok(Some(String::from_utf8_lossy(&body.into_bytes()).trim().to_owned())),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Up to a thousand keys of a bucket.
    async fn keys(&self, cx: &Context, name: &str) -> Result<Vec<String>, CloudError> {
        let client = self.client()?;
        let operation = format!("list bucket {name}");
        let answer = retry(cx, RetryPolicy::READ, || async {
            client.list_objects_v2().bucket(name).send().await.map_err(|e| mapped(&operation, &e))
        })
        .await?;
        Ok(answer.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect())
    }

    async fn create_one(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: &BucketSpec,
    ) -> Result<Found<BucketSpec>, CloudError> {
        let operation = format!("create {}", request.address);
        let (client, name) = (self.client()?, &spec.name);
        let made =
            client.create_bucket().bucket(name).send().await.map_err(|e| mapped(&operation, &e));
        let new = match made {
            Ok(_) => true,
            // In the account, or in another one: what tells is whether it can be read.
            Err(error) if error.kind == ErrorKind::NameTaken => {
                if !self.exists(cx, name).await? {
                    return Err(error);
                }
                false
            }
            Err(error) => return Err(error),
        };
        if *name != derived_name(&cx.owner) {
            self.claim(cx, &operation, name, new).await?;
        }
        Ok(self.found(name))
    }

    /// Marks a bucket with a fixed name as ours, unless it holds anything of somebody else's.
    async fn claim(
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
    async fn remove(&self, operation: &str, name: &str, keys: &[String]) -> Result<(), CloudError> {
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
            .mutate_request(|request| {
                // S3 demands a checksum of this body; Spaces knows this one only.
                let digest = request.body().bytes().map(Md5::digest);
                if let Some(digest) = digest {
                    request
                        .headers_mut()
                        .insert("content-md5", aws_smithy_types::base64::encode(digest));
                }
            })
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

#[async_trait]
impl Resource for Buckets {
    type Spec = BucketSpec;

    fn name(&self) -> &'static str {
        "bucket"
    }

    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::Replace
    }

    async fn list_owned(&self, cx: &Context) -> Result<Vec<Found<BucketSpec>>, CloudError> {
        let derived = derived_name(&cx.owner);
        let name = self.api.scope.bucket.as_deref().unwrap_or(&derived);
        let owned = self.exists(cx, name).await?
            && (name == derived || self.mark(cx, name).await? == Some(cx.owner.tag()));
        Ok(if owned { vec![self.found(name)] } else { Vec::new() })
    }

    async fn create(
        &self,
        cx: &Context,
        requests: &[(CreateRequest, BucketSpec)],
    ) -> Vec<Result<Found<BucketSpec>, CloudError>> {
        join_all(requests.iter().map(|(request, spec)| self.create_one(cx, request, spec))).await
    }

    async fn update(
        &self,
        _cx: &Context,
        request: &UpdateRequest,
        _spec: BucketSpec,
    ) -> Result<Found<BucketSpec>, CloudError> {
        nothing_to_update(&request.observed)
    }

    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("delete {}", observed.address);
        let name = &observed.id;
        loop {
            let keys = match self.keys(cx, name).await {
                Ok(keys) => keys,
                Err(error) if error.kind == ErrorKind::NotFound => return Ok(true),
                Err(error) => return Err(error),
            };
            if keys.is_empty() {
                break;
            }
            // The mark goes with the last objects; what is left is empty, and claimed again if the
            // run ends here.
            self.remove(&operation, name, &keys).await?;
            let progress = format!("{} objects of bucket {name} removed", keys.len());
            cx.progress.waiting(Some(&observed.address), &progress);
        }
        let deleted = self.client()?.delete_bucket().bucket(name).send().await;
        match deleted.map_err(|e| mapped(&operation, &e)) {
            Err(error) if error.kind != ErrorKind::NotFound => Err(error),
            _ => Ok(true),
        }
    }

    fn delete_warning(&self, _observed: &Observed) -> Option<String> {
        Some("all objects in it are removed".to_owned())
    }
}
