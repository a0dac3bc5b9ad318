//! Running a cluster: its API servers and its controllers. This is apart from `cluster`, because both
//! of them depend on that.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::{Cluster, KubeError, SecretKeys, api, controllers};

impl Cluster {
    /// Starts the controllers; they end when `stop` is cancelled. This has to be called within a tokio
    /// runtime.
    pub fn start_controllers(&self, stop: CancellationToken) {
        controllers::start(self.clone(), stop);
    }

    /// Serves the API on `listener` until `stop` is cancelled. A cluster may be served on several
    /// listeners at once, as by several control planes. `keys` are those that this API server keeps
    /// Secrets with.
    ///
    /// # Errors
    /// Returns an error if the certificate, its key or the certificate authority is invalid.
    pub async fn serve(
        &self,
        listener: tokio::net::TcpListener,
        cert_pem: &str,
        key_pem: &str,
        keys: &SecretKeys,
        stop: CancellationToken,
    ) -> Result<(), KubeError> {
        let tls = api::acceptor(cert_pem, key_pem, &self.options().ca_cert_pem)?;
        let server = api::Server::new(self.with_keys(keys), stop);
        api::serve(listener, tls, Arc::new(server)).await;
        Ok(())
    }
}
