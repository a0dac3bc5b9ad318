//! The state in a bucket.

mod attacks;
mod concurrent_runs;
mod fence;
mod manual_state;
mod migrate;
mod secrets;

use age::secrecy::ExposeSecret;

use super::lab::{Config, Lab};

const BUCKET: &str = "team-state";

/// infra.toml of a small cluster with its state in a bucket.
fn toml(lines: &str) -> String {
    let cluster = Config { control_planes: 1, workers: 1 }.toml();
    format!("{cluster}\n[state]\nbackend = \"s3://{BUCKET}/clusters\"\n{lines}")
}

/// Such a lab, with a key pair that may read the private keys.
fn lab(lines: &str) -> Lab {
    let lab = Lab::empty();
    let own = age::x25519::Identity::generate();
    lab.write("key.txt", own.to_string().expose_secret());
    let keys = format!("recipients = [\"{}\"]\nidentity = \"key.txt\"\n", own.to_public());
    lab.write("infra.toml", &toml(&format!("{keys}{lines}")));
    lab
}

/// Nothing but the machines' part: enough to have a record and certificates.
const APPLY: [&str; 4] = ["apply", "--yes", "--phase", "infra"];
const PLAN: [&str; 4] = ["plan", "--detailed-exitcode", "--phase", "infra"];
