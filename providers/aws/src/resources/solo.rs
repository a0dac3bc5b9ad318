//! Kinds that are made one by one: all but machines.

use async_trait::async_trait;
use infra_provider_api::{
    CloudError, Context, CreateRequest, ErrorKind, Found, Observed, OnChange, Resource,
    UpdateRequest, Waits,
};
use serde::{Serialize, de::DeserializeOwned};

use super::api::nothing_to_update;

/// A kind that is made one by one. The contract is that of [`infra_provider_api::Kind`].
#[async_trait]
pub(crate) trait Solo: Send + Sync + 'static {
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

    /// The resource as it is after a change.
    async fn again(
        &self,
        cx: &Context,
        observed: &Observed,
    ) -> Result<Found<Self::Spec>, CloudError> {
        let all = self.list(cx).await?;
        all.into_iter().find(|found| found.id == observed.id).ok_or_else(|| {
            let operation = format!("look at {}", observed.address);
            CloudError::new(ErrorKind::NotFound, operation, "it was deleted meanwhile")
        })
    }
}

/// A [`Solo`] as a [`Resource`].
pub(crate) struct Alone<T>(pub(crate) T);

impl<T: Solo> Alone<T> {
    async fn make(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: &T::Spec,
    ) -> Result<Found<T::Spec>, CloudError> {
        if !T::KEYED {
            let before = self.0.list(cx).await?.into_iter().find(|found| {
                found.address == request.address
                    && found.intent_key.as_ref() == Some(&request.intent_key)
            });
            if let Some(found) = before {
                return Ok(found);
            }
        }
        self.0.make(cx, request, spec.clone()).await
    }
}

#[async_trait]
impl<T: Solo> Resource for Alone<T> {
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
        self.0.change(cx, request, spec).await
    }

    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        self.0.remove(cx, observed).await
    }

    fn delete_warning(&self, observed: &Observed) -> Option<String> {
        self.0.warning(observed)
    }
}
