//! The store, open.

use std::{
    collections::VecDeque,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use infra_provider_api::Owner;
use uuid::Uuid;

use super::{Backend, Folder, StoreError, identity};
use crate::{
    journal::{self, Entry},
    resources::State,
};

pub(super) const JOURNAL: &str = "journal";
pub(super) const SNAPSHOT: &str = "snapshot.json";

/// The store of one cluster, open. Appending needs the [`crate::Lock`]; reading does not.
pub struct Store {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) owner: Owner,
    shared: Mutex<Shared>,
    /// Held by the one that writes; others' entries go along with the next write.
    pub(super) writer: tokio::sync::Mutex<()>,
}

pub(super) struct Shared {
    /// Shared with whoever reads it; copied only when it changes while somebody still does.
    pub record: Arc<State>,
    /// Entries that wait to be written, with the number each will have.
    pub queue: VecDeque<(u64, Entry)>,
    /// Number of the last entry queued.
    pub queued: u64,
    /// Length of the journal file up to its last complete line.
    pub length: u64,
    /// Whether the file may end in a torn line, or be absent.
    pub unclean: Unclean,
    /// Once a write has failed, nothing more is written: the file's end is not known.
    pub failed: Option<StoreError>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unclean {
    No,
    Torn,
    Absent,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("owner", &self.owner).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens `.infra/<cluster>` (`folder`). If it has no identity yet, it gets `uuid`; see
    /// [`super::derived_uuid`].
    ///
    /// # Errors
    /// Returns an error if a file cannot be read, is damaged, is of another cluster or from a newer
    /// version. Nothing is changed then.
    pub async fn open(folder: &Path, cluster: &str, uuid: Uuid) -> Result<Self, StoreError> {
        Self::open_backend(Arc::new(Folder::new(folder)), cluster, uuid).await
    }

    /// Opens the store in any backend.
    ///
    /// # Errors
    /// Returns the errors of [`Store::open`].
    pub async fn open_backend(
        backend: Arc<dyn Backend>,
        cluster: &str,
        uuid: Uuid,
    ) -> Result<Self, StoreError> {
        let owner = identity::load(&*backend, cluster, uuid).await?;
        let shared = load(&*backend, &owner).await?;
        let (shared, writer) = (Mutex::new(shared), tokio::sync::Mutex::new(()));
        Ok(Self { backend, owner, shared, writer })
    }

    /// Opens the store in a backend that nothing may be written to before its lock is taken. An
    /// identity is read, but not made; [`Store::claim`] makes it.
    ///
    /// # Errors
    /// Returns the errors of [`Store::open`].
    pub async fn open_unclaimed(
        backend: Arc<dyn Backend>,
        cluster: &str,
        uuid: Uuid,
    ) -> Result<Self, StoreError> {
        let owner = identity::read(&*backend, cluster).await?;
        let owner = owner.unwrap_or_else(|| Owner { cluster: cluster.to_owned(), uuid });
        let shared = load(&*backend, &owner).await?;
        let (shared, writer) = (Mutex::new(shared), tokio::sync::Mutex::new(()));
        Ok(Self { backend, owner, shared, writer })
    }

    /// Makes the identity if there is none, and reads everything again. An earlier reading may be
    /// older than what the last holder of the lock wrote. The lock must be held.
    ///
    /// # Errors
    /// Returns the errors of [`Store::open`].
    pub async fn claim(&self) -> Result<(), StoreError> {
        let _writer = self.writer.lock().await;
        let Owner { cluster, uuid } = &self.owner;
        let owner = identity::load(&*self.backend, cluster, *uuid).await?;
        if owner.uuid != *uuid {
            let name = self.backend.describe(identity::NAME);
            return Err(StoreError::OtherCluster {
                name,
                cluster: owner.cluster,
                uuid: owner.uuid,
            });
        }
        let shared = load(&*self.backend, &self.owner).await?;
        *self.lock() = shared;
        Ok(())
    }

    /// Checks that this process may still act for the cluster; see [`Backend::may_act`].
    ///
    /// # Errors
    /// Returns an error if the lease is lost.
    pub fn may_act(&self) -> Result<(), StoreError> {
        self.backend.may_act()
    }

    /// Returns the cluster's identity.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Returns everything that the journal says, as of the last entry on the disk.
    pub fn state(&self) -> Arc<State> {
        Arc::clone(&self.lock().record)
    }

    /// Returns the backend that keeps the bytes.
    pub fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Shared> {
        // A panic while holding it can't leave it half-changed: every change is one assignment.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn load(backend: &dyn Backend, owner: &Owner) -> Result<Shared, StoreError> {
    let snapshot = match backend.read(SNAPSHOT).await? {
        Some(bytes) => super::snapshot::decode(&bytes, &backend.describe(SNAPSHOT), owner)?,
        None => State::default(),
    };
    let bytes = backend.read(JOURNAL).await?;
    let mut read = journal::read(bytes.as_deref().unwrap_or_default(), snapshot, owner)
        .map_err(|source| StoreError::Journal { name: backend.describe(JOURNAL), source })?;
    // Inserted one by one, the nodes of the map are half empty.
    let resources = std::mem::take(&mut read.record.resources);
    read.record.resources = resources.into_iter().collect();
    let unclean = match &bytes {
        // An empty file is as good as none: it lacks its first line.
        Some(bytes) if read.complete == 0 || bytes.is_empty() => Unclean::Absent,
        Some(bytes) if bytes.len() as u64 > read.complete => Unclean::Torn,
        Some(_) => Unclean::No,
        None => Unclean::Absent,
    };
    Ok(Shared {
        queued: read.record.serial,
        record: Arc::new(read.record),
        queue: VecDeque::new(),
        length: read.complete,
        unclean,
        failed: None,
    })
}
