//! `vpc`: a private network. It has no tags; its exact name is the mark.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, ErrorKind, Found, KnownResource, Observed,
    OnChange, Presence, Resource, UpdateRequest,
};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, address_of, name_of, nothing_to_update, outputs, ready},
    by_id, tags,
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
    foreign(cx, vpc).is_none().then(|| found_at(address, vpc))
}

/// Returns the other cluster that a network says it belongs to.
fn foreign<'a>(cx: &Context, vpc: &'a Vpc) -> Option<&'a str> {
    let owner = vpc.description.as_str();
    (owner.starts_with("infra:") && owner != cx.owner.tag()).then_some(owner)
}

/// Reads a network that is known to be the one at `address`.
fn found_at(address: Address, vpc: &Vpc) -> Found<VpcSpec> {
    let spec = VpcSpec { region: vpc.region.clone(), ip_range: vpc.ip_range.clone() };
    let outputs = outputs([("id", json!(vpc.id)), ("ip_range", json!(vpc.ip_range))]);
    ready(address, vpc.id.clone(), spec, outputs)
}

/// Reports whether the network is this cluster's, also when it was renamed by hand.
pub(crate) fn is_own_vpc(cx: &Context, vpc: &Vpc) -> bool {
    vpc.description == cx.owner.tag() || found(cx, vpc).is_some()
}

impl Api {
    /// Lists the ids of this cluster's private networks.
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
                        ErrorKind::MalformedResponse,
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

    async fn poll(&self, cx: &Context, ids: &[String]) -> Result<Vec<Found<VpcSpec>>, CloudError> {
        let all: Vec<Vpc> = self.0.client.list(cx, "list VPCs", &["vpcs"], &[], "vpcs").await?;
        Ok(all.iter().filter(|vpc| ids.contains(&vpc.id)).filter_map(|v| found(cx, v)).collect())
    }

    /// Reads networks by their ids. One that was renamed by hand is still ours: its id says so.
    async fn read(
        &self,
        cx: &Context,
        known: &[KnownResource],
    ) -> Result<Vec<Presence<Found<VpcSpec>>>, CloudError> {
        by_id::each(known, |known| {
            by_id::one(&self.0, cx, &["vpcs"], known, |known, answer: VpcAnswer| {
                Ok(match (found(cx, &answer.vpc), foreign(cx, &answer.vpc)) {
                    (Some(found), _) => Presence::Owned(found),
                    (None, Some(owner)) => Presence::Foreign { owner: owner.to_owned() },
                    (None, None) => {
                        Presence::Untagged(found_at(known.address.clone(), &answer.vpc))
                    }
                })
            })
        })
        .await
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
        cx: &Context,
        request: &UpdateRequest,
        _spec: VpcSpec,
    ) -> Result<Found<VpcSpec>, CloudError> {
        let observed = &request.observed;
        if !request.restores_ownership() {
            return nothing_to_update(observed);
        }
        let operation = format!("update {}", observed.address);
        let name = name_of(cx, &observed.address);
        let body = json!({ "name": name, "description": cx.owner.tag() });
        let path = &["vpcs", observed.id.as_str()];
        // A PATCH leaves alone whether it is the region's default network.
        let answer: VpcAnswer =
            self.0.client.effect(cx, &operation, Method::PATCH, path, &body).await?;
        Ok(found_at(observed.address.clone(), &answer.vpc))
    }

    /// Removes the cluster's unused tags first. The network is the last thing to go, because
    /// everything is in it. As long as it exists, the next run resumes a killed one.
    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        tags::sweep(&self.0.client, cx).await?;
        let operation = format!("delete {}", observed.address);
        match self.0.client.delete(cx, &operation, &["vpcs", &observed.id]).await {
            Ok(_) => Ok(true),
            Err(error) => Err(self.0.explain_members(cx, &observed.id, error).await),
        }
    }
}
