//! Calls that are tried again while the reason passes.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, timeout};

use super::{KubeClient, failure};
use crate::{AppsError, AppsEvent};

/// How long one answer may take.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(30);
const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(5);

impl KubeClient {
    /// Makes a call; repeats it on 429, 5xx and lost connections until its patience (a minute) is over. So it
    /// may be made several times: it is for reads, server-side applies and deletes.
    ///
    /// # Errors
    /// Returns [`AppsError::Api`] if the API server refuses, and [`AppsError::Unreachable`] if it
    /// cannot be reached.
    pub async fn call<T, F, Fut>(&self, operation: &str, make: F) -> Result<T, AppsError>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = kube::Result<T>>,
    {
        self.try_call(make).await.map_err(|error| self.explained(operation, error))
    }

    /// Makes a call as [`Self::call`] does, and returns kube's own error for callers that look into
    /// it.
    pub(crate) async fn try_call<T, F, Fut>(&self, make: F) -> kube::Result<T>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = kube::Result<T>>,
    {
        let deadline = Instant::now() + self.patience;
        let mut pause = PAUSE_FIRST;
        loop {
            let error = match timeout(ANSWER_MAX, make()).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => error,
                Err(_) => kube::Error::Service(Box::new(std::io::Error::new(
                    std::io::ErrorKind::TimedOut,
                    "no answer within 30 s",
                ))),
            };
            let Some(asked) = failure::transient(&error) else { return Err(error) };
            let wait = asked.unwrap_or(pause).max(pause).mul_f64(jitter());
            if Instant::now() + wait > deadline {
                return Err(error);
            }
            self.events.send(AppsEvent::Retrying {
                message: failure::explain(&error),
                pause_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            });
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    pub(crate) fn explained(&self, operation: &str, error: kube::Error) -> AppsError {
        match error {
            kube::Error::Api(status) => AppsError::Api {
                operation: operation.to_owned(),
                code: status.code,
                reason: status.reason.clone(),
                message: status.message.clone(),
            },
            error if failure::transient(&error).is_some() => AppsError::Unreachable {
                server: self.server.clone(),
                message: failure::explain(&error),
            },
            error => AppsError::Api {
                operation: operation.to_owned(),
                code: 0,
                reason: String::new(),
                message: failure::explain(&error),
            },
        }
    }
}

/// Returns 0.75 to 1.25, so that many callers do not come back together. It is drawn from the
/// clock: nothing depends on its quality.
fn jitter() -> f64 {
    let nanos = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.subsec_nanos());
    0.75 + f64::from(nanos % 1000) / 2000.0
}
