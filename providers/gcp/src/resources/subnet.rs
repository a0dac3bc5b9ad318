//! `subnet`: the range of the machines, with those of pods and Services. Its exact name is the mark.

use std::sync::Arc;

use async_trait::async_trait;
use infra_provider_api::{
    CloudError, Context, ErrorKind, Input, Observed, OnChange, UpdateRequest,
};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::{
    api::{Api, known, name_of, operation},
    named::{Head, Named, link_input},
};
use crate::{
    client::last_segment,
    wire::{SecondaryRange, Subnetwork},
};

/// The name of the range of the pods.
pub(super) const PODS: &str = "pods";
/// The name of the range of the Services.
pub(super) const SERVICES: &str = "services";

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubnetSpec {
    /// The link of its network: `projects/P/global/networks/N`.
    pub network: Input<String>,
    /// The region.
    pub region: String,
    /// The range of the machines.
    pub range: String,
    /// The range of the pods.
    pub pods: String,
    /// The range of the Services.
    pub services: String,
    /// Whether machines without a public address reach Google's own services.
    pub google_access: bool,
}

pub(crate) struct Subnets(pub(crate) Arc<Api>);

impl Api {
    /// Returns the address of the list of the region's subnets.
    pub(super) fn subnets_url(&self) -> Url {
        self.client.compute(&["regions", &self.scope.region, "subnetworks"])
    }
}

fn secondary(name: &str, range: &str) -> SecondaryRange {
    SecondaryRange { range_name: name.to_owned(), ip_cidr_range: range.to_owned() }
}

#[async_trait]
impl Named for Subnets {
    type Spec = SubnetSpec;
    type Wire = Subnetwork;
    const KIND: &'static str = "subnet";

    fn api(&self) -> &Api {
        &self.0
    }

    fn list_url(&self) -> Url {
        self.0.subnets_url()
    }

    fn head<'a>(&self, wire: &'a Subnetwork) -> Head<'a> {
        let Subnetwork { name, description, self_link, .. } = wire;
        Head { name, description, self_link }
    }

    fn spec(&self, wire: &Subnetwork) -> SubnetSpec {
        let range = |name: &str| {
            let mut ranges = wire.secondary_ip_ranges.iter();
            let range = ranges.find(|range| range.range_name == name);
            range.map(|range| range.ip_cidr_range.clone()).unwrap_or_default()
        };
        SubnetSpec {
            network: link_input(&wire.network),
            region: last_segment(&wire.region).to_owned(),
            range: wire.ip_cidr_range.clone(),
            pods: range(PODS),
            services: range(SERVICES),
            google_access: wire.private_ip_google_access,
        }
    }

    fn body(&self, operation: &str, spec: &SubnetSpec) -> Result<Value, CloudError> {
        Ok(json!({
            "network": known(operation, "network", &spec.network)?,
            "region": spec.region,
            "ipCidrRange": spec.range,
            "privateIpGoogleAccess": spec.google_access,
            "secondaryIpRanges": [secondary(PODS, &spec.pods), secondary(SERVICES, &spec.services)],
        }))
    }

    async fn explain(&self, cx: &Context, observed: &Observed, error: CloudError) -> CloudError {
        self.0.explain_groups(cx, &observed.id, error).await
    }

    /// A range is never replaced: everything in it would go.
    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::Update
    }

    async fn change(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        spec: &SubnetSpec,
        now: &Subnetwork,
    ) -> Result<(), CloudError> {
        let is = self.spec(now);
        let fixed: [(&str, &str, &str); 4] = [
            ("machines", &is.range, &spec.range),
            ("pods", &is.pods, &spec.pods),
            ("services", &is.services, &spec.services),
            ("region", &is.region, &spec.region),
        ];
        if let Some((key, is, shall)) = fixed.iter().find(|(_, is, shall)| is != shall) {
            let message =
                format!("`{key}` is {is} and can't become {shall} while the cluster is in it");
            return Err(CloudError::new(
                ErrorKind::Invalid,
                operation("update", &request.observed.address),
                message,
            )
            .with_hint(format!("write {is} again, or make another cluster with the other range")));
        }
        if is.google_access == spec.google_access {
            return Ok(());
        }
        // A patch leaves this field alone.
        let address = &request.observed.address;
        let mut url = self.list_url();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend([name_of(cx, address).as_str(), "setPrivateIpGoogleAccess"]);
        }
        let (operation, client) = (operation("update", address), &self.0.client);
        let body = json!({"privateIpGoogleAccess": spec.google_access});
        client.change(cx, &operation, address, Method::POST, &url, &body).await
    }
}
