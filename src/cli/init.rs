//! `infra init`

use std::io::Write;

use clap::Args;

use super::global::Global;
use crate::{
    config::STARTER,
    session::{CliError, ExitCode},
};

/// Write a commented infra.toml to begin with. An existing file is left alone.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The cluster's name; by default that of this folder.
    name: Option<String>,
}

/// Runs the verb.
pub fn init(global: &Global, args: &InitArgs) -> Result<ExitCode, CliError> {
    let name = args.name.clone().unwrap_or_else(folder_name);
    // One that would be refused afterwards is not worth writing.
    if let Err(why) = crate::config::label(&name, 40) {
        let failure = CliError::new(
            ExitCode::Invalid,
            format!("the cluster's name `{name}` is refused: {why}"),
        );
        return Err(match crate::config::near_label(&name, 40) {
            Some(near) => failure.hint(format!("for instance `{near}`")),
            None => failure,
        });
    }
    let text = STARTER.replace("\"NAME\"", &format!("\"{name}\""));
    let path = &global.file;
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| {
            if error.kind() == std::io::ErrorKind::AlreadyExists {
                CliError::local(format!("{} is there already; it is left alone", path.display()))
                    .hint("-f FILE writes another one")
            } else {
                CliError::local(format!("{}: {error}", path.display()))
            }
        })?;
    file.write_all(text.as_bytes())
        .map_err(|error| CliError::local(format!("{}: {error}", path.display())))?;
    if global.json {
        exactln!("{}", serde_json::json!({"file": path, "cluster": name}));
        return Ok(ExitCode::Ok);
    }
    println!("Wrote {}. Next:", path.display());
    println!("  infra validate          # check it");
    println!("  infra apply --sim       # try it on the embedded cloud, no account needed");
    println!("  infra plan              # see what it would make in the real one");
    Ok(ExitCode::Ok)
}

/// Returns the current folder's name as a cluster name, or `cluster` if it cannot be one.
fn folder_name() -> String {
    let folder = std::env::current_dir().ok();
    let name = folder.as_deref().and_then(|folder| folder.file_name()?.to_str());
    name.and_then(|name| crate::config::near_label(name, 40))
        .unwrap_or_else(|| "cluster".to_owned())
}
