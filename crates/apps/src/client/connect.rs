//! A connection from a kubeconfig.

use std::{net::IpAddr, path::Path, sync::Arc, time::Duration};

use kube::{
    Api, Client, Config,
    client::ClientBuilder,
    config::{KubeConfigOptions, Kubeconfig},
    core::DynamicObject,
    discovery::Discovery,
};
use secrecy::ExposeSecret;
use tokio::sync::Mutex;

use infra_provider_api::KubeToken;

use super::{Catalog, Target, call::ANSWER_MAX, call_log::LogCallsLayer, token::TokenLayer};
use crate::{AppsError, Events};

/// How long a connection may take to be made, with TLS.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// How long a call is tried again, unless said otherwise.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which entry of a kubeconfig a connection goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterRef {
    /// The kubeconfig's path, or `(in memory)`.
    pub origin: String,
    /// The context.
    pub context: String,
    /// The cluster's name there.
    pub cluster: String,
}

impl ClusterRef {
    fn of(kubeconfig: &Kubeconfig, context: Option<&str>, origin: &str) -> Result<Self, AppsError> {
        let failed = |message: String| AppsError::Kubeconfig { origin: origin.to_owned(), message };
        let Some(name) = context.or(kubeconfig.current_context.as_deref()) else {
            return Err(failed("it has no current context; choose one with --context".to_owned()));
        };
        let known = || {
            let names: Vec<&str> = kubeconfig.contexts.iter().map(|c| c.name.as_str()).collect();
            format!("there is no context {name}; there are: {}", names.join(", "))
        };
        let found = kubeconfig.contexts.iter().find(|context| context.name == name);
        let found =
            found.and_then(|named| named.context.as_ref()).ok_or_else(|| failed(known()))?;
        Ok(Self {
            origin: origin.to_owned(),
            context: name.to_owned(),
            cluster: found.cluster.clone(),
        })
    }
}

/// A cluster's API server. Clones share connections and the cached discovery.
#[derive(Clone)]
pub struct KubeClient {
    pub(super) client: Client,
    lasting: Client,
    pub(super) server: String,
    /// Where retries are reported.
    pub(super) events: Events,
    /// How long a call is tried again.
    pub(super) patience: Duration,
    discovery: Arc<Mutex<Option<Arc<Catalog>>>>,
}

/// Makes a client whose calls are logged, and carry a token if `tokens` makes some.
fn logged(config: Config, tokens: Option<&Arc<dyn KubeToken>>) -> Result<Client, kube::Error> {
    let builder = ClientBuilder::try_from(config)?;
    Ok(match tokens {
        Some(tokens) => {
            builder.with_layer(&TokenLayer::new(tokens)).with_layer(&LogCallsLayer).build()
        }
        None => builder.with_layer(&LogCallsLayer).build(),
    })
}

impl KubeClient {
    /// Connects as the current context (or `context`) of a kubeconfig file says, and also returns the
    /// entry that was chosen. Nothing is sent.
    ///
    /// # Errors
    /// Returns [`AppsError::Kubeconfig`] if the file is invalid or has no such context.
    pub async fn from_file_named(
        path: &Path,
        context: Option<&str>,
    ) -> Result<(Self, ClusterRef), AppsError> {
        let origin = path.display().to_string();
        let kubeconfig = Kubeconfig::read_from(path).map_err(|e| AppsError::Kubeconfig {
            origin: origin.clone(),
            message: e.to_string(),
        })?;
        let at = ClusterRef::of(&kubeconfig, context, &origin)?;
        Ok((Self::connect(kubeconfig, context, origin, None).await?, at))
    }

    /// Connects by the kubeconfig that `infra apply` wrote, or `context` of it: by its address,
    /// authority and client certificate alone. It never runs a program, reads another file or goes
    /// through a proxy that such a file names. Nothing is sent.
    ///
    /// # Errors
    /// Returns [`AppsError::Kubeconfig`] if the file is invalid or holds anything else.
    pub async fn from_own(
        path: &Path,
        context: Option<&str>,
    ) -> Result<(Self, ClusterRef), AppsError> {
        let origin = path.display().to_string();
        let failed = |message: String| AppsError::Kubeconfig { origin: origin.clone(), message };
        let text = tokio::fs::read_to_string(path).await.map_err(|e| failed(e.to_string()))?;
        let own = infra_ssl::Kubeconfig::own(&text, context).map_err(|why| {
            failed(format!("{why}; move it aside, and `infra apply` makes it again"))
        })?;
        Self::connect_own(&own, None, origin).await
    }

    /// Connects by the kubeconfig that `infra apply` wrote for a cluster whose control plane a cloud runs: by
    /// its address and authority alone, with tokens of `tokens`. It never runs the program that the file
    /// names for kubectl. Nothing is sent.
    ///
    /// # Errors
    /// Returns [`AppsError::Kubeconfig`] if the file is invalid or holds anything else.
    pub async fn from_own_with_tokens(
        path: &Path,
        context: Option<&str>,
        tokens: &Arc<dyn KubeToken>,
    ) -> Result<(Self, ClusterRef), AppsError> {
        let origin = path.display().to_string();
        let failed = |message: String| AppsError::Kubeconfig { origin: origin.clone(), message };
        let text = tokio::fs::read_to_string(path).await.map_err(|e| failed(e.to_string()))?;
        let own = infra_ssl::Kubeconfig::own_without_exec(&text, context).map_err(|why| {
            failed(format!("{why}; move it aside, and `infra apply` makes it again"))
        })?;
        Self::connect_own(&own, Some(tokens), origin).await
    }

    async fn connect_own(
        own: &infra_ssl::Kubeconfig,
        tokens: Option<&Arc<dyn KubeToken>>,
        origin: String,
    ) -> Result<(Self, ClusterRef), AppsError> {
        let failed = |message: String| AppsError::Kubeconfig { origin: origin.clone(), message };
        let yaml = own.to_yaml().map_err(|e| failed(e.to_string()))?;
        let kubeconfig =
            Kubeconfig::from_yaml(yaml.expose_secret()).map_err(|e| failed(e.to_string()))?;
        let at = ClusterRef::of(&kubeconfig, None, &origin)?;
        Ok((Self::connect(kubeconfig, None, origin, tokens).await?, at))
    }

    /// Connects by kubectl's own files: KUBECONFIG, else ~/.kube/config. Also returns the entry
    /// that was chosen.
    ///
    /// # Errors
    /// Returns [`AppsError::Kubeconfig`] if the files are invalid or have no such context.
    pub async fn from_environment(context: Option<&str>) -> Result<(Self, ClusterRef), AppsError> {
        let origin = std::env::var("KUBECONFIG").ok().filter(|paths| !paths.is_empty());
        let origin = origin.unwrap_or_else(|| "~/.kube/config".to_owned());
        let kubeconfig = Kubeconfig::read().map_err(|e| AppsError::Kubeconfig {
            origin: origin.clone(),
            message: e.to_string(),
        })?;
        let at = ClusterRef::of(&kubeconfig, context, &origin)?;
        Ok((Self::connect(kubeconfig, context, origin, None).await?, at))
    }

    /// Connects by a kubeconfig's text.
    ///
    /// # Errors
    /// Returns [`AppsError::Kubeconfig`] if the text is invalid or has no such context.
    pub async fn from_text(yaml: &str, context: Option<&str>) -> Result<Self, AppsError> {
        let origin = "(in memory)".to_owned();
        let kubeconfig = Kubeconfig::from_yaml(yaml).map_err(|e| AppsError::Kubeconfig {
            origin: origin.clone(),
            message: e.to_string(),
        })?;
        Self::connect(kubeconfig, context, origin, None).await
    }

    async fn connect(
        kubeconfig: Kubeconfig,
        context: Option<&str>,
        origin: String,
        tokens: Option<&Arc<dyn KubeToken>>,
    ) -> Result<Self, AppsError> {
        // The first caller in the process decides; a second call is refused and changes nothing.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let failed = |message: String| AppsError::Kubeconfig { origin: origin.clone(), message };
        let options =
            KubeConfigOptions { context: context.map(ToOwned::to_owned), ..Default::default() };
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .map_err(|e| failed(e.to_string()))?;
        if config.accept_invalid_certs {
            return Err(failed(
                "insecure-skip-tls-verify is set; give the cluster's certificate-authority instead"
                    .to_owned(),
            ));
        }
        // A proxy of the environment leads out of this machine.
        let host = config.cluster_url.host().unwrap_or_default();
        if host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()) {
            config.proxy_url = None;
        }
        // Retries are done by `call`, which tells about them and knows a deadline.
        config.default_retry = false;
        let server = config.cluster_url.to_string();
        let server = server.trim_end_matches('/').to_owned();
        config.connect_timeout = Some(CONNECT_MAX);
        let lasting = logged(config.clone(), tokens).map_err(|e| failed(e.to_string()))?;
        // The default is five minutes: too long to wait for an answer that was lost.
        config.read_timeout = Some(ANSWER_MAX);
        let client = logged(config, tokens).map_err(|e| failed(e.to_string()))?;
        Ok(Self {
            client,
            lasting,
            server,
            events: Events::quiet(),
            patience: PATIENCE,
            discovery: Arc::default(),
        })
    }

    /// Returns the API server's URL.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Returns the connection itself, for calls that this module does not know.
    pub fn raw(&self) -> &Client {
        &self.client
    }

    /// Returns a connection that may be silent for minutes, for streams. Calls that want an answer
    /// take [`KubeClient::raw`].
    pub fn lasting(&self) -> &Client {
        &self.lasting
    }

    /// Returns a copy of the connection that reports to `events` when a call is tried again.
    #[must_use]
    pub fn reporting(&self, events: &Events) -> Self {
        Self { events: events.clone(), ..self.clone() }
    }

    /// Returns a copy that tries a call again for `patience` only. The default is a minute.
    #[must_use]
    pub fn with_patience(&self, patience: Duration) -> Self {
        Self { patience, ..self.clone() }
    }

    /// Returns the kinds that the cluster serves. They are asked for once (two calls), then kept.
    ///
    /// # Errors
    /// Returns [`AppsError::Unreachable`] or [`AppsError::Api`] if a call fails.
    pub async fn catalog(&self) -> Result<Arc<Catalog>, AppsError> {
        let mut cached = self.discovery.lock().await;
        if let Some(catalog) = &*cached {
            return Ok(catalog.clone());
        }
        let run = || async {
            match Discovery::new(self.client.clone()).run_aggregated().await {
                // An API server from before aggregated discovery answers in another form.
                Err(kube::Error::SerdeError(_)) => Discovery::new(self.client.clone()).run().await,
                other => other,
            }
        };
        let found = self.call("ask what the cluster serves", run).await?;
        let catalog = Arc::new(Catalog::of(&found));
        *cached = Some(catalog.clone());
        Ok(catalog)
    }

    /// Forgets what the cluster serves, because that has changed.
    pub(crate) async fn forget_catalog(&self) {
        *self.discovery.lock().await = None;
    }

    /// Returns the API of a kind, in a namespace or for the whole cluster.
    pub(crate) fn api(&self, target: &Target, namespace: Option<&str>) -> Api<DynamicObject> {
        match namespace {
            Some(namespace) if target.namespaced => {
                Api::namespaced_with(self.client.clone(), namespace, &target.resource)
            }
            _ => Api::all_with(self.client.clone(), &target.resource),
        }
    }
}
