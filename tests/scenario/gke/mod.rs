//! Clusters whose control plane the cloud runs: GKE, on the embedded cloud.

mod bad_input;
mod busy;
mod crash;
mod generations;
mod hands;
mod leftovers;
mod life;
mod not_ours;
mod pools;
mod rotate;
mod secrets;
mod shared;
mod systems;
mod tokens;

use infra_test_utils::KUBERNETES;

use super::lab::{Kubectl, Lab};

/// The infra.toml of a small cluster on GKE: a pool `worker` with the lines `pool`, over two zones.
fn toml(pool: &str, more: &str) -> String {
    format!(
        r#"[cluster]
name = "lab"
provider = "gcp"
kubernetes = "{KUBERNETES}"

[providers.gcp]
region = "europe-west3"
zones = ["a", "b"]

[pools.worker]
vcpus = 2
memory = "4GiB"
{pool}
{more}"#
    )
}

/// Two workers, a domain and an app with two pods and a volume.
fn with_apps() -> Lab {
    let apps = "\n[dns]\ndomain = \"lab.example.com\"\n\n[apps]\nbase = \"apps\"\n";
    let lab = Lab::on("gcp", &toml("count = 2", apps));
    lab.write("apps/shop.yaml", SHOP);
    lab
}

/// Two workers and nothing else.
fn bare() -> Lab {
    Lab::on("gcp", &toml("count = 2", ""))
}

/// The Nodes that are Ready, by kubectl, which gets its token by `infra kube-token`.
fn ready_nodes(lab: &Lab) -> Option<Vec<String>> {
    Kubectl::of(lab, "lab").map(|kubectl| kubectl.ready_nodes())
}

const SHOP: &str = r#"apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: orders, namespace: shop}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: db, namespace: shop}
spec:
  strategy: {type: Recreate}
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers:
        - name: db
          image: registry.example.com/db:1.0.0
          volumeMounts: [{name: orders, mountPath: /data}]
      volumes: [{name: orders, persistentVolumeClaim: {claimName: orders}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: registry.example.com/web:1.0.0
          ports: [{containerPort: 8080}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: shop}
spec:
  minAvailable: 1
  selector: {matchLabels: {app: web}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  rules:
    - host: shop.lab.example.com
      http:
        paths:
          - path: /
            pathType: Prefix
            backend: {service: {name: web, port: {number: 80}}}
"#;
