//! `bucket`: where the nodes' artifacts are, in Spaces. The name that is made up for a cluster begins
//! with the cluster's and its short id, and is the mark; a name fixed in infra.toml is proven by an
//! object in the bucket.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use aws_sdk_s3::Client;
use futures::future::join_all;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, ErrorKind, Found, KnownResource, Observed,
    OnChange, Presence, Resource, UpdateRequest, is_bucket_name,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, nothing_to_update, outputs, ready},
    bucket_errors::mapped,
    by_id,
};
use crate::{ObjectStore, object_store};

/// A bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketSpec {
    /// Its name, unique in the whole region of Spaces.
    pub name: String,
    /// The region of Spaces.
    pub region: String,
}

pub(crate) struct Buckets {
    api: Arc<Api>,
    client: OnceLock<Client>,
}

impl Buckets {
    pub(crate) fn new(api: Arc<Api>) -> Self {
        Self { api, client: OnceLock::new() }
    }

    /// Returns the client. It is made at first use: a run without a bucket needs no keys.
    pub(super) fn client(&self) -> Result<&Client, CloudError> {
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
        if !is_bucket_name(&cx.owner, name) {
            self.claim(cx, &operation, name, new).await?;
        }
        Ok(self.found(name))
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
        let fixed = self.api.scope.bucket.as_deref();
        let mut all = Vec::new();
        for name in self.names(cx).await? {
            let is_made_up = is_bucket_name(&cx.owner, &name);
            let owned = match fixed {
                Some(fixed) if name != fixed => false,
                None => is_made_up,
                Some(_) => is_made_up || self.mark(cx, &name).await? == Some(cx.owner.tag()),
            };
            all.extend(owned.then(|| self.found(&name)));
        }
        Ok(all)
    }

    async fn read(
        &self,
        cx: &Context,
        known: &[KnownResource],
    ) -> Result<Vec<Presence<Found<BucketSpec>>>, CloudError> {
        by_id::each(known, |known| async move {
            let name = &known.id;
            if !self.exists(cx, name).await? {
                return Ok(Presence::Absent);
            }
            let found = self.found(name);
            if is_bucket_name(&cx.owner, name) {
                return Ok(Presence::Owned(found));
            }
            Ok(match self.mark(cx, name).await? {
                Some(mark) if mark == cx.owner.tag() => Presence::Owned(found),
                Some(owner) => Presence::Foreign { owner },
                None => Presence::Untagged(found),
            })
        })
        .await
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
        cx: &Context,
        request: &UpdateRequest,
        _spec: BucketSpec,
    ) -> Result<Found<BucketSpec>, CloudError> {
        let observed = &request.observed;
        if !request.restores_ownership() {
            return nothing_to_update(observed);
        }
        // The state knows the bucket: what is in it is ours.
        let operation = format!("update {}", observed.address);
        self.claim(cx, &operation, &observed.id, true).await?;
        Ok(self.found(&observed.id))
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
            // The mark goes with the last objects; the bucket is empty then, and claimed again if the
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
