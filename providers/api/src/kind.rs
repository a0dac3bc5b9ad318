//! A kind of resource, erased: what the engine calls.

use std::{collections::HashSet, time::Duration};

use async_trait::async_trait;
use serde_json::Value;

use crate::{Address, CloudError, Context, KnownResource, Observed, Presence, presence::presences};

/// What a changed field means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnChange {
    /// It can be changed in place.
    Update,
    /// The resource must be recreated.
    Replace,
    /// It is taken up by `infra rotate-node`, never by a plain apply: shown as a note.
    Rotate,
    /// Only used when creating; a difference later means nothing.
    CreateOnly,
}

/// A create call for one resource. A kind gets as many at once as `batch_max` allows.
#[derive(Clone, Debug)]
pub struct CreateRequest {
    /// The resource.
    pub address: Address,
    /// Its spec; every reference is resolved.
    pub spec: Value,
    /// The idempotency key. A kind passes it in the call itself (client token, tag in the body).
    pub intent_key: String,
}

/// An update call for one resource.
#[derive(Clone, Debug)]
pub struct UpdateRequest {
    /// The resource as it is.
    pub observed: Observed,
    /// Its spec as it shall be; every reference is resolved.
    pub spec: Value,
    /// The fields that differ. [`OWNERSHIP`] stands for the ownership tag.
    pub changed: Vec<String>,
}

/// The name of the ownership tag among changed fields: somebody took it away, and it is put back.
pub const OWNERSHIP: &str = "ownership tag";

impl UpdateRequest {
    /// Reports whether the ownership tag is missing and must be put back.
    pub fn restores_ownership(&self) -> bool {
        self.changed.iter().any(|field| field == OWNERSHIP)
    }
}

/// How long to wait for a kind, and how often to look.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// From created to ready.
    pub ready: Duration,
    /// From noticed to ready again, for what was ready before. What needs it does not wait for it: one
    /// of many that is ill must not hold up the others. `None`: it is waited for like a new one.
    pub recover: Option<Duration>,
    /// From deleted to gone.
    pub gone: Duration,
    /// Time between two looks, at first; grows with the time waited, up to `poll_max`.
    pub poll_min: Duration,
    /// Longest time between two looks.
    pub poll_max: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            ready: Duration::from_secs(600),
            recover: None,
            gone: Duration::from_secs(300),
            poll_min: Duration::from_millis(250),
            poll_max: Duration::from_secs(5),
        }
    }
}

/// Where the resources of a kind are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// In the cloud's account.
    #[default]
    Cloud,
    /// In the cluster's bucket, with which they go.
    Bucket,
    /// In the Kubernetes cluster, on its machines, with which they go.
    Cluster,
    /// In files on the machine that runs infra.
    Here,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Cloud => "the cloud",
            Self::Bucket => "the bucket",
            Self::Cluster => "the cluster",
            Self::Here => "this machine",
        })
    }
}

/// A kind of resource.
///
/// The contract, for every kind:
/// - **Idempotent.** Any call made twice gives the same world as made once. `create` with an
///   `intent_key` that has been used finds what it made; `delete` of what is absent is a success.
/// - **Bulk.** `list_owned` costs O(pages) calls and returns only what carries this owner's mark.
///   Absence from the list is not absence from the cloud: a list may lag behind, or a tag may have
///   been taken away by hand. `read` tells, and only it.
/// - **Normal form.** `spec` of an [`Observed`] has the same shape as a declared one; lists without
///   order are sorted in both, and fields the declared spec leaves out may be left out.
/// - **No retries inside** but for reads: the engine retries by [`crate::ErrorKind`].
#[async_trait]
pub trait Kind: Send + Sync {
    /// Returns the kind's name, the first part of each address: `droplet`.
    fn name(&self) -> &'static str;

    /// Returns the effect of a change of the top-level spec field `field`.
    fn on_change(&self, field: &str) -> OnChange;

    /// Returns where its resources are.
    fn place(&self) -> Place {
        Place::Cloud
    }

    /// Returns the kind whose resources have these as parts: when one of those is deleted, its parts go with it,
    /// and a destroy does not delete them one by one.
    fn part_of(&self) -> Option<&'static str> {
        None
    }

    /// Returns true if it is used up by what needs it. Then it is updated whenever something that
    /// needs it is created, also if nothing differs.
    fn is_single_use(&self) -> bool {
        false
    }

    /// Returns how many can be created in one call.
    fn batch_max(&self) -> usize {
        1
    }

    /// Requests with different keys can't share a call (a droplet's size, image, tags …).
    fn batch_key(&self, _request: &CreateRequest) -> String {
        String::new()
    }

    /// Returns how long to wait.
    fn waits(&self) -> Waits {
        Waits::default()
    }

    /// Lists all that the owner has of this kind.
    async fn list_owned(&self, cx: &Context) -> Result<Vec<Observed>, CloudError>;

    /// Returns the present state of those of `ids` that still exist, whoever's mark they carry; used
    /// while waiting. The address of one without a mark may be any. The default lists what carries
    /// the owner's mark, which is right where the mark can't be taken away, or nothing is waited for.
    async fn poll(&self, cx: &Context, ids: &[String]) -> Result<Vec<Observed>, CloudError> {
        let ids: HashSet<&str> = ids.iter().map(String::as_str).collect();
        let mut all = self.list_owned(cx).await?;
        all.retain(|observed| ids.contains(observed.id.as_str()));
        Ok(all)
    }

    /// Reads resources by their ids: one answer for each, in the same order. The engine asks for
    /// what the state knows and a list lacks, before it takes anything as gone. The default lists
    /// everything once more. That is right only where lists never lag and nobody can take ownership
    /// away: files on this machine, objects behind an API server.
    async fn read(
        &self,
        cx: &Context,
        known: &[KnownResource],
    ) -> Result<Vec<Presence<Observed>>, CloudError> {
        Ok(presences(known, self.list_owned(cx).await?, |observed| &observed.id))
    }

    /// Creates them, one result for each request in the same order. Returns as soon as the cloud
    /// has accepted; waiting for readiness is the engine's.
    async fn create(
        &self,
        cx: &Context,
        requests: &[CreateRequest],
    ) -> Vec<Result<Observed, CloudError>>;

    /// Changes the named fields in place.
    async fn update(&self, cx: &Context, request: &UpdateRequest) -> Result<Observed, CloudError>;

    /// Deletes it. Returns `true` when it is gone, `false` when the cloud needs time: the engine
    /// then looks until it is gone.
    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError>;

    /// Explains why deleting this one needs a warning in the plan (data is lost), if it does.
    fn delete_warning(&self, _observed: &Observed) -> Option<String> {
        None
    }
}
