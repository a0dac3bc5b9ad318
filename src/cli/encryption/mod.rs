//! `infra encryption`

use clap::{Args, Subcommand};
use infra_ssl::{EncryptionKeys, EncryptionStage, PkiLayout};
use serde_json::json;

mod rotate;

use super::global::Global;
use crate::session::{CliError, ExitCode, refuse_managed};
use rotate::{RotateArgs, rotate};

/// Show or change the keys that Secrets are encrypted with.
#[derive(Debug, Args)]
pub struct EncryptionArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Say which keys there are, and what the next step is.
    Status,
    /// Put another key in the place of the present one
    ///
    /// A key is added that all control planes can read; then it writes; then every Secret is written
    /// again, and the old key is dropped. Control planes take up each step when their machines are
    /// replaced, so each of them is replaced twice, one at a time. If it is interrupted or killed, run the
    /// same command again and it resumes where it stopped.
    Rotate(RotateArgs),
}

/// Runs the verb.
pub async fn encryption(global: &Global, args: &EncryptionArgs) -> Result<ExitCode, CliError> {
    refuse_managed(&global.project()?, "encryption")?;
    match &args.verb {
        Verb::Status => status(global).await,
        Verb::Rotate(args) => rotate(global, args).await,
    }
}

fn missing() -> CliError {
    CliError::local("there are no encryption keys yet")
        .hint("`infra apply` makes them, unless [kubernetes.encryption] says enabled = false")
}

async fn status(global: &Global) -> Result<ExitCode, CliError> {
    let layout = global.layout().await?;
    let path = PkiLayout::new(&layout.pki).encryption_keys();
    let keys = EncryptionKeys::read(&path).map_err(CliError::local)?.ok_or_else(missing)?;
    print(global.json, &keys, None);
    Ok(ExitCode::Ok)
}

/// Says where a cluster is, and what comes next.
fn next_step(stage: EncryptionStage) -> &'static str {
    match stage {
        EncryptionStage::Settled => {
            "nothing; `infra encryption rotate` puts another key in its place"
        }
        _ => {
            "run `infra encryption rotate`: it replaces the control planes, one at a time, and takes the steps that are left"
        }
    }
}

fn print(is_json: bool, keys: &EncryptionKeys, rewritten: Option<usize>) {
    let (stage, order) = (keys.stage(), keys.order());
    if is_json {
        exactln!(
            "{}",
            json!({"stage": stage, "order": order, "rewritten": rewritten, "next": next_step(stage)})
        );
        return;
    }
    if let Some(count) = rewritten {
        println!("Secrets written again: {count}");
    }
    println!("Keys      {} (the first one writes, all read)", order.join(", "));
    println!("Next      {}", next_step(stage));
}
