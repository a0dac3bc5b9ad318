//! The way to the cluster's API server: made when the kubeconfig is there.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    io,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use infra_provider_api::{CloudError, ErrorKind, KubeToken};
use k8s_openapi::api::core::v1::{Namespace, PersistentVolume};
use kube::{Api, api::ListParams};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::apps::{KubeClient, explain};

/// A client for the API server, made at first use, and again when the kubeconfig has changed: the
/// run itself writes another one when the load balancer or an authority is another one. Shared by the
/// kinds that live behind it.
pub struct KubeAccess {
    kubeconfig: PathBuf,
    /// Where tokens come from, where the cloud runs the control plane.
    tokens: Option<Arc<dyn KubeToken>>,
    /// With the hash of the kubeconfig that it was made from.
    client: Mutex<Option<(u64, KubeClient)>>,
}

impl std::fmt::Debug for KubeAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KubeAccess").field("kubeconfig", &self.kubeconfig).finish_non_exhaustive()
    }
}

impl KubeAccess {
    /// Makes the access with the kubeconfig at `path`, which may not exist yet.
    pub fn new(kubeconfig: PathBuf) -> Self {
        Self { kubeconfig, tokens: None, client: Mutex::new(None) }
    }

    /// Sets where tokens come from: the kubeconfig then names no certificate.
    #[must_use]
    pub fn with_tokens(mut self, tokens: Arc<dyn KubeToken>) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// Returns true if there is a kubeconfig yet. Without one there can be no cluster of ours.
    pub fn exists(&self) -> bool {
        self.kubeconfig.exists()
    }

    /// Returns the path of the kubeconfig.
    pub fn path(&self) -> &std::path::Path {
        &self.kubeconfig
    }

    /// Returns the client. It is made again whenever the kubeconfig has changed.
    ///
    /// # Errors
    /// Returns `Unavailable` while there is no kubeconfig, and `Local` if it cannot be used.
    pub async fn client(&self) -> Result<KubeClient, CloudError> {
        const OPERATION: &str = "reach the API server";
        let mut client = self.client.lock().await;
        let text = match std::fs::read(&self.kubeconfig) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let message = "there is no kubeconfig yet";
                return Err(CloudError::new(ErrorKind::Unavailable, OPERATION, message));
            }
            Err(error) => {
                let message = format!("{}: {error}", self.kubeconfig.display());
                return Err(CloudError::new(ErrorKind::Local, OPERATION, message));
            }
        };
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let hash = hasher.finish();
        if let Some((_, known)) = client.as_ref().filter(|(of, _)| *of == hash) {
            return Ok(known.clone());
        }
        let made = match &self.tokens {
            Some(tokens) => KubeClient::from_own_with_tokens(&self.kubeconfig, None, tokens).await,
            None => KubeClient::from_own(&self.kubeconfig, None).await,
        };
        let (made, _) =
            made.map_err(|error| CloudError::new(ErrorKind::Local, OPERATION, error.to_string()))?;
        *client = Some((hash, made.clone()));
        Ok(made)
    }

    /// Reads the API server's version, asked once. A load balancer may take the question while the
    /// server behind it is not there yet, and never answer.
    ///
    /// # Errors
    /// Returns `Unavailable` if it does not answer within five seconds, or an error of
    /// [`KubeAccess::client`].
    pub async fn version(&self) -> Result<String, CloudError> {
        const OPERATION: &str = "ask the API server for its version";
        let client = self.client().await?;
        match tokio::time::timeout(PROBE_TIMEOUT, client.raw().apiserver_version()).await {
            Ok(Ok(version)) => Ok(version.git_version),
            Ok(Err(error)) => Err(of_kube(OPERATION, &error)),
            Err(_) => Err(CloudError::new(ErrorKind::Unavailable, OPERATION, no_answer())),
        }
    }

    /// Asks once whether the API server answers out of etcd, and a second and third time if not. It
    /// takes 15 seconds at most, and ends at once when `stop` is cancelled. A refusal is an answer.
    ///
    /// # Errors
    /// Returns `Unavailable` if it does not answer, `Cancelled`, or an error of
    /// [`KubeAccess::client`].
    pub async fn probe(&self, stop: &CancellationToken) -> Result<(), CloudError> {
        const OPERATION: &str = "reach the API server";
        let client = self.client().await?;
        // Without etcd's quorum it tells its version all the same, and nothing else.
        let namespaces = Api::<Namespace>::all(client.raw().clone());
        let mut last = String::new();
        for _ in 0..PROBES {
            let asked = tokio::time::timeout(PROBE_TIMEOUT, namespaces.get_opt("kube-system"));
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
                Err(_) => no_answer(),
            };
        }
        let server = client.server();
        Err(CloudError::new(ErrorKind::Unavailable, OPERATION, format!("{server}: {last}")))
    }
}

impl KubeAccess {
    /// Lists the handles by which drivers know the volumes of the cluster.
    ///
    /// # Errors
    /// Returns an error if the API server does not answer.
    pub async fn volume_handles(&self) -> Result<Vec<String>, CloudError> {
        const OPERATION: &str = "list the cluster's volumes";
        let client = self.client().await?;
        let volumes = Api::<PersistentVolume>::all(client.raw().clone());
        let all = tokio::time::timeout(PROBE_TIMEOUT, volumes.list(&ListParams::default())).await;
        let all = match all {
            Ok(all) => all.map_err(|error| of_kube(OPERATION, &error))?,
            Err(_) => return Err(CloudError::new(ErrorKind::Unavailable, OPERATION, no_answer())),
        };
        let handle = |volume: PersistentVolume| Some(volume.spec?.csi?.volume_handle);
        Ok(all.items.into_iter().filter_map(handle).collect())
    }

    /// Asks once whether there is an API server of ours, well or not: one without etcd answers 503.
    pub async fn is_there(&self, stop: &CancellationToken) -> bool {
        let Ok(client) = self.client().await else { return false };
        let asked = tokio::time::timeout(PROBE_TIMEOUT, client.raw().apiserver_version());
        let answer = tokio::select! {
            answer = asked => answer,
            () = stop.cancelled() => return false,
        };
        matches!(answer, Ok(Ok(_) | Err(kube::Error::Api(_))))
    }
}

/// How often it is asked before it counts as unreachable, and for how long each time.
pub(crate) const PROBES: u32 = 3;
pub(crate) const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) fn no_answer() -> String {
    format!("no answer within {} s", PROBE_TIMEOUT.as_secs())
}

/// Turns a failed call to the API server into the engine's error.
pub(crate) fn of_kube(operation: &str, error: &kube::Error) -> CloudError {
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

/// Makes a call that may be made twice, and makes it once more if the API server could not answer. What
/// is looked at again and again comes to nothing if each round needs many calls and any failure ends it.
///
/// # Errors
/// Returns the second error.
pub(crate) async fn again<T, F>(call: impl Fn() -> F) -> kube::Result<T>
where
    F: Future<Output = kube::Result<T>>,
{
    match call().await {
        Err(error) if of_kube("", &error).kind == ErrorKind::Unavailable => call().await,
        answer => answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks a server that takes every connection and answers none, as a load balancer does whose
    /// target is gone.
    #[tokio::test(start_paused = true)]
    async fn a_question_that_is_never_answered_ends() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kubeconfig");
        let server = format!("https://{}", silent.local_addr().unwrap());
        let pki = infra_ssl::PkiSpec::new("a").with_server(server);
        infra_ssl::ensure(folder.path(), &pki, jiff::Timestamp::now()).unwrap();
        let error = KubeAccess::new(path).version().await.unwrap_err();
        assert_eq!((error.kind, &*error.message), (ErrorKind::Unavailable, "no answer within 5 s"));
    }

    #[tokio::test]
    async fn another_kubeconfig_is_another_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kubeconfig");
        let access = KubeAccess::new(path.clone());
        assert_eq!(access.client().await.err().unwrap().kind, ErrorKind::Unavailable);
        for host in ["a", "b"] {
            let server = format!("https://{host}.invalid");
            let pki = infra_ssl::PkiSpec::new("a").with_server(server);
            infra_ssl::ensure(folder.path(), &pki, jiff::Timestamp::now()).unwrap();
            let server = access.client().await.unwrap().server().to_string();
            assert!(server.contains(&format!("{host}.invalid")), "{server}");
        }
    }
}
