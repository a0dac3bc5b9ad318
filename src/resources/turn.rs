//! `turn`: lets one control plane after the other join, so that etcd never has two learners.

use async_trait::async_trait;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, Found, MadeBy, Observed, OnChange, Packed,
    Readiness, Resource, UpdateRequest,
};
use infra_provisioning::{node::grant_turn, store::Bucket};
use serde::{Deserialize, Serialize};

use super::errors::of_store;

/// Nothing but that it is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnSpec {}

/// The kind.
#[derive(Debug)]
pub struct Turns(pub Bucket);

fn found(node: &str) -> Found<TurnSpec> {
    Found {
        address: Address::new("turn", node),
        id: node.to_owned(),
        spec: TurnSpec {},
        outputs: Packed::default(),
        readiness: Readiness::Ready,
        intent_key: None,
        made_by: MadeBy::Infra,
    }
}

#[async_trait]
impl Resource for Turns {
    type Spec = TurnSpec;

    fn name(&self) -> &'static str {
        "turn"
    }

    fn on_change(&self, _: &str) -> OnChange {
        OnChange::CreateOnly
    }

    async fn list_owned(&self, _: &Context) -> Result<Vec<Found<TurnSpec>>, CloudError> {
        match self.0.list("turns/").await {
            Ok(objects) => Ok(objects
                .iter()
                .filter_map(|object| object.key.strip_prefix("turns/"))
                .map(found)
                .collect()),
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            Err(error) => Err(of_store("list the turns", &error)),
        }
    }

    async fn create(
        &self,
        _: &Context,
        requests: &[(CreateRequest, TurnSpec)],
    ) -> Vec<Result<Found<TurnSpec>, CloudError>> {
        let mut results = Vec::new();
        for (request, _) in requests {
            let node = request.address.name();
            results.push(
                grant_turn(&self.0, node)
                    .await
                    .map(|()| found(node))
                    .map_err(|error| of_store(&format!("let {node} join"), &error)),
            );
        }
        results
    }

    async fn update(
        &self,
        _: &Context,
        request: &UpdateRequest,
        _: TurnSpec,
    ) -> Result<Found<TurnSpec>, CloudError> {
        Ok(found(request.observed.address.name()))
    }

    async fn delete(&self, _: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let key = format!("turns/{}", observed.id);
        self.0.delete(&key).await.map_err(|error| of_store(&format!("delete {key}"), &error))?;
        Ok(true)
    }
}
