//! `elastic_ip`: a public address that stays.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ec2::types::{Address as Allocated, DomainType, ResourceType};
use infra_provider_api::{CloudError, Context, CreateRequest, Found, Observed, OnChange, Outputs};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, ec2_marks, outputs, ready},
    unbatched::Unbatched,
    which::Which,
};

/// A public address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElasticIpSpec {
    /// `vpc`.
    pub domain: String,
}

pub(crate) struct ElasticIps(pub(crate) Arc<Api>);

fn told(id: &str, ip: Option<&str>) -> Outputs {
    let range = ip.map(|ip| format!("{ip}/32"));
    outputs([("id", json!(id)), ("ip", json!(ip)), ("range", json!(range))])
}

fn found(cx: &Context, which: &Which<'_>, allocated: &Allocated) -> Option<Found<ElasticIpSpec>> {
    let marks = ec2_marks(allocated.tags());
    let id = allocated.allocation_id().unwrap_or_default();
    let address = which.address(cx, &marks, "elastic_ip", id)?;
    let outputs = told(id, allocated.public_ip());
    let spec = ElasticIpSpec { domain: "vpc".to_owned() };
    Some(ready(address, id, spec, marks.intent(), outputs))
}

#[async_trait]
impl Unbatched for ElasticIps {
    type Spec = ElasticIpSpec;
    const NAME: &'static str = "elastic_ip";

    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::Replace
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Found<ElasticIpSpec>>, CloudError> {
        self.select(cx, &Which::Owned).await
    }

    async fn mark_again(&self, cx: &Context, observed: &Observed) -> Result<(), CloudError> {
        self.0.tag_again(cx, observed).await
    }

    async fn select(
        &self,
        cx: &Context,
        which: &Which<'_>,
    ) -> Result<Vec<Found<ElasticIpSpec>>, CloudError> {
        // Not paged: an account has few.
        let all = self
            .0
            .read(cx, "list elastic IPs", || {
                self.0.ec2.describe_addresses().filters(which.filter(cx, "allocation-id")).send()
            })
            .await?;
        Ok(all.addresses().iter().filter_map(|allocated| found(cx, which, allocated)).collect())
    }

    async fn make(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: ElasticIpSpec,
    ) -> Result<Found<ElasticIpSpec>, CloudError> {
        let operation = format!("create {}", request.address);
        let tags = self.0.tag_spec(cx, ResourceType::ElasticIp, request, &[]);
        let call = self.0.ec2.allocate_address().domain(DomainType::Vpc).tag_specifications(tags);
        let made = self.0.effect(&operation, call.send()).await?;
        let id = made.allocation_id().unwrap_or_default();
        let outputs = told(id, made.public_ip());
        Ok(ready(request.address.clone(), id, spec, Some(request.intent_key.clone()), outputs))
    }

    async fn remove(&self, _cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("delete {}", observed.address);
        let call = self.0.ec2.release_address().allocation_id(&observed.id).send();
        self.0.delete(&operation, call).await?;
        Ok(true)
    }
}
