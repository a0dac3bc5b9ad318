//! A lease that this process holds, or believes to hold.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{LOCK, clock::Clock};
use crate::{
    lock::{Lease, lease::Content},
    store::{
        StoreError,
        remote::{Objects, Only},
    },
};

/// How much earlier than everybody else its holder takes a lease for over, at most.
const MARGIN_MAX: Duration = Duration::from_secs(5);

/// A lease that this process holds, or believes to hold.
pub struct Held {
    pub(super) objects: Arc<dyn Objects>,
    pub(super) clock: Arc<dyn Clock>,
    lasts: Duration,
    lost: CancellationToken,
    now: Mutex<Now>,
    /// One write of the lock at a time.
    writing: tokio::sync::Mutex<()>,
}

struct Now {
    lease: Lease,
    etag: String,
    /// Until when it holds, by the clock that never goes back, which may stand still while the
    /// machine sleeps,
    until: Duration,
    /// and by the time of day, which does not.
    until_wall: Timestamp,
    /// Who took it over, where known.
    by: Option<String>,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held").field("lease", &self.now().lease).finish_non_exhaustive()
    }
}

/// When a call that takes or renews a lease began: the lease counts from there.
pub(super) struct Began {
    steady: Duration,
    wall: Timestamp,
}

impl Began {
    pub(super) fn now(clock: &dyn Clock) -> Self {
        Self { steady: clock.steady(), wall: clock.wall() }
    }
}

impl Held {
    pub(super) fn new(
        objects: Arc<dyn Objects>,
        clock: Arc<dyn Clock>,
        lease: Lease,
        etag: String,
        began: &Began,
    ) -> Self {
        let lasts = Duration::from_secs(lease.lasts_s);
        let now = Now {
            lease,
            etag,
            until: began.steady + lasts,
            until_wall: began.wall.saturating_add(lasts).unwrap_or(Timestamp::MAX),
            by: None,
        };
        let (lost, now, writing) =
            (CancellationToken::new(), Mutex::new(now), tokio::sync::Mutex::default());
        Self { objects, clock, lasts, lost, now, writing }
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how much earlier than everybody else this process considers its lease over.
    fn margin(&self) -> Duration {
        (self.lasts / 6).min(MARGIN_MAX)
    }

    /// Returns how often the lock was taken, this time included.
    pub fn generation(&self) -> u64 {
        self.now().lease.generation
    }

    /// Returns a copy of the lease.
    pub fn lease(&self) -> Lease {
        self.now().lease.clone()
    }

    /// Returns the token that is cancelled when the lease is lost.
    pub fn lost(&self) -> &CancellationToken {
        &self.lost
    }

    /// Checks that this process may act and write now. It costs no call.
    ///
    /// # Errors
    /// Returns an error if the lease has run out, or if another run took it over.
    pub fn check(&self) -> Result<(), StoreError> {
        let over = {
            let (now, margin) = (self.now(), self.margin());
            let wall = now.until_wall.saturating_sub(margin).unwrap_or(Timestamp::MIN);
            self.clock.steady() + margin >= now.until || self.clock.wall() >= wall
        };
        if over {
            self.lost.cancel();
        }
        if self.lost.is_cancelled() { Err(self.fenced()) } else { Ok(()) }
    }

    fn fenced(&self) -> StoreError {
        let ran_out = || "its lease ran out while this process could not renew it".to_owned();
        StoreError::Fenced { by: Some(self.now().by.clone().unwrap_or_else(ran_out)) }
    }

    /// Gives the lease up for lost; the error says who has it now.
    pub async fn lose(&self) -> StoreError {
        if let Ok(Some(object)) = self.objects.get(LOCK).await
            && let Content::Lease(there) = Lease::parse(&object.bytes)
        {
            self.note(&there);
        }
        self.lost.cancel();
        self.fenced()
    }

    fn note(&self, there: &Lease) {
        let mut now = self.now();
        if there.generation != now.lease.generation {
            let Lease { holder, verb, acquired_at, .. } = there;
            let since = acquired_at.strftime("%Y-%m-%d %H:%M:%SZ");
            now.by = Some(format!("{holder} ({verb}) took it over at {since}"));
        } else if there.id != now.lease.id || there.released {
            now.by = Some("it was unlocked by hand".to_owned());
        }
    }

    /// Renews the lease until it is lost. Never ends before.
    pub(super) async fn keep(&self) {
        let mut pause = self.lasts / 3;
        loop {
            tokio::select! {
                () = self.clock.sleep(pause) => {}
                () = self.lost.cancelled() => return,
            }
            if self.check().is_err() {
                let _ = self.lose().await;
                return;
            }
            let renewing = self.write(|_| {});
            let renewed = tokio::select! {
                renewed = renewing => renewed.ok(),
                // An answer that comes after the lease is over is of no use.
                () = self.clock.sleep(self.lasts / 3) => None,
            };
            match renewed {
                Some(true) => pause = self.lasts / 3,
                Some(false) => {
                    let _ = self.lose().await;
                    return;
                }
                // It can't be reached now. Until the lease ends nobody else takes it.
                None => pause = self.lasts / 12,
            }
        }
    }

    /// Gives the lease back. Nobody needs to wait for it to run out then.
    pub(super) async fn release(&self) {
        if self.check().is_ok() {
            // If this fails, it runs out by itself.
            let _ = self.write(|lease| lease.released = true).await;
        }
        self.lost.cancel();
    }

    /// Keeps the lease from being written as long as what it returns lives: the objects' key changes.
    pub async fn pause(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.writing.lock().await
    }

    /// Writes the lease again at once.
    ///
    /// # Errors
    /// Returns an error if it is lost, or cannot be written.
    pub async fn renew(&self) -> Result<(), StoreError> {
        if self.write(|_| {}).await? { Ok(()) } else { Err(self.lose().await) }
    }

    /// Writes the lease again. Returns `false` if another run has written it since.
    async fn write(&self, change: impl FnOnce(&mut Lease)) -> Result<bool, StoreError> {
        let _one = self.writing.lock().await;
        let began = Began::now(&*self.clock);
        let (mut lease, mut etag) = {
            let now = self.now();
            (now.lease.clone(), now.etag.clone())
        };
        lease.expires_at = began.wall.saturating_add(self.lasts).unwrap_or(Timestamp::MAX);
        change(&mut lease);
        let bytes = encode(&lease);
        loop {
            let only = Only::Unchanged(etag);
            if let Some(written) = self.objects.put(LOCK, bytes.clone(), only).await? {
                etag = written;
                break;
            }
            // The answer to an earlier write of ours may have been lost.
            let Some(there) = self.objects.get(LOCK).await? else { return Ok(false) };
            etag = there.etag;
            if there.bytes == bytes {
                break;
            }
            match Lease::parse(&there.bytes) {
                Content::Lease(found) if found.id == lease.id && !found.released => {}
                _ => return Ok(false),
            }
        }
        let mut now = self.now();
        now.until = began.steady + self.lasts;
        now.until_wall = lease.expires_at;
        (now.lease, now.etag) = (lease, etag);
        Ok(true)
    }
}

pub(super) fn encode(lease: &Lease) -> Vec<u8> {
    // A lease is strings and numbers: it can always be written.
    serde_json::to_vec_pretty(lease).unwrap_or_default()
}
