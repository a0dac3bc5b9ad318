//! A real kube-apiserver with etcd, when KUBEBUILDER_ASSETS names a folder with both.

use std::{
    fs::File,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use infra_apps::KubeClient;
use infra_ssl::{
    ADMIN_GROUP, Authority, Credentials, Kubeconfig, LeafRequest, Names, Profile, Validity,
};
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::{Api, api::PostParams};
use secrecy::ExposeSecret;
use tempfile::TempDir;

/// How long the two may take to answer.
const START_MAX: Duration = Duration::from_secs(120);

/// Both processes; they end with it.
pub struct ApiServer {
    pub client: KubeClient,
    pub kubeconfig: String,
    children: Vec<Child>,
    folder: TempDir,
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
        // The API server reads public keys only from files with public keys.
        let public = write("sa.pub", &serving.key.public_pem());
        let (etcd, peer, port) = (free_port(), free_port(), free_port());
        let spawn = |program: &str, words: Vec<String>| {
            let log = File::create(folder.path().join(format!("{program}.log"))).unwrap();
            Command::new(assets.join(program))
                .args(words)
                .stdin(Stdio::null())
                .stdout(log.try_clone().unwrap())
                .stderr(log)
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
                format!("--service-account-key-file={public}"),
                format!("--service-account-signing-key-file={key}"),
                "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
                "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
                format!("--cert-dir={}", folder.path().display()),
                "--authorization-mode=RBAC".to_owned(),
                "--disable-admission-plugins=ServiceAccount".to_owned(),
            ],
        );
        let credentials =
            Credentials { cert_pem: admin.cert_pem.clone(), key_pem: admin.key.pem().clone() };
        let at = format!("https://127.0.0.1:{port}");
        let kubeconfig = Kubeconfig::new("real", &at, ca.cert_pem()).with_credentials(credentials);
        let kubeconfig = kubeconfig.to_yaml().unwrap().expose_secret().to_owned();
        let client = KubeClient::from_text(&kubeconfig, None).await.unwrap();
        let server = Self { client, kubeconfig, children: vec![first, second], folder };
        let master = Profile::Generic {
            common_name: "super-admin".to_owned(),
            organization: Some("system:masters".to_owned()),
            server: false,
            client: true,
        };
        let master = LeafRequest { profile: master, names: Names::default() };
        let master = ca.issue(&master, &validity, now).unwrap();
        let credentials =
            Credentials { cert_pem: master.cert_pem.clone(), key_pem: master.key.pem().clone() };
        let master = Kubeconfig::new("real", &at, ca.cert_pem()).with_credentials(credentials);
        let master = master.to_yaml().unwrap().expose_secret().to_owned();
        let master = KubeClient::from_text(&master, None).await.unwrap();
        server.is_up(&master).await;
        bind_admins(&master).await;
        Some(server)
    }

    /// Waits until it says that it is ready: with the namespaces and roles that it makes itself.
    async fn is_up(&self, master: &KubeClient) {
        let begun = Instant::now();
        loop {
            let ready = http::Request::get("/readyz").body(Vec::new()).unwrap();
            let Err(error) = master.raw().request_text(ready).await else { return };
            if begun.elapsed() > START_MAX {
                let log = std::fs::read_to_string(self.folder.path().join("kube-apiserver.log"));
                panic!("the API server never got ready: {error}\n{}", log.unwrap_or_default());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// The group of the administrators has no rights of its own; `kubeadm init` binds it, too.
async fn bind_admins(master: &KubeClient) {
    let binding = serde_json::json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": { "name": ADMIN_GROUP },
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin",
        },
        "subjects": [{
            "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": ADMIN_GROUP,
        }],
    });
    let bindings = Api::<ClusterRoleBinding>::all(master.raw().clone());
    let binding = serde_json::from_value(binding).unwrap();
    bindings.create(&PostParams::default(), &binding).await.unwrap();
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        for child in self.children.iter_mut().rev() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
