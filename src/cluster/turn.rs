//! `turn`: lets one control plane after the other join, so that etcd never has two learners.
//!
//! It is given to one machine. One that is created again under the same name waits for its own.

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures::future::try_join_all;
use infra_object_store::Bucket;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, Found, Input, ManagedBy, Observed, OnChange,
    Place, RawJson, Readiness, Resource, UpdateRequest,
};
use infra_provisioning::node::grant_turn;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::errors::of_store;

/// Says whom it is given to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnSpec {
    /// The cloud's id of the machine that may join.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<Input<Value>>,
}

/// The kind.
#[derive(Debug)]
pub struct Turns {
    bucket: Bucket,
    /// The cloud's ids of the machines that exist, by name.
    machines: BTreeMap<String, Value>,
}

impl Turns {
    /// Turns in `bucket`; `machines` are the cloud's ids of those that exist, by name.
    pub fn new(bucket: Bucket, machines: BTreeMap<String, Value>) -> Self {
        Self { bucket, machines }
    }

    /// Reads whom the turn of `node` is given to; `None` if a list showed one that is taken back. Those
    /// of earlier versions do not tell: they were given to the machine that is there.
    async fn read(&self, node: &str) -> Result<Option<Found<TurnSpec>>, CloudError> {
        let key = format!("turns/{node}");
        let body = self.bucket.get_optional(&key).await;
        let Some(body) = body.map_err(|error| of_store(&format!("read {key}"), &error))? else {
            return Ok(None);
        };
        let told = serde_json::from_slice(&body).ok();
        let machine = told.or_else(|| self.machines.get(node).cloned());
        Ok(Some(found(node, TurnSpec { machine: machine.map(Input::Known) })))
    }
}

fn found(node: &str, spec: TurnSpec) -> Found<TurnSpec> {
    Found {
        address: Address::new("turn", node),
        id: node.to_owned(),
        spec,
        outputs: RawJson::default(),
        readiness: Readiness::Ready,
        intent_key: None,
        made_by: ManagedBy::Infra,
    }
}

#[async_trait]
impl Resource for Turns {
    type Spec = TurnSpec;

    fn name(&self) -> &'static str {
        "turn"
    }

    fn place(&self) -> Place {
        Place::Bucket
    }

    fn on_change(&self, field: &str) -> OnChange {
        if field == "machine" { OnChange::Replace } else { OnChange::CreateOnly }
    }

    async fn list_owned(&self, _: &Context) -> Result<Vec<Found<TurnSpec>>, CloudError> {
        let objects = match self.bucket.list("turns/").await {
            Ok(objects) => objects,
            Err(error) if error.is_not_found() => return Ok(Vec::new()),
            Err(error) => return Err(of_store("list the turns", &error)),
        };
        let nodes = objects.iter().filter_map(|object| object.key.strip_prefix("turns/"));
        let read = try_join_all(nodes.map(|node| self.read(node))).await?;
        Ok(read.into_iter().flatten().collect())
    }

    async fn create(
        &self,
        _: &Context,
        requests: &[(CreateRequest, TurnSpec)],
    ) -> Vec<Result<Found<TurnSpec>, CloudError>> {
        let mut results = Vec::new();
        for (request, spec) in requests {
            let node = request.address.name();
            let machine = spec.machine.as_ref().and_then(Input::known);
            let machine = machine.map_or_else(|| "null".to_owned(), Value::to_string);
            results.push(
                grant_turn(&self.bucket, node, &machine)
                    .await
                    .map(|()| found(node, spec.clone()))
                    .map_err(|error| of_store(&format!("let {node} join"), &error)),
            );
        }
        results
    }

    async fn update(
        &self,
        _: &Context,
        request: &UpdateRequest,
        spec: TurnSpec,
    ) -> Result<Found<TurnSpec>, CloudError> {
        Ok(found(request.observed.address.name(), spec))
    }

    async fn delete(&self, _: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let key = format!("turns/{}", observed.id);
        self.bucket
            .delete(&key)
            .await
            .map_err(|error| of_store(&format!("delete {key}"), &error))?;
        Ok(true)
    }
}
