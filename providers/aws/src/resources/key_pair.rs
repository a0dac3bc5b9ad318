//! `key_pair`: a public key that may log in.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ec2::types::{KeyPairInfo, ResourceType};
use aws_smithy_types::Blob;
use infra_provider_api::{CloudError, Context, CreateRequest, Found, Observed, OnChange};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{Api, ec2_marks, outputs, ready},
    unbatched::Unbatched,
    which::Which,
};

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPairSpec {
    /// OpenSSH's type and key, without a comment.
    pub public_key: String,
}

pub(crate) struct KeyPairs(pub(crate) Arc<Api>);

/// Returns type and key of a line in OpenSSH's format.
pub(crate) fn without_comment(key: &str) -> String {
    key.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

fn found(cx: &Context, which: &Which<'_>, key: &KeyPairInfo) -> Option<Found<KeyPairSpec>> {
    let marks = ec2_marks(key.tags());
    let id = key.key_pair_id().unwrap_or_default();
    let address = which.address(cx, &marks, "key_pair", id)?;
    let spec = KeyPairSpec { public_key: without_comment(key.public_key().unwrap_or_default()) };
    let outputs = outputs([("id", json!(key.key_pair_id())), ("name", json!(key.key_name()))]);
    Some(ready(address, id, spec, marks.intent(), outputs))
}

#[async_trait]
impl Unbatched for KeyPairs {
    type Spec = KeyPairSpec;
    const NAME: &'static str = "key_pair";

    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::Replace
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Found<KeyPairSpec>>, CloudError> {
        self.select(cx, &Which::Owned).await
    }

    async fn mark_again(&self, cx: &Context, observed: &Observed) -> Result<(), CloudError> {
        self.0.tag_again(cx, observed).await
    }

    async fn select(
        &self,
        cx: &Context,
        which: &Which<'_>,
    ) -> Result<Vec<Found<KeyPairSpec>>, CloudError> {
        let all = self
            .0
            .read(cx, "list key pairs", || {
                let call = self.0.ec2.describe_key_pairs().include_public_key(true);
                call.filters(which.filter(cx, "key-pair-id")).send()
            })
            .await?;
        Ok(all.key_pairs().iter().filter_map(|key| found(cx, which, key)).collect())
    }

    async fn make(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: KeyPairSpec,
    ) -> Result<Found<KeyPairSpec>, CloudError> {
        let operation = format!("create {}", request.address);
        let name = cx.owner.exact_name(request.address.name());
        let call = self
            .0
            .ec2
            .import_key_pair()
            .key_name(&name)
            .public_key_material(Blob::new(spec.public_key.as_bytes()))
            .tag_specifications(self.0.tag_spec(cx, ResourceType::KeyPair, request, &[]));
        let made = self.0.effect(&operation, call.send()).await?;
        let id = made.key_pair_id().unwrap_or_default();
        let outputs = outputs([("id", json!(id)), ("name", json!(name))]);
        Ok(ready(request.address.clone(), id, spec, Some(request.intent_key.clone()), outputs))
    }

    async fn remove(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("delete {}", observed.address);
        // A region has a name once, so it is the one that was listed.
        let name = observed.outputs.text("name");
        let name = name.unwrap_or_else(|| cx.owner.exact_name(observed.address.name()));
        let call = self.0.ec2.delete_key_pair().key_name(name).send();
        self.0.delete(&operation, call).await?;
        Ok(true)
    }
}
