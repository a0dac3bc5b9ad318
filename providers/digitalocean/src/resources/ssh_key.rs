//! `ssh_key`: a public key that may log in to machines.
//!
//! DigitalOcean refuses a public key that the account already has, whatever its name. Such a key is
//! then used as it is: it counts as there for as long as the cluster's network exists, its output
//! `shared` is true, and deleting it does nothing, because it is not ours.

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
    by_id,
};
use crate::wire::{SshKey, SshKeyAnswer};

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshKeySpec {
    /// OpenSSH format, without the comment at its end.
    pub public_key: String,
}

/// Returns type and key; what follows is a comment.
pub(crate) fn without_comment(public_key: &str) -> String {
    public_key.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

pub(crate) struct SshKeys(pub(crate) Arc<Api>);

pub(super) fn found(address: Address, key: &SshKey, shared: bool) -> Found<SshKeySpec> {
    let spec = SshKeySpec { public_key: without_comment(&key.public_key) };
    let outputs = outputs([
        ("id", json!(key.id)),
        ("fingerprint", json!(key.fingerprint)),
        ("shared", json!(shared)),
    ]);
    ready(address, key.id.to_string(), spec, outputs)
}

impl SshKeys {
    fn owned(&self, cx: &Context, all: &[SshKey], in_use: bool) -> Vec<Found<SshKeySpec>> {
        let mut owned: Vec<_> = all
            .iter()
            .filter_map(|key| Some(found(address_of(&cx.owner, "ssh_key", &key.name)?, key, false)))
            .collect();
        if in_use {
            for (name, public_key) in &self.0.scope.ssh_keys {
                let address = Address::new("ssh_key", name);
                let wanted = without_comment(public_key);
                if owned.iter().any(|found| found.address == address) {
                    continue;
                }
                let shared = all.iter().find(|key| without_comment(&key.public_key) == wanted);
                owned.extend(shared.map(|key| found(address, key, true)));
            }
        }
        owned
    }

    async fn create_one(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: &SshKeySpec,
    ) -> Result<Found<SshKeySpec>, CloudError> {
        let operation = format!("create {}", request.address);
        let path = &["account", "keys"];
        let name = name_of(cx, &request.address);
        let body = json!({ "name": name, "public_key": spec.public_key });
        let made: Result<SshKeyAnswer, _> =
            self.0.client.effect(cx, &operation, Method::POST, path, &body).await;
        match made {
            Ok(answer) => Ok(found(request.address.clone(), &answer.ssh_key, false)),
            Err(error) if matches!(error.kind, ErrorKind::NameTaken | ErrorKind::Invalid) => {
                let all: Vec<SshKey> =
                    self.0.client.list(cx, &operation, path, &[], "ssh_keys").await?;
                let wanted = without_comment(&spec.public_key);
                let existing = all.iter().find(|key| without_comment(&key.public_key) == wanted);
                existing
                    .map(|key| found(request.address.clone(), key, key.name != name))
                    .ok_or(error)
            }
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl Resource for SshKeys {
    type Spec = SshKeySpec;

    fn name(&self) -> &'static str {
        "ssh_key"
    }

    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::Replace
    }

    async fn list_owned(&self, cx: &Context) -> Result<Vec<Found<SshKeySpec>>, CloudError> {
        let (all, vpcs) = futures::try_join!(
            self.0.client.list_shared::<SshKey>(
                cx,
                "list SSH keys",
                &["account", "keys"],
                &[],
                "ssh_keys"
            ),
            self.0.own_vpcs(cx),
        )?;
        Ok(self.owned(cx, &all, !vpcs.is_empty()))
    }

    /// Reads keys by their ids. One that was renamed by hand is still ours, unless it never was.
    async fn read(
        &self,
        cx: &Context,
        known: &[KnownResource],
    ) -> Result<Vec<Presence<Found<SshKeySpec>>>, CloudError> {
        by_id::each(known, |known| {
            by_id::one(&self.0, cx, &["account", "keys"], known, |known, answer: SshKeyAnswer| {
                let key = &answer.ssh_key;
                // The state does not distinguish a shared key from a renamed one. Both are used as
                // they are: a key of others must never be renamed or deleted.
                let is_shared = address_of(&cx.owner, "ssh_key", &key.name).is_none();
                Ok(Presence::Owned(found(known.address.clone(), key, is_shared)))
            })
        })
        .await
    }

    async fn create(
        &self,
        cx: &Context,
        requests: &[(CreateRequest, SshKeySpec)],
    ) -> Vec<Result<Found<SshKeySpec>, CloudError>> {
        join_all(requests.iter().map(|(request, spec)| self.create_one(cx, request, spec))).await
    }

    async fn update(
        &self,
        _cx: &Context,
        request: &UpdateRequest,
        _spec: SshKeySpec,
    ) -> Result<Found<SshKeySpec>, CloudError> {
        nothing_to_update(&request.observed)
    }

    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        if observed.outputs.get("shared") != Some(json!(true)) {
            let operation = format!("delete {}", observed.address);
            self.0.client.delete(cx, &operation, &["account", "keys", &observed.id]).await?;
        }
        Ok(true)
    }

    fn delete_warning(&self, observed: &Observed) -> Option<String> {
        (observed.outputs.get("shared") == Some(json!(true)))
            .then(|| "was in the account before, and stays there".to_owned())
    }
}
