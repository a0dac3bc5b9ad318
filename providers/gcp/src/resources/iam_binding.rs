//! `iam_binding`: a role that the account of the machines has in the project. Its member, which is the
//! cluster's own account, is the mark.

use std::sync::Arc;

use async_trait::async_trait;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, Found, Input, Observed, OnChange, Resource,
    UpdateRequest,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::api::{Api, known, nothing_to_update, operation, outputs, ready};
use crate::ownership::{account_email, node_account_id};

/// The role that machines of GKE need.
pub const NODE_ROLE: &str = "roles/container.defaultNodeServiceAccount";

/// A role of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IamBindingSpec {
    /// The role.
    pub role: String,
    /// Who has it: `serviceAccount:…`.
    pub member: Input<String>,
}

pub(crate) struct IamBindings(pub(crate) Arc<Api>);

const KIND: &str = "iam_binding";

/// Returns the name in the cluster of a role of the machines' account.
fn binding_name(role: &str) -> String {
    match role {
        NODE_ROLE => "nodes".to_owned(),
        other => other.rsplit('/').next().unwrap_or(other).to_owned(),
    }
}

fn found(role: &str, member: &str) -> Found<IamBindingSpec> {
    let id = format!("{role} {member}");
    let spec = IamBindingSpec { role: role.to_owned(), member: member.to_owned().into() };
    let outputs = outputs([("id", json!(id))]);
    ready(Address::new(KIND, binding_name(role)), id, spec, None, outputs)
}

/// Reads role and member back from an id.
fn parts(id: &str) -> Option<(&str, &str)> {
    id.split_once(' ')
}

#[async_trait]
impl Resource for IamBindings {
    type Spec = IamBindingSpec;

    fn name(&self) -> &'static str {
        KIND
    }

    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::Replace
    }

    async fn list_owned(&self, cx: &Context) -> Result<Vec<Found<IamBindingSpec>>, CloudError> {
        let email = account_email(self.0.client.project(), &node_account_id(&cx.owner));
        let member = format!("serviceAccount:{email}");
        let policy = self.0.policy(cx, "read the policy of the project").await?;
        let mut roles: Vec<&str> = policy.bindings.iter().map(|one| one.role.as_str()).collect();
        roles.sort_unstable();
        roles.dedup();
        let found = |role: &str| match policy.has(role, &member) {
            true => Some(found(role, &member)),
            // Of no use to anybody, and the cluster's all the same.
            false => policy.deleted(role, &member).map(|dead| found(role, dead)),
        };
        Ok(roles.into_iter().filter_map(found).collect())
    }

    async fn create(
        &self,
        cx: &Context,
        requests: &[(CreateRequest, IamBindingSpec)],
    ) -> Vec<Result<Found<IamBindingSpec>, CloudError>> {
        let mut made = Vec::new();
        for (request, spec) in requests {
            let operation = operation("create", &request.address);
            let one = async {
                let member = known(&operation, "member", &spec.member)?;
                let add = |policy: &mut crate::wire::Policy| policy.add(&spec.role, member);
                self.0.change_policy(cx, &operation, add).await?;
                Ok(Found { address: request.address.clone(), ..found(&spec.role, member) })
            };
            made.push(one.await);
        }
        made
    }

    async fn update(
        &self,
        _cx: &Context,
        request: &UpdateRequest,
        _spec: IamBindingSpec,
    ) -> Result<Found<IamBindingSpec>, CloudError> {
        nothing_to_update(&request.observed)
    }

    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = operation("delete", &observed.address);
        let Some((role, member)) = parts(&observed.id) else { return Ok(true) };
        let remove = |policy: &mut crate::wire::Policy| policy.remove(role, member);
        self.0.change_policy(cx, &operation, remove).await?;
        Ok(true)
    }
}
