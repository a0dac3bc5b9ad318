//! The way to the cluster's API server: made when the kubeconfig is there.

use std::{path::PathBuf, time::Duration};

use infra_provider_api::{CloudError, ErrorKind};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::apps::{KubeClient, explain};

/// A client for the API server, made at first use. Shared by the kinds that live behind it.
pub struct KubeAccess {
    kubeconfig: PathBuf,
    client: Mutex<Option<KubeClient>>,
}

impl std::fmt::Debug for KubeAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KubeAccess").field("kubeconfig", &self.kubeconfig).finish_non_exhaustive()
    }
}

impl KubeAccess {
    /// With the kubeconfig at `path`, which may not exist yet.
    pub fn new(kubeconfig: PathBuf) -> Self {
        Self { kubeconfig, client: Mutex::new(None) }
    }

    /// Whether there is a kubeconfig yet. Without one there can be no cluster of ours.
    pub fn exists(&self) -> bool {
        self.kubeconfig.exists()
    }

    /// The kubeconfig.
    pub fn path(&self) -> &std::path::Path {
        &self.kubeconfig
    }

    /// The client.
    ///
    /// # Errors
    /// `Unavailable` while there is no kubeconfig; `Local` when it can't be used.
    pub async fn client(&self) -> Result<KubeClient, CloudError> {
        let mut client = self.client.lock().await;
        if let Some(client) = client.as_ref() {
            return Ok(client.clone());
        }
        if !self.exists() {
            return Err(CloudError::new(
                ErrorKind::Unavailable,
                "reach the API server",
                "there is no kubeconfig yet",
            ));
        }
        let made = KubeClient::from_file(&self.kubeconfig, None).await.map_err(|error| {
            CloudError::new(ErrorKind::Local, "reach the API server", error.to_string())
        })?;
        *client = Some(made.clone());
        Ok(made)
    }

    /// Asks once whether the API server answers, and a second and third time if not; takes 15
    /// seconds at most, and ends at once when `stop` is cancelled. A refusal is an answer.
    ///
    /// # Errors
    /// `Unavailable` when it does not answer, `Cancelled`, or those of [`KubeAccess::client`].
    pub async fn probe(&self, stop: &CancellationToken) -> Result<(), CloudError> {
        const OPERATION: &str = "reach the API server";
        let client = self.client().await?;
        let mut last = String::new();
        for _ in 0..PROBES {
            let asked = tokio::time::timeout(PROBE_TIMEOUT, client.raw().apiserver_version());
            let answer = tokio::select! {
                answer = asked => answer,
                () = stop.cancelled() => {
                    return Err(CloudError::new(ErrorKind::Cancelled, OPERATION, "interrupted"));
                }
            };
            last = match answer {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(kube::Error::Api(status))) if status.code < 500 => return Ok(()),
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no answer within {} s", PROBE_TIMEOUT.as_secs()),
            };
        }
        let server = client.server();
        Err(CloudError::new(ErrorKind::Unavailable, OPERATION, format!("{server}: {last}")))
    }
}

/// How often it is asked before it counts as unreachable, and for how long each time.
const PROBES: u32 = 3;
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// A failed call to the API server, in the engine's words.
pub(super) fn of_kube(operation: &str, error: &kube::Error) -> CloudError {
    let kind = match error {
        kube::Error::Api(status) => match status.code {
            401 => ErrorKind::Unauthorized,
            403 => ErrorKind::Forbidden,
            404 => ErrorKind::NotFound,
            409 => ErrorKind::Busy,
            429 | 500..=599 => ErrorKind::Unavailable,
            _ => ErrorKind::Invalid,
        },
        _ => ErrorKind::Unavailable,
    };
    CloudError::new(kind, operation, explain(error))
}
