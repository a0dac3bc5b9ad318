//! `droplet`: a machine. The tag `infra:<uuid>` in the create call itself is the mark.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use futures::future::try_join_all;
use infra_provider_api::{
    CloudError, Context, CreateRequest, ErrorKind, Found, KnownResource, Observed, OnChange,
    Presence, Resource, SentCreates, UpdateRequest, Waits,
};
use sha2::{Digest, Sha256};

use super::{
    api::Api,
    by_id,
    droplet_create::NAMES_MAX,
    droplet_spec::{DropletSpec, found, presence, read},
    tags,
};
use crate::{
    ownership,
    wire::{Droplet, DropletAnswer},
};

/// Up to so many are looked at one by one; more cost less as a list.
const LOOKS_MAX: usize = 2;
/// Up to so many are read one by one without a list of all the account's machines first.
const READS_MAX: usize = 20;

pub(crate) struct Droplets {
    pub(super) api: Arc<Api>,
    pub(super) sent: SentCreates,
}

impl Droplets {
    pub(crate) fn new(api: Arc<Api>) -> Self {
        Self { api, sent: SentCreates::default() }
    }

    /// Lists all droplets of the cluster, as they are now.
    pub(super) async fn list(&self, cx: &Context) -> Result<Vec<Found<DropletSpec>>, CloudError> {
        let tag = cx.owner.tag();
        let query = [("tag_name", tag.as_str())];
        let all: Vec<Droplet> =
            self.api.client.list(cx, "list droplets", &["droplets"], &query, "droplets").await?;
        // Each goes as soon as it is read: there may be ten thousand.
        let owned: Vec<_> = all.into_iter().filter_map(|droplet| found(cx, &droplet)).collect();
        self.sent.listed(&owned);
        Ok(owned)
    }

    /// Returns the droplet of that id as it is now, whoever's tag it carries.
    async fn look_one(
        &self,
        cx: &Context,
        id: &str,
    ) -> Result<Option<Found<DropletSpec>>, CloudError> {
        let answer: Option<DropletAnswer> =
            self.api.client.get_optional(cx, "look at a droplet", &["droplets", id]).await?;
        Ok(answer.map(|answer| read(cx, &answer.droplet)))
    }

    /// Lists the account's droplets, whoever's tag they carry.
    async fn list_all(&self, cx: &Context) -> Result<HashMap<String, Droplet>, CloudError> {
        let all: Vec<Droplet> =
            self.api.client.list(cx, "list droplets", &["droplets"], &[], "droplets").await?;
        Ok(all.into_iter().map(|droplet| (droplet.id.to_string(), droplet)).collect())
    }
}

fn tags_of(observed: &Observed) -> Vec<String> {
    serde_json::from_value(observed.spec.get("tags").unwrap_or_default()).unwrap_or_default()
}

#[async_trait]
impl Resource for Droplets {
    type Spec = DropletSpec;

    fn name(&self) -> &'static str {
        "droplet"
    }

    /// Classifies the change of a field. Size, image and revision are never changed under running
    /// apps: nodes are rotated.
    fn on_change(&self, field: &str) -> OnChange {
        match field {
            "tags" | "powered_off" => OnChange::Update,
            "size" | "image" | "revision" => OnChange::Rotate,
            "ssh_keys" => OnChange::CreateOnly,
            _ => OnChange::Replace,
        }
    }

    fn batch_max(&self) -> usize {
        NAMES_MAX
    }

    /// Hashes everything that a call has once for all its names. The names are no part of a spec,
    /// so that equal specs are equal calls.
    fn batch_key(&self, spec: &DropletSpec) -> String {
        let text = serde_json::to_vec(spec).unwrap_or_default();
        hex::encode(Sha256::digest(text))
    }

    fn waits(&self) -> Waits {
        // A droplet takes less than a minute; one that takes five will not come.
        Waits {
            ready: Duration::from_secs(300),
            poll_max: Duration::from_secs(3),
            ..Waits::default()
        }
    }

    async fn list_owned(&self, cx: &Context) -> Result<Vec<Found<DropletSpec>>, CloudError> {
        self.list(cx).await
    }

    async fn poll(
        &self,
        cx: &Context,
        ids: &[String],
    ) -> Result<Vec<Found<DropletSpec>>, CloudError> {
        if ids.len() <= LOOKS_MAX {
            let looks = try_join_all(ids.iter().map(|id| self.look_one(cx, id))).await?;
            return Ok(looks.into_iter().flatten().collect());
        }
        let mut found = self.list(cx).await?;
        let mut missing: HashSet<&str> = ids.iter().map(String::as_str).collect();
        found.retain(|droplet| missing.remove(droplet.id.as_str()));
        // Gone, or without the tag by which they were listed.
        if !missing.is_empty() {
            let all = self.list_all(cx).await?;
            let others = missing.into_iter().filter_map(|id| all.get(id));
            found.extend(others.map(|droplet| read(cx, droplet)));
        }
        Ok(found)
    }

    /// Reads droplets one by one. If many are asked for, it takes most of them from a list of all
    /// the account's.
    async fn read(
        &self,
        cx: &Context,
        known: &[KnownResource],
    ) -> Result<Vec<Presence<Found<DropletSpec>>>, CloudError> {
        let mut all = HashMap::new();
        if known.len() > READS_MAX {
            all = self.list_all(cx).await?;
        }
        let all = &all;
        by_id::each(known, |known| async move {
            if let Some(droplet) = all.get(&known.id) {
                return Ok(presence(cx, &known, droplet));
            }
            by_id::one(&self.api, cx, &["droplets"], known, |known, answer: DropletAnswer| {
                Ok(presence(cx, known, &answer.droplet))
            })
            .await
        })
        .await
    }

    async fn create(
        &self,
        cx: &Context,
        requests: &[(CreateRequest, DropletSpec)],
    ) -> Vec<Result<Found<DropletSpec>, CloudError>> {
        self.create_all(cx, requests).await
    }

    async fn update(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        spec: DropletSpec,
    ) -> Result<Found<DropletSpec>, CloudError> {
        let observed = &request.observed;
        let operation = format!("update {}", observed.address);
        let client = &self.api.client;
        if request.changed.iter().any(|field| field == "powered_off") {
            self.switch_on(cx, observed).await?;
        }
        let old = tags_of(observed);
        let mut new: Vec<String> = spec.tags.iter().filter(|t| !old.contains(t)).cloned().collect();
        if request.restores_ownership() {
            let owner = &cx.owner;
            new.push(ownership::node_tag(owner, observed.address.name()));
            let revision = Some(&spec.revision).filter(|revision| !revision.is_empty());
            new.extend(revision.map(|revision| ownership::revision_tag(owner, revision)));
            // Last: it says that the others are there.
            new.push(owner.tag());
        }
        if !new.is_empty() {
            tags::ensure(client, cx, &operation, &new).await?;
        }
        for tag in &new {
            tags::set(client, cx, &operation, tag, &observed.id, true).await?;
        }
        for tag in old.iter().filter(|tag| !spec.tags.contains(tag)) {
            tags::set(client, cx, &operation, tag, &observed.id, false).await?;
        }
        self.look_one(cx, &observed.id).await?.ok_or_else(|| {
            CloudError::new(ErrorKind::NotFound, operation, "it was deleted meanwhile")
        })
    }

    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("delete {}", observed.address);
        let path = &["droplets", observed.id.as_str()];
        let was_there = self.api.client.delete(cx, &operation, path).await?;
        Ok(!was_there)
    }
}
