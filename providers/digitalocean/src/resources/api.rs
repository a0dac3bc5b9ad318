//! What all kinds share.

use infra_provider_api::{
    Address, CloudError, Context, ErrorKind, Found, Input, ManagedBy, Observed, Outputs, Owner,
    Readiness,
};
use serde_json::Value;

use crate::{Scope, client::Client};

/// The account, and what a listing needs to know of the cluster.
pub(crate) struct Api {
    pub(crate) client: Client,
    pub(crate) scope: Scope,
    /// The endpoint, keys and authority for Spaces are kept here.
    pub(crate) connection: crate::Connection,
    /// Held from reading a load balancer to writing it: a change replaces all of it.
    pub(crate) balancer_gate: tokio::sync::Mutex<()>,
}

/// Finds the address of a resource whose exact name is its ownership mark:
/// `<cluster>-<short>-<name>`.
pub(crate) fn address_of(owner: &Owner, kind: &str, name: &str) -> Option<Address> {
    let name = name.strip_prefix(&owner.exact_name(""))?;
    (!name.is_empty()).then(|| Address::new(kind, name))
}

/// Returns the exact name of the resource at `address`.
pub(crate) fn name_of(cx: &Context, address: &Address) -> String {
    cx.owner.exact_name(address.name())
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
pub(crate) fn ready<S>(address: Address, id: String, spec: S, outputs: Outputs) -> Found<S> {
    Found {
        address,
        id,
        spec,
        outputs: outputs.into(),
        readiness: Readiness::Ready,
        intent_key: None,
        made_by: ManagedBy::Infra,
    }
}

/// Refuses an update, for kinds all of whose fields force a replacement.
pub(crate) fn nothing_to_update<T>(observed: &Observed) -> Result<T, CloudError> {
    Err(CloudError::new(
        ErrorKind::Invalid,
        format!("update {}", observed.address),
        "nothing of it can be changed in place",
    ))
}
