//! The account's rate limit: waiting for leave to make a request, and saying so.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use infra_provider_api::{CloudError, Context, ErrorKind};

use super::window::{Core, Standing};

/// A wait is reported when it takes this long or longer, and again while it lasts.
const TOLD: Duration = Duration::from_secs(1);

/// The rate limit of one account.
#[derive(Debug)]
pub(crate) struct Limiter {
    core: Mutex<Core>,
    /// Held by whoever waits, so that the others queue in order behind.
    turn: tokio::sync::Mutex<()>,
}

/// Leave to make one request; to be kept until its answer is there.
#[derive(Debug)]
pub(crate) struct Permit<'a>(&'a Limiter);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.with(Core::over);
    }
}

impl Limiter {
    /// Makes a limiter; `speed` says how much faster than real time the cloud's clock runs.
    pub(crate) fn new(speed: f64) -> Self {
        Self { core: Mutex::new(Core::new(speed)), turn: tokio::sync::Mutex::new(()) }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Core, Instant) -> T) -> T {
        // A panic in arithmetic can't leave the windows in a dangerous state.
        let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut core, Instant::now())
    }

    /// Waits for leave to make one request, telling the user when that takes a second or more.
    pub(crate) async fn permit(
        &self,
        cx: &Context,
        operation: &str,
    ) -> Result<Permit<'_>, CloudError> {
        let stopped = || {
            CloudError::new(ErrorKind::Cancelled, operation, "stopped before the request was sent")
        };
        let waited = async {
            let _turn = self.turn.lock().await;
            while let Err(wait) = self.with(Core::take) {
                if wait >= TOLD {
                    let seconds = wait.as_secs_f64().ceil();
                    let reason = format!("waiting for the rate limit, {seconds} s");
                    cx.progress.waiting(None, &reason);
                }
                // In slices, so that the user sees it go on.
                tokio::time::sleep(wait.min(TOLD)).await;
            }
        };
        tokio::select! {
            biased;
            () = cx.stop.cancelled() => Err(stopped()),
            () = waited => Ok(Permit(self)),
        }
    }

    pub(crate) fn learn(&self, standing: Standing) {
        self.with(|core, now| core.learn(now, standing));
    }

    pub(crate) fn refused(&self, pause: Duration) {
        self.with(|core, now| core.refused(now, pause));
    }
}
