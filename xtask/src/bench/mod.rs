//! `cargo xtask bench`: whole commands of the release binary against the embedded cloud.

mod cases;
mod lab;
mod measure;
mod table;

use std::path::{Path, PathBuf};

use clap::Args;

pub use lab::BenchError;

/// Measure whole commands on the embedded cloud.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// The binary to measure; built in the release profile when absent.
    #[arg(long, value_name = "FILE")]
    infra: Option<PathBuf>,
    /// Nodes of the clusters that are planned.
    #[arg(long, value_delimiter = ',', default_value = "100,1000,5000,10000")]
    nodes: Vec<usize>,
    /// Only these: startup, plan, apply, rate-limit.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Put the tables into docs/performance.md.
    #[arg(long)]
    write: bool,
}

/// Runs the chore.
///
/// # Errors
/// Returns an error if the binary can't be built, or a command of it fails.
pub fn run(args: &BenchArgs) -> Result<(), BenchError> {
    let infra = match &args.infra {
        Some(path) => path.canonicalize().map_err(|error| BenchError::file(path, &error))?,
        None => build()?,
    };
    let wanted = |name: &str| args.only.is_empty() || args.only.iter().any(|only| only == name);
    let mut tables = table::Tables::new();
    if wanted("startup") {
        tables.row(cases::startup(&infra)?);
    }
    if wanted("plan") {
        for nodes in &args.nodes {
            tables.scale(cases::plan(&infra, *nodes)?);
        }
    }
    if wanted("apply") {
        tables.row(cases::apply(&infra, 100)?);
    }
    if wanted("rate-limit") {
        tables.row(cases::rate_limit(&infra, 1_000)?);
    }
    let text = tables.text();
    print!("{text}");
    if args.write {
        table::write(&root().join("docs/performance.md"), &text)?;
    }
    Ok(())
}

fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Builds the release binary and says where it is.
fn build() -> Result<PathBuf, BenchError> {
    let mut cargo = std::process::Command::new(env!("CARGO"));
    cargo.current_dir(root()).args(["build", "--release", "--package", "infra"]);
    cargo.args(["--message-format", "json-render-diagnostics"]);
    let output = cargo
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| BenchError::file(Path::new("cargo"), &error))?;
    let lines = String::from_utf8_lossy(&output.stdout);
    let binary = lines
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "infra")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    binary.filter(|_| output.status.success()).ok_or(BenchError::Build)
}
