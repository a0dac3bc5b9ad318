//! `cargo xtask CHORE`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::{
    apps_bench::{self, AppsBenchArgs},
    bench::{self, BenchArgs},
    sweep::{self, SweepArgs},
};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Chores that are too long for every build")]
struct Xtask {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Kill or disturb `infra` at every point of every scenario, run it again, and look.
    Sweep(SweepArgs),
    /// Measure `infra apps apply` against kubectl on the same API server.
    AppsBench(AppsBenchArgs),
    /// Measure whole commands on the embedded cloud: the tables of docs/performance.md.
    Bench(BenchArgs),
}

fn main() -> ExitCode {
    let done = match Xtask::parse().chore {
        Chore::Sweep(args) => sweep::run(&args).map_err(|error| error.to_string()),
        Chore::AppsBench(args) => apps_bench::run(&args),
        Chore::Bench(args) => bench::run(&args).map(|()| true).map_err(|error| error.to_string()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
