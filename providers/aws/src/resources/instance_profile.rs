//! `instance_profile`: how a machine gets its role.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::try_join_all;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, ErrorKind, Found, Input, Observed, OnChange,
    UpdateRequest,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, busy, known, outputs, ready},
    iam_role::NAMES,
    unbatched::Unbatched,
    which::Which,
};
use crate::ownership::{self, Marks};

/// An instance profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceProfileSpec {
    /// The role in it.
    pub role: Input<String>,
}

pub(crate) struct InstanceProfiles(pub(crate) Arc<Api>);

fn found(
    address: Address,
    name: &str,
    role: &str,
    key: Option<String>,
) -> Found<InstanceProfileSpec> {
    let spec = InstanceProfileSpec { role: role.to_owned().into() };
    ready(address, name, spec, key, outputs([("name", json!(name))]))
}

impl InstanceProfiles {
    async fn find(
        &self,
        cx: &Context,
        which: &Which<'_>,
        name: &str,
    ) -> Result<Option<Found<InstanceProfileSpec>>, CloudError> {
        let profile = self
            .0
            .find(cx, "look at an instance profile", || {
                self.0.iam.get_instance_profile().instance_profile_name(name).send()
            })
            .await?;
        let Some(profile) = profile.and_then(|answer| answer.instance_profile) else {
            return Ok(None);
        };
        let marks =
            Marks::of(profile.tags().iter().map(|tag| (Some(tag.key()), Some(tag.value()))));
        let Some(address) = which.address(cx, &marks, Self::NAME, name) else { return Ok(None) };
        let role = profile.roles().first().map_or("", |role| role.role_name());
        Ok(Some(found(address, name, role, marks.intent())))
    }

    async fn set_role(&self, operation: &str, name: &str, role: &str) -> Result<(), CloudError> {
        let call = self.0.iam.add_role_to_instance_profile();
        let call = call.instance_profile_name(name).role_name(role);
        self.0.effect(operation, call.send()).await.map(|_| ())
    }

    async fn clear(&self, operation: &str, name: &str, role: &str) -> Result<(), CloudError> {
        if role.is_empty() {
            return Ok(());
        }
        let call = self.0.iam.remove_role_from_instance_profile();
        let call = call.instance_profile_name(name).role_name(role);
        self.0.delete(operation, call.send()).await
    }
}

#[async_trait]
impl Unbatched for InstanceProfiles {
    type Spec = InstanceProfileSpec;
    const NAME: &'static str = "instance_profile";

    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::Update
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Found<InstanceProfileSpec>>, CloudError> {
        self.select(cx, &Which::Owned).await
    }

    async fn mark_again(&self, cx: &Context, observed: &Observed) -> Result<(), CloudError> {
        let operation = format!("tag {}", observed.address);
        let tags = ownership::ownership(&cx.owner, &observed.address);
        let tags: Result<Vec<_>, _> = ownership::sdk_tags!(aws_sdk_iam, tags).into_iter().collect();
        let tags = tags.map_err(|error| busy(&operation, error.to_string()))?;
        let call = self
            .0
            .iam
            .tag_instance_profile()
            .instance_profile_name(&observed.id)
            .set_tags(Some(tags));
        self.0.effect(&operation, call.send()).await.map(drop)
    }

    async fn select(
        &self,
        cx: &Context,
        which: &Which<'_>,
    ) -> Result<Vec<Found<InstanceProfileSpec>>, CloudError> {
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
        spec: InstanceProfileSpec,
    ) -> Result<Found<InstanceProfileSpec>, CloudError> {
        let operation = format!("create {}", request.address);
        let role = known(&operation, "role", &spec.role)?;
        let name = cx.owner.exact_name(request.address.name());
        let tags = ownership::sdk_tags!(aws_sdk_iam, self.0.tags(cx, request, &[]));
        let tags: Result<Vec<_>, _> = tags.into_iter().collect();
        let tags = tags.map_err(|error| busy(&operation, error.to_string()))?;
        let call = self.0.iam.create_instance_profile().instance_profile_name(&name);
        match self.0.effect(&operation, call.set_tags(Some(tags)).send()).await {
            Err(error) if error.kind == ErrorKind::NameTaken => {
                match self.find(cx, &Which::Owned, &name).await? {
                    Some(there) if there.spec.role.known() == Some(role) => return Ok(there),
                    Some(_) => {}
                    None => return Err(error),
                }
            }
            other => drop(other?),
        }
        self.set_role(&operation, &name, role).await?;
        Ok(found(request.address.clone(), &name, role, Some(request.intent_key.clone())))
    }

    async fn change(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        spec: InstanceProfileSpec,
    ) -> Result<Found<InstanceProfileSpec>, CloudError> {
        let observed = &request.observed;
        let operation = format!("update {}", observed.address);
        let old = observed.spec.text("role").unwrap_or_default();
        self.clear(&operation, &observed.id, &old).await?;
        let role = known(&operation, "role", &spec.role)?;
        self.set_role(&operation, &observed.id, role).await?;
        self.again(cx, observed).await
    }

    async fn remove(&self, _cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("delete {}", observed.address);
        let role = observed.spec.text("role").unwrap_or_default();
        self.clear(&operation, &observed.id, &role).await?;
        let call = self.0.iam.delete_instance_profile().instance_profile_name(&observed.id);
        self.0.delete(&operation, call.send()).await?;
        Ok(true)
    }
}
