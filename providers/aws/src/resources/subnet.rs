//! `subnet`: the part of the network in one availability zone.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ec2::types::{AttributeBooleanValue, ResourceType, Subnet};
use infra_provider_api::{
    CloudError, Context, CreateRequest, Found, Input, Observed, OnChange, UpdateRequest,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, ec2_marks, known, not_told, outputs, ready},
    blockers::explain,
    strangers::In,
    unbatched::Unbatched,
    which::Which,
};
use crate::ownership::kubernetes_tag;

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubnetSpec {
    /// Its network.
    pub vpc: Input<String>,
    /// Its zone.
    pub zone: String,
    /// Its range.
    pub cidr: String,
    /// Whether machines in it get public addresses.
    pub public_addresses: bool,
}

pub(crate) struct Subnets(pub(crate) Arc<Api>);

fn found(cx: &Context, which: &Which<'_>, subnet: &Subnet) -> Option<Found<SubnetSpec>> {
    let marks = ec2_marks(subnet.tags());
    let id = subnet.subnet_id().unwrap_or_default();
    let address = which.address(cx, &marks, "subnet", id)?;
    let spec = SubnetSpec {
        vpc: subnet.vpc_id().unwrap_or_default().to_owned().into(),
        zone: subnet.availability_zone().unwrap_or_default().to_owned(),
        cidr: subnet.cidr_block().unwrap_or_default().to_owned(),
        public_addresses: subnet.map_public_ip_on_launch().unwrap_or(false),
    };
    let outputs = outputs([("id", json!(id)), ("zone", json!(spec.zone))]);
    Some(ready(address, id, spec, marks.intent(), outputs))
}

impl Subnets {
    async fn set_public(&self, operation: &str, id: &str, on: bool) -> Result<(), CloudError> {
        let on = AttributeBooleanValue::builder().value(on).build();
        let call = self.0.ec2.modify_subnet_attribute().subnet_id(id).map_public_ip_on_launch(on);
        self.0.effect(operation, call.send()).await.map(|_| ())
    }
}

#[async_trait]
impl Unbatched for Subnets {
    type Spec = SubnetSpec;
    const NAME: &'static str = "subnet";

    fn on_change(&self, field: &str) -> OnChange {
        if field == "public_addresses" { OnChange::Update } else { OnChange::Replace }
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Found<SubnetSpec>>, CloudError> {
        self.select(cx, &Which::Owned).await
    }

    async fn mark_again(&self, cx: &Context, observed: &Observed) -> Result<(), CloudError> {
        self.0.tag_again(cx, observed).await
    }

    async fn select(
        &self,
        cx: &Context,
        which: &Which<'_>,
    ) -> Result<Vec<Found<SubnetSpec>>, CloudError> {
        let all = self
            .0
            .read(cx, "list subnets", || {
                let pages = self
                    .0
                    .ec2
                    .describe_subnets()
                    .filters(which.filter(cx, "subnet-id"))
                    .into_paginator();
                pages.items().send().collect::<Result<Vec<_>, _>>()
            })
            .await?;
        Ok(all.iter().filter_map(|subnet| found(cx, which, subnet)).collect())
    }

    async fn make(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: SubnetSpec,
    ) -> Result<Found<SubnetSpec>, CloudError> {
        let operation = format!("create {}", request.address);
        // Where load balancers of Services are put.
        let public = request.address.name().starts_with("public-") || spec.public_addresses;
        let role = if public { "elb" } else { "internal-elb" };
        let more = [
            (format!("kubernetes.io/role/{role}"), "1".to_owned()),
            (kubernetes_tag(&cx.owner), "owned".to_owned()),
        ];
        let call = self
            .0
            .ec2
            .create_subnet()
            .vpc_id(known(&operation, "vpc", &spec.vpc)?)
            .availability_zone(&spec.zone)
            .cidr_block(&spec.cidr)
            .tag_specifications(self.0.tag_spec(cx, ResourceType::Subnet, request, &more));
        let made = self.0.effect(&operation, call.send()).await?;
        let subnet = made.subnet.ok_or_else(|| not_told(&operation))?;
        let id = subnet.subnet_id().unwrap_or_default();
        if spec.public_addresses {
            self.set_public(&operation, id, true).await?;
        }
        let outputs = outputs([("id", json!(id)), ("zone", json!(spec.zone))]);
        Ok(ready(request.address.clone(), id, spec, Some(request.intent_key.clone()), outputs))
    }

    async fn change(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        spec: SubnetSpec,
    ) -> Result<Found<SubnetSpec>, CloudError> {
        let observed = &request.observed;
        let operation = format!("update {}", observed.address);
        self.set_public(&operation, &observed.id, spec.public_addresses).await?;
        self.again(cx, observed).await
    }

    async fn remove(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("delete {}", observed.address);
        let call = self.0.ec2.delete_subnet().subnet_id(&observed.id).send();
        match self.0.delete(&operation, call).await {
            Ok(()) => Ok(true),
            Err(error) => Err(explain(&self.0, cx, error, In::Subnet(&observed.id)).await),
        }
    }
}
