//! `cargo xtask CHORE`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::sweep::{self, SweepArgs};

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
}

fn main() -> ExitCode {
    let Chore::Sweep(args) = Xtask::parse().chore;
    match sweep::run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
