//! A cluster on loopback with a certificate authority of its own.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use infra_sim_kube::{
    Clock, Cloud, CloudError, Cluster, ClusterOptions, FaultEffect, Faults, Instance, LoadBalancer,
    LoadBalancerRequest, NoFaults, VolumeRequest,
};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};
use tokio_util::sync::CancellationToken;

/// A cloud that has nothing.
pub struct NoCloud;

#[async_trait::async_trait]
impl Cloud for NoCloud {
    async fn ensure_load_balancer(
        &self,
        _request: LoadBalancerRequest,
    ) -> Result<LoadBalancer, CloudError> {
        Err(CloudError::Unavailable("no cloud".into()))
    }
    async fn delete_load_balancer(&self, _id: &str) -> Result<(), CloudError> {
        Ok(())
    }
    async fn ensure_volume(&self, _request: VolumeRequest) -> Result<String, CloudError> {
        Err(CloudError::Unavailable("no cloud".into()))
    }
    async fn delete_volume(&self, _id: &str) -> Result<(), CloudError> {
        Ok(())
    }
    async fn attach_volume(&self, _id: &str, _droplet: Option<u64>) -> Result<(), CloudError> {
        Ok(())
    }
    async fn instance(&self, _node: &str) -> Result<Option<Instance>, CloudError> {
        Ok(None)
    }
}

/// One fault, for the first calls of a path.
pub struct OneFault(pub std::sync::Mutex<Option<(String, FaultEffect)>>);

impl Faults for OneFault {
    fn next(
        &self,
        _method: &str,
        path: &str,
        _peer: Option<std::net::SocketAddr>,
    ) -> Option<FaultEffect> {
        let mut fault = self.0.lock().unwrap();
        match &*fault {
            Some((wanted, _)) if wanted == path => fault.take().map(|(_, effect)| effect),
            _ => None,
        }
    }
}

/// The certificate authority of a test.
pub struct Pki {
    pub ca_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Pki {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "kubernetes");
        let ca_pem = params.self_signed(&key).unwrap().pem();
        Self { ca_pem, issuer: Issuer::new(params, key) }
    }

    /// Certificate and key of a server on loopback.
    pub fn server(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &self.issuer);
        (certificate.unwrap().pem(), key.serialize_pem())
    }

    /// Certificate and key of a user.
    pub fn client(&self, name: &str, group: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.distinguished_name.push(DnType::OrganizationName, group);
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

/// A cluster that is served.
pub struct Served {
    pub cluster: Cluster,
    pub url: String,
    pub pki: Pki,
    pub dir: PathBuf,
    pub stop: CancellationToken,
}

impl Served {
    pub async fn start(dir: &Path) -> Self {
        Self::with_faults(dir, Arc::new(NoFaults)).await
    }

    pub async fn with_faults(dir: &Path, faults: Arc<dyn Faults>) -> Self {
        let pki = Pki::new();
        let cluster = Cluster::open(ClusterOptions {
            dir: dir.join("kube"),
            name: "test".into(),
            pod_cidr: "10.244.0.0/16".parse().unwrap(),
            service_cidr: "10.96.0.0/12".parse().unwrap(),
            kubernetes_version: "v1.33.1".into(),
            ca_cert_pem: pki.ca_pem.clone(),
            cloud: Arc::new(NoCloud),
            clock: Arc::new(Clock::default()),
            faults,
            seed: 7,
            pod_security: infra_sim_kube::PodSecurity::default(),
            checks_kubelets: false,
            managed: None,
        })
        .await
        .unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let (cert, key) = pki.server();
        let stop = CancellationToken::new();
        tokio::spawn({
            let (cluster, stop) = (cluster.clone(), stop.clone());
            async move { cluster.serve(listener, &cert, &key, &Default::default(), stop).await.unwrap() }
        });
        Served { cluster, url, pki, dir: dir.to_owned(), stop }
    }

    /// A kubeconfig of a cluster admin.
    pub fn kubeconfig(&self) -> PathBuf {
        let (cert, key) = self.pki.client("admin", "kubeadm:cluster-admins");
        let encode = |text: &str| STANDARD.encode(text);
        let path = self.dir.join("kubeconfig");
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
             clusters: [{{name: test, cluster: {{server: '{}', certificate-authority-data: {}}}}}]\n\
             users: [{{name: test, user: {{client-certificate-data: {}, client-key-data: {}}}}}]\n\
             contexts: [{{name: test, context: {{cluster: test, user: test}}}}]\n",
            self.url,
            encode(&self.pki.ca_pem),
            encode(&cert),
            encode(&key)
        );
        std::fs::write(&path, text).unwrap();
        path
    }

    /// An HTTP client without credentials.
    pub fn anonymous(&self) -> reqwest::Client {
        self.builder().build().unwrap()
    }

    /// An HTTP client of a user in a group.
    pub fn client(&self, name: &str, group: &str) -> reqwest::Client {
        let (cert, key) = self.pki.client(name, group);
        let identity = reqwest::Identity::from_pem(format!("{cert}{key}").as_bytes()).unwrap();
        self.builder().identity(identity).build().unwrap()
    }

    fn builder(&self) -> reqwest::ClientBuilder {
        let ca = reqwest::Certificate::from_pem(self.pki.ca_pem.as_bytes()).unwrap();
        reqwest::Client::builder().tls_certs_only([ca]).no_proxy()
    }
}
