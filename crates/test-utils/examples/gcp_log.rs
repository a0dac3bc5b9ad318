//! Judges a log of the embedded cloud's Google part by the vendor's documents:
//! `cargo run -p infra-test-utils --example gcp_log -- .infra/sim/gcp-calls.jsonl`

use std::{path::Path, process::ExitCode};

use infra_test_utils::discovery::check_log;

fn main() -> ExitCode {
    let Some(file) = std::env::args().nth(1) else {
        eprintln!("name the log");
        return ExitCode::from(2);
    };
    let Some(log) = check_log(Path::new(&file)) else {
        eprintln!("no discovery documents: set INFRA_DISCOVERY to their folder");
        return ExitCode::from(2);
    };
    for (method, count) in &log.calls {
        println!("{count:6} {method}");
    }
    for violation in &log.violations {
        println!("{violation}");
    }
    ExitCode::from(u8::from(!log.violations.is_empty()))
}
