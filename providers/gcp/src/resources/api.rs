//! What all kinds share.

use std::sync::{Arc, Mutex, PoisonError};

use futures::{StreamExt, TryStreamExt, future::join_all, stream};
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, ErrorKind, Found, Input, KnownResource, ManagedBy,
    Observed, Outputs, Presence, Readiness,
};
use serde_json::Value;

use crate::{Connection, Scope, client::Client, container::Container};

/// The project, and what a listing needs to know of the cluster.
pub(crate) struct Api {
    pub(crate) client: Client,
    /// The API of GKE, which has a client of its own.
    pub(crate) container: Container,
    pub(crate) scope: Scope,
    pub(crate) connection: Connection,
    /// Held from reading the project's policy to writing it: a change replaces all of it.
    pub(crate) policy_gate: tokio::sync::Mutex<()>,
    /// The disks that the cluster says are its own: `projects/P/zones/Z/disks/D`.
    volumes: Mutex<Vec<String>>,
}

impl Api {
    /// Makes what kinds share. It makes no call.
    ///
    /// # Errors
    /// Returns `Local` if there can be no HTTP client.
    pub(crate) fn new(connection: Connection, scope: Scope) -> Result<Arc<Self>, CloudError> {
        let client = Client::new(&connection)?;
        let container = Container::new(&connection, client.clone());
        let policy_gate = tokio::sync::Mutex::default();
        Ok(Arc::new(Self {
            client,
            container,
            scope,
            connection,
            policy_gate,
            volumes: Mutex::default(),
        }))
    }

    /// Takes the handles of the cluster's volumes, from where Kubernetes keeps them. They tell for certain
    /// which disks are the cluster's.
    pub(crate) fn learn_volumes(&self, handles: impl IntoIterator<Item = String>) {
        self.volumes.lock().unwrap_or_else(PoisonError::into_inner).extend(handles);
    }

    /// Returns the handles of the cluster's volumes, as far as they are known.
    pub(super) fn volumes(&self) -> Vec<String> {
        self.volumes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Returns a value that is known by the time a call is made.
pub(crate) fn known<'a, T>(
    operation: &str,
    field: &str,
    input: &'a Input<T>,
) -> Result<&'a T, CloudError> {
    input.known().ok_or_else(|| {
        CloudError::new(ErrorKind::Local, operation, format!("{field} is not known yet"))
    })
}

/// Outputs from pairs.
pub(crate) fn outputs<const N: usize>(pairs: [(&str, Value); N]) -> Outputs {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Describes a resource that is ready and was made by this tool.
pub(crate) fn ready<S>(
    address: Address,
    id: impl Into<String>,
    spec: S,
    intent_key: Option<String>,
    outputs: Outputs,
) -> Found<S> {
    Found {
        address,
        id: id.into(),
        spec,
        outputs: outputs.into(),
        readiness: Readiness::Ready,
        intent_key,
        made_by: ManagedBy::Infra,
    }
}

/// Refuses an update, for kinds that have nothing which can be changed in place.
pub(crate) fn nothing_to_update<T>(observed: &Observed) -> Result<T, CloudError> {
    Err(CloudError::new(
        ErrorKind::Invalid,
        format!("update {}", observed.address),
        "nothing of it can be changed in place",
    ))
}

/// Makes the error for a resource that is gone right after it was made or changed.
pub(crate) fn vanished(operation: &str) -> CloudError {
    CloudError::new(
        ErrorKind::Unanswered,
        operation,
        "it was made, and is not there to be read yet",
    )
}

/// Makes the error for a name that something has which this tool did not make.
pub(crate) fn not_made(operation: &str, name: &str) -> CloudError {
    let message = format!("{name} is there already, and infra did not make it");
    CloudError::new(ErrorKind::NameTaken, operation, message)
        .with_hint("delete it, or choose another name in infra.toml")
}

/// Makes the error for a name that another cluster's resource has.
pub(crate) fn name_taken(operation: &str, name: &str, owner: &str) -> CloudError {
    let message = format!("{name} belongs to another cluster, {owner}");
    CloudError::new(ErrorKind::NameTaken, operation, message)
        .with_hint("rename the cluster, or destroy the other one")
}

const AT_ONCE: usize = 8;

/// Asks `one` for each of `known`, a few at a time. Returns the answers in the same order.
pub(crate) async fn each<'a, T, Fut>(
    known: &'a [KnownResource],
    one: impl Fn(&'a KnownResource) -> Fut,
) -> Result<Vec<Presence<T>>, CloudError>
where
    Fut: Future<Output = Result<Presence<T>, CloudError>>,
{
    // Made here, and not in the stream: the closure would have to take references of any lifetime.
    let asked: Vec<Fut> = known.iter().map(one).collect();
    stream::iter(asked).buffered(AT_ONCE).try_collect().await
}

/// Makes each of `requests` by `one`, side by side.
pub(crate) async fn create_each<'a, S, Fut>(
    requests: &'a [(CreateRequest, S)],
    one: impl Fn(&'a CreateRequest, &'a S) -> Fut,
) -> Vec<Result<Found<S>, CloudError>>
where
    Fut: Future<Output = Result<Found<S>, CloudError>>,
{
    join_all(requests.iter().map(|(request, spec)| one(request, spec))).await
}

/// Returns the operation of a step in the words of an error: `create network.main`.
pub(crate) fn operation(verb: &str, address: &Address) -> String {
    format!("{verb} {address}")
}

/// Returns the exact name of the resource at `address`.
pub(crate) fn name_of(cx: &Context, address: &Address) -> String {
    cx.owner.exact_name(address.name())
}
