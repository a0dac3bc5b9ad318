//! Taking the lock of a state in a bucket.

use std::{path::PathBuf, sync::Arc, time::Duration};

use infra_provider_api::Owner;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    clock::Clock,
    held::{Began, Held, encode},
};
use crate::{
    lock::{Lease, LockError, LockOptions, ProcessId, lease::Content},
    store::{
        StoreError,
        remote::{Object, Objects, Only},
    },
};

/// The object that the lease is in.
pub const LOCK: &str = "lock.json";

/// Longest time between two looks at another run's lease.
const LOOK_MAX: Duration = Duration::from_secs(2);
/// The store tells whole seconds only.
const SLACK: Duration = Duration::from_secs(2);
/// How long giving it back may take.
const RELEASE_MAX: Duration = Duration::from_secs(5);

/// The lock, held. Given back when dropped.
#[derive(Debug)]
pub struct RemoteLock {
    held: Arc<Held>,
    renewing: JoinHandle<()>,
    /// The lease of a dead holder, if one was taken over.
    pub taken_over: Option<Box<Lease>>,
}

impl RemoteLock {
    /// Takes the lock of `owner`'s state. One that has run out, or whose holder is a process of
    /// this machine that is gone, is taken over.
    ///
    /// # Errors
    /// Returns an error if another run holds it until `options.timeout` is over. Returns an error
    /// if it is of a later version or another cluster, or if the bucket cannot be used.
    pub async fn acquire(
        objects: Arc<dyn Objects>,
        clock: Arc<dyn Clock>,
        owner: &Owner,
        options: &LockOptions,
    ) -> Result<Self, LockError> {
        let until = clock.steady() + options.timeout;
        let look = (options.lease / 4).clamp(Duration::from_millis(200), LOOK_MAX);
        loop {
            match attempt(&objects, &clock, owner, options).await {
                Err(LockError::Held { .. }) if clock.steady() < until => {
                    clock.sleep(look.min(until.saturating_sub(clock.steady()))).await;
                }
                Err(error) => return Err(error),
                // Somebody else was faster: look at theirs.
                Ok(None) => {}
                Ok(Some((held, taken_over))) => {
                    let held = Arc::new(held);
                    let keeping = Arc::clone(&held);
                    let renewing = tokio::spawn(async move { keeping.keep().await });
                    return Ok(Self { held, renewing, taken_over });
                }
            }
        }
    }

    /// Returns the lease, for those who write and act under it.
    pub fn held(&self) -> &Arc<Held> {
        &self.held
    }

    /// Returns the token that is cancelled when the lease is lost.
    pub fn lost(&self) -> &CancellationToken {
        self.held.lost()
    }

    /// Gives it back.
    pub async fn release(self) {
        self.renewing.abort();
        self.held.release().await;
    }
}

impl Drop for RemoteLock {
    fn drop(&mut self) {
        self.renewing.abort();
        if self.held.lost().is_cancelled() {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let held = Arc::clone(&self.held);
        let give_back = async move {
            let _ = tokio::time::timeout(RELEASE_MAX, held.release()).await;
        };
        if runtime.runtime_flavor() == tokio::runtime::RuntimeFlavor::MultiThread {
            tokio::task::block_in_place(|| runtime.block_on(give_back));
        } else {
            runtime.spawn(give_back);
        }
    }
}

/// Reads the lock. Returns `None` if it was never taken, or was given back.
///
/// # Errors
/// Returns an error if it is damaged, newer or of another cluster, or if the bucket cannot be read.
pub async fn read(
    objects: &dyn Objects,
    owner: Option<&Owner>,
) -> Result<Option<Lease>, LockError> {
    let Some(object) = objects.get(LOCK).await? else { return Ok(None) };
    let lease = understand(objects, owner, &object)?;
    Ok((!lease.released).then_some(lease))
}

/// Gives the lock back in place of its holder, if its id is `id`. A holder that lives can do
/// nothing more from its next write on.
///
/// # Errors
/// Returns the errors of [`read`], and [`LockError::Held`] if nobody holds it, or a holder with
/// another id.
pub async fn unlock(
    objects: &dyn Objects,
    owner: Option<&Owner>,
    id: &str,
) -> Result<Option<Lease>, LockError> {
    let Some(object) = objects.get(LOCK).await? else { return Ok(None) };
    let lease = understand(objects, owner, &object)?;
    if lease.released {
        return Ok(None);
    }
    if lease.id != id {
        return Err(LockError::Held { lease: Some(Box::new(lease)) });
    }
    let free = Lease { released: true, ..lease.clone() };
    match objects.put(LOCK, encode(&free), Only::Unchanged(object.etag)).await? {
        Some(_) => Ok(Some(lease)),
        // It was renewed or taken over meanwhile.
        None => Box::pin(unlock(objects, owner, id)).await,
    }
}

fn understand(
    objects: &dyn Objects,
    owner: Option<&Owner>,
    object: &Object,
) -> Result<Lease, LockError> {
    let name = objects.describe(LOCK);
    let lease = match Lease::parse(&object.bytes) {
        Content::Newer(found) => {
            return Err(LockError::Newer { path: PathBuf::from(name), found });
        }
        Content::Nothing => {
            let reason = "it is not the JSON of a lease; move it aside".to_owned();
            return Err(LockError::Damaged { name, reason });
        }
        Content::Lease(lease) => *lease,
    };
    match (&lease.owner, owner) {
        (Some(theirs), Some(ours)) if theirs.uuid != ours.uuid => {
            let cluster = format!("{} ({})", theirs.cluster, theirs.uuid);
            Err(LockError::OtherCluster { name, cluster })
        }
        _ => Ok(lease),
    }
}

type Taken = (Held, Option<Box<Lease>>);

async fn attempt(
    objects: &Arc<dyn Objects>,
    clock: &Arc<dyn Clock>,
    owner: &Owner,
    options: &LockOptions,
) -> Result<Option<Taken>, LockError> {
    let before = objects.get(LOCK).await?;
    let mut taken_over = None;
    let (generation, only) = match before {
        None => (1, Only::New),
        Some(object) => {
            let lease = understand(&**objects, Some(owner), &object)?;
            if !lease.released {
                if !is_over(&lease, &object, &**clock) {
                    return Err(LockError::Held { lease: Some(Box::new(lease)) });
                }
                taken_over = Some(Box::new(lease.clone()));
            }
            (lease.generation + 1, Only::Unchanged(object.etag))
        }
    };
    let began = Began::now(&**clock);
    let lease = Lease {
        generation,
        lasts_s: options.lease.as_secs().max(1),
        owner: Some(owner.clone()),
        process: ProcessId::this(),
        ..Lease::new(options.holder.clone(), &options.verb, options.lease)
    };
    let bytes = encode(&lease);
    let etag = match objects.put(LOCK, bytes.clone(), only).await? {
        Some(etag) => etag,
        // Its first try may have been taken and the answer lost.
        None => match objects.get(LOCK).await?.filter(|there| there.bytes == bytes) {
            Some(there) => there.etag,
            None => return Ok(None),
        },
    };
    let (objects, clock) = (Arc::clone(objects), Arc::clone(clock));
    Ok(Some((Held::new(objects, clock, lease, etag, &began), taken_over)))
}

/// Returns true if a lease has run out, or its holder is surely gone.
fn is_over(lease: &Lease, object: &Object, clock: &dyn Clock) -> bool {
    let lasts = Duration::from_secs(lease.lasts_s);
    let ran_out = match object.age {
        Some(age) => age >= lasts + SLACK,
        // A store without a clock: then the machines' clocks must do.
        None => clock.wall() >= lease.expires_at.saturating_add(SLACK).unwrap_or_default(),
    };
    ran_out || lease.process.as_ref().is_some_and(ProcessId::is_gone)
}

impl From<StoreError> for Box<LockError> {
    fn from(error: StoreError) -> Self {
        Self::new(LockError::Store(error))
    }
}
