//! `vpc`: the cluster's network, with DNS names for what is in it.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ec2::types::{AttributeBooleanValue, ResourceType, Vpc, VpcAttributeName};
use infra_provider_api::{
    CloudError, Context, CreateRequest, Found, Observed, OnChange, UpdateRequest,
};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, ec2_marks, not_told, outputs, ready},
    blockers::explain,
    strangers::{In, named},
    unbatched::Unbatched,
    which::Which,
};

/// A VPC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpcSpec {
    /// Its range.
    pub cidr: String,
    /// Whether the network's own resolver answers.
    pub dns_support: bool,
    /// Whether machines get DNS names.
    pub dns_hostnames: bool,
}

/// The networks of the region.
pub(crate) struct Networks {
    /// Whether one is the cluster's.
    pub(crate) own: bool,
    /// The ranges of all others, by name.
    pub(crate) others: Vec<(String, Ipv4Net)>,
}

impl Api {
    /// Lists the networks of the region, whoever's they are.
    pub(crate) async fn networks(&self, cx: &Context) -> Result<Networks, CloudError> {
        let all = self
            .read(cx, "list VPCs", || {
                let pages = self.ec2.describe_vpcs().into_paginator().items().send();
                pages.collect::<Result<Vec<_>, _>>()
            })
            .await?;
        let mut networks = Networks { own: false, others: Vec::new() };
        for vpc in &all {
            let marks = ec2_marks(vpc.tags());
            if marks.is_of(&cx.owner) {
                networks.own = true;
                continue;
            }
            let name = named("VPC", marks.get("Name"), vpc.vpc_id().unwrap_or_default());
            let more = vpc.cidr_block_association_set().iter();
            let mut ranges: Vec<&str> = more.filter_map(|one| one.cidr_block()).collect();
            ranges.extend(vpc.cidr_block());
            ranges.sort_unstable();
            ranges.dedup();
            let parsed = ranges.into_iter().filter_map(|range| range.parse().ok());
            networks.others.extend(parsed.map(|range| (name.clone(), range)));
        }
        Ok(networks)
    }
}

pub(crate) struct Vpcs(pub(crate) Arc<Api>);

impl Vpcs {
    async fn attribute(
        &self,
        cx: &Context,
        id: &str,
        name: VpcAttributeName,
    ) -> Result<bool, CloudError> {
        let answer = self
            .0
            .read(cx, "look at the VPC's DNS settings", || {
                self.0.ec2.describe_vpc_attribute().vpc_id(id).attribute(name.clone()).send()
            })
            .await?;
        let value = match name {
            VpcAttributeName::EnableDnsSupport => answer.enable_dns_support,
            _ => answer.enable_dns_hostnames,
        };
        Ok(value.and_then(|value| value.value).unwrap_or(false))
    }

    async fn found(
        &self,
        cx: &Context,
        which: &Which<'_>,
        vpc: &Vpc,
    ) -> Result<Option<Found<VpcSpec>>, CloudError> {
        let marks = ec2_marks(vpc.tags());
        let id = vpc.vpc_id().unwrap_or_default();
        let Some(address) = which.address(cx, &marks, "vpc", id) else { return Ok(None) };
        let (dns_support, dns_hostnames) = futures::try_join!(
            self.attribute(cx, id, VpcAttributeName::EnableDnsSupport),
            self.attribute(cx, id, VpcAttributeName::EnableDnsHostnames),
        )?;
        let cidr = vpc.cidr_block().unwrap_or_default().to_owned();
        let outputs = outputs([("id", json!(id)), ("cidr", json!(cidr))]);
        let spec = VpcSpec { cidr, dns_support, dns_hostnames };
        Ok(Some(ready(address, id, spec, marks.intent(), outputs)))
    }

    /// Sets both DNS attributes, by a call each: the API takes one attribute a call.
    async fn set_dns(&self, operation: &str, id: &str, spec: &VpcSpec) -> Result<(), CloudError> {
        let on = |value| AttributeBooleanValue::builder().value(value).build();
        let modify = || self.0.ec2.modify_vpc_attribute().vpc_id(id);
        let support = modify().enable_dns_support(on(spec.dns_support));
        self.0.effect(operation, support.send()).await?;
        let names = modify().enable_dns_hostnames(on(spec.dns_hostnames));
        self.0.effect(operation, names.send()).await?;
        Ok(())
    }
}

#[async_trait]
impl Unbatched for Vpcs {
    type Spec = VpcSpec;
    const NAME: &'static str = "vpc";

    fn on_change(&self, field: &str) -> OnChange {
        if field.starts_with("dns_") { OnChange::Update } else { OnChange::Replace }
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Found<VpcSpec>>, CloudError> {
        self.select(cx, &Which::Owned).await
    }

    async fn mark_again(&self, cx: &Context, observed: &Observed) -> Result<(), CloudError> {
        self.0.tag_again(cx, observed).await
    }

    async fn select(
        &self,
        cx: &Context,
        which: &Which<'_>,
    ) -> Result<Vec<Found<VpcSpec>>, CloudError> {
        let all = self
            .0
            .read(cx, "list VPCs", || {
                let pages =
                    self.0.ec2.describe_vpcs().filters(which.filter(cx, "vpc-id")).into_paginator();
                pages.items().send().collect::<Result<Vec<_>, _>>()
            })
            .await?;
        let mut found = Vec::new();
        for vpc in &all {
            found.extend(self.found(cx, which, vpc).await?);
        }
        Ok(found)
    }

    async fn make(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: VpcSpec,
    ) -> Result<Found<VpcSpec>, CloudError> {
        let operation = format!("create {}", request.address);
        let tags = self.0.tag_spec(cx, ResourceType::Vpc, request, &[]);
        let call = self.0.ec2.create_vpc().cidr_block(&spec.cidr).tag_specifications(tags);
        let made = self.0.effect(&operation, call.send()).await?;
        let vpc = made.vpc.ok_or_else(|| not_told(&operation))?;
        let id = vpc.vpc_id().unwrap_or_default();
        // A run that ends here leaves settings that the next plan sees and puts right.
        self.set_dns(&operation, id, &spec).await?;
        let outputs = outputs([("id", json!(id)), ("cidr", json!(spec.cidr))]);
        Ok(ready(request.address.clone(), id, spec, Some(request.intent_key.clone()), outputs))
    }

    async fn change(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        spec: VpcSpec,
    ) -> Result<Found<VpcSpec>, CloudError> {
        let observed = &request.observed;
        self.set_dns(&format!("update {}", observed.address), &observed.id, &spec).await?;
        self.again(cx, observed).await
    }

    async fn remove(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("delete {}", observed.address);
        let call = self.0.ec2.delete_vpc().vpc_id(&observed.id).send();
        match self.0.delete(&operation, call).await {
            Ok(()) => Ok(true),
            Err(error) => Err(explain(&self.0, cx, error, In::Vpc(&observed.id)).await),
        }
    }
}
