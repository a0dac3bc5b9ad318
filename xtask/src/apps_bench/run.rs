//! The bench from beginning to end.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use infra_test_utils::ClusterToml;

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

/// Runs the bench and prints its table. `false`: with --check, it is not fast enough.
///
/// # Errors
/// Returns an error if a tool cannot be run or fails.
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
            let file =
                ClusterToml::new("bench").with("[apps.addons]\ningress = false\n").to_string();
            std::fs::write(folder.path().join("infra.toml"), file).map_err(|e| e.to_string())?;
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

/// Who applies, and how. kubectl never waits for readiness, so it is compared with `--no-wait`.
const TOOLS: [(&str, &str, &[&str]); 4] = [
    ("infra", "infra apps apply --yes --no-wait", &["apply", "--yes", "--no-wait"]),
    ("infra-ready", "infra apps apply --yes", &["apply", "--yes"]),
    ("server-side", "kubectl apply --server-side -f", &["apply", "--server-side"]),
    ("kubectl", "kubectl apply -f", &["apply"]),
];

/// One tool's times: the first apply, and the one after it.
#[derive(Clone, Copy)]
struct Times {
    first: Duration,
    again: Duration,
}

impl Times {
    fn min(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), again: self.again.min(other.again) }
    }
}

/// The times of [`TOOLS`], in their order.
struct Measured([Times; TOOLS.len()]);

fn measure(tools: &Tools, args: &AppsBenchArgs) -> Result<Measured, String> {
    let mut best: Vec<Times> = Vec::new();
    for round in 0..args.rounds.max(1) {
        for (at, tool) in TOOLS.iter().enumerate() {
            let times = one(tools, args.objects / KINDS, tool, round)?;
            match best.get_mut(at) {
                Some(best) => *best = best.min(times),
                None => best.push(times),
            }
        }
    }
    let best = best.try_into().map_err(|_| "nothing was measured".to_owned())?;
    Ok(Measured(best))
}

/// Applies `each` of each kind twice, in a namespace of their own.
fn one(
    tools: &Tools,
    each: usize,
    (name, _, words): &(&str, &str, &[&str]),
    round: usize,
) -> Result<Times, String> {
    let namespace = format!("bench-{name}-{round}");
    let path = tools.folder.join(&namespace);
    std::fs::create_dir_all(&path).map_err(|error| error.to_string())?;
    let file = path.join("all.yaml");
    std::fs::write(&file, manifests(&namespace, each)).map_err(|error| error.to_string())?;
    tools.kubectl(&["create", "namespace", &namespace])?;
    let file = file.display().to_string();
    let apply = || {
        if name.starts_with("infra") {
            return tools.apps(&[*words, &["--base", &file, "--suite", &namespace]].concat());
        }
        tools.kubectl(&[*words, &["-f", &file]].concat())
    };
    let times = Times { first: apply()?, again: apply()? };
    tools.kubectl(&["delete", "namespace", &namespace, "--wait=false"])?;
    Ok(times)
}

impl Measured {
    /// Returns how many times as fast the first apply is as `kubectl apply --server-side`.
    fn first(&self) -> f64 {
        let [ours, _, server_side, _] = self.0;
        server_side.first.as_secs_f64() / ours.first.as_secs_f64()
    }

    /// Returns how many times as fast an apply without changes is as `kubectl apply`.
    fn again(&self) -> f64 {
        let [ours, _, _, kubectl] = self.0;
        kubectl.again.as_secs_f64() / ours.again.as_secs_f64()
    }

    fn is_enough(&self) -> bool {
        self.first() >= FIRST_MIN && self.again() >= AGAIN_MIN
    }

    fn table(&self, objects: usize) -> String {
        let mut text = format!("| {objects} objects | first | again, no change |\n|---|---|---|\n");
        for ((_, tool, _), times) in TOOLS.iter().zip(self.0) {
            let (first, again) = (times.first.as_secs_f64(), times.again.as_secs_f64());
            text += &format!("| `{tool}` | {first:.2} s | {again:.2} s |\n");
        }
        text += &format!(
            "\nFirst: {:.1} times as fast as `kubectl apply --server-side` (wanted: {FIRST_MIN}). \
             Without changes: {:.1} times as fast as `kubectl apply` (wanted: {AGAIN_MIN}).",
            self.first(),
            self.again()
        );
        text
    }
}
