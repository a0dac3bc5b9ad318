//! The typed face of a kind, and the adapter that erases it.

use async_trait::async_trait;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Address, CloudError, Context, CreateRequest, ErrorKind, Kind, KnownResource, ManagedBy,
    Observed, OnChange, Place, Presence, RawJson, Readiness, UpdateRequest, Waits,
    presence::presences,
};

/// A resource that exists, with its typed spec.
#[derive(Clone, Debug)]
pub struct Found<S> {
    /// Its address, read from its ownership mark.
    pub address: Address,
    /// The cloud's id.
    pub id: String,
    /// Its spec, in normal form.
    pub spec: S,
    /// Its outputs.
    pub outputs: RawJson,
    /// Whether it can be used.
    pub readiness: Readiness,
    /// The key of the create call that made it, where the cloud keeps it.
    pub intent_key: Option<String>,
    /// Who made it.
    pub made_by: ManagedBy,
}

/// A kind of resource as its author writes it: one small file with a typed `Spec`. The contract is
/// that of [`Kind`].
///
/// Here is a whole kind, whose cloud is a map. Its author sees a typed spec, and the engine JSON:
///
/// ```
/// use std::{collections::BTreeMap, sync::Mutex};
///
/// use async_trait::async_trait;
/// use infra_provider_api::{
///     Address, CloudError, Context, CreateRequest, ErrorKind, Found, ManagedBy, Observed, OnChange,
///     Owner, RawJson, Readiness, Resource, UpdateRequest, erase,
/// };
/// use serde::{Deserialize, Serialize};
/// use serde_json::json;
///
/// #[derive(Clone, Serialize, Deserialize)]
/// struct Note {
///     text: String,
/// }
///
/// /// The notes that exist, by name.
/// #[derive(Default)]
/// struct Notes(Mutex<BTreeMap<String, Note>>);
///
/// impl Notes {
///     fn put(&self, address: &Address, spec: Note) -> Found<Note> {
///         let name = address.name().to_owned();
///         self.0.lock().unwrap().insert(name.clone(), spec.clone());
///         let outputs = RawJson::from(json!({"id": &name}));
///         Found {
///             address: address.clone(),
///             id: name,
///             spec,
///             outputs,
///             readiness: Readiness::Ready,
///             intent_key: None,
///             made_by: ManagedBy::Infra,
///         }
///     }
/// }
///
/// #[async_trait]
/// impl Resource for Notes {
///     type Spec = Note;
///
///     fn name(&self) -> &'static str {
///         "note"
///     }
///     fn on_change(&self, _field: &str) -> OnChange {
///         OnChange::Update
///     }
///     async fn list_owned(&self, _: &Context) -> Result<Vec<Found<Note>>, CloudError> {
///         let notes = self.0.lock().unwrap().clone();
///         Ok(notes.into_iter().map(|(name, spec)| self.put(&Address::new("note", name), spec)).collect())
///     }
///     async fn create(
///         &self,
///         _: &Context,
///         requests: &[(CreateRequest, Note)],
///     ) -> Vec<Result<Found<Note>, CloudError>> {
///         requests.iter().map(|(request, spec)| Ok(self.put(&request.address, spec.clone()))).collect()
///     }
///     async fn update(
///         &self,
///         _: &Context,
///         request: &UpdateRequest,
///         spec: Note,
///     ) -> Result<Found<Note>, CloudError> {
///         Ok(self.put(&request.observed.address, spec))
///     }
///     async fn delete(&self, _: &Context, observed: &Observed) -> Result<bool, CloudError> {
///         self.0.lock().unwrap().remove(&observed.id);
///         Ok(true)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), CloudError> {
/// let cx = Context::quiet(Owner { cluster: "shop".into(), uuid: uuid::Uuid::nil() });
/// let kind = erase(Notes::default());
/// let request = |spec| CreateRequest {
///     address: Address::new("note", "hello"),
///     spec,
///     intent_key: "0a1b".into(),
/// };
///
/// let made = kind.create(&cx, &[request(json!({"text": "hi"}))]).await;
/// assert!(made.iter().all(Result::is_ok));
/// let listed = kind.list_owned(&cx).await?;
/// assert_eq!(listed[0].address.to_string(), "note.hello");
/// assert_eq!(listed[0].spec.text("text").as_deref(), Some("hi"));
///
/// // A spec of another shape never reaches the typed code.
/// let refused = kind.create(&cx, &[request(json!({"txt": "hi"}))]).await;
/// assert!(refused[0].as_ref().is_err_and(|error| error.kind == ErrorKind::Local));
///
/// // To delete what is gone is a success.
/// assert!(kind.delete(&cx, &listed[0]).await? && kind.delete(&cx, &listed[0]).await?);
/// assert!(kind.list_owned(&cx).await?.is_empty());
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait Resource: Send + Sync + 'static {
    /// The spec; `Input<T>` where a value may come from another resource.
    type Spec: Serialize + DeserializeOwned + Clone + Send + Sync;

    /// See [`Kind::name`].
    fn name(&self) -> &'static str;
    /// See [`Kind::on_change`].
    fn on_change(&self, field: &str) -> OnChange;
    /// See [`Kind::place`].
    fn place(&self) -> Place {
        Place::Cloud
    }
    /// See [`Kind::part_of`].
    fn part_of(&self) -> Option<&'static str> {
        None
    }
    /// See [`Kind::is_single_use`].
    fn is_single_use(&self) -> bool {
        false
    }
    /// See [`Kind::batch_max`].
    fn batch_max(&self) -> usize {
        1
    }
    /// See [`Kind::batch_key`].
    fn batch_key(&self, _spec: &Self::Spec) -> String {
        String::new()
    }
    /// See [`Kind::waits`].
    fn waits(&self) -> Waits {
        Waits::default()
    }
    /// See [`Kind::list_owned`].
    async fn list_owned(&self, cx: &Context) -> Result<Vec<Found<Self::Spec>>, CloudError>;
    /// See [`Kind::poll`].
    async fn poll(
        &self,
        cx: &Context,
        ids: &[String],
    ) -> Result<Vec<Found<Self::Spec>>, CloudError> {
        let mut all = self.list_owned(cx).await?;
        all.retain(|found| ids.contains(&found.id));
        Ok(all)
    }
    /// See [`Kind::read`].
    async fn read(
        &self,
        cx: &Context,
        known: &[KnownResource],
    ) -> Result<Vec<Presence<Found<Self::Spec>>>, CloudError> {
        Ok(presences(known, self.list_owned(cx).await?, |found| &found.id))
    }
    /// See [`Kind::create`]; each request with its typed spec.
    async fn create(
        &self,
        cx: &Context,
        requests: &[(CreateRequest, Self::Spec)],
    ) -> Vec<Result<Found<Self::Spec>, CloudError>>;
    /// See [`Kind::update`].
    async fn update(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        spec: Self::Spec,
    ) -> Result<Found<Self::Spec>, CloudError>;
    /// See [`Kind::delete`].
    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError>;
    /// See [`Kind::delete_warning`].
    fn delete_warning(&self, _observed: &Observed) -> Option<String> {
        None
    }
}

/// A typed resource, erased.
#[derive(Debug)]
pub struct Erased<R>(R);

/// Erases a typed resource.
pub fn erase<R: Resource>(resource: R) -> std::sync::Arc<dyn Kind> {
    std::sync::Arc::new(Erased(resource))
}

fn spec_error(operation: &str, address: &Address, error: &serde_json::Error) -> CloudError {
    // A declared spec comes from the typed one, so this is a fault in the model, not in the input.
    CloudError::new(
        ErrorKind::Local,
        format!("{operation} {address}"),
        format!("the spec does not fit its kind: {error}"),
    )
}

fn erase_found<S: Serialize>(found: Found<S>) -> Result<Observed, CloudError> {
    let spec =
        RawJson::of(&found.spec).map_err(|error| spec_error("read", &found.address, &error))?;
    Ok(Observed {
        address: found.address,
        id: found.id,
        spec,
        outputs: found.outputs,
        readiness: found.readiness,
        intent_key: found.intent_key,
        made_by: found.made_by,
    })
}

#[async_trait]
impl<R: Resource> Kind for Erased<R> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn on_change(&self, field: &str) -> OnChange {
        self.0.on_change(field)
    }

    fn place(&self) -> Place {
        self.0.place()
    }

    fn part_of(&self) -> Option<&'static str> {
        self.0.part_of()
    }

    fn is_single_use(&self) -> bool {
        self.0.is_single_use()
    }

    fn batch_max(&self) -> usize {
        self.0.batch_max()
    }

    fn batch_key(&self, request: &CreateRequest) -> String {
        serde_json::from_value(request.spec.clone())
            .map(|spec| self.0.batch_key(&spec))
            .unwrap_or_default()
    }

    fn waits(&self) -> Waits {
        self.0.waits()
    }

    async fn list_owned(&self, cx: &Context) -> Result<Vec<Observed>, CloudError> {
        self.0.list_owned(cx).await?.into_iter().map(erase_found).collect()
    }

    async fn poll(&self, cx: &Context, ids: &[String]) -> Result<Vec<Observed>, CloudError> {
        self.0.poll(cx, ids).await?.into_iter().map(erase_found).collect()
    }

    async fn read(
        &self,
        cx: &Context,
        known: &[KnownResource],
    ) -> Result<Vec<Presence<Observed>>, CloudError> {
        let answers = self.0.read(cx, known).await?;
        answers.into_iter().map(|answer| answer.try_map(erase_found)).collect()
    }

    async fn create(
        &self,
        cx: &Context,
        requests: &[CreateRequest],
    ) -> Vec<Result<Observed, CloudError>> {
        let mut typed = Vec::with_capacity(requests.len());
        for request in requests {
            match serde_json::from_value(request.spec.clone()) {
                Ok(spec) => typed.push((request.clone(), spec)),
                Err(error) => {
                    let error = spec_error("create", &request.address, &error);
                    return requests.iter().map(|_| Err(error.clone())).collect();
                }
            }
        }
        let results = self.0.create(cx, &typed).await;
        results.into_iter().map(|result| result.and_then(erase_found)).collect()
    }

    async fn update(&self, cx: &Context, request: &UpdateRequest) -> Result<Observed, CloudError> {
        let spec = serde_json::from_value(request.spec.clone())
            .map_err(|error| spec_error("update", &request.observed.address, &error))?;
        self.0.update(cx, request, spec).await.and_then(erase_found)
    }

    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        self.0.delete(cx, observed).await
    }

    fn delete_warning(&self, observed: &Observed) -> Option<String> {
        self.0.delete_warning(observed)
    }
}
