//! What every verb takes.

use std::{path::PathBuf, sync::Arc};

use clap::Args;

use crate::{
    engine::Record,
    session::{Failure, OpenRecord, Places, SessionOptions},
    spec::{self, Project},
};

/// What every verb takes.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// The cluster's file.
    #[arg(
        short = 'f',
        long = "file",
        global = true,
        default_value = "infra.toml",
        value_name = "FILE"
    )]
    pub file: PathBuf,
    /// The environment whose overlay is laid over the file.
    #[arg(long, global = true, value_name = "NAME")]
    pub env: Option<String>,
    /// The cloud, instead of the one the file names: aws or do.
    #[arg(long, global = true, value_name = "CLOUD")]
    pub provider: Option<String>,
    /// Use the embedded cloud (data in .infra/sim, loopback only); no real one is touched.
    #[arg(long, global = true)]
    pub sim: bool,
    /// How much faster than real time the embedded cloud's clock runs.
    #[arg(long, global = true, value_name = "FACTOR", requires = "sim", hide = true)]
    pub sim_speed: Option<f64>,
    /// Hosts that kustomize may fetch bases from, besides those of [apps] remote_bases; none by
    /// default.
    #[arg(long, global = true, value_name = "HOST", value_delimiter = ',')]
    pub allow_remote_bases: Vec<String>,
    /// Print JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

impl Global {
    /// As a session takes it.
    pub fn session(&self) -> SessionOptions {
        SessionOptions {
            file: self.file.clone(),
            spec: self.spec(),
            sim: self.sim,
            sim_speed: self.sim_speed,
        }
    }

    pub(super) fn spec(&self) -> spec::Options {
        spec::Options {
            environment: self.env.clone(),
            provider: self.provider.clone(),
            remote_bases: self.allow_remote_bases.clone(),
            apps_only: false,
        }
    }

    /// The file alone, for verbs that need no cloud.
    pub fn project(&self) -> Result<Project, Failure> {
        Ok(spec::load(&self.file, &self.spec())?)
    }

    /// The file's apps, whatever is wrong with the cloud's part.
    pub fn apps_project(&self) -> Result<Project, Failure> {
        Ok(spec::load(&self.file, &spec::Options { apps_only: true, ..self.spec() })?)
    }

    /// The record, empty when there is none. Asks no cloud.
    pub async fn record(&self) -> Result<Record, Failure> {
        let open = OpenRecord::open(&self.session()).await?;
        Ok(open.store.map_or_else(Record::default, |store| Arc::unwrap_or_clone(store.record())))
    }

    /// Where the cluster's things are, for verbs that need no cloud; a copy of what is in a bucket
    /// is brought up to date.
    pub async fn places(&self) -> Result<Places, Failure> {
        let open = OpenRecord::open(&self.session()).await?;
        open.refresh().await?;
        Ok(open.places)
    }
}
