//! `security_group`: what traffic reaches machines and load balancers.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ec2::types::{Filter, IpPermission, ResourceType, SecurityGroup};
use infra_provider_api::{
    CloudError, Context, CreateRequest, ErrorKind, Found, Input, Observed, OnChange, UpdateRequest,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, ec2_marks, filter, known, outputs, ready},
    api_access::NodeRule,
    blockers::explain,
    instance::public_addresses,
    security_group_rules::{RuleSpec, normal, permission, rules},
    strangers::In,
    unbatched::Unbatched,
    which::Which,
};
use crate::ownership::kubernetes_tag;

/// The one group among a machine's that Kubernetes' controllers may add rules to. They refuse
/// machines that carry more than one so tagged.
pub(crate) const KUBERNETES_GROUP: &str = "nodes";

/// The group of the API's load balancer.
pub(crate) const API_GROUP: &str = "api";

/// A security group. Everything may go out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroupSpec {
    /// Its network.
    pub vpc: Input<String>,
    /// What it is for. Can't be changed.
    pub description: String,
    /// What may come in, one source a rule.
    pub inbound: Vec<RuleSpec>,
}

pub(crate) struct SecurityGroups(pub(crate) Arc<Api>);

fn found(
    cx: &Context,
    which: &Which<'_>,
    group: &SecurityGroup,
) -> Option<Found<SecurityGroupSpec>> {
    let marks = ec2_marks(group.tags());
    let id = group.group_id().unwrap_or_default();
    let address = which.address(cx, &marks, "security_group", id)?;
    let spec = SecurityGroupSpec {
        vpc: group.vpc_id().unwrap_or_default().to_owned().into(),
        description: group.description().unwrap_or_default().to_owned(),
        inbound: rules(id, group.ip_permissions()),
    };
    Some(ready(address, id, spec, marks.intent(), outputs([("id", json!(id))])))
}

/// Lists the security groups that a filter selects.
pub(super) async fn groups(
    api: &Api,
    cx: &Context,
    filter: Filter,
) -> Result<Vec<SecurityGroup>, CloudError> {
    api.read(cx, "list security groups", || {
        let call = api.ec2.describe_security_groups().filters(filter.clone());
        call.into_paginator().items().send().collect::<Result<Vec<_>, _>>()
    })
    .await
}

/// Takes a group out of the rules of the cluster's other groups, which would keep it from being deleted.
/// The rules of a group that is not the cluster's stay as they are.
pub(super) async fn forget(
    api: &Api,
    cx: &Context,
    operation: &str,
    id: &str,
) -> Result<(), CloudError> {
    for group in groups(api, cx, filter("ip-permission.group-id", [id])).await? {
        let marks = ec2_marks(group.tags());
        let ours = marks.is_of(&cx.owner) || marks.is_kubernetes(&cx.owner);
        let Some(of) = group.group_id().filter(|of| ours && *of != id) else { continue };
        let naming: Vec<IpPermission> = rules(of, group.ip_permissions())
            .iter()
            .filter(|rule| rule.source.known().is_some_and(|source| source == id))
            .filter_map(|rule| permission(of, rule).ok())
            .collect();
        if !naming.is_empty() {
            let call = api.ec2.revoke_security_group_ingress().group_id(of);
            api.delete(operation, call.set_ip_permissions(Some(naming)).send()).await?;
        }
    }
    Ok(())
}

impl SecurityGroups {
    /// Lets the machines in that there are, where they need rules of their own: none is shut out
    /// between this change and its own.
    async fn let_nodes_in(
        &self,
        cx: &Context,
        operation: &str,
        id: &str,
        rules: &[RuleSpec],
    ) -> Result<(), CloudError> {
        let port = rules.first().and_then(|rule| u16::try_from(rule.from).ok());
        let Some(port) = port.filter(|_| self.0.scope.lets_nodes_in) else { return Ok(()) };
        for (node, ip) in public_addresses(&self.0, cx).await? {
            self.0.let_in(operation, id, &NodeRule { node, port, ip }).await?;
        }
        Ok(())
    }

    /// Removes the rules of machines, which everybody's make needless.
    async fn forget_nodes(
        &self,
        cx: &Context,
        operation: &str,
        id: &str,
    ) -> Result<(), CloudError> {
        for group in groups(&self.0, cx, filter("group-id", [id])).await? {
            for rule in NodeRule::all_of(&group) {
                self.0.shut_out(operation, id, &rule).await?;
            }
        }
        Ok(())
    }

    async fn change_rules(
        &self,
        operation: &str,
        id: &str,
        before: &[RuleSpec],
        after: &[RuleSpec],
    ) -> Result<(), CloudError> {
        let part = |of: &[RuleSpec], not: &[RuleSpec]| -> Result<Vec<IpPermission>, CloudError> {
            let some = of.iter().filter(|rule| !not.contains(rule));
            some.map(|rule| permission(id, rule)).collect()
        };
        // First what is let in: a moment with more is better than one with less.
        for permission in part(after, before)? {
            let call = self.0.ec2.authorize_security_group_ingress().group_id(id);
            match self.0.effect(operation, call.ip_permissions(permission).send()).await {
                Err(error) if error.kind == ErrorKind::NameTaken => {}
                other => drop(other?),
            }
        }
        let gone = part(before, after)?;
        if !gone.is_empty() {
            let call = self.0.ec2.revoke_security_group_ingress().group_id(id);
            self.0.delete(operation, call.set_ip_permissions(Some(gone)).send()).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Unbatched for SecurityGroups {
    type Spec = SecurityGroupSpec;
    const NAME: &'static str = "security_group";

    fn on_change(&self, field: &str) -> OnChange {
        if field == "inbound" { OnChange::Update } else { OnChange::Replace }
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Found<SecurityGroupSpec>>, CloudError> {
        self.select(cx, &Which::Owned).await
    }

    async fn mark_again(&self, cx: &Context, observed: &Observed) -> Result<(), CloudError> {
        self.0.tag_again(cx, observed).await
    }

    async fn select(
        &self,
        cx: &Context,
        which: &Which<'_>,
    ) -> Result<Vec<Found<SecurityGroupSpec>>, CloudError> {
        let all = groups(&self.0, cx, which.filter(cx, "group-id")).await?;
        Ok(all.iter().filter_map(|group| found(cx, which, group)).collect())
    }

    async fn make(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: SecurityGroupSpec,
    ) -> Result<Found<SecurityGroupSpec>, CloudError> {
        let operation = format!("create {}", request.address);
        let name = request.address.name();
        let mut more = Vec::new();
        if name == KUBERNETES_GROUP {
            more.push((kubernetes_tag(&cx.owner), "owned".to_owned()));
        }
        let call = self
            .0
            .ec2
            .create_security_group()
            .group_name(cx.owner.exact_name(name))
            .description(&spec.description)
            .vpc_id(known(&operation, "vpc", &spec.vpc)?)
            .tag_specifications(self.0.tag_spec(cx, ResourceType::SecurityGroup, request, &more));
        let made = self.0.effect(&operation, call.send()).await?;
        let id = made.group_id().unwrap_or_default();
        let inbound = normal(spec.inbound.clone());
        self.change_rules(&operation, id, &[], &inbound).await?;
        let outputs = outputs([("id", json!(id))]);
        Ok(ready(request.address.clone(), id, spec, Some(request.intent_key.clone()), outputs))
    }

    async fn change(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        spec: SecurityGroupSpec,
    ) -> Result<Found<SecurityGroupSpec>, CloudError> {
        let observed = &request.observed;
        let operation = format!("update {}", observed.address);
        let before = self.again(cx, observed).await?.spec.inbound;
        let after = normal(spec.inbound);
        // Later on each comes and goes by itself: one that is on its way out stays out.
        let everybody = |rule: &RuleSpec| rule.source.known().is_some_and(|of| of == "0.0.0.0/0");
        if observed.address.name() == API_GROUP && before.iter().any(everybody) {
            self.let_nodes_in(cx, &operation, &observed.id, &after).await?;
        }
        self.change_rules(&operation, &observed.id, &before, &after).await?;
        if observed.address.name() == API_GROUP && !self.0.scope.lets_nodes_in {
            self.forget_nodes(cx, &operation, &observed.id).await?;
        }
        self.again(cx, observed).await
    }

    async fn remove(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("delete {}", observed.address);
        forget(&self.0, cx, &operation, &observed.id).await?;
        let call = self.0.ec2.delete_security_group().group_id(&observed.id).send();
        match self.0.delete(&operation, call).await {
            Ok(()) => Ok(true),
            Err(error) => Err(explain(&self.0, cx, error, In::SecurityGroup(&observed.id)).await),
        }
    }
}
