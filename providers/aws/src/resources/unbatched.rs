//! Kinds that are made one by one: all but machines.

use async_trait::async_trait;
use infra_provider_api::{
    CloudError, Context, CreateRequest, ErrorKind, Found, KnownResource, Observed, OnChange,
    Presence, Resource, UpdateRequest, Waits,
};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    api::nothing_to_update,
    which::{Which, unknown},
};

/// So many are asked for at once: EC2 takes up to so many values in a filter.
const IDS_MAX: usize = 200;

/// A kind that is made one by one. The contract is that of [`infra_provider_api::Kind`].
#[async_trait]
pub(crate) trait Unbatched: Send + Sync + 'static {
    /// The spec.
    type Spec: Serialize + DeserializeOwned + Clone + Send + Sync;
    /// The kind's name.
    const NAME: &'static str;
    /// Whether making it twice with the same key makes it once: the cloud compares the key (client
    /// token), or the name. Otherwise it is looked for before it is made.
    const KEYED: bool = false;

    fn on_change(&self, field: &str) -> OnChange;
    fn waits(&self) -> Waits {
        Waits::default()
    }
    async fn list(&self, cx: &Context) -> Result<Vec<Found<Self::Spec>>, CloudError>;
    /// Puts the owner's mark back on what [`Unbatched::select`] found without it. Does nothing where the
    /// exact name is the mark, or nobody can take it away.
    async fn mark_again(&self, _cx: &Context, _observed: &Observed) -> Result<(), CloudError> {
        Ok(())
    }
    /// Reads those that `which` asks for.
    async fn select(
        &self,
        cx: &Context,
        _which: &Which<'_>,
    ) -> Result<Vec<Found<Self::Spec>>, CloudError> {
        self.list(cx).await
    }
    async fn make(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: Self::Spec,
    ) -> Result<Found<Self::Spec>, CloudError>;
    async fn change(
        &self,
        _cx: &Context,
        request: &UpdateRequest,
        _spec: Self::Spec,
    ) -> Result<Found<Self::Spec>, CloudError> {
        nothing_to_update(&request.observed)
    }
    async fn remove(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError>;
    fn warning(&self, _observed: &Observed) -> Option<String> {
        None
    }

    /// Returns the resource as it is after a change. It is asked for by its id: what it belongs to
    /// may lack its mark.
    async fn again(
        &self,
        cx: &Context,
        observed: &Observed,
    ) -> Result<Found<Self::Spec>, CloudError> {
        let known = [KnownResource::of(observed)];
        let all = self.select(cx, &Which::known(&known)).await?;
        all.into_iter().find(|found| found.id == observed.id).ok_or_else(|| {
            let operation = format!("look at {}", observed.address);
            CloudError::new(ErrorKind::NotFound, operation, "it was deleted meanwhile")
        })
    }
}

/// A [`Unbatched`] as a [`Resource`].
pub(crate) struct UnbatchedResource<T>(pub(crate) T);

impl<T: Unbatched> UnbatchedResource<T> {
    async fn make(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: &T::Spec,
    ) -> Result<Found<T::Spec>, CloudError> {
        if !T::KEYED
            && let Some(found) = self.made_before(cx, request).await?
            && found.intent_key.is_some()
        {
            return self.completed(cx, found, spec).await;
        }
        match self.0.make(cx, request, spec.clone()).await {
            // One of its calls got no answer: what is there may lack what the others would have set.
            // Or what is in the way is what the same request made, and the cloud forgot its token.
            Err(error) if error.is_uncertain() || error.kind == ErrorKind::NameTaken => {
                match self.made_before(cx, request).await {
                    Ok(Some(found)) => self.completed(cx, found, spec).await,
                    _ => Err(error),
                }
            }
            made => made,
        }
    }

    /// Finds the resource that an earlier call of this request made, if it did.
    async fn made_before(
        &self,
        cx: &Context,
        request: &CreateRequest,
    ) -> Result<Option<Found<T::Spec>>, CloudError> {
        let all = self.0.list(cx).await?;
        Ok(all.into_iter().find(|found| {
            found.address == request.address
                && found.intent_key.as_ref().is_none_or(|key| *key == request.intent_key)
        }))
    }

    /// Completes a resource that was found, with all that making it sets by further calls.
    async fn completed(
        &self,
        cx: &Context,
        found: Found<T::Spec>,
        spec: &T::Spec,
    ) -> Result<Found<T::Spec>, CloudError> {
        let operation = format!("create {}", found.address);
        let value = |spec: &T::Spec| {
            serde_json::to_value(spec)
                .map_err(|error| CloudError::new(ErrorKind::Local, &operation, error.to_string()))
        };
        let (is, shall) = (value(&found.spec)?, value(spec)?);
        let changed: Vec<String> = shall
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(field, wanted)| is.get(field.as_str()) != Some(wanted))
            .filter(|(field, _)| self.0.on_change(field) == OnChange::Update)
            .map(|(field, _)| field.clone())
            .collect();
        if changed.is_empty() {
            return Ok(found);
        }
        let observed = Observed {
            address: found.address,
            id: found.id,
            spec: is.into(),
            outputs: found.outputs,
            readiness: found.readiness,
            intent_key: found.intent_key,
            made_by: found.made_by,
        };
        let request = UpdateRequest { observed, spec: shall, changed };
        self.0.change(cx, &request, spec.clone()).await
    }
}

#[async_trait]
impl<T: Unbatched> Resource for UnbatchedResource<T> {
    type Spec = T::Spec;

    fn name(&self) -> &'static str {
        T::NAME
    }

    fn on_change(&self, field: &str) -> OnChange {
        self.0.on_change(field)
    }

    fn waits(&self) -> Waits {
        self.0.waits()
    }

    async fn list_owned(&self, cx: &Context) -> Result<Vec<Found<T::Spec>>, CloudError> {
        self.0.list(cx).await
    }

    /// By their ids, whoever's mark they carry.
    async fn poll(&self, cx: &Context, ids: &[String]) -> Result<Vec<Found<T::Spec>>, CloudError> {
        let known: Vec<KnownResource> = ids.iter().map(|id| unknown(T::NAME, id)).collect();
        let mut found = Vec::with_capacity(known.len());
        for some in known.chunks(IDS_MAX) {
            found.extend(self.0.select(cx, &Which::known(some)).await?);
        }
        found.retain(|one| ids.contains(&one.id));
        Ok(found)
    }

    async fn read(
        &self,
        cx: &Context,
        known: &[KnownResource],
    ) -> Result<Vec<Presence<Found<T::Spec>>>, CloudError> {
        let mut answers = Vec::with_capacity(known.len());
        for some in known.chunks(IDS_MAX) {
            let which = Which::known(some);
            let found = self.0.select(cx, &which).await?;
            answers.extend(which.answers(found));
        }
        Ok(answers)
    }

    async fn create(
        &self,
        cx: &Context,
        requests: &[(CreateRequest, T::Spec)],
    ) -> Vec<Result<Found<T::Spec>, CloudError>> {
        let mut results = Vec::with_capacity(requests.len());
        for (request, spec) in requests {
            results.push(self.make(cx, request, spec).await);
        }
        results
    }

    async fn update(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        spec: T::Spec,
    ) -> Result<Found<T::Spec>, CloudError> {
        if request.restores_ownership() {
            self.0.mark_again(cx, &request.observed).await?;
            if request.changed.len() == 1 {
                return self.0.again(cx, &request.observed).await;
            }
        }
        self.0.change(cx, request, spec).await
    }

    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        self.0.remove(cx, observed).await
    }

    fn delete_warning(&self, observed: &Observed) -> Option<String> {
        self.0.warning(observed)
    }
}
