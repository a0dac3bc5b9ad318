//! A real kube-apiserver with etcd, when KUBEBUILDER_ASSETS names a folder with both.

use std::{
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use infra::apps::KubeClient;
use infra_ssl::{Authority, Credentials, Kubeconfig, LeafRequest, Names, Validity};
use secrecy::ExposeSecret;
use tempfile::TempDir;

/// How long the two may take to answer.
const START_MAX: Duration = Duration::from_secs(120);

/// Both processes; they end with it.
pub struct ApiServer {
    pub client: KubeClient,
    children: Vec<Child>,
    _folder: TempDir,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl ApiServer {
    /// `None`, and a loud word, when there is none.
    pub async fn start() -> Option<Self> {
        let assets = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
        let Some(assets) = assets.filter(|folder| folder.join("kube-apiserver").is_file()) else {
            eprintln!(
                "\n======== SKIPPED: KUBEBUILDER_ASSETS names no kube-apiserver and etcd: nothing was checked against a real one ========\n"
            );
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let (now, validity) = (jiff::Timestamp::now(), Validity::default());
        let ca = Authority::create("kubernetes", None, &validity, now).unwrap();
        let names = Names::parse(["127.0.0.1", "localhost", "10.96.0.1"]).unwrap();
        let serving = ca.issue(&LeafRequest::api_server(names), &validity, now).unwrap();
        let admin = ca.issue(&LeafRequest::admin("admin"), &validity, now).unwrap();
        let ca_file = write("ca.crt", ca.cert_pem());
        let cert = write("server.crt", &serving.cert_pem);
        let key = write("server.key", serving.key.pem().expose_secret());
        let (etcd, peer, port) = (free_port(), free_port(), free_port());
        let spawn = |program: &str, words: Vec<String>| {
            Command::new(assets.join(program))
                .args(words)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        };
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        let first = spawn(
            "etcd",
            vec![
                format!("--data-dir={}", folder.path().join("etcd").display()),
                format!("--listen-client-urls={}", url(etcd)),
                format!("--advertise-client-urls={}", url(etcd)),
                format!("--listen-peer-urls={}", url(peer)),
                "--unsafe-no-fsync".to_owned(),
            ],
        );
        let second = spawn(
            "kube-apiserver",
            vec![
                format!("--etcd-servers={}", url(etcd)),
                "--bind-address=127.0.0.1".to_owned(),
                format!("--secure-port={port}"),
                format!("--client-ca-file={ca_file}"),
                format!("--tls-cert-file={cert}"),
                format!("--tls-private-key-file={key}"),
                format!("--service-account-key-file={key}"),
                format!("--service-account-signing-key-file={key}"),
                "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
                "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
                // Nobody has bound roles yet.
                "--authorization-mode=AlwaysAllow".to_owned(),
                "--disable-admission-plugins=ServiceAccount".to_owned(),
            ],
        );
        let credentials =
            Credentials { cert_pem: admin.cert_pem.clone(), key_pem: admin.key.pem().clone() };
        let at = format!("https://127.0.0.1:{port}");
        let kubeconfig = Kubeconfig::new("real", &at, ca.cert_pem()).with_credentials(credentials);
        let kubeconfig = kubeconfig.to_yaml().unwrap().expose_secret().to_owned();
        let client = KubeClient::from_text(&kubeconfig, None).await.unwrap();
        let server = Self { client, children: vec![first, second], _folder: folder };
        let begun = Instant::now();
        while server.client.raw().apiserver_version().await.is_err() {
            assert!(begun.elapsed() < START_MAX, "the API server never answered");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Some(server)
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        for child in self.children.iter_mut().rev() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
