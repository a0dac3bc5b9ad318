//! `handover`: lets one machine read the files that it boots from, where machines share a role.
//!
//! A machine's id exists no sooner than the machine, so its files are published first and become
//! readable with this step. It belongs to one machine: one that is created again under the same name
//! is handed its own files.

use std::sync::Arc;

use async_trait::async_trait;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, Found, Input, ManagedBy, Observed, OnChange,
    RawJson, Readiness, Resource, UpdateRequest,
};
use infra_provisioning::node::{HandOver, end_hand_over, hand_overs};
use serde::{Deserialize, Serialize};

use super::{
    bootstrap_data::BootstrapData,
    errors::{local, of_store},
};

/// Says which machine a node's files are for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandoverSpec {
    /// The machine's ARN.
    pub machine: Input<String>,
}

/// The kind.
#[derive(Clone, Debug)]
pub struct Handovers(Arc<BootstrapData>);

impl Handovers {
    /// The name of the kind.
    pub const KIND: &str = "handover";

    /// Makes the kind for the files of `kits`.
    pub fn new(kits: Arc<BootstrapData>) -> Self {
        Self(kits)
    }

    /// Returns the address of the handover of a node's files.
    pub fn address(node: &str) -> Address {
        Address::new(Self::KIND, node)
    }

    async fn make(
        &self,
        node: &str,
        spec: HandoverSpec,
    ) -> Result<Found<HandoverSpec>, CloudError> {
        let operation = format!("hand its files over to the machine of {node}");
        let machine = spec.machine.known();
        let machine = machine.ok_or_else(|| local(&operation, "the machine's id is not known"))?;
        let to = HandOver { node: node.to_owned(), machine: machine.clone() };
        self.0.hand_over(&to).await?;
        Ok(found(&to))
    }
}

fn found(one: &HandOver) -> Found<HandoverSpec> {
    Found {
        address: Handovers::address(&one.node),
        id: one.machine.clone(),
        spec: HandoverSpec { machine: Input::Known(one.machine.clone()) },
        outputs: RawJson::default(),
        readiness: Readiness::Ready,
        intent_key: None,
        made_by: ManagedBy::Infra,
    }
}

#[async_trait]
impl Resource for Handovers {
    type Spec = HandoverSpec;

    fn name(&self) -> &'static str {
        Self::KIND
    }

    fn place(&self) -> infra_provider_api::Place {
        infra_provider_api::Place::Bucket
    }

    fn on_change(&self, field: &str) -> OnChange {
        if field == "machine" { OnChange::Replace } else { OnChange::CreateOnly }
    }

    async fn list_owned(&self, _: &Context) -> Result<Vec<Found<HandoverSpec>>, CloudError> {
        match hand_overs(self.0.bucket()).await {
            Ok(all) => Ok(all.iter().map(found).collect()),
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            Err(error) => Err(of_store("list the machines that were handed their files", &error)),
        }
    }

    async fn create(
        &self,
        _: &Context,
        requests: &[(CreateRequest, HandoverSpec)],
    ) -> Vec<Result<Found<HandoverSpec>, CloudError>> {
        let mut results = Vec::new();
        for (request, spec) in requests {
            results.push(self.make(request.address.name(), spec.clone()).await);
        }
        results
    }

    async fn update(
        &self,
        _: &Context,
        request: &UpdateRequest,
        spec: HandoverSpec,
    ) -> Result<Found<HandoverSpec>, CloudError> {
        self.make(request.observed.address.name(), spec).await
    }

    async fn delete(&self, _: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let node = observed.address.name();
        let of = HandOver { node: node.to_owned(), machine: observed.id.clone() };
        end_hand_over(self.0.bucket(), &of)
            .await
            .map_err(|error| of_store(&format!("forget the machine of {node}"), &error))?;
        Ok(true)
    }
}
