//! What is killed and disturbed: one command, what there is before it, and what the file says then.

use infra_test_utils::{ClusterToml, POD_RANGE};

use super::{Lab, SweepError};

/// What there is before the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Before {
    /// An empty cloud.
    Nothing,
    /// The bucket alone.
    Bucket,
    /// The whole cluster.
    Cluster,
    /// The whole cluster with a second worker, so that pods can leave the first.
    Pair,
    /// A cluster of three control planes and two workers.
    Quorum,
}

impl Before {
    /// Returns how many control planes and workers the file asks for.
    fn counts(self) -> (usize, usize) {
        match self {
            Self::Nothing | Self::Bucket | Self::Cluster => (1, 1),
            Self::Pair => (1, 2),
            Self::Quorum => (3, 2),
        }
    }
}

/// A command that is killed and disturbed.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// For people: `first-apply`.
    pub name: &'static str,
    /// What there is before.
    pub before: Before,
    /// Whether what infra.toml asks for has changed since.
    changed: bool,
    /// Whether a suite of apps has been added.
    apps: bool,
    /// The command.
    pub words: &'static [&'static str],
}

impl Scenario {
    /// Writes the file as it is when the command runs.
    ///
    /// # Errors
    /// Returns an error if it can't be written.
    pub fn prepare(&self, lab: &Lab) -> Result<(), SweepError> {
        lab.write("infra.toml", &toml(self.before, self.changed, self.apps))?;
        if self.apps {
            lab.write("apps/all.yaml", SUITE)?;
        }
        Ok(())
    }

    /// Returns true if an empty plan must follow, because the command does all that the file asks
    /// for.
    pub fn completes(&self) -> bool {
        !["destroy", "artifact-sync"].contains(&self.name)
    }
}

/// Lists all scenarios.
pub fn scenarios() -> Vec<Scenario> {
    let scenario =
        |name, before, words| Scenario { name, before, changed: false, apps: false, words };
    let apply: &[&str] = &["apply", "--yes"];
    vec![
        scenario("first-apply", Before::Nothing, apply),
        Scenario { changed: true, ..scenario("update", Before::Cluster, apply) },
        scenario("replacement", Before::Pair, &["apply", "--yes", "--replace", "droplet.worker-1"]),
        scenario("rotation", Before::Cluster, &["rotate-node", "worker-1", "--yes"]),
        scenario("artifact-sync", Before::Bucket, &["artifacts", "sync"]),
        Scenario { apps: true, ..scenario("app-install", Before::Cluster, apply) },
        scenario("destroy", Before::Cluster, &["destroy", "--yes"]),
    ]
}

/// Returns the scenario whose machines are lost one after the other, each followed by an apply.
pub fn losses() -> Scenario {
    let words = &["apply", "--yes"];
    Scenario { name: "losses", before: Before::Quorum, changed: false, apps: true, words }
}

/// Returns the text of `infra.toml`; `changed` and `apps` say if it asks for more than at first.
pub(super) fn toml(before: Before, changed: bool, apps: bool) -> String {
    let (control_planes, workers) = before.counts();
    let (from, ttl) = if changed { ("198.51.100.0/24", 60) } else { ("203.0.113.0/24", 300) };
    let more = format!(
        r#"[[firewall]]
protocol = "tcp"
ports = "22"
from = ["{from}"]

[dns]
domain = "lab.example.com"
ttl = {ttl}
"#
    );
    let cluster = ClusterToml::new("lab").pinned().pod_range(POD_RANGE);
    let cluster = cluster.control_planes(control_planes).workers(workers).with(&more);
    let mut text = cluster.to_string();
    if changed {
        // One more resource, so that an update also creates.
        text.push_str("\n[ssh_keys]\nops = \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ94r96iFZxcR4ULur54OWp3ee4dU9zgsgdyrWTnaQwZ ops@example.com\"\n");
    }
    // So that what never gets ready ends within the time that a run may take here.
    text.push_str("\n[apps]\ntimeout = \"30s\"\n");
    if apps {
        text.push_str("base = \"apps\"\n");
    }
    text
}

/// Some apps: a claim for a disk, a Service, a Job.
pub const SUITE: &str = r#"apiVersion: v1
kind: Namespace
metadata:
  name: shop
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  namespace: shop
data:
  COLOUR: green
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: data
  namespace: shop
spec:
  accessModes: [ReadWriteOnce]
  resources:
    requests:
      storage: 1Gi
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
  namespace: shop
spec:
  replicas: 1
  selector:
    matchLabels:
      app: api
  template:
    metadata:
      labels:
        app: api
    spec:
      containers:
        - name: api
          image: registry.k8s.io/pause:3.10
          envFrom:
            - configMapRef:
                name: settings
          volumeMounts:
            - name: data
              mountPath: /data
      volumes:
        - name: data
          persistentVolumeClaim:
            claimName: data
---
apiVersion: v1
kind: Service
metadata:
  name: api
  namespace: shop
spec:
  selector:
    app: api
  ports:
    - port: 80
      targetPort: 8000
---
apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  namespace: shop
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: migrate
          image: registry.k8s.io/pause:3.10
"#;
