//! Calls: reads, which are repeated, and effects, which wait for their turn.

use std::time::{Duration, Instant};

use google_cloud_container_v1::{client::ClusterManager, model::Operation};
use google_cloud_gax::{error::Error, retry_policy::NeverRetry};
use infra_provider_api::{
    Address, Call, CloudError, Context, ErrorKind, RetryPolicy, is_read, retry,
};

use super::{Container, Target, deep::deep, describe};
use crate::client::of_gax;

/// How long one call may take. Google's client has no limit of its own.
const ATTEMPT_MAX: Duration = Duration::from_secs(60);
/// How long an effect waits for what others do to the cluster.
const BUSY_MAX: Duration = Duration::from_secs(45 * 60);
/// So often an effect is tried that GKE refuses although it does nothing to the cluster.
const IDLE_MAX: u32 = 10;

/// An effect on a cluster or a pool: what is said of it, and where it goes.
pub(crate) struct Effect<'a> {
    pub(crate) address: &'a Address,
    pub(crate) operation: &'a str,
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) target: Target,
}

/// How long an effect has waited for what others do.
pub(crate) struct Patience<'a> {
    address: &'a Address,
    operation: &'a str,
    target: Target,
    began: Instant,
    look: u32,
    idle: u32,
}

impl Container {
    async fn client(&self, operation: &str) -> Result<ClusterManager, CloudError> {
        let make = || async {
            ClusterManager::builder()
                .with_endpoint(&self.endpoint)
                .with_credentials(self.credentials.clone())
                .with_retry_policy(NeverRetry)
                .with_attempt_timeout(ATTEMPT_MAX)
                .build()
                .await
                .map_err(|error| {
                    let message = format!("the client of GKE could not be made: {error}");
                    CloudError::new(ErrorKind::Local, operation, message)
                })
        };
        self.client.get_or_try_init(make).await.cloned()
    }

    async fn once<T, F>(
        &self,
        operation: &str,
        method: &str,
        path: &str,
        call: impl FnOnce(ClusterManager) -> F,
    ) -> Result<T, CloudError>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let client = self.client(operation).await?;
        let log = Call::begin("container", method, path, !is_read(method));
        match deep(call(client)).await {
            Ok(answer) => {
                log.answered(200, None);
                Ok(answer)
            }
            Err(error) => {
                let mapped = of_gax(operation, &error);
                match error.http_status_code() {
                    Some(status) => log.answered(status, mapped.request_id.as_deref()),
                    None => log.unanswered(&mapped.message),
                }
                Err(mapped)
            }
        }
    }

    /// Makes a call that changes nothing, as often as it takes.
    pub(super) async fn read<T, F>(
        &self,
        cx: &Context,
        operation: &str,
        path: &str,
        call: impl Fn(ClusterManager) -> F,
    ) -> Result<T, CloudError>
    where
        F: Future<Output = Result<T, Error>>,
    {
        retry(cx, RetryPolicy::READ, || self.once(operation, "GET", path, &call)).await
    }

    /// Makes a call that changes something. It goes when nothing that this run began is in its way. A
    /// refusal because of what others do is waited out: it had no effect, and may last for hours. It
    /// returns what GKE now does about it.
    ///
    /// # Errors
    /// Returns `Deadline` if others were busy for too long, with what they do.
    pub(super) async fn effect<F>(
        &self,
        cx: &Context,
        effect: &Effect<'_>,
        call: impl Fn(ClusterManager) -> F,
    ) -> Result<Operation, CloudError>
    where
        F: Future<Output = Result<Operation, Error>>,
    {
        let mut patience = self.patience(effect.address, effect.operation, effect.target.clone());
        loop {
            match self.effect_once(cx, effect, &call).await {
                Err(error) if error.kind == ErrorKind::Busy => {
                    self.wait_for_turn(cx, &mut patience, error).await?;
                }
                other => return other,
            }
        }
    }

    /// Makes a call that changes something, once. Whoever calls looks again before the next try.
    ///
    /// # Errors
    /// Returns `Busy` if others are at work: see [`Self::wait_for_turn`].
    pub(super) async fn effect_once<F>(
        &self,
        cx: &Context,
        effect: &Effect<'_>,
        call: &impl Fn(ClusterManager) -> F,
    ) -> Result<Operation, CloudError>
    where
        F: Future<Output = Result<Operation, Error>>,
    {
        let mut turn = self.turn(cx, effect).await?;
        self.note_write();
        let answer = self.once(effect.operation, effect.method, &effect.path, call).await;
        self.note_write();
        if let Ok(begun) = &answer {
            turn.began(&effect.target, begun);
        }
        answer
    }

    /// Begins to wait for what others do to `target`.
    pub(crate) fn patience<'a>(
        &self,
        address: &'a Address,
        operation: &'a str,
        target: Target,
    ) -> Patience<'a> {
        Patience { address, operation, target, began: Instant::now(), look: 0, idle: 0 }
    }

    /// Waits after a call was refused with `error` because of what others do, and names that.
    ///
    /// # Errors
    /// Returns `Deadline` if others were busy for too long, and `error` if nobody is.
    pub(crate) async fn wait_for_turn(
        &self,
        cx: &Context,
        patience: &mut Patience<'_>,
        error: CloudError,
    ) -> Result<(), CloudError> {
        let running = self.running(cx, patience.operation, &patience.target).await?;
        let what = match running {
            Some(operation) => {
                patience.idle = 0;
                format!("GKE is at {}", describe(&operation))
            }
            None if patience.idle == IDLE_MAX => return Err(error),
            None => {
                patience.idle += 1;
                error.message.clone()
            }
        };
        if patience.began.elapsed() > self.scaled(BUSY_MAX) {
            let message = format!("the cluster is busy with something else: {what}");
            let hint = "run the same command again once that is over";
            let error = CloudError { kind: ErrorKind::Deadline, message, ..error };
            return Err(error.with_hint(hint));
        }
        let reason = format!("waiting for its turn: {what}");
        self.pause(cx, patience.address, patience.operation, &reason, patience.look).await?;
        patience.look += 1;
        Ok(())
    }
}
