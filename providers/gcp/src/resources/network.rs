//! `network`: a private network. Its exact name is the mark.

use std::sync::Arc;

use async_trait::async_trait;
use infra_provider_api::{CloudError, Context, ErrorKind, Observed, OnChange, UpdateRequest};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::{
    api::{Api, nothing_to_update},
    named::{Head, Named},
    strangers::explain_members,
};
use crate::{client::project_path, wire::Network};

/// A private network. Its subnets are made one by one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkSpec {
    /// How far its routes reach: `REGIONAL`.
    pub routing: String,
}

pub(crate) struct Networks(pub(crate) Arc<Api>);

impl Api {
    /// Returns the address of the list of networks.
    pub(super) fn networks_url(&self) -> Url {
        self.client.compute(&["global", "networks"])
    }

    /// Returns the link of this cluster's own network, if it exists. It costs no call where the networks were
    /// just listed.
    pub(super) async fn own_network(&self, cx: &Context) -> Result<Option<String>, CloudError> {
        let url = self.networks_url();
        let all: Vec<Network> = self.client.list_shared(cx, "list networks", &url, &[]).await?;
        let name = cx.owner.exact_name("main");
        let own = all.iter().find(|network| {
            network.name == name
                && crate::ownership::foreign(&cx.owner, &network.description).is_none()
        });
        Ok(own.map(|network| project_path(&network.self_link).to_owned()))
    }
}

#[async_trait]
impl Named for Networks {
    type Spec = NetworkSpec;
    type Wire = Network;
    const KIND: &'static str = "network";

    fn api(&self) -> &Api {
        &self.0
    }

    fn list_url(&self) -> Url {
        self.0.networks_url()
    }

    fn head<'a>(&self, wire: &'a Network) -> Head<'a> {
        let Network { name, description, self_link, .. } = wire;
        Head { name, description, self_link }
    }

    fn spec(&self, wire: &Network) -> NetworkSpec {
        NetworkSpec { routing: wire.routing_config.routing_mode.clone() }
    }

    fn body(&self, _operation: &str, spec: &NetworkSpec) -> Result<Value, CloudError> {
        let routing = json!({"routingMode": spec.routing});
        Ok(json!({"autoCreateSubnetworks": false, "routingConfig": routing}))
    }

    fn on_change(&self, _field: &str) -> OnChange {
        // How far routes reach makes no difference to a cluster in one region.
        OnChange::CreateOnly
    }

    async fn change(
        &self,
        _cx: &Context,
        request: &UpdateRequest,
        _spec: &NetworkSpec,
        _now: &Network,
    ) -> Result<(), CloudError> {
        nothing_to_update(&request.observed)
    }

    async fn explain(&self, cx: &Context, observed: &Observed, error: CloudError) -> CloudError {
        match error.kind {
            ErrorKind::Busy | ErrorKind::Invalid => {
                explain_members(&self.0, cx, observed, error).await
            }
            _ => error,
        }
    }
}
