//! Named resource of Compute: one that has no labels. Its exact name is the mark, and its description holds
//! the whole UUID and the key of the call that made it. Google renames nothing.

use std::sync::Arc;

use async_trait::async_trait;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, ErrorKind, Found, Input, Kind, KnownResource,
    Observed, OnChange, Presence, RawJson, Readiness, Resource, UpdateRequest, Waits, erase,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use url::Url;

use super::api::{Api, create_each, each, name_of, name_taken, operation, outputs, vanished};
use crate::{
    client::project_path,
    ownership::{DescriptionMark, address_of, described_intent, foreign},
};

/// What an answer of Google's says about any resource.
pub(super) struct Head<'a> {
    pub(super) name: &'a str,
    pub(super) description: &'a str,
    pub(super) self_link: &'a str,
}

/// A kind of named resource.
#[async_trait]
pub(super) trait Named: Send + Sync + 'static {
    type Spec: Serialize + DeserializeOwned + Clone + Send + Sync;
    /// The answer.
    type Wire: DeserializeOwned + Send + Sync;
    const KIND: &'static str;

    fn api(&self) -> &Api;
    /// Returns the address of the list that they are in.
    fn list_url(&self) -> Url;
    fn head<'a>(&self, wire: &'a Self::Wire) -> Head<'a>;
    fn spec(&self, wire: &Self::Wire) -> Self::Spec;
    /// Returns the body of a create call, without name and description.
    fn body(&self, operation: &str, spec: &Self::Spec) -> Result<Value, CloudError>;
    fn on_change(&self, field: &str) -> OnChange;

    fn readiness(&self, _wire: &Self::Wire) -> Readiness {
        Readiness::Ready
    }
    fn waits(&self) -> Waits {
        Waits::default()
    }
    /// Changes it in place, from `now`.
    async fn change(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        spec: &Self::Spec,
        now: &Self::Wire,
    ) -> Result<(), CloudError>;
    /// Explains why it was not deleted.
    async fn explain(&self, _cx: &Context, _observed: &Observed, error: CloudError) -> CloudError {
        error
    }
}

/// Makes the kind of the engine.
pub(super) fn named<N: Named>(kind: N) -> Arc<dyn Kind> {
    erase(ByName(kind))
}

struct ByName<N>(N);

/// Returns the link of a resource that another one was given, in the form in which links are compared.
pub(super) fn link_input(link: &str) -> Input<String> {
    project_path(link).to_owned().into()
}

fn url_of<N: Named>(kind: &N, name: &str) -> Url {
    let mut url = kind.list_url();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.push(name);
    }
    url
}

impl<N: Named> ByName<N> {
    fn url(&self, name: &str) -> Url {
        url_of(&self.0, name)
    }

    fn found_at(&self, cx: &Context, address: Address, wire: &N::Wire) -> Found<N::Spec> {
        let head = self.0.head(wire);
        // Others mention it by its link, by which the engine finds what goes before what.
        let link = project_path(head.self_link);
        let outputs =
            outputs([("id", json!(link)), ("name", json!(head.name)), ("link", json!(link))]);
        Found {
            address,
            id: link.to_owned(),
            spec: self.0.spec(wire),
            outputs: RawJson::from(outputs),
            readiness: self.0.readiness(wire),
            intent_key: described_intent(&cx.owner, head.description),
            made_by: infra_provider_api::ManagedBy::Infra,
        }
    }

    fn found(&self, cx: &Context, wire: &N::Wire) -> Option<Found<N::Spec>> {
        let head = self.0.head(wire);
        let address = address_of(&cx.owner, N::KIND, head.name)?;
        foreign(&cx.owner, head.description).is_none().then(|| self.found_at(cx, address, wire))
    }

    async fn get(
        &self,
        cx: &Context,
        operation: &str,
        name: &str,
    ) -> Result<Option<N::Wire>, CloudError> {
        self.0.api().client.get_optional(cx, operation, &self.url(name)).await
    }

    async fn read_one(
        &self,
        cx: &Context,
        known: &KnownResource,
    ) -> Result<Presence<Found<N::Spec>>, CloudError> {
        let operation = operation("read", &known.address);
        let name = name_of(cx, &known.address);
        let Some(wire) = self.get(cx, &operation, &name).await? else {
            return Ok(Presence::Absent);
        };
        let head = self.0.head(&wire);
        if let Some(owner) = foreign(&cx.owner, head.description) {
            return Ok(Presence::Foreign { owner });
        }

        Ok(Presence::Owned(self.found_at(cx, known.address.clone(), &wire)))
    }

    async fn create_one(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: &N::Spec,
    ) -> Result<Found<N::Spec>, CloudError> {
        let operation = operation("create", &request.address);
        let name = name_of(cx, &request.address);
        let mut body = self.0.body(&operation, spec)?;
        body["name"] = json!(name);
        body["description"] = json!(DescriptionMark::text(&cx.owner, &request.intent_key));
        let client = &self.0.api().client;
        let made = client.insert(cx, &operation, &self.0.list_url(), request, &body).await;
        // The name being taken means that it was made before, by a call whose answer was lost.
        match made {
            Ok(()) => {}
            Err(error) if error.kind == ErrorKind::NameTaken => {}
            Err(error) => return Err(error),
        }
        let wire = self.get(cx, &operation, &name).await?.ok_or_else(|| vanished(&operation))?;
        match foreign(&cx.owner, self.0.head(&wire).description) {
            Some(owner) => Err(name_taken(&operation, &name, &owner)),
            None => Ok(self.found_at(cx, request.address.clone(), &wire)),
        }
    }
}

#[async_trait]
impl<N: Named> Resource for ByName<N> {
    type Spec = N::Spec;

    fn name(&self) -> &'static str {
        N::KIND
    }

    fn on_change(&self, field: &str) -> OnChange {
        self.0.on_change(field)
    }

    fn waits(&self) -> Waits {
        self.0.waits()
    }

    async fn list_owned(&self, cx: &Context) -> Result<Vec<Found<N::Spec>>, CloudError> {
        let operation = format!("list {}s", N::KIND);
        let listed = self.0.api().client.list_shared(cx, &operation, &self.0.list_url(), &[]).await;
        let all: Vec<N::Wire> = match listed {
            // There is no such region, and nothing in it. The plan says so, with the place in infra.toml.
            Err(error) if error.kind == ErrorKind::NotFound => Vec::new(),
            other => other?,
        };
        Ok(all.iter().filter_map(|wire| self.found(cx, wire)).collect())
    }

    async fn poll(&self, cx: &Context, ids: &[String]) -> Result<Vec<Found<N::Spec>>, CloudError> {
        let operation = format!("list {}s", N::KIND);
        let all: Vec<N::Wire> =
            self.0.api().client.list(cx, &operation, &self.0.list_url(), &[]).await?;
        let found = all.iter().filter_map(|wire| self.found(cx, wire));
        Ok(found.filter(|found| ids.contains(&found.id)).collect())
    }

    async fn read(
        &self,
        cx: &Context,
        known: &[KnownResource],
    ) -> Result<Vec<Presence<Found<N::Spec>>>, CloudError> {
        each(known, |known| self.read_one(cx, known)).await
    }

    async fn create(
        &self,
        cx: &Context,
        requests: &[(CreateRequest, N::Spec)],
    ) -> Vec<Result<Found<N::Spec>, CloudError>> {
        create_each(requests, |request, spec| self.create_one(cx, request, spec)).await
    }

    async fn update(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        spec: N::Spec,
    ) -> Result<Found<N::Spec>, CloudError> {
        let address = &request.observed.address;
        let operation = operation("update", address);
        let name = name_of(cx, address);
        let gone = || {
            let message = format!("{name} is not there any more");
            CloudError::new(ErrorKind::NotFound, &operation, message)
        };
        let now = self.get(cx, &operation, &name).await?.ok_or_else(gone)?;
        self.0.change(cx, request, &spec, &now).await?;
        let now = self.get(cx, &operation, &name).await?.ok_or_else(gone)?;
        Ok(self.found_at(cx, address.clone(), &now))
    }

    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = operation("delete", &observed.address);
        let url = self.url(&name_of(cx, &observed.address));
        match self.0.api().client.delete(cx, &operation, &observed.address, &url).await {
            Ok(_) => Ok(true),
            Err(error) => Err(self.0.explain(cx, observed, error).await),
        }
    }
}

/// Makes a change of a named resource by a PATCH, and waits until it is done.
pub(super) async fn patch<N: Named>(
    kind: &N,
    cx: &Context,
    request: &UpdateRequest,
    body: &Value,
) -> Result<(), CloudError> {
    let address = &request.observed.address;
    let (operation, url) = (operation("update", address), url_of(kind, &name_of(cx, address)));
    kind.api().client.change(cx, &operation, address, reqwest::Method::PATCH, &url, body).await
}
