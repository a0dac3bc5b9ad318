//! The third-party check: the real `kubectl` against the API server.

mod common;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use common::Served;
use infra_sim_kube::Resource;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

fn kubectl_path() -> Option<PathBuf> {
    let found = std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|dir| dir.join("kubectl"))
        .find(|path| path.is_file());
    if found.is_none() {
        eprintln!(
            "SKIPPED: there is no kubectl in PATH, so nothing was checked against the real one"
        );
    }
    found
}

struct Kubectl {
    program: PathBuf,
    config: PathBuf,
    home: PathBuf,
}

struct Answer {
    ok: bool,
    out: String,
    err: String,
}

impl Kubectl {
    fn command(&self, args: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("--kubeconfig")
            .arg(&self.config)
            .args(args.split(' '))
            .env("HOME", &self.home)
            .env_remove("KUBECONFIG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    async fn with(&self, args: &str, input: &str) -> Answer {
        let mut child = self.command(args).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).await.unwrap();
        drop(stdin);
        let output = child.wait_with_output().await.unwrap();
        Answer {
            ok: output.status.success(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs it; it must succeed.
    async fn run(&self, args: &str) -> String {
        self.apply(args, "").await
    }

    async fn apply(&self, args: &str, input: &str) -> String {
        let answer = self.with(args, input).await;
        assert!(answer.ok, "kubectl {args}\n{}{}", answer.out, answer.err);
        answer.out
    }

    /// Runs it; it must fail.
    async fn refused(&self, args: &str, input: &str) -> String {
        let answer = self.with(args, input).await;
        assert!(!answer.ok, "kubectl {args} should fail, but:\n{}", answer.out);
        answer.err
    }
}

async fn start(dir: &Path) -> Option<(Served, Kubectl)> {
    let program = kubectl_path()?;
    let served = Served::start(dir).await;
    let home = dir.join("home");
    std::fs::create_dir_all(&home).unwrap();
    let kubectl = Kubectl { program, config: served.kubeconfig(), home };
    Some((served, kubectl))
}

const WEB: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: registry.example.com/web:1
        ports: [{containerPort: 8080, name: http}]
        resources: {requests: {cpu: 100m, memory: 64Mi}}
        readinessProbe: {httpGet: {path: /healthz, port: http}}
        volumeMounts: [{name: config, mountPath: /etc/web}]
      volumes: [{name: config, configMap: {name: web}}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {rules: [{host: web.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
data: {key: value}
";

#[tokio::test(flavor = "multi_thread")]
async fn applied_manifests_show_no_difference_and_stay() {
    let dir = tempfile::tempdir().unwrap();
    let Some((_served, kubectl)) = start(dir.path()).await else { return };
    for (args, again) in
        [("apply -f -", "unchanged"), ("apply --server-side -f -", "serverside-applied")]
    {
        let first = kubectl.apply(&format!("{args} --namespace default"), WEB).await;
        assert_eq!(first.lines().count(), 5, "{first}");
        let versions = kubectl
            .run("get deploy,svc,ing,pvc,cm -o jsonpath={.items[*].metadata.resourceVersion}")
            .await;
        let second = kubectl.apply(args, WEB).await;
        assert!(second.lines().all(|line| line.ends_with(again)), "{second}");
        let diff = kubectl.with("diff -f -", WEB).await;
        assert!(diff.ok && diff.out.is_empty(), "{}{}", diff.out, diff.err);
        let diff = kubectl.with("diff --server-side -f -", WEB).await;
        assert!(diff.ok && diff.out.is_empty(), "{}{}", diff.out, diff.err);
        let now = kubectl
            .run("get deploy,svc,ing,pvc,cm -o jsonpath={.items[*].metadata.resourceVersion}")
            .await;
        assert_eq!(versions, now, "an apply without a change wrote something");
        kubectl.run("delete deploy,svc,ing,pvc,cm --all").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_and_descriptions_read_as_usual() {
    let dir = tempfile::tempdir().unwrap();
    let Some((_served, kubectl)) = start(dir.path()).await else { return };
    kubectl.apply("apply -f -", WEB).await;
    let deployments = kubectl.run("get deployments -o wide").await;
    let words: Vec<&str> = deployments.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(
        words,
        ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE", "CONTAINERS", "IMAGES", "SELECTOR"]
    );
    assert!(deployments.contains("0/2"), "{deployments}");
    let services = kubectl.run("get svc web").await;
    assert!(services.contains("NodePort") && services.contains("80:3"), "{services}");
    assert!(kubectl.run("get ing").await.contains("web.example.com"));
    assert!(kubectl.run("get pvc").await.contains("Pending"));
    assert!(kubectl.run("get ns").await.contains("kube-system"));
    assert!(kubectl.run("get all -A").await.contains("service/kubernetes"));
    let described = kubectl.run("describe deployment web").await;
    assert!(
        described.contains("RollingUpdate") && described.contains("25% max unavailable"),
        "{described}"
    );
    assert!(kubectl.run("describe svc web").await.contains("NodePort"));
    assert!(
        kubectl
            .run("explain deployment.spec.template.spec.containers")
            .await
            .contains("imagePullPolicy")
    );
    assert!(kubectl.run("api-resources").await.contains("poddisruptionbudgets"));
    assert!(kubectl.run("api-versions").await.contains("apps/v1"));
    assert!(kubectl.run("version").await.contains("v1.33.1"));
    assert_eq!(kubectl.run("get --raw /readyz").await, "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn imperative_verbs_work_also_those_that_speak_protobuf() {
    let dir = tempfile::tempdir().unwrap();
    let Some((_served, kubectl)) = start(dir.path()).await else { return };
    kubectl.run("create namespace shop").await;
    kubectl.run("create deployment web --image=registry.example.com/web:1 --replicas=2 --port=80 -n shop").await;
    kubectl.run("create configmap c --from-literal=a=b -n shop").await;
    kubectl.run("create secret generic s --from-literal=password=x -n shop").await;
    kubectl.run("create job once --image=registry.example.com/job:1 -n shop").await;
    kubectl.run("create serviceaccount bob -n shop").await;
    kubectl.run("create role reader --verb=get,list --resource=pods -n shop").await;
    kubectl.run("create rolebinding bob --role=reader --serviceaccount=shop:bob -n shop").await;
    kubectl
        .run("create poddisruptionbudget web --selector=app=web --min-available=1 -n shop")
        .await;
    kubectl.run("create ingress i --rule=a.example.com/*=web:80 -n shop").await;
    kubectl.run("run one --image=registry.example.com/one:1 -n shop").await;
    kubectl.run("expose deployment web -n shop").await;
    kubectl.run("autoscale deployment web --min=1 --max=3 --cpu-percent=60 -n shop").await;
    assert!(kubectl.run("get hpa -n shop").await.contains("60%"));
    assert_eq!(kubectl.run("get secret s -n shop -o jsonpath={.data.password}").await, "eA==");
    kubectl.run("scale deployment web --replicas=5 -n shop").await;
    kubectl.run("label deployment web tier=front -n shop").await;
    kubectl.run("annotate deployment web note=hello -n shop").await;
    kubectl.run("set image deployment/web web=registry.example.com/web:2 -n shop").await;
    kubectl.run("set env deployment/web A=b -n shop").await;
    kubectl
        .run("patch deployment web -n shop --type=merge -p {\"spec\":{\"minReadySeconds\":3}}")
        .await;
    kubectl.run("patch deployment web -n shop --type=json -p [{\"op\":\"replace\",\"path\":\"/spec/replicas\",\"value\":4}]").await;
    kubectl.run("patch deployment web -n shop -p {\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"side\",\"image\":\"registry.example.com/side:1\"}]}}}}").await;
    let state = kubectl.run("get deployment web -n shop -o jsonpath={.spec.replicas}|{.metadata.labels.tier}|{.metadata.annotations.note}|{.spec.minReadySeconds}|{.spec.template.spec.containers[*].image}").await;
    // The order is that of a strategic merge without an order: new containers come last.
    assert_eq!(state, "4|front|hello|3|registry.example.com/web:2 registry.example.com/side:1");
    assert!(kubectl.run("auth can-i create pods").await.contains("yes"));
    assert!(kubectl.run("auth whoami").await.contains("kubeadm:cluster-admins"));
    assert_eq!(kubectl.run("create token bob -n shop").await.split('.').count(), 3);
    kubectl.run("delete deployment web -n shop --cascade=background").await;
    assert!(
        kubectl
            .refused("get deployment web -n shop", "")
            .await
            .contains("deployments.apps \"web\" not found")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_refused_in_the_words_of_the_real_server() {
    let dir = tempfile::tempdir().unwrap();
    let Some((_served, kubectl)) = start(dir.path()).await else { return };
    let refused = kubectl.refused("apply -f -", &WEB.replace("replicas: 2", "replicaz: 2")).await;
    assert!(
        refused.contains("strict decoding error: unknown field \"spec.replicaz\""),
        "{refused}"
    );
    let refused = kubectl
        .refused("apply --server-side -f -", &WEB.replace("replicas: 2", "replicaz: 2"))
        .await;
    assert!(refused.contains(".spec.replicaz: field not declared in schema"), "{refused}");
    let refused = kubectl
        .refused(
            "apply -f -",
            &WEB.replace("metadata: {labels: {app: web}}", "metadata: {labels: {app: other}}"),
        )
        .await;
    assert!(refused.contains("`selector` does not match template `labels`"), "{refused}");
    let refused = kubectl.refused("apply -n nowhere -f -", WEB).await;
    assert!(refused.contains("namespaces \"nowhere\" not found"), "{refused}");
    kubectl.apply("apply -f -", WEB).await;
    let moved = WEB.replace("app: web}", "app: other}");
    let refused = kubectl.refused("apply -f -", &moved).await;
    assert!(
        refused.contains("spec.selector: Invalid value") && refused.contains("field is immutable"),
        "{refused}"
    );
    let refused = kubectl.refused("create configmap Bad_Name", "").await;
    assert!(refused.contains("a lowercase RFC 1123 subdomain must consist of"), "{refused}");
    let refused = kubectl.refused("create configmap web", "").await;
    assert!(refused.contains("configmaps \"web\" already exists"), "{refused}");
    let other = WEB.replace("replicas: 2", "replicas: 9");
    kubectl.apply("apply --server-side --field-manager=one --force-conflicts -f -", WEB).await;
    let refused = kubectl.refused("apply --server-side --field-manager=two -f -", &other).await;
    assert!(
        refused.contains("Apply failed with 1 conflict: conflict with \"one\": .spec.replicas"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn custom_resources_are_served_once_they_are_defined() {
    let dir = tempfile::tempdir().unwrap();
    let Some((_served, kubectl)) = start(dir.path()).await else { return };
    let definition = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: shops.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: shops, kind: Shop, shortNames: [sh]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}, scale: {specReplicasPath: .spec.size, statusReplicasPath: .status.size}}
    additionalPrinterColumns: [{name: Size, type: integer, jsonPath: .spec.size}]
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [size]
            properties: {size: {type: integer, minimum: 1}, mode: {type: string, default: open}}
          status: {type: object, properties: {size: {type: integer}}}
";
    kubectl.apply("apply --server-side -f -", definition).await;
    kubectl.run("wait --for=condition=Established crd/shops.example.com --timeout=10s").await;
    let shop = "\napiVersion: example.com/v1\nkind: Shop\nmetadata: {name: a}\nspec: {size: 3}\n";
    kubectl.apply("apply -f -", shop).await;
    assert!(kubectl.apply("apply -f -", shop).await.contains("unchanged"));
    kubectl.apply("apply --server-side -f -", shop).await;
    let table = kubectl.run("get sh").await;
    assert!(table.contains("SIZE") && table.contains('3'), "{table}");
    assert_eq!(kubectl.run("get shop a -o jsonpath={.spec.mode}").await, "open");
    kubectl.run("scale shop a --replicas=4").await;
    assert_eq!(kubectl.run("get shop a -o jsonpath={.spec.size}").await, "4");
    let refused = kubectl.refused("apply -f -", &shop.replace("size: 3", "size: 0")).await;
    assert!(refused.contains("should be greater than or equal to 1"), "{refused}");
    let refused = kubectl.refused("apply -f -", &shop.replace("size: 3", "sise: 3, size: 1")).await;
    assert!(refused.contains("unknown field \"spec.sise\""), "{refused}");
}

const NODE: &str = "
apiVersion: v1
kind: Node
metadata: {name: worker-1, labels: {node-role.kubernetes.io/worker: ''}}
";

fn pod(name: &str) -> serde_json::Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": {"app": "web"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "1", "controller": true}]},
        "spec": {"nodeName": "worker-1", "containers": [{"name": "web", "image": "registry.example.com/web:1"}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "web", "ready": true, "restartCount": 0, "state": {"running": {}}}]},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_respects_disruption_budgets() {
    let dir = tempfile::tempdir().unwrap();
    let Some((served, kubectl)) = start(dir.path()).await else { return };
    let store = served.cluster.store();
    kubectl.apply("create -f -", NODE).await;
    let owner = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "web", "namespace": "default"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}}});
    store.create(&Resource::new("apps", "v1", "replicasets"), owner).unwrap();
    store.create(&Resource::core("pods"), pod("web-1")).unwrap();
    kubectl.run("create poddisruptionbudget web --selector=app=web --min-available=1").await;
    let budgets = Resource::new("policy", "v1", "poddisruptionbudgets");
    let allow = |disruptions: i64| {
        let set = &mut |budget: &mut serde_json::Value| {
            budget["status"] = json!({"observedGeneration": 1, "disruptionsAllowed": disruptions,
                "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1});
        };
        store.modify(&budgets, Some("default"), "web", set).unwrap();
    };
    allow(0);
    kubectl.run("cordon worker-1").await;
    assert!(kubectl.run("get nodes").await.contains("SchedulingDisabled"));
    let refused = kubectl.refused("drain worker-1 --timeout=3s", "").await;
    assert!(
        refused.contains("Cannot evict pod as it would violate the pod's disruption budget."),
        "{refused}"
    );
    assert!(store.get(&Resource::core("pods"), Some("default"), "web-1").is_some());
    allow(1);
    // The kubelet ends a pod that is marked for deletion.
    let kubelet = tokio::spawn({
        let store = store.clone();
        async move {
            let pods = Resource::core("pods");
            let mut watch = store.watch(&pods, store.revision());
            while let Ok(event) = watch.next().await {
                if event.object["metadata"]["deletionTimestamp"].is_string() {
                    store.delete(&pods, Some("default"), "web-1").unwrap();
                    return;
                }
            }
        }
    });
    let drained = kubectl.run("drain worker-1 --timeout=30s").await;
    assert!(
        drained.contains("pod/web-1 evicted") && drained.contains("node/worker-1 drained"),
        "{drained}"
    );
    kubelet.await.unwrap();
    let left = store.get(&budgets, Some("default"), "web").unwrap();
    assert_eq!(left["status"]["disruptionsAllowed"], 0);
    kubectl.run("uncordon worker-1").await;
    kubectl.run("delete node worker-1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_logs_waits_and_status_work() {
    let dir = tempfile::tempdir().unwrap();
    let Some((served, kubectl)) = start(dir.path()).await else { return };
    let store = served.cluster.store();
    let pods = Resource::core("pods");
    let mut watching = kubectl.command("get pods -w").spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    store.create(&pods, pod("web-1")).unwrap();
    let header = lines.next_line().await.unwrap().unwrap();
    assert!(header.starts_with("NAME"), "{header}");
    let added = lines.next_line().await.unwrap().unwrap();
    assert!(
        added.starts_with("web-1") && added.contains("1/1") && added.contains("Running"),
        "{added}"
    );
    store.delete(&pods, Some("default"), "web-1").unwrap();
    store.create(&pods, pod("web-2")).unwrap();
    loop {
        let line = lines.next_line().await.unwrap().unwrap();
        if line.starts_with("web-2") {
            break;
        }
    }
    watching.kill().await.unwrap();
    let log = kubectl.run("logs web-2").await;
    assert!(log.contains("simulates container \"web\" of pod default/web-2"), "{log}");
    kubectl.run("wait --for=condition=Ready pod/web-2 --timeout=10s").await;
    kubectl.apply("apply -f -", WEB).await;
    kubectl.run("patch deployment web --subresource=status --type=merge -p {\"status\":{\"observedGeneration\":1,\"replicas\":2,\"updatedReplicas\":2,\"readyReplicas\":2,\"availableReplicas\":2}}").await;
    let rollout = kubectl.run("rollout status deployment web --timeout=10s").await;
    assert!(rollout.contains("successfully rolled out"), "{rollout}");
    assert!(kubectl.run("get deployment web").await.contains("2/2"));
}
