//! `vpc`: a private network. It has no tags; its exact name is the mark.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;
use infra_provider_api::{
    CloudError, Context, CreateRequest, ErrorKind, Found, Observed, OnChange, Resource,
    UpdateRequest,
};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, address_of, name_of, nothing_to_update, outputs, ready},
    tags,
};
use crate::wire::{Vpc, VpcAnswer};

/// A private network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpcSpec {
    /// The region's slug.
    pub region: String,
    /// RFC 1918, from /16 to /28; overlaps with no other of the account.
    pub ip_range: String,
}

pub(crate) struct Vpcs(pub(crate) Arc<Api>);

pub(super) fn found(cx: &Context, vpc: &Vpc) -> Option<Found<VpcSpec>> {
    let address = address_of(&cx.owner, "vpc", &vpc.name)?;
    // The description holds the whole UUID. It may be edited by hand, so only a foreign UUID speaks
    // against the name.
    let foreign =
        vpc.description.strip_prefix("infra:").is_some_and(|_| vpc.description != cx.owner.tag());
    if foreign {
        return None;
    }
    let spec = VpcSpec { region: vpc.region.clone(), ip_range: vpc.ip_range.clone() };
    let outputs = outputs([("id", json!(vpc.id)), ("ip_range", json!(vpc.ip_range))]);
    Some(ready(address, vpc.id.clone(), spec, outputs))
}

impl Api {
    /// The ids of this cluster's private networks.
    pub(super) async fn own_vpcs(&self, cx: &Context) -> Result<Vec<String>, CloudError> {
        let all: Vec<Vpc> =
            self.client.list_shared(cx, "list VPCs", &["vpcs"], &[], "vpcs").await?;
        Ok(all.iter().filter_map(|vpc| found(cx, vpc)).map(|found| found.id).collect())
    }
}

impl Vpcs {
    async fn create_one(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: &VpcSpec,
    ) -> Result<Found<VpcSpec>, CloudError> {
        let operation = format!("create {}", request.address);
        let name = name_of(cx, &request.address);
        let body = json!({
            "name": name,
            "region": spec.region,
            "ip_range": spec.ip_range,
            "description": cx.owner.tag(),
        });
        let made: Result<VpcAnswer, _> =
            self.0.client.effect(cx, &operation, Method::POST, &["vpcs"], &body).await;
        let error = match made {
            Ok(answer) => {
                return found(cx, &answer.vpc).ok_or_else(|| {
                    CloudError::new(
                        ErrorKind::Garbled,
                        operation,
                        "the answer is about another VPC",
                    )
                });
            }
            Err(error) => error,
        };
        // Names of VPCs are unique in an account: ours being taken means it was made before.
        if matches!(error.kind, ErrorKind::NameTaken | ErrorKind::Invalid) {
            let all: Vec<Vpc> = self.0.client.list(cx, &operation, &["vpcs"], &[], "vpcs").await?;
            if let Some(found) =
                all.iter().filter(|vpc| vpc.name == name).find_map(|vpc| found(cx, vpc))
            {
                return Ok(found);
            }
        }
        let about_range = ["range", "overlap", "cidr"]
            .iter()
            .any(|word| error.message.to_lowercase().contains(word));
        Err(if about_range {
            CloudError { kind: ErrorKind::Invalid, ..error }.with_hint(format!(
                "another VPC of the account uses part of {}: choose another range for `machines` \
                 under [network]",
                spec.ip_range
            ))
        } else {
            error
        })
    }
}

#[async_trait]
impl Resource for Vpcs {
    type Spec = VpcSpec;

    fn name(&self) -> &'static str {
        "vpc"
    }

    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::Replace
    }

    async fn list_owned(&self, cx: &Context) -> Result<Vec<Found<VpcSpec>>, CloudError> {
        let all: Vec<Vpc> =
            self.0.client.list_shared(cx, "list VPCs", &["vpcs"], &[], "vpcs").await?;
        Ok(all.iter().filter_map(|vpc| found(cx, vpc)).collect())
    }

    async fn look(&self, cx: &Context, ids: &[String]) -> Result<Vec<Found<VpcSpec>>, CloudError> {
        let all: Vec<Vpc> = self.0.client.list(cx, "list VPCs", &["vpcs"], &[], "vpcs").await?;
        Ok(all.iter().filter(|vpc| ids.contains(&vpc.id)).filter_map(|v| found(cx, v)).collect())
    }

    async fn create(
        &self,
        cx: &Context,
        requests: &[(CreateRequest, VpcSpec)],
    ) -> Vec<Result<Found<VpcSpec>, CloudError>> {
        join_all(requests.iter().map(|(request, spec)| self.create_one(cx, request, spec))).await
    }

    async fn update(
        &self,
        _cx: &Context,
        request: &UpdateRequest,
        _spec: VpcSpec,
    ) -> Result<Found<VpcSpec>, CloudError> {
        nothing_to_update(&request.observed)
    }

    /// Removes the cluster's unused tags first: the network is the last thing to go, because
    /// everything is in it, and as long as it is there a killed run is taken up again.
    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        tags::sweep(&self.0.client, cx).await?;
        let operation = format!("delete {}", observed.address);
        self.0.client.delete(cx, &operation, &["vpcs", &observed.id]).await.map_err(|error| {
            // Members leave some time after they are deleted.
            let has_members = error.message.to_lowercase().contains("member");
            if has_members && error.kind != ErrorKind::Busy {
                return CloudError { kind: ErrorKind::Busy, ..error };
            }
            error
        })?;
        Ok(true)
    }
}
