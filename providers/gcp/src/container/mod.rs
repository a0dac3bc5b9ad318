//! The GKE API: Google's client for it, with the retries, the log and the patience of this program around it.

mod calls;
mod clusters;
mod deep;
mod gate;
mod operations;
mod place;
mod pools;
mod shared;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use google_cloud_auth::credentials::Credentials;
use google_cloud_container_v1::client::ClusterManager;
use infra_provider_api::{Address, CloudError, Context, ErrorKind};
use tokio::sync::{Mutex, OnceCell};

pub(crate) use gate::{Gate, Target};
pub(crate) use operations::{describe, pick};
pub(crate) use place::{ClusterPath, PoolPath};
pub(crate) use shared::Fresh;

use crate::{Connection, client::Client};

/// Between two looks at what is under way: the first pause, doubled up to the longest.
const PAUSE_FIRST: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// The GKE API of one project.
pub(crate) struct Container {
    endpoint: String,
    credentials: Credentials,
    project: String,
    speed: f64,
    /// The client of Compute: what is done here changes what that lists.
    compute: Client,
    client: OnceCell<ClusterManager>,
    gate: Gate,
    clusters: Mutex<Option<shared::Kept>>,
    /// How many calls with an effect were begun or ended.
    writes: AtomicU64,
}

impl Container {
    /// Makes the client of a connection. It makes no call.
    pub(crate) fn new(connection: &Connection, compute: Client) -> Self {
        Self {
            compute,
            endpoint: connection.container.as_str().trim_end_matches('/').to_owned(),
            credentials: connection.google(),
            project: connection.project.clone(),
            speed: connection.clock_speed,
            client: OnceCell::new(),
            gate: Gate::default(),
            clusters: Mutex::new(None),
            writes: AtomicU64::new(0),
        }
    }

    /// Notes that a call with an effect begins or ends, or that its effect came: lists from before are old.
    fn note_write(&self) {
        self.writes.fetch_add(1, Ordering::SeqCst);
        self.compute.note_write();
    }

    /// Returns a time of the cloud's clock as one of this machine's.
    fn scaled(&self, time: Duration) -> Duration {
        time.div_f64(self.speed.max(1.0))
    }

    /// Waits before the `look`-th look from 0 at what is under way, and says why.
    async fn pause(
        &self,
        cx: &Context,
        address: &Address,
        operation: &str,
        reason: &str,
        look: u32,
    ) -> Result<(), CloudError> {
        cx.progress.waiting(Some(address), reason);
        let pause = PAUSE_FIRST.saturating_mul(1 << look.min(10)).min(PAUSE_MAX);
        let stopped =
            || CloudError::new(ErrorKind::Cancelled, operation, format!("stopped while {reason}"));
        tokio::select! {
            () = tokio::time::sleep(self.scaled(pause)) => Ok(()),
            () = cx.stop.cancelled() => Err(stopped()),
            () = cx.wind_down.cancelled() => Err(stopped()),
        }
    }
}
