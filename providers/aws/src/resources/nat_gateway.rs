//! `nat_gateway`: how machines without public addresses reach the outside.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use aws_sdk_ec2::types::{NatGateway, NatGatewayState, ResourceType};
use infra_provider_api::{
    CloudError, Context, CreateRequest, Found, Input, Observed, OnChange, Readiness, Waits,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, ec2_marks, filter, known, not_told, outputs, ready},
    unbatched::Unbatched,
    which::Which,
};

/// A NAT gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NatGatewaySpec {
    /// The public subnet that it is in.
    pub subnet: Input<String>,
    /// Its address.
    pub allocation: Input<String>,
}

pub(crate) struct NatGateways(pub(crate) Arc<Api>);

fn found(cx: &Context, which: &Which<'_>, gateway: &NatGateway) -> Option<Found<NatGatewaySpec>> {
    let marks = ec2_marks(gateway.tags());
    let id = gateway.nat_gateway_id().unwrap_or_default();
    let address = which.address(cx, &marks, "nat_gateway", id)?;
    let allocation = gateway.nat_gateway_addresses().first().and_then(|one| one.allocation_id());
    let spec = NatGatewaySpec {
        subnet: gateway.subnet_id().unwrap_or_default().to_owned().into(),
        allocation: allocation.unwrap_or_default().to_owned().into(),
    };
    let mut found = ready(address, id, spec, marks.intent(), outputs([("id", json!(id))]));
    found.readiness = match gateway.state() {
        Some(NatGatewayState::Available) => Readiness::Ready,
        Some(NatGatewayState::Failed) => {
            Readiness::failed(gateway.failure_message().unwrap_or("it failed"))
        }
        Some(NatGatewayState::Deleting) => Readiness::failed("it is being deleted"),
        state => Readiness::Pending {
            reason: format!("state {}", state.map_or("unknown", NatGatewayState::as_str)),
        },
    };
    Some(found)
}

#[async_trait]
impl Unbatched for NatGateways {
    type Spec = NatGatewaySpec;
    const NAME: &'static str = "nat_gateway";
    const KEYED: bool = true;

    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::Replace
    }

    fn waits(&self) -> Waits {
        // A few minutes either way, says the vendor.
        Waits {
            poll_min: Duration::from_secs(1),
            poll_max: Duration::from_secs(10),
            ..Waits::default()
        }
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Found<NatGatewaySpec>>, CloudError> {
        self.select(cx, &Which::Owned).await
    }

    async fn mark_again(&self, cx: &Context, observed: &Observed) -> Result<(), CloudError> {
        self.0.tag_again(cx, observed).await
    }

    async fn select(
        &self,
        cx: &Context,
        which: &Which<'_>,
    ) -> Result<Vec<Found<NatGatewaySpec>>, CloudError> {
        // Deleted ones stay in the list for an hour.
        let states = filter("state", ["pending", "available", "failed", "deleting"]);
        let all = self
            .0
            .read(cx, "list NAT gateways", || {
                let call =
                    self.0.ec2.describe_nat_gateways().filter(which.filter(cx, "nat-gateway-id"));
                let pages = call.filter(states.clone()).into_paginator();
                pages.items().send().collect::<Result<Vec<_>, _>>()
            })
            .await?;
        Ok(all.iter().filter_map(|gateway| found(cx, which, gateway)).collect())
    }

    async fn make(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: NatGatewaySpec,
    ) -> Result<Found<NatGatewaySpec>, CloudError> {
        let operation = format!("create {}", request.address);
        let tags = self.0.tag_spec(cx, ResourceType::Natgateway, request, &[]);
        let call = self
            .0
            .ec2
            .create_nat_gateway()
            .subnet_id(known(&operation, "subnet", &spec.subnet)?)
            .allocation_id(known(&operation, "allocation", &spec.allocation)?)
            .client_token(&request.intent_key)
            .tag_specifications(tags);
        let made = self.0.effect(&operation, call.send()).await?;
        let gateway = made.nat_gateway.ok_or_else(|| not_told(&operation))?;
        found(cx, &Which::Owned, &gateway).ok_or_else(|| not_told(&operation))
    }

    async fn remove(&self, _cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("delete {}", observed.address);
        let call = self.0.ec2.delete_nat_gateway().nat_gateway_id(&observed.id).send();
        self.0.delete(&operation, call).await?;
        Ok(false)
    }
}
