//! `firewall`: who may reach the machines from outside. Its exact name is the mark.

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
use crate::wire::{Allowed, Firewall};

/// A rule that lets traffic in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallSpec {
    /// The link of its network.
    pub network: Input<String>,
    /// Where traffic may come from, sorted.
    pub sources: Vec<String>,
    /// What it lets in, sorted.
    pub allowed: Vec<AllowedSpec>,
    /// The network tags of the machines that it is for, sorted.
    pub targets: Vec<String>,
    /// Whether it works at all.
    pub enabled: bool,
}

/// What a rule lets in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AllowedSpec {
    /// `tcp`, `udp`, `icmp` or `all`.
    pub protocol: String,
    /// Ports and ranges, `80` or `30000-32767`, sorted; none: all of them.
    pub ports: Vec<String>,
}

impl FirewallSpec {
    /// Sorts what has no order.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.sources.sort();
        self.targets.sort();
        for allowed in &mut self.allowed {
            allowed.ports.sort();
        }
        self.allowed.sort();
        self
    }

    fn allowed_wire(&self) -> Vec<Allowed> {
        let wire = |one: &AllowedSpec| Allowed {
            protocol: one.protocol.clone(),
            ports: one.ports.clone(),
        };
        self.allowed.iter().map(wire).collect()
    }
}

pub(crate) struct Firewalls(pub(crate) Arc<Api>);

impl Api {
    /// Returns the address of the list of firewall rules.
    pub(super) fn firewalls_url(&self) -> Url {
        self.client.compute(&["global", "firewalls"])
    }
}

#[async_trait]
impl Named for Firewalls {
    type Spec = FirewallSpec;
    type Wire = Firewall;
    const KIND: &'static str = "firewall";

    fn api(&self) -> &Api {
        &self.0
    }

    fn list_url(&self) -> Url {
        self.0.firewalls_url()
    }

    fn head<'a>(&self, wire: &'a Firewall) -> Head<'a> {
        let Firewall { name, description, self_link, .. } = wire;
        Head { name, description, self_link }
    }

    fn spec(&self, wire: &Firewall) -> FirewallSpec {
        let allowed = wire.allowed.iter().map(|one| AllowedSpec {
            protocol: one.protocol.to_lowercase(),
            ports: one.ports.clone(),
        });
        FirewallSpec {
            network: link_input(&wire.network),
            sources: wire.source_ranges.clone(),
            allowed: allowed.collect(),
            targets: wire.target_tags.clone(),
            enabled: !wire.disabled,
        }
        .sorted()
    }

    fn body(&self, operation: &str, spec: &FirewallSpec) -> Result<Value, CloudError> {
        Ok(json!({
            "network": known(operation, "network", &spec.network)?,
            "direction": "INGRESS",
            "sourceRanges": spec.sources,
            "allowed": spec.allowed_wire(),
            "targetTags": spec.targets,
            "disabled": !spec.enabled,
        }))
    }

    fn on_change(&self, field: &str) -> OnChange {
        match field {
            "network" => OnChange::Replace,
            _ => OnChange::Update,
        }
    }

    async fn change(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        spec: &FirewallSpec,
        _now: &Firewall,
    ) -> Result<(), CloudError> {
        let body = json!({
            "sourceRanges": spec.sources,
            "allowed": spec.allowed_wire(),
            "targetTags": spec.targets,
            "disabled": !spec.enabled,
        });
        patch(self, cx, request, &body).await
    }
}
