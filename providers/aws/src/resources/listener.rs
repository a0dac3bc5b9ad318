//! `listener`: the port of the load balancer.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_elasticloadbalancingv2::types::{Action, ActionTypeEnum, Listener, ProtocolEnum};
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, Found, Input, Observed, OnChange, UpdateRequest,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, known, not_told, outputs, ready},
    load_balancer::tags_of,
    solo::Solo,
};
use crate::marks;

/// A listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerSpec {
    /// Its load balancer.
    pub load_balancer: Input<String>,
    /// The port clients use.
    pub port: u16,
    /// Where connections go.
    pub target_group: Input<String>,
}

pub(crate) struct Listeners(pub(crate) Arc<Api>);

fn found(address: Address, listener: &Listener, key: Option<String>) -> Found<ListenerSpec> {
    let arn = listener.listener_arn().unwrap_or_default();
    let action = listener.default_actions().first();
    let group = action.and_then(|action| action.target_group_arn());
    let spec = ListenerSpec {
        load_balancer: listener.load_balancer_arn().unwrap_or_default().to_owned().into(),
        port: listener.port().and_then(|port| u16::try_from(port).ok()).unwrap_or_default(),
        target_group: group.unwrap_or_default().to_owned().into(),
    };
    ready(address, arn, spec, key, outputs([("id", json!(arn))]))
}

fn forward(operation: &str, spec: &ListenerSpec) -> Result<Action, CloudError> {
    let group = known(operation, "target_group", &spec.target_group)?;
    Ok(Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn(group).build())
}

#[async_trait]
impl Solo for Listeners {
    type Spec = ListenerSpec;
    const NAME: &'static str = "listener";

    fn on_change(&self, field: &str) -> OnChange {
        if field == "load_balancer" { OnChange::Replace } else { OnChange::Update }
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Found<ListenerSpec>>, CloudError> {
        let mut all = Vec::new();
        for (balancer, _) in self.0.own_balancers(cx).await? {
            let arn = balancer.load_balancer_arn().unwrap_or_default();
            let listed = self
                .0
                .find(cx, "list listeners", || {
                    self.0.elb.describe_listeners().load_balancer_arn(arn).send()
                })
                .await?;
            let listeners = listed.and_then(|listed| listed.listeners).unwrap_or_default();
            let arns: Vec<String> =
                listeners.iter().filter_map(|one| one.listener_arn().map(str::to_owned)).collect();
            let tags = tags_of(&self.0, cx, &arns).await?;
            for listener in &listeners {
                let Some(marks) = listener.listener_arn().and_then(|arn| tags.get(arn)) else {
                    continue;
                };
                if let Some(address) = marks.address(&cx.owner, Self::NAME) {
                    all.push(found(address, listener, marks.intent()));
                }
            }
        }
        Ok(all)
    }

    async fn make(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: ListenerSpec,
    ) -> Result<Found<ListenerSpec>, CloudError> {
        let operation = format!("create {}", request.address);
        let tags = marks::sdk_tags!(aws_sdk_elasticloadbalancingv2, self.0.tags(cx, request, &[]));
        let call = self
            .0
            .elb
            .create_listener()
            .load_balancer_arn(known(&operation, "load_balancer", &spec.load_balancer)?)
            .protocol(ProtocolEnum::Tcp)
            .port(i32::from(spec.port))
            .default_actions(forward(&operation, &spec)?)
            .set_tags(Some(tags));
        let made = self.0.effect(&operation, call.send()).await?;
        let listener = made.listeners().first().ok_or_else(|| not_told(&operation))?;
        Ok(found(request.address.clone(), listener, Some(request.intent_key.clone())))
    }

    async fn change(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        spec: ListenerSpec,
    ) -> Result<Found<ListenerSpec>, CloudError> {
        let observed = &request.observed;
        let operation = format!("update {}", observed.address);
        let call = self
            .0
            .elb
            .modify_listener()
            .listener_arn(&observed.id)
            .port(i32::from(spec.port))
            .default_actions(forward(&operation, &spec)?);
        self.0.effect(&operation, call.send()).await?;
        self.again(cx, observed).await
    }

    async fn remove(&self, _cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("delete {}", observed.address);
        let call = self.0.elb.delete_listener().listener_arn(&observed.id).send();
        self.0.delete(&operation, call).await?;
        Ok(true)
    }
}
