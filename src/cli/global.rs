//! What every verb takes.

use std::{path::PathBuf, sync::Arc};

use clap::Args;

use crate::{
    clouds,
    config::{self, Project},
    session::{CliError, OpenState, SessionOptions},
    state::{ClusterLayout, State, home::Home},
};

/// The heading under which `--help` lists them.
pub(super) const HEADING: &str = "Global options";

/// What every verb takes.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// Read the cluster from this file
    #[arg(
        short = 'f',
        long = "file",
        global = true,
        help_heading = HEADING,
        default_value = "infra.toml",
        value_name = "FILE"
    )]
    pub file: PathBuf,
    /// Lay the overlay of this environment over the file
    #[arg(long, global = true, help_heading = HEADING, value_name = "NAME")]
    pub env: Option<String>,
    /// The cloud to use instead of the one that the file names. Its help is made from the registry,
    /// which knows the clouds of this build.
    #[arg(
        long,
        global = true,
        help_heading = HEADING,
        value_name = "CLOUD",
        help = format!(
            "Use this cloud instead of the one that the file names: {}",
            one_of(&clouds::names())
        )
    )]
    pub provider: Option<String>,
    /// Use the embedded cloud instead of a real one
    ///
    /// Its data is in .infra/sim beside infra.toml, and it listens on loopback only.
    #[arg(long, global = true, help_heading = HEADING)]
    pub sim: bool,
    /// How much faster than real time the embedded cloud's clock runs.
    #[arg(long, global = true, help_heading = HEADING, value_name = "FACTOR", requires = "sim", hide = true)]
    pub sim_speed: Option<f64>,
    /// Keep state (`.infra/`) and keys (`ssl/`) in this folder instead of beside infra.toml
    #[arg(long, global = true, help_heading = HEADING, env = "INFRA_STATE_DIR", value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Let kustomize fetch bases from these hosts, besides those of [apps] remote_bases
    #[arg(long, global = true, help_heading = HEADING, value_name = "HOST", value_delimiter = ',')]
    pub allow_remote_bases: Vec<String>,
    /// Show more: every field of what is created, where each variable comes from, and each call
    /// that changes something
    ///
    /// `-vv` shows every call.
    #[arg(short, long, global = true, help_heading = HEADING, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Append a log of every call to this file
    #[arg(long, global = true, help_heading = HEADING, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// Print JSON.
    #[arg(long, global = true, help_heading = HEADING)]
    pub json: bool,
}

/// Lists names as a sentence does: `aws, do or gcp`.
fn one_of(names: &[&str]) -> String {
    match names.split_last() {
        Some((last, first)) if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => names.concat(),
    }
}

impl Global {
    /// Returns true if more shall be shown.
    pub fn is_verbose(&self) -> bool {
        self.verbose > 0
    }

    /// Returns the options as a session takes them.
    pub fn session(&self) -> SessionOptions {
        SessionOptions {
            file: self.file.clone(),
            spec: self.spec(),
            sim: self.sim,
            sim_speed: self.sim_speed,
        }
    }

    pub(super) fn spec(&self) -> config::Options {
        config::Options {
            environment: self.env.clone(),
            provider: self.provider.clone(),
            remote_bases: self.allow_remote_bases.clone(),
            state_dir: self.state_dir.clone(),
            apps_only: false,
        }
    }

    /// Returns where the state of `cluster` is on this machine, or that of the embedded cloud.
    pub fn home(&self, cluster: Option<&str>) -> Home {
        Home::of(&self.file, self.state_dir.as_deref(), cluster)
    }

    /// Reads the file alone, for verbs that need no cloud.
    pub fn project(&self) -> Result<Project, CliError> {
        Ok(config::load(&self.file, &self.spec())?)
    }

    /// Reads the file's apps, whatever is wrong with the cloud's part.
    pub fn apps_project(&self) -> Result<Project, CliError> {
        Ok(config::load(&self.file, &config::Options { apps_only: true, ..self.spec() })?)
    }

    /// Reads the state, which is empty if there is none. It asks no cloud.
    pub async fn state(&self) -> Result<State, CliError> {
        let open = OpenState::open(&self.session()).await?;
        Ok(open.store.map_or_else(State::default, |store| Arc::unwrap_or_clone(store.state())))
    }

    /// Returns the layout of the cluster's files, for verbs that need no cloud. It brings a copy of
    /// files in a bucket up to date.
    pub async fn layout(&self) -> Result<ClusterLayout, CliError> {
        let open = OpenState::open(&self.session()).await?;
        open.refresh().await?;
        Ok(open.layout)
    }
}
