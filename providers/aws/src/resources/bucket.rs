//! `bucket`: where the nodes' artifacts are. Versioned, encrypted, never public, TLS only. The name
//! that is made up for a cluster begins with the cluster's and its short id; a tag is the mark.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_s3::types::{
    BucketLocationConstraint, CreateBucketConfiguration, Delete, ObjectIdentifier, Tagging,
};
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, ErrorKind, Found, Observed, OnChange,
    UpdateRequest, bucket_prefix, is_bucket_name, new_bucket_name,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, busy, outputs, ready},
    bucket_settings,
    unbatched::Unbatched,
    which::Which,
};
use crate::ownership::{self, Marks, Pair};

/// A bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketSpec {
    /// Its name, unique among all of AWS.
    pub name: String,
    /// Its region.
    pub region: String,
    /// Replaced objects are kept for a day.
    pub versioned: bool,
    /// Objects are encrypted where they lie.
    pub encrypted: bool,
    /// Nothing in it can be made public.
    pub public_access_blocked: bool,
    /// Requests without TLS are refused.
    pub tls_only: bool,
}

/// Whose a bucket is.
enum Whose {
    /// There is none.
    Nobodys,
    /// It carries this owner's mark.
    Ours(Marks),
    /// It is in the account and carries nobody's, but perhaps other tags.
    Unmarked(Marks),
    /// It carries another cluster's, with that cluster.
    Others(String),
}

pub(crate) struct Buckets(pub(crate) Arc<Api>);

impl Buckets {
    async fn whose(&self, cx: &Context, name: &str) -> Result<Whose, CloudError> {
        let operation = "look at the bucket's tags";
        let call = || self.0.s3.get_bucket_tagging().bucket(name).send();
        match self.0.read(cx, operation, call).await {
            Ok(answer) => {
                let tags = answer.tag_set().iter();
                let marks = Marks::of(tags.map(|tag| (Some(tag.key()), Some(tag.value()))));
                Ok(match marks.get(ownership::OWNER) {
                    Some(_) if marks.is_of(&cx.owner) => Whose::Ours(marks),
                    Some(other) => Whose::Others(other.to_owned()),
                    None => Whose::Unmarked(marks),
                })
            }
            Err(error) if error.message.starts_with("NoSuchTagSet") => {
                Ok(Whose::Unmarked(Marks::default()))
            }
            Err(error) if error.kind == ErrorKind::NotFound => Ok(Whose::Nobodys),
            Err(error) => Err(error),
        }
    }

    /// Lists the account's buckets that are called as one that was made up for this cluster.
    async fn candidates(&self, cx: &Context) -> Result<Vec<String>, CloudError> {
        let prefix = bucket_prefix(&cx.owner);
        let all = self
            .0
            .read(cx, "list buckets", || {
                let call = self.0.s3.list_buckets().prefix(&prefix).into_paginator();
                call.items().send().collect::<Result<Vec<_>, _>>()
            })
            .await
            .map_err(|error| match error.kind {
                ErrorKind::Forbidden => error.with_hint(
                    "allow s3:ListAllMyBuckets, or name a bucket of your account under [artifacts]",
                ),
                _ => error,
            })?;
        let names = all.iter().filter_map(|bucket| bucket.name());
        let names = names.filter(|name| is_bucket_name(&cx.owner, name));
        Ok(names.map(str::to_owned).collect())
    }

    /// Chooses the name of a bucket that is still to be made: that of one which a run left behind
    /// before it was marked, else a new one.
    pub(crate) async fn new_name(&self, cx: &Context) -> Result<String, CloudError> {
        for name in self.candidates(cx).await? {
            if matches!(self.whose(cx, &name).await, Ok(Whose::Unmarked(_)))
                && self.is_empty(cx, &name).await?
            {
                return Ok(name);
            }
        }
        Ok(new_bucket_name(&cx.owner))
    }

    async fn found(
        &self,
        cx: &Context,
        name: &str,
        key: Option<String>,
    ) -> Result<Found<BucketSpec>, CloudError> {
        let settings = bucket_settings::read(&self.0, cx, name).await?;
        let region = self.0.scope.region.clone();
        let outputs = outputs([("name", json!(name)), ("region", json!(region))]);
        let spec = BucketSpec {
            name: name.to_owned(),
            region,
            versioned: settings.versioned,
            encrypted: settings.encrypted,
            public_access_blocked: settings.public_access_blocked,
            tls_only: settings.tls_only,
        };
        Ok(ready(Address::new("bucket", "artifacts"), name, spec, key, outputs))
    }

    async fn is_empty(&self, cx: &Context, name: &str) -> Result<bool, CloudError> {
        let listed = self
            .0
            .read(cx, "look into the bucket", || {
                self.0.s3.list_objects_v2().bucket(name).max_keys(1).send()
            })
            .await?;
        Ok(listed.contents().is_empty())
    }

    async fn create(&self, operation: &str, name: &str) -> Result<(), CloudError> {
        let mut call = self.0.s3.create_bucket().bucket(name);
        // The one region that has no name here.
        if self.0.scope.region != "us-east-1" {
            let region = BucketLocationConstraint::from(self.0.scope.region.as_str());
            let settings = CreateBucketConfiguration::builder().location_constraint(region).build();
            call = call.create_bucket_configuration(settings);
        }
        match self.0.effect(operation, call.send()).await {
            Err(error) if error.message.starts_with("BucketAlreadyOwnedByYou") => Ok(()),
            other => other.map(|_| ()),
        }
    }

    async fn set_tags(
        &self,
        operation: &str,
        name: &str,
        tags: Vec<Pair>,
    ) -> Result<(), CloudError> {
        let tags = ownership::sdk_tags!(aws_sdk_s3, tags);
        let tags: Result<Vec<_>, _> = tags.into_iter().collect();
        let tags = tags.map_err(|error| busy(operation, error.to_string()))?;
        let tagging = Tagging::builder().set_tag_set(Some(tags)).build();
        let tagging = tagging.map_err(|error| busy(operation, error.to_string()))?;
        let call = self.0.s3.put_bucket_tagging().bucket(name).tagging(tagging);
        self.0.effect(operation, call.send()).await.map(|_| ())
    }

    /// Removes one page of versions and delete markers; how many.
    async fn empty_page(
        &self,
        cx: &Context,
        operation: &str,
        name: &str,
    ) -> Result<usize, CloudError> {
        let listed = self
            .0
            .find(cx, operation, || self.0.s3.list_object_versions().bucket(name).send())
            .await?;
        let Some(listed) = listed else { return Ok(0) };
        let versions = listed.versions().iter().map(|one| (one.key(), one.version_id()));
        let markers = listed.delete_markers().iter().map(|one| (one.key(), one.version_id()));
        let ids: Result<Vec<_>, _> = versions
            .chain(markers)
            .map(|(key, version)| {
                let id = ObjectIdentifier::builder().key(key.unwrap_or_default());
                id.set_version_id(version.map(str::to_owned)).build()
            })
            .collect();
        let ids = ids.map_err(|error| busy(operation, error.to_string()))?;
        let count = ids.len();
        if count > 0 {
            let delete = Delete::builder().set_objects(Some(ids)).quiet(true).build();
            let delete = delete.map_err(|error| busy(operation, error.to_string()))?;
            let call = self.0.s3.delete_objects().bucket(name).delete(delete);
            let answer = self.0.effect(operation, call.send()).await?;
            if let Some(error) = answer.errors().first() {
                let (key, said) = (error.key().unwrap_or_default(), error.message());
                let message = format!("{key}: {}", said.unwrap_or("it can't be deleted"));
                return Err(CloudError::new(ErrorKind::Forbidden, operation, message));
            }
        }
        Ok(count)
    }
}

#[async_trait]
impl Unbatched for Buckets {
    type Spec = BucketSpec;
    const NAME: &'static str = "bucket";
    const KEYED: bool = true;

    fn on_change(&self, field: &str) -> OnChange {
        match field {
            "name" | "region" => OnChange::Replace,
            _ => OnChange::Update,
        }
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Found<BucketSpec>>, CloudError> {
        self.select(cx, &Which::Owned).await
    }

    async fn mark_again(&self, cx: &Context, observed: &Observed) -> Result<(), CloudError> {
        let operation = format!("tag {}", observed.address);
        // The call replaces all tags.
        let tags = match self.whose(cx, &observed.id).await? {
            Whose::Unmarked(marks) => {
                marks.with(ownership::ownership(&cx.owner, &observed.address))
            }
            _ => return Ok(()),
        };
        self.set_tags(&operation, &observed.id, tags).await
    }

    async fn select(
        &self,
        cx: &Context,
        which: &Which<'_>,
    ) -> Result<Vec<Found<BucketSpec>>, CloudError> {
        let names: Vec<String> = match which.asked() {
            None => match &self.0.scope.bucket {
                Some(name) => vec![name.clone()],
                None => self.candidates(cx).await?,
            },
            Some(known) => known.iter().map(|one| one.id.clone()).collect(),
        };
        let mut all = Vec::new();
        for name in &names {
            let marks = match self.whose(cx, name).await {
                Ok(Whose::Ours(marks)) => marks,
                Ok(Whose::Unmarked(marks)) => match which.marked_by(name, None) {
                    Some(_) => marks,
                    None => continue,
                },
                Ok(Whose::Others(owner)) => match which.marked_by(name, Some(owner)) {
                    Some(_) => Marks::default(),
                    None => continue,
                },
                Ok(Whose::Nobodys) => continue,
                // Another account's: a create call says so.
                Err(error) if error.kind == ErrorKind::Forbidden => continue,
                Err(error) => return Err(error),
            };
            all.push(self.found(cx, name, marks.intent()).await?);
        }
        Ok(all)
    }

    async fn make(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: BucketSpec,
    ) -> Result<Found<BucketSpec>, CloudError> {
        let operation = format!("create {}", request.address);
        let name = &spec.name;
        let taken = |whose: &str| {
            let message = format!("the bucket {name} is there and {whose}");
            CloudError::new(ErrorKind::NameTaken, &operation, message)
                .with_hint("set another `bucket` under [artifacts]")
        };
        match self.whose(cx, name).await {
            Ok(Whose::Nobodys) => self.create(&operation, name).await?,
            // A run that ended between making and marking it leaves it empty.
            Ok(Whose::Unmarked(_)) if self.is_empty(cx, name).await? => {}
            Ok(Whose::Unmarked(_)) => {
                return Err(taken("holds objects that are not this cluster's"));
            }
            Ok(Whose::Others(_)) => return Err(taken("belongs to another cluster")),
            Ok(Whose::Ours(_)) => {}
            Err(error) if error.kind == ErrorKind::Forbidden => {
                let request_id = error.request_id;
                return Err(CloudError { request_id, ..taken("belongs to another account") });
            }
            Err(error) => return Err(error),
        }
        self.set_tags(&operation, name, self.0.tags(cx, request, &[])).await?;
        bucket_settings::set(&self.0, &operation, name).await?;
        let mut found = self.found(cx, name, Some(request.intent_key.clone())).await?;
        found.address = request.address.clone();
        Ok(found)
    }

    async fn change(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        _spec: BucketSpec,
    ) -> Result<Found<BucketSpec>, CloudError> {
        let observed = &request.observed;
        let operation = format!("update {}", observed.address);
        bucket_settings::set(&self.0, &operation, &observed.id).await?;
        self.again(cx, observed).await
    }

    async fn remove(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("delete {}", observed.address);
        loop {
            let count = self.empty_page(cx, &operation, &observed.id).await?;
            if count == 0 {
                break;
            }
            let progress = format!("{count} objects of bucket {} removed", observed.id);
            cx.progress.waiting(Some(&observed.address), &progress);
        }
        let call = self.0.s3.delete_bucket().bucket(&observed.id).send();
        self.0.delete(&operation, call).await?;
        Ok(true)
    }

    fn warning(&self, _observed: &Observed) -> Option<String> {
        Some("all objects in it are removed".to_owned())
    }
}
