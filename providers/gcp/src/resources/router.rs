//! `router`: the way of machines without a public address to the outside. Its exact name is the mark.

use std::sync::Arc;

use async_trait::async_trait;
use infra_provider_api::{CloudError, Context, Input, OnChange, UpdateRequest};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::{
    api::{Api, known},
    named::{Head, Named, link_input, patch},
};
use crate::{
    client::last_segment,
    wire::{Nat, Router},
};

/// A router with one translation of addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterSpec {
    /// The link of its network.
    pub network: Input<String>,
    /// The region.
    pub region: String,
    /// Its translation; `None` if somebody took it away.
    pub nat: Option<NatSpec>,
}

/// A translation of addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NatSpec {
    /// Where its addresses come from: `AUTO_ONLY`.
    pub addresses: String,
    /// Whose addresses it translates: `ALL_SUBNETWORKS_ALL_IP_RANGES`.
    pub sources: String,
}

impl Default for NatSpec {
    /// Returns the translation that clusters have: for all subnets, with addresses of Google's choice.
    fn default() -> Self {
        let (addresses, sources) =
            ("AUTO_ONLY".to_owned(), "ALL_SUBNETWORKS_ALL_IP_RANGES".to_owned());
        Self { addresses, sources }
    }
}

/// The name of the translation, which is unique within its router only.
const NAT: &str = "nat";

pub(crate) struct Routers(pub(crate) Arc<Api>);

impl Api {
    /// Returns the address of the list of the region's routers.
    pub(super) fn routers_url(&self) -> Url {
        self.client.compute(&["regions", &self.scope.region, "routers"])
    }
}

fn nats(spec: &RouterSpec) -> Vec<Nat> {
    let nat = |nat: &NatSpec| Nat {
        name: NAT.to_owned(),
        nat_ip_allocate_option: nat.addresses.clone(),
        source_subnetwork_ip_ranges_to_nat: nat.sources.clone(),
    };
    spec.nat.iter().map(nat).collect()
}

#[async_trait]
impl Named for Routers {
    type Spec = RouterSpec;
    type Wire = Router;
    const KIND: &'static str = "router";

    fn api(&self) -> &Api {
        &self.0
    }

    fn list_url(&self) -> Url {
        self.0.routers_url()
    }

    fn head<'a>(&self, wire: &'a Router) -> Head<'a> {
        let Router { name, description, self_link, .. } = wire;
        Head { name, description, self_link }
    }

    fn spec(&self, wire: &Router) -> RouterSpec {
        let nat = wire.nats.iter().find(|nat| nat.name == NAT).map(|nat| NatSpec {
            addresses: nat.nat_ip_allocate_option.clone(),
            sources: nat.source_subnetwork_ip_ranges_to_nat.clone(),
        });
        let region = last_segment(&wire.region).to_owned();
        RouterSpec { network: link_input(&wire.network), region, nat }
    }

    fn body(&self, operation: &str, spec: &RouterSpec) -> Result<Value, CloudError> {
        let network = known(operation, "network", &spec.network)?;
        Ok(json!({"network": network, "region": spec.region, "nats": nats(spec)}))
    }

    fn on_change(&self, field: &str) -> OnChange {
        match field {
            "nat" => OnChange::Update,
            _ => OnChange::Replace,
        }
    }

    async fn change(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        spec: &RouterSpec,
        _now: &Router,
    ) -> Result<(), CloudError> {
        // The list is replaced as a whole: a second translation of the same machines would be refused.
        patch(self, cx, request, &json!({"nats": nats(spec)})).await
    }
}
