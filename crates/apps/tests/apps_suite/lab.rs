//! Folders of manifests, and a Kubernetes of the embedded cloud to apply them to.

use std::{
    net::IpAddr,
    ops::Deref,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use infra_apps::{AppsError, AppsEvent, Events, KubeClient, Suite, SuiteSource, addons::Addons};
use infra_sim_kube::{
    Clock, Cloud, CloudError, Cluster, ClusterOptions, Faults, Instance, LoadBalancer,
    LoadBalancerRequest, NoFaults, VolumeRequest,
    controllers::{NodeRegistration, register_node},
};
use infra_ssl::{Authority, Credentials, Kubeconfig, LeafRequest, Names, Validity};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, Patch, PatchParams};
use secrecy::ExposeSecret;
use serde_json::json;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::{aws, digitalocean, fake_controllers, real_api_server::ApiServer};

/// The addons of a program that has every cloud.
pub fn addons() -> Addons {
    Addons::new([&aws::MANIFESTS, &digitalocean::MANIFESTS])
}

/// A folder with manifests; `file` writes one.
pub struct Folder(infra_test_utils::Folder);

impl Deref for Folder {
    type Target = infra_test_utils::Folder;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Folder {
    pub fn new() -> Self {
        Self(infra_test_utils::Folder::new())
    }

    /// The folder `base` as a suite called `shop`, with the variable TAG.
    pub fn source(&self) -> SuiteSource {
        SuiteSource {
            name: "shop".to_owned(),
            base: self.path("base"),
            variables: [("TAG".to_owned(), "1.2.3".to_owned())].into(),
            ..SuiteSource::default()
        }
    }

    pub fn load(&self) -> Suite {
        Suite::load(&self.source()).unwrap()
    }

    /// An error's text and hints, without the folder's own path.
    pub fn text(&self, error: &AppsError) -> String {
        let hints: String = error.hints().iter().map(|hint| format!("\n  hint: {hint}")).collect();
        format!("{error}{hints}").replace(&self.path("").display().to_string(), "")
    }
}

/// A cloud that grants everything.
struct Generous;

#[async_trait]
impl Cloud for Generous {
    async fn ensure_load_balancer(
        &self,
        r: LoadBalancerRequest,
    ) -> Result<LoadBalancer, CloudError> {
        Ok(LoadBalancer { id: r.name, ip: Some("192.0.2.10".parse().unwrap()) })
    }
    async fn delete_load_balancer(&self, _: &str) -> Result<(), CloudError> {
        Ok(())
    }
    async fn ensure_volume(&self, r: VolumeRequest) -> Result<String, CloudError> {
        Ok(r.name)
    }
    async fn delete_volume(&self, _: &str) -> Result<(), CloudError> {
        Ok(())
    }
    async fn attach_volume(&self, _: &str, _: Option<u64>) -> Result<(), CloudError> {
        Ok(())
    }
    async fn instance(&self, node: &str) -> Result<Option<Instance>, CloudError> {
        let number: u64 = node.rsplit('-').next().unwrap_or_default().parse().unwrap_or(1);
        Ok(Some(Instance {
            droplet_id: 1000 + number,
            provider_id: format!("digitalocean://{}", 1000 + number),
            region: "fra1".to_owned(),
            size: "s-2vcpu-4gb".to_owned(),
            public_ip: None,
            private_ip: Some(private_ip(number)),
            up: true,
        }))
    }
}

fn private_ip(number: u64) -> IpAddr {
    format!("10.110.0.{number}").parse().unwrap()
}

/// A cluster and a client of it.
pub struct Lab {
    pub client: KubeClient,
    pub kubeconfig: String,
    stop: CancellationToken,
    _server: Server,
}

/// What answers.
enum Server {
    /// The embedded Kubernetes, with nodes and all controllers.
    Embedded { _cluster: Cluster, _dir: TempDir },
    /// A real API server, with [`hands`] for controllers.
    Real { _server: Box<ApiServer> },
}

/// A test on the embedded Kubernetes, and on a real API server where there is one: for what an API
/// server can show without nodes.
macro_rules! on_each_server {
    ($(async fn $name:ident($lab:ident: &Lab) $body:block)*) => {$(
        mod $name {
            use super::*;

            async fn body($lab: &Lab) $body

            #[tokio::test]
            async fn embedded() {
                body(&Lab::new().await).await;
            }

            #[tokio::test]
            async fn real() {
                if let Some(lab) = Lab::real().await {
                    body(&lab).await;
                }
            }
        }
    )*};
}
pub(crate) use on_each_server;

impl Lab {
    /// Two workers whose network comes with the `cni` addon, as on a real cluster.
    pub async fn new() -> Self {
        let lab = Self::with_faults(Arc::new(NoFaults)).await;
        let cni = addons().suite(
            "cni",
            "1.36.4",
            [
                ("POD_CIDR".to_owned(), "10.244.0.0/16".to_owned()),
                ("MACHINE_ADDRESS".to_owned(), "10.10.0.1".to_owned()),
            ]
            .into(),
            Default::default(),
        );
        lab.apply(&cni.unwrap()).await;
        lab
    }

    /// A real API server, where the environment names one.
    pub async fn real() -> Option<Self> {
        let server = ApiServer::start().await?;
        let stop = CancellationToken::new();
        let (client, kubeconfig) = (server.client.clone(), server.kubeconfig.clone());
        tokio::spawn(fake_controllers::work(client.raw().clone(), stop.clone()));
        Some(Self { client, kubeconfig, stop, _server: Server::Real { _server: Box::new(server) } })
    }

    pub async fn with_faults(faults: Arc<dyn Faults>) -> Self {
        Self::start(faults, false).await
    }

    /// Nodes that wait for their cloud controller, without a network.
    pub async fn on_cloud() -> Self {
        Self::start(Arc::new(NoFaults), true).await
    }

    async fn start(faults: Arc<dyn Faults>, external: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (now, validity) = (jiff::Timestamp::now(), Validity::default());
        let ca = Authority::create("kubernetes", None, &validity, now).unwrap();
        let names = Names::parse(["127.0.0.1", "localhost"]).unwrap();
        let serving = ca.issue(&LeafRequest::api_server(names), &validity, now).unwrap();
        let admin = ca.issue(&LeafRequest::admin("admin"), &validity, now).unwrap();
        let cluster = Cluster::open(ClusterOptions {
            dir: dir.path().to_owned(),
            name: "lab".to_owned(),
            pod_cidr: "10.244.0.0/16".parse().unwrap(),
            service_cidr: "10.96.0.0/16".parse().unwrap(),
            kubernetes_version: "v1.36.2".to_owned(),
            ca_cert_pem: ca.cert_pem().to_owned(),
            cloud: Arc::new(Generous),
            clock: Arc::new(Clock::new(20.0)),
            faults,
            seed: 7,
            // As a cluster of this program is made.
            pod_security: infra_sim_kube::PodSecurity {
                enforce: "baseline".to_owned(),
                exempt: vec!["kube-system".to_owned()],
            },
            checks_kubelets: false,
            managed: None,
        })
        .await
        .unwrap();
        // The cloud's controllers run on control planes only; without taint apps may run there, too.
        let control_plane = ("node-role.kubernetes.io/control-plane".to_owned(), String::new());
        for number in 1..=2 {
            let labels = (external && number == 1).then(|| control_plane.clone());
            let node = NodeRegistration {
                name: format!("worker-{number}"),
                labels: labels.into_iter().collect(),
                taints: Vec::new(),
                private_ip: private_ip(number),
                public_ip: None,
                kubelet_version: "v1.36.2".to_owned(),
                provider_external: external,
                server_tls_bootstrap: false,
                vcpus: 4,
                memory_mib: 8192,
                pods_max: 110,
                provider_id: None,
            };
            register_node(cluster.store(), &node).unwrap();
        }
        let stop = CancellationToken::new();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("https://{}", listener.local_addr().unwrap());
        let kubeconfig =
            Kubeconfig::new("lab", &server, ca.cert_pem()).with_credentials(Credentials {
                cert_pem: admin.cert_pem.clone(),
                key_pem: admin.key.pem().clone(),
            });
        let kubeconfig = kubeconfig.to_yaml().unwrap().expose_secret().to_owned();
        let client = KubeClient::from_text(&kubeconfig, None).await.unwrap();
        let (served, ended) = (cluster.clone(), stop.clone());
        tokio::spawn(async move {
            let (cert, key) = (&serving.cert_pem, serving.key.pem().expose_secret());
            served.serve(listener, cert, key, &Default::default(), ended).await
        });
        cluster.start_controllers(stop.clone());
        let server = Server::Embedded { _cluster: cluster, _dir: dir };
        Self { client, kubeconfig, stop, _server: server }
    }

    /// Applies a suite, all of which must become ready.
    pub async fn apply(&self, suite: &Suite) -> infra_apps::Outcome {
        let options = infra_apps::ApplyOptions::default();
        let outcome =
            infra_apps::apply(&self.client, suite, &options, &Events::quiet()).await.unwrap();
        outcome.into_result().unwrap()
    }

    pub async fn plan(&self, suite: &Suite) -> infra_apps::AppsPlan {
        let inventory = infra_apps::Inventory::read(&self.client, suite.name()).await.unwrap();
        infra_apps::plan(&self.client, suite, inventory.as_ref()).await.unwrap()
    }

    /// Whether the API server has it; the resource is group, version and plural.
    pub async fn exists(
        &self,
        (group, version, plural): (&str, &str, &str),
        namespace: Option<&str>,
        name: &str,
    ) -> bool {
        let root = if group.is_empty() { "api".to_owned() } else { format!("apis/{group}") };
        let within = namespace.map(|name| format!("namespaces/{name}/")).unwrap_or_default();
        let path = format!("/{root}/{version}/{within}{plural}/{name}");
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        match self.client.raw().request_text(request).await {
            Ok(_) => true,
            Err(kube::Error::Api(status)) if status.code == 404 => false,
            Err(error) => panic!("{error}"),
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Keeps the events.
#[derive(Clone, Default)]
pub struct Heard(Arc<Mutex<Vec<AppsEvent>>>);

impl Heard {
    pub fn events(&self) -> Events {
        let heard = self.0.clone();
        Events::new(move |event| heard.lock().unwrap().push(event))
    }

    pub fn all(&self) -> Vec<AppsEvent> {
        self.0.lock().unwrap().clone()
    }

    /// Where the first event stands that `is` holds of.
    pub fn at(&self, is: impl Fn(&AppsEvent) -> bool) -> Option<usize> {
        self.all().iter().position(is)
    }
}

pub fn quickstart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/quickstart")
}

/// A small suite: namespace, config, secret, a Deployment with a Service.
pub fn small() -> Folder {
    let folder = Folder::new();
    folder
        .file("base/namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n")
        .file(
            "base/config.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings, namespace: shop }\ndata: { level: info }\n\
             ---\napiVersion: v1\nkind: Secret\nmetadata: { name: keys, namespace: shop }\nstringData: { key: hush }\n",
        )
        .file("base/web.yaml", &deployment("web", "nginx:${TAG}", "{}"))
        .file(
            "base/service.yaml",
            "apiVersion: v1\nkind: Service\nmetadata: { name: web, namespace: shop }\n\
             spec: { selector: { app: web }, ports: [{ name: http, port: 80, targetPort: 8080 }] }\n",
        );
    folder
}

/// Another field manager sets four replicas of the Deployment `web` of [`small`].
pub async fn scaled_by_another(lab: &Lab) {
    let client = lab.client.raw().clone();
    let deployments = Api::<Deployment>::namespaced(client, "shop");
    let scaled = json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": 4}});
    let params = PatchParams::apply("scaler").force();
    deployments.patch("web", &params, &Patch::Apply(scaled)).await.unwrap();
}

pub fn deployment(name: &str, image: &str, annotations: &str) -> String {
    format!(
        r"apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  namespace: shop
  annotations: {annotations}
spec:
  replicas: 2
  selector:
    matchLabels: {{ app: {name} }}
  template:
    metadata:
      labels: {{ app: {name} }}
    spec:
      containers:
        - name: {name}
          image: {image}
"
    )
}
