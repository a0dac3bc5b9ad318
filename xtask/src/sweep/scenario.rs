//! What is killed and disturbed: one command, what there is before it, and what the file says then.

use infra_test_utils::{ClusterToml, KUBERNETES, POD_RANGE};

use super::{Lab, Provider, SweepError, gke_scenario};

/// A patch version of the minor version before [`KUBERNETES`].
const OLDER: &str = "1.35.8";

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
    /// The same with the minor version of Kubernetes before the present one.
    Older,
    /// On GKE, a cluster whose pool has two machines in each zone.
    Wide,
}

impl Before {
    /// Returns how many control planes and workers the file asks for.
    fn counts(self) -> (usize, usize) {
        match self {
            Self::Nothing | Self::Bucket | Self::Cluster | Self::Wide => (1, 1),
            Self::Pair => (1, 2),
            Self::Quorum | Self::Older => (3, 2),
        }
    }

    /// Returns how many machines a cluster has whose machines are lost one after the other.
    pub(super) fn machines(self) -> u64 {
        if self == Self::Wide { 4 } else { 5 }
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
    /// Makes a scenario whose file is as before.
    pub(super) fn plain(
        name: &'static str,
        before: Before,
        words: &'static [&'static str],
    ) -> Self {
        Self { name, before, changed: false, apps: false, words }
    }

    /// Returns it with another file.
    pub(super) fn changed(self) -> Self {
        Self { changed: true, ..self }
    }

    /// Writes the file as it is when the command runs.
    ///
    /// # Errors
    /// Returns an error if it can't be written.
    pub fn prepare(&self, lab: &Lab) -> Result<(), SweepError> {
        write(lab, self.before, self.changed, self.apps)
    }

    /// Returns true if an empty plan must follow, because the command does all that the file asks
    /// for.
    pub fn completes(&self) -> bool {
        !["destroy", "artifact-sync"].contains(&self.name)
    }
}

/// Lists all scenarios of a cloud.
pub fn scenarios(provider: Provider) -> Vec<Scenario> {
    match provider {
        Provider::Do => own(),
        Provider::Gcp => gke_scenario::scenarios(),
    }
}

/// Lists those of a cluster on machines of its own.
fn own() -> Vec<Scenario> {
    let scenario = Scenario::plain;
    let apply: &[&str] = &["apply", "--yes"];
    vec![
        scenario("first-apply", Before::Nothing, apply),
        Scenario { changed: true, ..scenario("update", Before::Cluster, apply) },
        scenario("replacement", Before::Pair, &["apply", "--yes", "--replace", "droplet.worker-1"]),
        scenario("rotation", Before::Cluster, &["rotate-node", "worker-1", "--yes"]),
        scenario("control-plane", Before::Quorum, &["rotate-node", "control-plane-2", "--yes"]),
        scenario(
            "one-control-plane",
            Before::Cluster,
            &["rotate-node", "control-plane-1", "--yes"],
        ),
        scenario(
            "surge",
            Before::Quorum,
            &["rotate-node", "--pool", "worker", "--max-surge", "2", "--yes"],
        ),
        Scenario {
            changed: true,
            ..scenario("upgrade", Before::Older, &["rotate-node", "--outdated", "--yes"])
        },
        scenario("artifact-sync", Before::Bucket, &["artifacts", "sync"]),
        Scenario { apps: true, ..scenario("app-install", Before::Cluster, apply) },
        scenario("destroy", Before::Cluster, &["destroy", "--yes"]),
    ]
}

/// Returns the scenario whose machines are lost one after the other, each followed by an apply.
pub fn losses(provider: Provider) -> Scenario {
    let before = match provider {
        Provider::Do => Before::Quorum,
        Provider::Gcp => Before::Wide,
    };
    Scenario { apps: true, ..Scenario::plain("losses", before, &["apply", "--yes"]) }
}

/// Writes `infra.toml` and what belongs to it; `changed` and `apps` say if it asks for more than at first. On GKE
/// there are apps always: what Kubernetes makes for them is a part of every scenario.
pub(super) fn write(
    lab: &Lab,
    before: Before,
    changed: bool,
    apps: bool,
) -> Result<(), SweepError> {
    let text = match lab.tools.provider {
        Provider::Do => toml(before, changed, apps),
        Provider::Gcp => gke_scenario::toml(before, changed),
    };
    lab.write("infra.toml", &text)?;
    if apps || lab.tools.provider == Provider::Gcp {
        lab.write("apps/all.yaml", SUITE)?;
    }
    Ok(())
}

/// Returns the text of `infra.toml`.
fn toml(before: Before, changed: bool, apps: bool) -> String {
    let (control_planes, workers) = before.counts();
    // Of an older cluster only the version changes.
    let is_older = before == Before::Older && !changed;
    let changed = changed && before != Before::Older;
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
    if is_older {
        text = text.replace(KUBERNETES, OLDER);
    }
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
