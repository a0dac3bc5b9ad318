//! `internet_gateway`: the network's way out.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ec2::types::{InternetGateway, ResourceType};
use infra_provider_api::{
    CloudError, Context, CreateRequest, ErrorKind, Found, Input, Observed, OnChange, UpdateRequest,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, ec2_marks, known, not_told, outputs, ready},
    unbatched::Unbatched,
    which::Which,
};

/// An internet gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InternetGatewaySpec {
    /// The network it is attached to.
    pub vpc: Input<String>,
}

pub(crate) struct InternetGateways(pub(crate) Arc<Api>);

fn found(
    cx: &Context,
    which: &Which<'_>,
    gateway: &InternetGateway,
) -> Option<Found<InternetGatewaySpec>> {
    let marks = ec2_marks(gateway.tags());
    let id = gateway.internet_gateway_id().unwrap_or_default();
    let address = which.address(cx, &marks, "internet_gateway", id)?;
    let vpc = gateway.attachments().first().and_then(|attached| attached.vpc_id());
    let spec = InternetGatewaySpec { vpc: vpc.unwrap_or_default().to_owned().into() };
    Some(ready(address, id, spec, marks.intent(), outputs([("id", json!(id))])))
}

impl InternetGateways {
    async fn attach(&self, operation: &str, id: &str, vpc: &str) -> Result<(), CloudError> {
        let call = self.0.ec2.attach_internet_gateway().internet_gateway_id(id).vpc_id(vpc);
        match self.0.effect(operation, call.send()).await {
            Err(error) if error.kind == ErrorKind::NameTaken => Ok(()),
            other => other.map(|_| ()),
        }
    }
}

#[async_trait]
impl Unbatched for InternetGateways {
    type Spec = InternetGatewaySpec;
    const NAME: &'static str = "internet_gateway";

    /// Returns `Update` for any field: a gateway that was made and not attached (a killed run) is
    /// attached.
    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::Update
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Found<InternetGatewaySpec>>, CloudError> {
        self.select(cx, &Which::Owned).await
    }

    async fn mark_again(&self, cx: &Context, observed: &Observed) -> Result<(), CloudError> {
        self.0.tag_again(cx, observed).await
    }

    async fn select(
        &self,
        cx: &Context,
        which: &Which<'_>,
    ) -> Result<Vec<Found<InternetGatewaySpec>>, CloudError> {
        let all = self
            .0
            .read(cx, "list internet gateways", || {
                let pages = self
                    .0
                    .ec2
                    .describe_internet_gateways()
                    .filters(which.filter(cx, "internet-gateway-id"))
                    .into_paginator();
                pages.items().send().collect::<Result<Vec<_>, _>>()
            })
            .await?;
        Ok(all.iter().filter_map(|gateway| found(cx, which, gateway)).collect())
    }

    async fn make(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: InternetGatewaySpec,
    ) -> Result<Found<InternetGatewaySpec>, CloudError> {
        let operation = format!("create {}", request.address);
        let vpc = known(&operation, "vpc", &spec.vpc)?;
        let tags = self.0.tag_spec(cx, ResourceType::InternetGateway, request, &[]);
        let call = self.0.ec2.create_internet_gateway().tag_specifications(tags);
        let made = self.0.effect(&operation, call.send()).await?;
        let gateway = made.internet_gateway.ok_or_else(|| not_told(&operation))?;
        let id = gateway.internet_gateway_id().unwrap_or_default();
        self.attach(&operation, id, vpc).await?;
        let outputs = outputs([("id", json!(id))]);
        Ok(ready(request.address.clone(), id, spec, Some(request.intent_key.clone()), outputs))
    }

    async fn change(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        spec: InternetGatewaySpec,
    ) -> Result<Found<InternetGatewaySpec>, CloudError> {
        let observed = &request.observed;
        let operation = format!("update {}", observed.address);
        let vpc = known(&operation, "vpc", &spec.vpc)?;
        if let Some(old) = observed.spec.text("vpc").filter(|old| !old.is_empty() && old != vpc) {
            let call = self.0.ec2.detach_internet_gateway().internet_gateway_id(&observed.id);
            self.0.delete(&operation, call.vpc_id(old).send()).await?;
        }
        self.attach(&operation, &observed.id, vpc).await?;
        self.again(cx, observed).await
    }

    async fn remove(&self, _cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("delete {}", observed.address);
        if let Some(vpc) = observed.spec.text("vpc").filter(|vpc| !vpc.is_empty()) {
            let call = self.0.ec2.detach_internet_gateway().internet_gateway_id(&observed.id);
            match self.0.delete(&operation, call.vpc_id(vpc).send()).await {
                Err(error) if error.message.starts_with("Gateway.NotAttached") => {}
                other => other?,
            }
        }
        let call = self.0.ec2.delete_internet_gateway().internet_gateway_id(&observed.id);
        self.0.delete(&operation, call.send()).await?;
        Ok(true)
    }
}
