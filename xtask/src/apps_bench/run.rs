//! The bench from beginning to end.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::{objects::manifests, tools::Tools};

/// Kinds of the objects.
const KINDS: usize = 5;
/// How much faster a first apply must be than `kubectl apply --server-side`.
const FIRST_MIN: f64 = 3.0;
/// How much faster an apply without changes must be than `kubectl apply`.
const AGAIN_MIN: f64 = 5.0;

/// Measure `infra apps apply` against kubectl on the same API server.
#[derive(Clone, Debug, Args)]
pub struct AppsBenchArgs {
    /// The `infra` to measure: best a release build.
    #[arg(long, value_name = "FILE", default_value = "target/release/infra")]
    infra: PathBuf,
    /// The kubectl to measure against.
    #[arg(long, value_name = "FILE", default_value = "kubectl")]
    kubectl: PathBuf,
    /// A cluster that is there (a test cluster: namespaces bench-* are made and deleted). Without,
    /// one is made on the embedded cloud, and deleted.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Objects: a fifth each of ConfigMap, Secret, Service, Deployment, Ingress.
    #[arg(long, default_value_t = 500)]
    objects: usize,
    /// Times each is run; the fastest counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Fail when it is not as much faster as it must be.
    #[arg(long)]
    check: bool,
}

const CONFIG: &str = r#"[cluster]
name = "bench"
provider = "do"
[providers.do]
region = "fra1"
image = "ubuntu-24-04-x64"
[pools.control-plane]
count = 1
type = "s-2vcpu-4gb"
[pools.worker]
count = 1
type = "s-2vcpu-4gb"
[apps.addons]
ingress = false
"#;

/// Runs the bench and prints its table. `false`: with --check, it is not fast enough.
///
/// # Errors
/// A tool that cannot be run or fails.
pub fn run(args: &AppsBenchArgs) -> Result<bool, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let full = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
    let mut tools = Tools {
        infra: full(&args.infra),
        kubectl: args.kubectl.clone(),
        kubeconfig: PathBuf::new(),
        folder: folder.path().to_owned(),
    };
    match &args.kubeconfig {
        Some(path) => tools.kubeconfig = full(path),
        None => {
            std::fs::write(folder.path().join("infra.toml"), CONFIG).map_err(|e| e.to_string())?;
            tools.kubeconfig = folder.path().join("ssl/bench/kubeconfig");
            tools.infra(&["apply", "--yes", "--sim", "--sim-speed", "10"])?;
        }
    }
    let measured = measure(&tools, args);
    if args.kubeconfig.is_none() {
        tools.infra(&["sim", "stop"])?;
    }
    let measured = measured?;
    println!("{}", measured.table(args.objects));
    Ok(!args.check || measured.is_enough())
}

struct Measured {
    infra_first: Duration,
    infra_again: Duration,
    server_side_first: Duration,
    server_side_again: Duration,
    kubectl_first: Duration,
    kubectl_again: Duration,
}

fn measure(tools: &Tools, args: &AppsBenchArgs) -> Result<Measured, String> {
    let mut best: Option<Measured> = None;
    for round in 0..args.rounds.max(1) {
        let measured = one(tools, args.objects / KINDS, round)?;
        best = Some(match best {
            None => measured,
            Some(best) => best.min(measured),
        });
    }
    best.ok_or_else(|| "nothing was measured".to_owned())
}

fn one(tools: &Tools, each: usize, round: usize) -> Result<Measured, String> {
    let prepare = |name: &str| -> Result<(String, String), String> {
        let namespace = format!("bench-{name}-{round}");
        let path = tools.folder.join(&namespace);
        std::fs::create_dir_all(&path).map_err(|error| error.to_string())?;
        std::fs::write(path.join("all.yaml"), manifests(&namespace, each))
            .map_err(|error| error.to_string())?;
        tools.kubectl(&["create", "namespace", &namespace])?;
        Ok((namespace, path.join("all.yaml").display().to_string()))
    };
    let (ours, folder) = prepare("infra")?;
    let apply = ["apply", "--yes", "--base", &folder, "--suite", &ours];
    let (infra_first, infra_again) = (tools.apps(&apply)?, tools.apps(&apply)?);
    let (server_side, file) = prepare("server-side")?;
    let apply = ["apply", "--server-side", "-f", &file];
    let (server_side_first, server_side_again) = (tools.kubectl(&apply)?, tools.kubectl(&apply)?);
    let (client_side, file) = prepare("kubectl")?;
    let apply = ["apply", "-f", &file];
    let (kubectl_first, kubectl_again) = (tools.kubectl(&apply)?, tools.kubectl(&apply)?);
    for namespace in [ours, server_side, client_side] {
        tools.kubectl(&["delete", "namespace", &namespace, "--wait=false"])?;
    }
    Ok(Measured {
        infra_first,
        infra_again,
        server_side_first,
        server_side_again,
        kubectl_first,
        kubectl_again,
    })
}

impl Measured {
    fn min(self, other: Self) -> Self {
        Self {
            infra_first: self.infra_first.min(other.infra_first),
            infra_again: self.infra_again.min(other.infra_again),
            server_side_first: self.server_side_first.min(other.server_side_first),
            server_side_again: self.server_side_again.min(other.server_side_again),
            kubectl_first: self.kubectl_first.min(other.kubectl_first),
            kubectl_again: self.kubectl_again.min(other.kubectl_again),
        }
    }

    fn first(&self) -> f64 {
        self.server_side_first.as_secs_f64() / self.infra_first.as_secs_f64()
    }

    fn again(&self) -> f64 {
        self.kubectl_again.as_secs_f64() / self.infra_again.as_secs_f64()
    }

    fn is_enough(&self) -> bool {
        self.first() >= FIRST_MIN && self.again() >= AGAIN_MIN
    }

    fn table(&self, objects: usize) -> String {
        let row = |tool: &str, first: Duration, again: Duration| {
            format!("| {tool} | {:.2} s | {:.2} s |\n", first.as_secs_f64(), again.as_secs_f64())
        };
        let mut text = format!("| {objects} objects | first | again, no change |\n|---|---|---|\n");
        text += &row("`infra apps apply --yes`", self.infra_first, self.infra_again);
        text += &row(
            "`kubectl apply --server-side -f`",
            self.server_side_first,
            self.server_side_again,
        );
        text += &row("`kubectl apply -f`", self.kubectl_first, self.kubectl_again);
        text += &format!(
            "\nFirst: {:.1} times as fast as `kubectl apply --server-side` (wanted: {FIRST_MIN}). \
             Without changes: {:.1} times as fast as `kubectl apply` (wanted: {AGAIN_MIN}).",
            self.first(),
            self.again()
        );
        text
    }
}
