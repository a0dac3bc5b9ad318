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
    unbatched::Unbatched,
    which::Which,
};
use crate::ownership;

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

impl Listeners {
    /// Returns the listeners of the cluster's load balancers, or those of the ids that still exist.
    async fn listeners(
        &self,
        cx: &Context,
        which: &Which<'_>,
    ) -> Result<Vec<Listener>, CloudError> {
        let elb = &self.0.elb;
        let calls: Vec<_> = match which.asked() {
            None => {
                let mut all = self.0.balancers(cx, which).await?;
                all.retain(|(_, marks)| marks.is_of(&cx.owner));
                let arns = all.iter().filter_map(|(balancer, _)| balancer.load_balancer_arn());
                arns.map(|arn| elb.describe_listeners().load_balancer_arn(arn)).collect()
            }
            // One id that is gone fails a call as a whole.
            Some(known) => {
                known.iter().map(|one| elb.describe_listeners().listener_arns(&one.id)).collect()
            }
        };
        let mut all = Vec::new();
        for call in calls {
            let listed = self.0.find(cx, "list listeners", || call.clone().send()).await?;
            all.extend(listed.and_then(|listed| listed.listeners).unwrap_or_default());
        }
        Ok(all)
    }
}

#[async_trait]
impl Unbatched for Listeners {
    type Spec = ListenerSpec;
    const NAME: &'static str = "listener";

    fn on_change(&self, field: &str) -> OnChange {
        if field == "load_balancer" { OnChange::Replace } else { OnChange::Update }
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Found<ListenerSpec>>, CloudError> {
        self.select(cx, &Which::Owned).await
    }

    async fn mark_again(&self, cx: &Context, observed: &Observed) -> Result<(), CloudError> {
        self.0.tag_balancer_again(cx, observed).await
    }

    async fn select(
        &self,
        cx: &Context,
        which: &Which<'_>,
    ) -> Result<Vec<Found<ListenerSpec>>, CloudError> {
        let listeners = self.listeners(cx, which).await?;
        let arns: Vec<String> =
            listeners.iter().filter_map(|one| one.listener_arn().map(str::to_owned)).collect();
        let tags = tags_of(&self.0, cx, &arns).await?;
        let found = listeners.iter().filter_map(|listener| {
            let arn = listener.listener_arn()?;
            let marks = tags.get(arn)?;
            Some(found(which.address(cx, marks, Self::NAME, arn)?, listener, marks.intent()))
        });
        Ok(found.collect())
    }

    async fn make(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: ListenerSpec,
    ) -> Result<Found<ListenerSpec>, CloudError> {
        let operation = format!("create {}", request.address);
        let tags =
            ownership::sdk_tags!(aws_sdk_elasticloadbalancingv2, self.0.tags(cx, request, &[]));
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
