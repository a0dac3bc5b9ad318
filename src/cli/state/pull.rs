//! `infra state pull`

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use infra_provider_api::Owner;
use serde::{Deserialize, Serialize};

use super::Global;
use crate::{
    session::{CliError, ExitCode, OpenState},
    state::State,
};

#[derive(Debug, Args)]
pub(super) struct PullArgs {
    /// Write it into this file instead.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What `pull` writes and `push` reads.
#[derive(Serialize, Deserialize)]
pub(super) struct Pulled {
    pub version: u32,
    pub owner: Owner,
    pub record: State,
}

pub(super) const VERSION: u32 = 1;

pub(super) async fn pull(global: &Global, args: &PullArgs) -> Result<ExitCode, CliError> {
    let open = OpenState::open(&global.session()).await?;
    let store = open.store.as_ref().ok_or_else(|| {
        CliError::local(format!("there is no state in {}", open.place()))
            .hint("`infra apply` makes one")
    })?;
    let pulled = Pulled {
        version: VERSION,
        owner: store.owner().clone(),
        record: Arc::unwrap_or_clone(store.state()),
    };
    let text = serde_json::to_string_pretty(&pulled).map_err(CliError::local)?;
    match &args.output {
        None => exactln!("{text}"),
        Some(path) => {
            let mode = infra_ssl::files::SECRET_MODE;
            infra_ssl::files::write_atomic(path, text.as_bytes(), mode).map_err(CliError::local)?;
        }
    }
    Ok(ExitCode::Ok)
}
