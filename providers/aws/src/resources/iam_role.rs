//! `iam_role`: what machines of a role may do. IAM is one for all regions; the name holds the
//! cluster's short id, and the tags decide.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::try_join_all;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, ErrorKind, Found, Observed, OnChange,
    UpdateRequest,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    api::{Api, busy, outputs, ready},
    unbatched::Unbatched,
    which::Which,
};
use crate::{
    ownership::{self, Marks},
    policies,
};

/// The name of the one policy in each role.
const POLICY: &str = "infra";
/// The roles there can be.
pub(super) const NAMES: [&str; 2] = ["control-plane", "worker"];

/// A role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IamRoleSpec {
    /// What it may do: an IAM policy document.
    pub policy: Value,
}

pub(crate) struct IamRoles(pub(crate) Arc<Api>);

fn found(address: Address, name: &str, policy: Value, key: Option<String>) -> Found<IamRoleSpec> {
    let outputs = outputs([("name", json!(name))]);
    ready(address, name, IamRoleSpec { policy }, key, outputs)
}

impl IamRoles {
    async fn find(
        &self,
        cx: &Context,
        which: &Which<'_>,
        name: &str,
    ) -> Result<Option<Found<IamRoleSpec>>, CloudError> {
        let iam = &self.0.iam;
        let role = self
            .0
            .find(cx, "look at an IAM role", || iam.get_role().role_name(name).send())
            .await?;
        let Some(role) = role.and_then(|answer| answer.role) else { return Ok(None) };
        let marks = Marks::of(role.tags().iter().map(|tag| (Some(tag.key()), Some(tag.value()))));
        let Some(address) = which.address(cx, &marks, Self::NAME, name) else { return Ok(None) };
        let policy = self
            .0
            .find(cx, "look at an IAM role's policy", || {
                iam.get_role_policy().role_name(name).policy_name(POLICY).send()
            })
            .await?;
        let policy = policy.map_or(Value::Null, |policy| policies::read(policy.policy_document()));
        Ok(Some(found(address, name, policy, marks.intent())))
    }

    async fn put_policy(
        &self,
        operation: &str,
        name: &str,
        policy: &Value,
    ) -> Result<(), CloudError> {
        let call = self.0.iam.put_role_policy().role_name(name).policy_name(POLICY);
        self.0.effect(operation, call.policy_document(policy.to_string()).send()).await.map(|_| ())
    }
}

#[async_trait]
impl Unbatched for IamRoles {
    type Spec = IamRoleSpec;
    const NAME: &'static str = "iam_role";

    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::Update
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Found<IamRoleSpec>>, CloudError> {
        self.select(cx, &Which::Owned).await
    }

    async fn mark_again(&self, cx: &Context, observed: &Observed) -> Result<(), CloudError> {
        let operation = format!("tag {}", observed.address);
        let tags = ownership::ownership(&cx.owner, &observed.address);
        let tags: Result<Vec<_>, _> = ownership::sdk_tags!(aws_sdk_iam, tags).into_iter().collect();
        let tags = tags.map_err(|error| busy(&operation, error.to_string()))?;
        let call = self.0.iam.tag_role().role_name(&observed.id).set_tags(Some(tags));
        self.0.effect(&operation, call.send()).await.map(drop)
    }

    async fn select(
        &self,
        cx: &Context,
        which: &Which<'_>,
    ) -> Result<Vec<Found<IamRoleSpec>>, CloudError> {
        let names: Vec<String> = match which.asked() {
            None => NAMES.map(|name| cx.owner.exact_name(name)).to_vec(),
            Some(known) => known.iter().map(|one| one.id.clone()).collect(),
        };
        let all = try_join_all(names.iter().map(|name| self.find(cx, which, name))).await?;
        Ok(all.into_iter().flatten().collect())
    }

    async fn make(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: IamRoleSpec,
    ) -> Result<Found<IamRoleSpec>, CloudError> {
        let operation = format!("create {}", request.address);
        let name = cx.owner.exact_name(request.address.name());
        let tags = ownership::sdk_tags!(aws_sdk_iam, self.0.tags(cx, request, &[]));
        let tags: Result<Vec<_>, _> = tags.into_iter().collect();
        let tags = tags.map_err(|error| busy(&operation, error.to_string()))?;
        let call = self
            .0
            .iam
            .create_role()
            .role_name(&name)
            .description(format!("{} of the cluster {}", request.address.name(), cx.owner.cluster))
            .assume_role_policy_document(policies::trust().to_string())
            .set_tags(Some(tags));
        match self.0.effect(&operation, call.send()).await {
            // It is ours from a call without an answer, or it belongs to others.
            Err(error) if error.kind == ErrorKind::NameTaken => {
                if self.find(cx, &Which::Owned, &name).await?.is_none() {
                    return Err(error);
                }
            }
            other => drop(other?),
        }
        self.put_policy(&operation, &name, &spec.policy).await?;
        let key = Some(request.intent_key.clone());
        Ok(found(request.address.clone(), &name, spec.policy, key))
    }

    async fn change(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        spec: IamRoleSpec,
    ) -> Result<Found<IamRoleSpec>, CloudError> {
        let observed = &request.observed;
        let operation = format!("update {}", observed.address);
        self.put_policy(&operation, &observed.id, &spec.policy).await?;
        self.again(cx, observed).await
    }

    async fn remove(&self, _cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("delete {}", observed.address);
        let iam = &self.0.iam;
        let policy = iam.delete_role_policy().role_name(&observed.id).policy_name(POLICY);
        self.0.delete(&operation, policy.send()).await?;
        self.0.delete(&operation, iam.delete_role().role_name(&observed.id).send()).await?;
        Ok(true)
    }
}
