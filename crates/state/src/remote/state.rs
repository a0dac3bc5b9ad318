//! A state in a bucket, open.

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use infra_provider_api::{CloudError, ErrorKind};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::{
    encryption::Keyring,
    files::{Bring, Files},
    options::{RemoteOptions, StateBucket},
    pin::PinFile,
    signing::Signing,
    working_copy::{self, Marker},
};
use crate::{
    LockError, LockOptions, RemoteLock, Store, StoreError,
    error::StateError,
    layout::ClusterLayout,
    lock::{
        Lease,
        remote::{Clock, SystemClock},
    },
    persister::Persister,
    store::{
        Backend,
        remote::{Objects, Remote, Watermark, probe},
    },
};

/// A state in a bucket, open, with the working copy of its files.
pub struct RemoteState {
    /// Where it is.
    pub bucket: Arc<dyn StateBucket>,
    /// The state.
    pub store: Arc<Store>,
    remote: Arc<Remote>,
    /// Its files.
    pub files: Arc<Files>,
    signing: Signing,
    lease: Duration,
}

impl RemoteState {
    /// Opens it to be read. Writes nothing to the bucket, and here only how far it was seen.
    ///
    /// # Errors
    /// Returns an error if the bucket does not exist, or if its content cannot be used or trusted.
    pub async fn open(
        bucket: Arc<dyn StateBucket>,
        options: &RemoteOptions,
        layout: &ClusterLayout,
        cluster: &str,
        uuid: Uuid,
    ) -> Result<Self, StateError> {
        working_copy::refuse_left(layout, bucket.url())?;
        bucket.check().await?;
        let keys = Arc::new(Keyring::new(options, bucket.objects())?);
        let pin = PinFile::of(layout, bucket.url());
        let watermark: Arc<dyn Watermark> = Arc::new(pin.clone());
        let signing = Signing::new(
            bucket.objects(),
            Arc::clone(&keys),
            pin,
            bucket.url(),
            Arc::clone(&options.user),
        );
        signing.open().await?;
        let objects: Arc<dyn Objects> = signing.objects.clone();
        let remote = Arc::new(Remote::new(objects).watched_by(watermark));
        let backend: Arc<dyn Backend> = remote.clone();
        let store = Arc::new(Store::open_unclaimed(backend, cluster, uuid).await?);
        let is_seen = Marker::read(layout)?.is_some_and(|marker| marker.url == bucket.url());
        signing.check(&store, is_seen)?;
        let files = Arc::new(Files {
            layout: layout.clone(),
            url: bucket.url().to_owned(),
            remote: Arc::clone(&remote),
            keys,
            busy: Mutex::default(),
            removed: std::sync::Mutex::default(),
            user: Arc::clone(&options.user),
        });
        Ok(Self { bucket, store, remote, files, signing, lease: options.lease })
    }

    /// Returns its objects, checked and signed.
    pub fn objects(&self) -> Arc<dyn Objects> {
        Arc::clone(self.remote.objects())
    }

    /// Forgets its key and how far it was seen: it was moved away from the bucket.
    ///
    /// # Errors
    /// Returns an error if the file cannot be removed.
    pub(super) fn forget(&self) -> Result<(), StateError> {
        self.signing.pin.remove()
    }

    /// Brings the working copy up to date.
    ///
    /// # Errors
    /// Returns an error if this machine has files that the bucket does not know, or if an object is
    /// missing, damaged, or cannot be decrypted.
    pub async fn refresh(&self) -> Result<(), StateError> {
        self.files.bring(&self.store, Bring::New).await
    }

    /// Takes the lock: probes the bucket, takes the lease, shuts out the holder before, and reads
    /// everything again.
    ///
    /// # Errors
    /// Returns an error if the bucket ignores conditions, if another run holds the lock, or if the
    /// bucket cannot be used.
    pub async fn lock(
        &self,
        mut options: LockOptions,
        waiting: &(dyn Fn(&Lease) + Sync),
    ) -> Result<RemoteLock, StateError> {
        options.lease = self.lease;
        if self.signing.objects.seal().is_none() {
            // It may have been signed since.
            self.signing.open().await?;
        }
        let objects = self.remote.objects();
        probe(&**objects).await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let owner = self.store.owner();
        let once = LockOptions { timeout: Duration::ZERO, ..options.clone() };
        let signing = &self.signing;
        let take = |options: LockOptions| {
            let (objects, clock) = (Arc::clone(objects), Arc::clone(&clock));
            async move {
                let taken =
                    RemoteLock::acquire(Arc::clone(&objects), Arc::clone(&clock), owner, &options);
                match taken.await {
                    // Somebody signed it since it was opened, or somebody left and it has another key.
                    Err(LockError::Store(StoreError::Untrusted { .. })) => {
                        signing.open().await?;
                        let taken = RemoteLock::acquire(objects, clock, owner, &options);
                        Ok::<_, StateError>(taken.await)
                    }
                    taken => Ok(taken),
                }
            }
        };
        let lock = match take(once).await? {
            Err(LockError::Held { lease }) if !options.timeout.is_zero() => {
                if let Some(lease) = lease {
                    waiting(&lease);
                }
                take(options).await??
            }
            taken => taken?,
        };
        self.remote.fence(Arc::clone(lock.held()), owner).await?;
        self.store.claim().await?;
        Ok(lock)
    }

    /// Brings the working copy up to date once the lock is held.
    ///
    /// # Errors
    /// Returns an error if this machine has files that the bucket does not know, or if an object is
    /// missing, damaged, or cannot be decrypted.
    pub async fn refresh_all(&self) -> Result<(), StateError> {
        self.files.bring(&self.store, Bring::All).await?;
        self.files.tidy(&self.store).await
    }

    /// Makes sure that private keys can be encrypted. The lock must be held.
    ///
    /// # Errors
    /// Returns an error if there is no recipient and no passphrase.
    pub async fn prepare(&self) -> Result<(), StateError> {
        self.files.keys.prepare().await
    }

    /// Signs the state unless it is signed, and makes its key readable for exactly those who may read it.
    /// What was refused at opening does not get here. The lock must be held.
    ///
    /// # Errors
    /// Returns an error if there is no private key here to sign with, or if the bucket cannot be
    /// written.
    pub async fn sign(&self) -> Result<(), StateError> {
        let is_old = self.store.state().serial > 0;
        let was_signed = self.signing.objects.seal().is_some();
        let held = self.remote.held();
        let paused = match &held {
            Some(held) => Some(held.pause().await),
            None => None,
        };
        let has_new_key = self.signing.establish(self.store.owner(), is_old).await?;
        drop(paused);
        if (has_new_key || !was_signed)
            && let Some(held) = &held
        {
            held.renew().await?;
        }
        self.files.send_to_readers(&self.store).await
    }

    /// Sends what is new in the working copy. The lock must be held.
    ///
    /// # Errors
    /// Returns an error if a file cannot be encrypted or written.
    pub async fn send(&self) -> Result<(), StateError> {
        self.files.send(&self.store).await
    }
}

#[async_trait]
impl Persister for RemoteState {
    async fn persist(&self) -> Result<(), CloudError> {
        self.send().await.map_err(|failure| {
            let operation = format!("keep the certificates in {}", self.bucket.url());
            let mut error = CloudError::new(ErrorKind::Local, operation, failure.message);
            error.hint = failure.hints.into_iter().next();
            error
        })
    }

    fn removed(&self, paths: &[PathBuf]) {
        self.files.removed(paths);
    }
}
