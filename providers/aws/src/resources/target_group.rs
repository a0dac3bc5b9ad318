//! `target_group`: the API servers behind the load balancer, and how their health is asked.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_elasticloadbalancingv2::types::{
    ProtocolEnum, TargetGroup, TargetGroupAttribute, TargetTypeEnum,
};
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, Found, Input, KnownResource, Observed, OnChange,
    UpdateRequest,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, known, not_told, outputs, ready},
    load_balancer::{name_of, tags_of},
    unbatched::Unbatched,
    which::Which,
};
use crate::ownership::{self, Marks};

const PRESERVE: &str = "preserve_client_ip.enabled";

/// A target group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetGroupSpec {
    /// Its network.
    pub vpc: Input<String>,
    /// The port on each target.
    pub port: u16,
    /// The path asked for by HTTPS; a target that answers with 200 is healthy.
    pub check_path: String,
    /// Seconds between two checks.
    pub check_interval_s: i32,
    /// Whether targets see the client's address. If they do, a control plane can't reach itself
    /// through the load balancer.
    pub client_addresses: bool,
}

pub(crate) struct TargetGroups(pub(crate) Arc<Api>);

impl Api {
    /// Returns the target groups that `which` asks for, with their tags: those of the cluster's
    /// name, or those of the ids that still exist.
    pub(super) async fn target_groups(
        &self,
        cx: &Context,
        which: &Which<'_>,
    ) -> Result<Vec<(TargetGroup, Marks)>, CloudError> {
        let (elb, name) = (&self.elb, name_of(&cx.owner, "api"));
        let calls = match which.asked() {
            None => vec![elb.describe_target_groups().names(name)],
            // One id that is gone fails a call as a whole.
            Some(known) => {
                let by_id =
                    |one: &KnownResource| elb.describe_target_groups().target_group_arns(&one.id);
                known.iter().map(by_id).collect()
            }
        };
        let mut all = Vec::new();
        for call in calls {
            let listed = self.find(cx, "list target groups", || call.clone().send()).await?;
            all.extend(listed.and_then(|listed| listed.target_groups).unwrap_or_default());
        }
        let arns: Vec<String> =
            all.iter().filter_map(|one| one.target_group_arn().map(str::to_owned)).collect();
        let mut tags = tags_of(self, cx, &arns).await?;
        let marked = all.into_iter().filter_map(|one| {
            let marks = tags.remove(one.target_group_arn()?)?;
            Some((one, marks))
        });
        Ok(marked.collect())
    }
}

fn found(
    address: Address,
    group: &TargetGroup,
    client_addresses: bool,
    key: Option<String>,
) -> Found<TargetGroupSpec> {
    let arn = group.target_group_arn().unwrap_or_default();
    let spec = TargetGroupSpec {
        vpc: group.vpc_id().unwrap_or_default().to_owned().into(),
        port: group.port().and_then(|port| u16::try_from(port).ok()).unwrap_or_default(),
        check_path: group.health_check_path().unwrap_or_default().to_owned(),
        check_interval_s: group.health_check_interval_seconds().unwrap_or_default(),
        client_addresses,
    };
    ready(address, arn, spec, key, outputs([("id", json!(arn))]))
}

impl TargetGroups {
    async fn set_client_addresses(
        &self,
        operation: &str,
        arn: &str,
        on: bool,
    ) -> Result<(), CloudError> {
        let attribute = |key: &str, value: String| {
            TargetGroupAttribute::builder().key(key).value(value).build()
        };
        let call = self
            .0
            .elb
            .modify_target_group_attributes()
            .target_group_arn(arn)
            .attributes(attribute(PRESERVE, on.to_string()))
            .attributes(attribute("deregistration_delay.timeout_seconds", "30".to_owned()));
        self.0.effect(operation, call.send()).await.map(|_| ())
    }
}

#[async_trait]
impl Unbatched for TargetGroups {
    type Spec = TargetGroupSpec;
    const NAME: &'static str = "target_group";

    fn on_change(&self, field: &str) -> OnChange {
        match field {
            "vpc" | "port" => OnChange::Replace,
            _ => OnChange::Update,
        }
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Found<TargetGroupSpec>>, CloudError> {
        self.select(cx, &Which::Owned).await
    }

    async fn mark_again(&self, cx: &Context, observed: &Observed) -> Result<(), CloudError> {
        self.0.tag_balancer_again(cx, observed).await
    }

    async fn select(
        &self,
        cx: &Context,
        which: &Which<'_>,
    ) -> Result<Vec<Found<TargetGroupSpec>>, CloudError> {
        let mut all = Vec::new();
        for (group, marks) in self.0.target_groups(cx, which).await? {
            let arn = group.target_group_arn().unwrap_or_default();
            let Some(address) = which.address(cx, &marks, Self::NAME, arn) else { continue };
            let attributes = self
                .0
                .read(cx, "look at a target group", || {
                    self.0.elb.describe_target_group_attributes().target_group_arn(arn).send()
                })
                .await?;
            // On for targets named by instance, unless said otherwise.
            let on = attributes.attributes().iter().find(|one| one.key() == Some(PRESERVE));
            let on = on.is_none_or(|one| one.value() != Some("false"));
            all.push(found(address, &group, on, marks.intent()));
        }
        Ok(all)
    }

    async fn make(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: TargetGroupSpec,
    ) -> Result<Found<TargetGroupSpec>, CloudError> {
        let operation = format!("create {}", request.address);
        let tags =
            ownership::sdk_tags!(aws_sdk_elasticloadbalancingv2, self.0.tags(cx, request, &[]));
        let call = self
            .0
            .elb
            .create_target_group()
            .name(name_of(&cx.owner, request.address.name()))
            .protocol(ProtocolEnum::Tcp)
            .port(i32::from(spec.port))
            .vpc_id(known(&operation, "vpc", &spec.vpc)?)
            .target_type(TargetTypeEnum::Instance)
            .health_check_protocol(ProtocolEnum::Https)
            .health_check_path(&spec.check_path)
            .health_check_interval_seconds(spec.check_interval_s)
            .healthy_threshold_count(2)
            .unhealthy_threshold_count(2)
            .set_tags(Some(tags));
        let made = self.0.effect(&operation, call.send()).await?;
        let group = made.target_groups().first().ok_or_else(|| not_told(&operation))?;
        let arn = group.target_group_arn().unwrap_or_default();
        self.set_client_addresses(&operation, arn, spec.client_addresses).await?;
        let key = Some(request.intent_key.clone());
        Ok(found(request.address.clone(), group, spec.client_addresses, key))
    }

    async fn change(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        spec: TargetGroupSpec,
    ) -> Result<Found<TargetGroupSpec>, CloudError> {
        let observed = &request.observed;
        let operation = format!("update {}", observed.address);
        let call = self
            .0
            .elb
            .modify_target_group()
            .target_group_arn(&observed.id)
            .health_check_protocol(ProtocolEnum::Https)
            .health_check_path(&spec.check_path)
            .health_check_interval_seconds(spec.check_interval_s);
        self.0.effect(&operation, call.send()).await?;
        self.set_client_addresses(&operation, &observed.id, spec.client_addresses).await?;
        self.again(cx, observed).await
    }

    async fn remove(&self, _cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("delete {}", observed.address);
        let call = self.0.elb.delete_target_group().target_group_arn(&observed.id).send();
        self.0.delete(&operation, call).await?;
        Ok(true)
    }
}
