//! `target`: one control plane behind the load balancer. AWS registers machines one by one, where
//! other clouds select them by tag.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use async_trait::async_trait;
use aws_sdk_elasticloadbalancingv2::types::{
    TargetDescription, TargetHealthDescription, TargetHealthStateEnum,
};
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, Found, Input, Observed, OnChange,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, ec2_marks, filter, known, outputs, ready},
    instance_spec::node_of,
    unbatched::Unbatched,
    which::Which,
};

/// A target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetSpec {
    /// Its target group.
    pub target_group: Input<String>,
    /// Its machine.
    pub instance: Input<String>,
}

pub(crate) struct Targets(pub(crate) Arc<Api>);

fn found(address: Address, group: &str, instance: &str) -> Found<TargetSpec> {
    let spec =
        TargetSpec { target_group: group.to_owned().into(), instance: instance.to_owned().into() };
    // Healthy it becomes when the API server runs, which is awaited elsewhere.
    let outputs = outputs([("id", json!(instance))]);
    ready(address, format!("{group} {instance}"), spec, None, outputs)
}

fn is_leaving(target: &TargetHealthDescription) -> bool {
    let state = target.target_health().and_then(|health| health.state());
    state == Some(&TargetHealthStateEnum::Draining)
}

impl Targets {
    /// Returns the machines in the group `arn` that are not on their way out of it, sorted; of a
    /// group that is gone, none.
    async fn members(&self, cx: &Context, arn: &str) -> Result<Vec<String>, CloudError> {
        let health = self
            .0
            .find(cx, "list targets", || {
                self.0.elb.describe_target_health().target_group_arn(arn).send()
            })
            .await?;
        let targets = health.and_then(|health| health.target_health_descriptions);
        let mut ids: Vec<String> = targets
            .iter()
            .flatten()
            .filter(|target| !is_leaving(target))
            .filter_map(|target| target.target()?.id().map(str::to_owned))
            .collect();
        ids.sort();
        ids.dedup();
        Ok(ids)
    }

    /// Takes a machine out of every group that it is in. What goes to it already may end there.
    pub(crate) async fn withdraw(&self, cx: &Context, machine: &str) -> Result<(), CloudError> {
        let operation = "take a control plane out of its load balancer";
        for (group, marks) in self.0.target_groups(cx, &Which::Owned).await? {
            let arn = group.target_group_arn().unwrap_or_default();
            let is_in = marks.is_of(&cx.owner)
                && self.members(cx, arn).await?.iter().any(|one| one == machine);
            if !is_in {
                continue;
            }
            let target = TargetDescription::builder().id(machine).build();
            let call = self.0.elb.deregister_targets().target_group_arn(arn).targets(target);
            match self.0.delete(operation, call.send()).await {
                Err(error) if error.message.starts_with("InvalidTarget") => {}
                other => other?,
            }
        }
        Ok(())
    }

    /// Reads the node of each of `ids`.
    async fn nodes(
        &self,
        cx: &Context,
        ids: &[String],
    ) -> Result<HashMap<String, String>, CloudError> {
        let mut nodes = HashMap::new();
        for some in ids.chunks(200) {
            let reservations = self
                .0
                .read(cx, "list control planes", || {
                    let call = self.0.ec2.describe_instances().filters(filter("instance-id", some));
                    call.into_paginator().items().send().collect::<Result<Vec<_>, _>>()
                })
                .await?;
            for instance in reservations.iter().flat_map(|one| one.instances()) {
                let marks = ec2_marks(instance.tags());
                let index = instance.ami_launch_index().unwrap_or(0);
                if let (true, Some((node, _)), Some(id)) =
                    (marks.is_of(&cx.owner), node_of(&marks, index), instance.instance_id())
                {
                    nodes.insert(id.to_owned(), node);
                }
            }
        }
        Ok(nodes)
    }
}

#[async_trait]
impl Unbatched for Targets {
    type Spec = TargetSpec;
    const NAME: &'static str = "target";
    const KEYED: bool = true;

    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::Replace
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Found<TargetSpec>>, CloudError> {
        let mut all = Vec::new();
        for (group, marks) in self.0.target_groups(cx, &Which::Owned).await? {
            if !marks.is_of(&cx.owner) {
                continue;
            }
            let arn = group.target_group_arn().unwrap_or_default();
            let ids = self.members(cx, arn).await?;
            let nodes = self.nodes(cx, &ids).await?;
            for id in &ids {
                // A target that is no machine of ours was put there by somebody else.
                let name = nodes.get(id).unwrap_or(id);
                all.push(found(Address::new(Self::NAME, name), arn, id));
            }
        }
        Ok(all)
    }

    /// Asks the groups that the ids name, whatever tags they and the machines carry.
    async fn select(
        &self,
        cx: &Context,
        which: &Which<'_>,
    ) -> Result<Vec<Found<TargetSpec>>, CloudError> {
        let Some(known) = which.asked() else { return self.list(cx).await };
        let mut groups: BTreeMap<&str, Vec<(&Address, &str)>> = BTreeMap::new();
        for one in known {
            if let Some((group, instance)) = one.id.split_once(' ') {
                groups.entry(group).or_default().push((&one.address, instance));
            }
        }
        let mut all = Vec::new();
        for (group, asked) in groups {
            let members = self.members(cx, group).await?;
            let there = asked.into_iter().filter(|(_, id)| members.iter().any(|one| one == id));
            all.extend(there.map(|(address, id)| found(address.clone(), group, id)));
        }
        Ok(all)
    }

    async fn make(
        &self,
        _cx: &Context,
        request: &CreateRequest,
        spec: TargetSpec,
    ) -> Result<Found<TargetSpec>, CloudError> {
        let operation = format!("create {}", request.address);
        let group = known(&operation, "target_group", &spec.target_group)?;
        let instance = known(&operation, "instance", &spec.instance)?;
        let target = TargetDescription::builder().id(instance).build();
        let call = self.0.elb.register_targets().target_group_arn(group).targets(target);
        self.0.effect(&operation, call.send()).await?;
        Ok(found(request.address.clone(), group, instance))
    }

    async fn remove(&self, _cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("delete {}", observed.address);
        let Some((group, instance)) = observed.id.split_once(' ') else { return Ok(true) };
        let target = TargetDescription::builder().id(instance).build();
        let call = self.0.elb.deregister_targets().target_group_arn(group).targets(target);
        match self.0.delete(&operation, call.send()).await {
            // A machine that is gone is no target any more.
            Err(error) if error.message.starts_with("InvalidTarget") => Ok(true),
            other => other.map(|()| true),
        }
    }
}
