//! `instance`: a machine. The tag `infra.dev/owner` in the create call itself is the mark.

use std::{collections::HashSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use aws_sdk_ec2::types::{Filter, HttpTokensState, Reservation, Tag};
use infra_provider_api::{
    CloudError, Context, CreateRequest, ErrorKind, Found, KnownResource, Observed, OnChange,
    Presence, Readiness, Resource, SentCreates, UpdateRequest, Waits,
};
use sha2::{Digest, Sha256};

use super::{
    api::{Api, all_known, filter},
    blockers::with_command,
    instance_create::CALL_MAX,
    instance_spec::{Home, InstanceSpec, found},
    which::{Which, unknown},
};
use crate::{
    ownership::{self, POOL, REVISION, ROLE},
    scope::user_tag,
};

/// Up to so many are looked at by their ids; more cost no more as a list.
const LOOKS_MAX: usize = 100;

/// The states of those that are there to stay.
const STAYING: [&str; 4] = ["pending", "running", "stopping", "stopped"];

pub(crate) struct Instances {
    pub(super) api: Arc<Api>,
    pub(super) sent: SentCreates,
}

impl Instances {
    pub(crate) fn new(api: Arc<Api>) -> Self {
        Self { api, sent: SentCreates::default() }
    }

    async fn describe(
        &self,
        cx: &Context,
        filters: Vec<Filter>,
    ) -> Result<Vec<Reservation>, CloudError> {
        self.api
            .read(cx, "list instances", || {
                let call = self.api.ec2.describe_instances().set_filters(Some(filters.clone()));
                let pages = call.into_paginator().page_size(1000).items().send();
                pages.collect::<Result<Vec<_>, _>>()
            })
            .await
    }

    /// Lists all machines of the cluster that are there to stay.
    pub(super) async fn list(&self, cx: &Context) -> Result<Vec<Found<InstanceSpec>>, CloudError> {
        let owned = self.select(cx, &Which::Owned, &STAYING).await?;
        self.sent.listed(&owned);
        Ok(owned)
    }

    /// Returns where the machines are that an answer of `account` tells of.
    pub(super) fn home<'a>(&'a self, account: Option<&'a str>) -> Home<'a> {
        Home { region: &self.api.scope.region, account }
    }

    async fn select(
        &self,
        cx: &Context,
        which: &Which<'_>,
        states: &[&str],
    ) -> Result<Vec<Found<InstanceSpec>>, CloudError> {
        let states = filter("instance-state-name", states.iter().copied());
        let filters = vec![which.filter(cx, "instance-id"), states];
        let mut all = Vec::new();
        for reservation in self.describe(cx, filters).await? {
            let home = self.home(reservation.owner_id());
            let instances = reservation.instances().iter();
            all.extend(instances.filter_map(|instance| found(cx, which, instance, &home)));
        }
        Ok(all)
    }

    /// Starts a stopped machine. While it is still stopping the cloud refuses, which passes.
    async fn start(&self, operation: &str, observed: &Observed) -> Result<(), CloudError> {
        let call = self.api.ec2.start_instances().instance_ids(&observed.id);
        self.api.effect(operation, call.send()).await.map(drop)
    }

    async fn change_tags(
        &self,
        operation: &str,
        observed: &Observed,
        spec: &InstanceSpec,
    ) -> Result<(), CloudError> {
        let old: Vec<String> =
            serde_json::from_value(observed.spec.get("tags").unwrap_or_default())
                .unwrap_or_default();
        let some = |of: &[String], not: &[String]| -> Vec<Tag> {
            let differing = of.iter().filter(|tag| !not.contains(tag));
            differing
                .map(|tag| {
                    let (key, value) = user_tag(tag);
                    Tag::builder().key(key).value(value).build()
                })
                .collect()
        };
        let (new, gone) = (some(&spec.tags, &old), some(&old, &spec.tags));
        if !gone.is_empty() {
            let call = self.api.ec2.delete_tags().resources(&observed.id).set_tags(Some(gone));
            self.api.effect(operation, call.send()).await?;
        }
        if !new.is_empty() {
            let call = self.api.ec2.create_tags().resources(&observed.id).set_tags(Some(new));
            self.api.effect(operation, call.send()).await?;
        }
        Ok(())
    }
}

/// Returns the name and the public address of each of the cluster's machines that has one.
pub(super) async fn public_addresses(
    api: &Arc<Api>,
    cx: &Context,
) -> Result<Vec<(String, String)>, CloudError> {
    let machines = Instances::new(Arc::clone(api)).list(cx).await?;
    let with_address = machines
        .into_iter()
        .filter_map(|one| Some((one.address.name().to_owned(), one.outputs.text("public_ip")?)));
    Ok(with_address.collect())
}

#[async_trait]
impl Resource for Instances {
    type Spec = InstanceSpec;

    fn name(&self) -> &'static str {
        "instance"
    }

    /// Classifies the change of a field. A change that would stop or recreate a machine waits for a
    /// rotation, so that it never happens under running apps.
    fn on_change(&self, field: &str) -> OnChange {
        match field {
            "tags" | "metadata" | "security_groups" | "powered_off" => OnChange::Update,
            "key" | "root_device" | "disk_gib" => OnChange::CreateOnly,
            _ => OnChange::Rotate,
        }
    }

    fn batch_max(&self) -> usize {
        CALL_MAX
    }

    /// Hashes everything that a call has once for all its machines. The names are no part of a
    /// spec.
    fn batch_key(&self, spec: &InstanceSpec) -> String {
        hex::encode(Sha256::digest(serde_json::to_vec(spec).unwrap_or_default()))
    }

    fn waits(&self) -> Waits {
        Waits {
            ready: Duration::from_secs(300),
            poll_max: Duration::from_secs(5),
            ..Waits::default()
        }
    }

    async fn list_owned(&self, cx: &Context) -> Result<Vec<Found<InstanceSpec>>, CloudError> {
        self.list(cx).await
    }

    /// Reads machines, also those that are on their way out: their network interfaces still are in
    /// the way.
    async fn poll(
        &self,
        cx: &Context,
        ids: &[String],
    ) -> Result<Vec<Found<InstanceSpec>>, CloudError> {
        let states = ["pending", "running", "stopping", "stopped", "shutting-down"];
        let mut missing: HashSet<&str> = ids.iter().map(String::as_str).collect();
        let mut found = Vec::new();
        if ids.len() > LOOKS_MAX {
            found = self.select(cx, &Which::Owned, &states).await?;
            found.retain(|one| missing.remove(one.id.as_str()));
        }
        // The others are asked for by their ids, whoever's tags they carry.
        let missing: Vec<KnownResource> =
            missing.into_iter().map(|id| unknown("instance", id)).collect();
        for some in missing.chunks(LOOKS_MAX) {
            found.extend(self.select(cx, &Which::known(some), &states).await?);
        }
        Ok(found)
    }

    async fn read(
        &self,
        cx: &Context,
        known: &[KnownResource],
    ) -> Result<Vec<Presence<Found<InstanceSpec>>>, CloudError> {
        let mut answers = Vec::with_capacity(known.len());
        for some in known.chunks(LOOKS_MAX) {
            let which = Which::known(some);
            let found = self.select(cx, &which, &STAYING).await?;
            answers.extend(which.answers(found));
        }
        Ok(answers)
    }

    async fn create(
        &self,
        cx: &Context,
        requests: &[(CreateRequest, InstanceSpec)],
    ) -> Vec<Result<Found<InstanceSpec>, CloudError>> {
        self.create_all(cx, requests).await
    }

    async fn update(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        spec: InstanceSpec,
    ) -> Result<Found<InstanceSpec>, CloudError> {
        let observed = &request.observed;
        let operation = format!("update {}", observed.address);
        let ec2 = &self.api.ec2;
        if request.restores_ownership() {
            let tags = [(ROLE, &spec.role), (POOL, &spec.pool), (REVISION, &spec.revision)];
            let tags = tags.map(|(key, value)| (key.to_owned(), value.clone()));
            let tags = ownership::sdk_tags!(aws_sdk_ec2, tags);
            let call = ec2.create_tags().resources(&observed.id).set_tags(Some(tags));
            self.api.effect(&operation, call.send()).await?;
            // Last: the owner's tag says that the others are there.
            self.api.tag_again(cx, observed).await?;
        }
        for field in &request.changed {
            match field.as_str() {
                "tags" => self.change_tags(&operation, observed, &spec).await?,
                "metadata" => {
                    let call = ec2
                        .modify_instance_metadata_options()
                        .instance_id(&observed.id)
                        .http_tokens(HttpTokensState::Required)
                        .http_put_response_hop_limit(1);
                    self.api.effect(&operation, call.send()).await?;
                }
                "powered_off" => self.start(&operation, observed).await?,
                "security_groups" => {
                    let groups = all_known(&operation, field, &spec.security_groups)?;
                    let call = ec2.modify_instance_attribute().instance_id(&observed.id);
                    self.api.effect(&operation, call.set_groups(Some(groups)).send()).await?;
                }
                _ => {}
            }
        }
        let looked = self.poll(cx, std::slice::from_ref(&observed.id)).await?;
        let mut found = looked.into_iter().next().ok_or_else(|| {
            CloudError::new(ErrorKind::NotFound, operation, "it was deleted meanwhile")
        })?;
        // What was just started may still be listed as stopped.
        if found.spec.powered_off && request.changed.iter().any(|field| field == "powered_off") {
            found.readiness = Readiness::Pending { reason: "starting".to_owned() };
        }
        Ok(found)
    }

    async fn delete(&self, _cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("delete {}", observed.address);
        let call = self.api.ec2.terminate_instances().instance_ids(&observed.id).send();
        match self.api.effect(&operation, call).await {
            Ok(_) => Ok(false),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(true),
            Err(error) => Err(with_command(&self.api, error, "instance", &observed.id)),
        }
    }
}
