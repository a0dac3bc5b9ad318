//! The readers of everything that comes from outside, on changed seeds: none may panic.
//!
//! The same functions run under cargo-fuzz (`fuzz/`); this runs on every toolchain, the same inputs
//! each time. `INFRA_FUZZ_ITERATIONS=N` runs more of them, `INFRA_FUZZ_SEED=N` others.

mod mutate;

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use mutate::Mutator;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// The kept seeds of a target: what real runs wrote, and every input that once broke it.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut paths: Vec<PathBuf> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} has no seeds", folder.display());
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn fuzz(target: &str, iterations: u64, body: fn(&[u8])) {
    let seeds = seeds(target);
    for seed in &seeds {
        body(seed);
    }
    let first = number("INFRA_FUZZ_SEED").unwrap_or(1);
    let iterations = number("INFRA_FUZZ_ITERATIONS").unwrap_or(iterations);
    for iteration in 0..iterations {
        let input = Mutator::new(first, iteration, &seeds).input();
        if catch_unwind(AssertUnwindSafe(|| body(&input))).is_err() {
            let kept =
                std::env::temp_dir().join(format!("infra-fuzz-{target}-{first}-{iteration}"));
            fs::write(&kept, &input).unwrap();
            panic!(
                "{target} panics (seed {first}, iteration {iteration}); the input is kept in {}: \
                 once it is mended, put it into fuzz/seeds/{target}",
                kept.display()
            );
        }
    }
    eprintln!("{target}: {} seeds, {iterations} changed ones", seeds.len());
}

#[test]
fn infra_toml() {
    fuzz("infra_toml", 1_500, infra::fuzz::infra_toml);
}

#[test]
fn journal() {
    fuzz("journal", 3_000, infra::fuzz::journal);
}

#[test]
fn plan_file() {
    fuzz("plan_file", 3_000, infra::fuzz::plan_file);
}

#[test]
#[cfg(feature = "do")]
fn digitalocean() {
    fuzz("digitalocean", 5_000, infra_digitalocean::fuzz::answers);
}
