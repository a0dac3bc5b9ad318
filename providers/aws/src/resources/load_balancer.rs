//! `load_balancer`: the network load balancer in front of the API servers. Its name holds the
//! cluster's short id, so that it is found in one call; its tags decide.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use aws_sdk_elasticloadbalancingv2::types::{
    LoadBalancer, LoadBalancerSchemeEnum, LoadBalancerStateEnum, LoadBalancerTypeEnum,
};
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, Found, Input, KnownResource, ManagedBy, OWNERSHIP,
    Observed, OnChange, Owner, Readiness, UpdateRequest,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, all_known, inputs, not_told, outputs},
    blockers::with_command,
    unbatched::Unbatched,
    which::Which,
};
use crate::ownership::{self, Marks};

/// A network load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancerSpec {
    /// `internet-facing` or `internal`.
    pub scheme: String,
    /// The subnets it is in, one a zone.
    pub subnets: Vec<Input<String>>,
    /// Its security groups.
    pub security_groups: Vec<Input<String>>,
}

pub(crate) struct LoadBalancers(pub(crate) Arc<Api>);

/// Makes the name of what belongs to `what`: at most 32 characters are allowed.
pub(super) fn name_of(owner: &Owner, what: &str) -> String {
    format!("infra-{}-{what}", owner.short())
}

/// Reads the tags of each of `arns`.
pub(super) async fn tags_of(
    api: &Api,
    cx: &Context,
    arns: &[String],
) -> Result<HashMap<String, Marks>, CloudError> {
    let mut all = HashMap::new();
    // The API takes 20 at once.
    for some in arns.chunks(20) {
        let answer = api
            .read(cx, "look at tags of load balancers", || {
                api.elb.describe_tags().set_resource_arns(Some(some.to_vec())).send()
            })
            .await?;
        for one in answer.tag_descriptions() {
            let marks = Marks::of(one.tags().iter().map(|tag| (tag.key(), tag.value())));
            all.insert(one.resource_arn().unwrap_or_default().to_owned(), marks);
        }
    }
    Ok(all)
}

impl Api {
    /// Returns the load balancers that `which` asks for, with their tags: those of the cluster's
    /// name, or those of the ids that still exist.
    pub(super) async fn balancers(
        &self,
        cx: &Context,
        which: &Which<'_>,
    ) -> Result<Vec<(LoadBalancer, Marks)>, CloudError> {
        let (elb, name) = (&self.elb, name_of(&cx.owner, "api"));
        let calls = match which.asked() {
            None => vec![elb.describe_load_balancers().names(name)],
            // One id that is gone fails a call as a whole.
            Some(known) => {
                let by_id =
                    |one: &KnownResource| elb.describe_load_balancers().load_balancer_arns(&one.id);
                known.iter().map(by_id).collect()
            }
        };
        let mut all = Vec::new();
        for call in calls {
            let listed = self.find(cx, "list load balancers", || call.clone().send()).await?;
            all.extend(listed.and_then(|listed| listed.load_balancers).unwrap_or_default());
        }
        let arns: Vec<String> =
            all.iter().filter_map(|one| one.load_balancer_arn().map(str::to_owned)).collect();
        let mut tags = tags_of(self, cx, &arns).await?;
        let marked = all.into_iter().filter_map(|one| {
            let marks = tags.remove(one.load_balancer_arn()?)?;
            Some((one, marks))
        });
        Ok(marked.collect())
    }

    /// Puts the owner's tag back on a load balancer, or a part of one, with its name.
    pub(super) async fn tag_balancer_again(
        &self,
        cx: &Context,
        observed: &Observed,
    ) -> Result<(), CloudError> {
        let tags = ownership::ownership(&cx.owner, &observed.address);
        let tags = ownership::sdk_tags!(aws_sdk_elasticloadbalancingv2, tags);
        let call = self.elb.add_tags().resource_arns(&observed.id).set_tags(Some(tags));
        self.effect(&format!("tag {}", observed.address), call.send()).await.map(drop)
    }
}

pub(super) fn readiness(balancer: &LoadBalancer) -> Readiness {
    let state = balancer.state();
    match state.and_then(|state| state.code()) {
        Some(LoadBalancerStateEnum::Active | LoadBalancerStateEnum::ActiveImpaired) => {
            Readiness::Ready
        }
        Some(LoadBalancerStateEnum::Failed) => {
            let reason = state.and_then(|state| state.reason()).unwrap_or("it failed");
            Readiness::failed(reason)
        }
        _ => Readiness::Pending { reason: "state provisioning".to_owned() },
    }
}

fn found(
    address: Address,
    balancer: &LoadBalancer,
    key: Option<String>,
) -> Found<LoadBalancerSpec> {
    let arn = balancer.load_balancer_arn().unwrap_or_default();
    let zones = balancer.availability_zones().iter();
    let scheme = balancer.scheme().map_or("internet-facing", LoadBalancerSchemeEnum::as_str);
    let spec = LoadBalancerSpec {
        scheme: scheme.to_owned(),
        subnets: inputs(zones.filter_map(|zone| zone.subnet_id())),
        security_groups: inputs(balancer.security_groups().iter().map(String::as_str)),
    };
    let host = balancer.dns_name().unwrap_or_default().to_lowercase();
    let outputs = outputs([
        ("id", json!(arn)),
        ("host", json!(host)),
        ("zone_id", json!(balancer.canonical_hosted_zone_id())),
    ]);
    Found {
        readiness: readiness(balancer),
        address,
        id: arn.to_owned(),
        spec,
        outputs: outputs.into(),
        intent_key: key,
        made_by: ManagedBy::Infra,
    }
}

#[async_trait]
impl Unbatched for LoadBalancers {
    type Spec = LoadBalancerSpec;
    const NAME: &'static str = "load_balancer";

    fn on_change(&self, field: &str) -> OnChange {
        if field == "scheme" { OnChange::Replace } else { OnChange::Update }
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Found<LoadBalancerSpec>>, CloudError> {
        self.select(cx, &Which::Owned).await
    }

    async fn mark_again(&self, cx: &Context, observed: &Observed) -> Result<(), CloudError> {
        self.0.tag_balancer_again(cx, observed).await
    }

    async fn select(
        &self,
        cx: &Context,
        which: &Which<'_>,
    ) -> Result<Vec<Found<LoadBalancerSpec>>, CloudError> {
        let all = self.0.balancers(cx, which).await?;
        let found = all.iter().filter_map(|(balancer, marks)| {
            let id = balancer.load_balancer_arn().unwrap_or_default();
            Some(found(which.address(cx, marks, Self::NAME, id)?, balancer, marks.intent()))
        });
        Ok(found.collect())
    }

    async fn make(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: LoadBalancerSpec,
    ) -> Result<Found<LoadBalancerSpec>, CloudError> {
        let operation = format!("create {}", request.address);
        let tags =
            ownership::sdk_tags!(aws_sdk_elasticloadbalancingv2, self.0.tags(cx, request, &[]));
        let call = self
            .0
            .elb
            .create_load_balancer()
            .name(name_of(&cx.owner, request.address.name()))
            .r#type(LoadBalancerTypeEnum::Network)
            .scheme(LoadBalancerSchemeEnum::from(spec.scheme.as_str()))
            .set_subnets(Some(all_known(&operation, "subnets", &spec.subnets)?))
            .set_security_groups(Some(all_known(
                &operation,
                "security_groups",
                &spec.security_groups,
            )?))
            .set_tags(Some(tags));
        let made = self.0.effect(&operation, call.send()).await?;
        let balancer = made.load_balancers().first().ok_or_else(|| not_told(&operation))?;
        Ok(found(request.address.clone(), balancer, Some(request.intent_key.clone())))
    }

    async fn change(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        spec: LoadBalancerSpec,
    ) -> Result<Found<LoadBalancerSpec>, CloudError> {
        let observed = &request.observed;
        let operation = format!("update {}", observed.address);
        for field in &request.changed {
            if field == OWNERSHIP {
                continue;
            }
            if field == "subnets" {
                let subnets = all_known(&operation, field, &spec.subnets)?;
                let call = self.0.elb.set_subnets().load_balancer_arn(&observed.id);
                self.0.effect(&operation, call.set_subnets(Some(subnets)).send()).await?;
            } else {
                let groups = all_known(&operation, field, &spec.security_groups)?;
                let call = self.0.elb.set_security_groups().load_balancer_arn(&observed.id);
                self.0.effect(&operation, call.set_security_groups(Some(groups)).send()).await?;
            }
        }
        self.again(cx, observed).await
    }

    async fn remove(&self, _cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("delete {}", observed.address);
        let call = self.0.elb.delete_load_balancer().load_balancer_arn(&observed.id).send();
        match self.0.delete(&operation, call).await {
            Ok(()) => Ok(true),
            Err(error) => Err(with_command(&self.0, error, Self::NAME, &observed.id)),
        }
    }
}
