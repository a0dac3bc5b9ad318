//! `instance_profile`: how a machine gets its role.

use std::sync::Arc;

use async_trait::async_trait;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, ErrorKind, Found, Input, Observed, OnChange,
    UpdateRequest,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, busy, known, outputs, ready},
    iam_role::NAMES,
    solo::Solo,
};
use crate::marks::{self, Marks};

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
        let Some(address) = marks.address(&cx.owner, Self::NAME) else { return Ok(None) };
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
impl Solo for InstanceProfiles {
    type Spec = InstanceProfileSpec;
    const NAME: &'static str = "instance_profile";

    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::Update
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Found<InstanceProfileSpec>>, CloudError> {
        let names = NAMES.map(|name| cx.owner.exact_name(name));
        let all = futures::try_join!(self.find(cx, &names[0]), self.find(cx, &names[1]))?;
        Ok([all.0, all.1].into_iter().flatten().collect())
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
        let tags = marks::sdk_tags!(aws_sdk_iam, self.0.tags(cx, request, &[]));
        let tags: Result<Vec<_>, _> = tags.into_iter().collect();
        let tags = tags.map_err(|error| busy(&operation, error.to_string()))?;
        let call = self.0.iam.create_instance_profile().instance_profile_name(&name);
        match self.0.effect(&operation, call.set_tags(Some(tags)).send()).await {
            Err(error) if error.kind == ErrorKind::NameTaken => match self.find(cx, &name).await? {
                Some(there) if there.spec.role.known() == Some(role) => return Ok(there),
                Some(_) => {}
                None => return Err(error),
            },
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
