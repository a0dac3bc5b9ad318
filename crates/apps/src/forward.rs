//! A port of this machine that leads to a Service's pods.

use std::{net::SocketAddr, sync::Arc};

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::{
    AppsError, KubeClient,
    service::{Backend, Place},
};

/// What to forward to.
#[derive(Clone, Debug)]
pub struct ForwardTo {
    /// The Service's namespace.
    pub namespace: String,
    /// The Service.
    pub service: String,
    /// Its port; the first one without.
    pub port: Option<u16>,
}

/// A listening port of this machine. Every connection is led to a pod that is ready at that time, so
/// that it stays while pods come and go.
pub struct Forward {
    client: KubeClient,
    to: ForwardTo,
    listener: TcpListener,
    local: SocketAddr,
    first: Place,
}

impl Forward {
    /// Looks the Service and a pod up, and listens on 127.0.0.1; on any free port for 0.
    ///
    /// # Errors
    /// Returns [`AppsError::Service`] if the Service has no ready pod or port, [`AppsError::Port`]
    /// if it cannot listen, or the error of a call.
    pub async fn listen(client: &KubeClient, to: ForwardTo, port: u16) -> Result<Self, AppsError> {
        let backend = Backend::get(client, &to.namespace, &to.service).await?;
        let first = backend.place(client, to.port).await?;
        let bound = async {
            let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, port)).await?;
            let local = listener.local_addr()?;
            Ok((listener, local))
        };
        let (listener, local) =
            bound.await.map_err(|source: std::io::Error| AppsError::Port { port, source })?;
        Ok(Self { client: client.clone(), to, listener, local, first })
    }

    /// Returns the local address that it listens on.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Returns the pod and port that it led to when it was made.
    pub fn first(&self) -> (&str, u16) {
        (&self.first.pod, self.first.port)
    }

    /// Forwards until `stop`. `report` gets what goes wrong with a connection, which ends that
    /// connection only.
    ///
    /// # Errors
    /// Returns [`AppsError::Port`] if it cannot listen any more.
    pub async fn run(
        self,
        stop: CancellationToken,
        report: impl Fn(String) + Send + Sync + 'static,
    ) -> Result<(), AppsError> {
        let (report, to) = (Arc::new(report), Arc::new(self.to));
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                accepted = self.listener.accept() => accepted,
            };
            let (socket, _) =
                accepted.map_err(|source| AppsError::Port { port: self.local.port(), source })?;
            let (client, to, report) = (self.client.clone(), to.clone(), report.clone());
            tokio::spawn(async move {
                if let Err(message) = connect(&client, &to, socket).await {
                    report(message);
                }
            });
        }
    }
}

/// Connects `socket` to a ready pod and copies both ways until either side closes.
async fn connect(client: &KubeClient, to: &ForwardTo, socket: TcpStream) -> Result<(), String> {
    let text = |error: AppsError| error.to_string();
    let backend = Backend::get(client, &to.namespace, &to.service).await.map_err(text)?;
    let place = backend.place(client, to.port).await.map_err(text)?;
    let api: Api<Pod> = Api::namespaced(client.lasting().clone(), &to.namespace);
    let failed = |message: String| format!("{}/{}: {message}", to.namespace, place.pod);
    let mut forwarder = api
        .portforward(&place.pod, &[place.port])
        .await
        .map_err(|error| failed(client.explained("forward", error).to_string()))?;
    let Some(mut pod) = forwarder.take_stream(place.port) else { return Ok(()) };
    let refused = forwarder.take_error(place.port);
    let mut socket = socket;
    // Either side may break off at any time: a browser does.
    let copied = tokio::io::copy_bidirectional(&mut socket, &mut pod).await;
    drop(pod);
    let refused = match refused {
        // Resolves when the pod has reported an error, or the way is closed.
        Some(refused) => {
            forwarder.abort();
            refused.await
        }
        None => None,
    };
    match (refused, copied) {
        (Some(message), _) => Err(failed(message)),
        (None, Err(error)) if error.kind() == std::io::ErrorKind::InvalidData => {
            Err(failed(error.to_string()))
        }
        _ => Ok(()),
    }
}
