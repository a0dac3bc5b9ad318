//! `kubernetes_security_group`: made by a controller for a load balancer. The tag that controllers put
//! on what they make for this cluster is the mark; a group without it may be anybody's, also when it is
//! in the cluster's own network.

use std::sync::Arc;

use async_trait::async_trait;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, Found, ManagedBy, Observed, OnChange,
    never_created,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, ec2_marks, filter, outputs, owned, ready},
    blockers::explain,
    security_group::{forget, groups},
    strangers::In,
    unbatched::Unbatched,
};

/// A security group of a load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeSecurityGroupSpec {
    /// Its name: `k8s-elb-…`.
    pub name: String,
}

pub(crate) struct KubernetesSecurityGroups(pub(crate) Arc<Api>);

/// Lists the ids of the cluster's own networks.
pub(super) async fn own_vpcs(api: &Api, cx: &Context) -> Result<Vec<String>, CloudError> {
    let all = api
        .read(cx, "list VPCs", || {
            let pages = api.ec2.describe_vpcs().filters(owned(cx)).into_paginator();
            pages.items().send().collect::<Result<Vec<_>, _>>()
        })
        .await?;
    Ok(all.into_iter().filter_map(|vpc| vpc.vpc_id).collect())
}

#[async_trait]
impl Unbatched for KubernetesSecurityGroups {
    type Spec = MadeSecurityGroupSpec;
    const NAME: &'static str = "kubernetes_security_group";
    const KEYED: bool = true;

    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::CreateOnly
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Found<MadeSecurityGroupSpec>>, CloudError> {
        let vpcs = own_vpcs(&self.0, cx).await?;
        if vpcs.is_empty() {
            return Ok(Vec::new());
        }
        let all = groups(&self.0, cx, filter("vpc-id", vpcs)).await?;
        let made = all.iter().filter(|group| ec2_marks(group.tags()).is_kubernetes(&cx.owner));
        let found = made.map(|group| {
            let id = group.group_id().unwrap_or_default();
            let name = group.group_name().unwrap_or_default().to_owned();
            let address = Address::new(Self::NAME, id);
            let spec = MadeSecurityGroupSpec { name };
            let mut found = ready(address, id, spec, None, outputs([("id", json!(id))]));
            let object = "a Service of type LoadBalancer".to_owned();
            found.made_by = ManagedBy::Kubernetes { object };
            found
        });
        Ok(found.collect())
    }

    async fn make(
        &self,
        _cx: &Context,
        request: &CreateRequest,
        _spec: MadeSecurityGroupSpec,
    ) -> Result<Found<MadeSecurityGroupSpec>, CloudError> {
        Err(never_created(request))
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
