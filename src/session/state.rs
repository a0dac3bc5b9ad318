//! The state alone, for verbs that need no cloud.

use std::sync::Arc;

use uuid::Uuid;

use super::{
    error::CliError,
    open::{SessionOptions, cloud_env},
};
use crate::{
    config::{self, Project},
    state::{
        ClusterLayout, Store,
        remote::{RemoteState, refuse_working_copy},
    },
    state_bucket::{self, Target},
};

/// The state of a cluster, open to be read.
pub struct OpenState {
    /// What the file says.
    pub project: Project,
    /// Where its things are on this machine.
    pub layout: ClusterLayout,
    /// The state; `None`: there is none yet.
    pub store: Option<Arc<Store>>,
    /// Where it is in a bucket, if it is.
    pub remote: Option<RemoteState>,
}

impl OpenState {
    /// Opens the state of the cluster in `options.file`. Asks no cloud, but the bucket if the
    /// state is in one.
    ///
    /// # Errors
    /// Returns an error if the file is invalid, or if the state cannot be read.
    pub async fn open(options: &SessionOptions) -> Result<Self, CliError> {
        let project = config::load(&options.file, &options.spec)?;
        if let Some(note) = project.home.check(&project.cluster.name)? {
            eprintln!("{note}");
        }
        let layout = ClusterLayout::of(&project.home, &project.cluster.name);
        let cluster = &project.cluster.name;
        let Some(plan) = &project.state else {
            refuse_working_copy(&layout)?;
            // The identity is there, so the UUID to make one with is not used.
            let store = if layout.state.join("identity.json").exists() {
                Some(Arc::new(Store::open(&layout.state, cluster, Uuid::nil()).await?))
            } else {
                None
            };
            return Ok(Self { project, layout, store, remote: None });
        };
        let target =
            Target::connect(plan, &project, &cloud_env(options, &project.home).await?).await?;
        let remote = state_bucket::open(target, plan, &layout, cluster, Uuid::nil()).await?;
        let store = (!remote.store.owner().uuid.is_nil()).then(|| Arc::clone(&remote.store));
        Ok(Self { project, layout, store, remote: Some(remote) })
    }

    /// Returns the place of the state in a form for people.
    pub fn place(&self) -> String {
        match &self.remote {
            Some(remote) => remote.bucket.url().to_owned(),
            None => self.layout.state.display().to_string(),
        }
    }

    /// Brings the files of the state (certificates, kubeconfig) up to date on this machine.
    ///
    /// # Errors
    /// Returns an error if they cannot be read or decrypted.
    pub async fn refresh(&self) -> Result<(), CliError> {
        match &self.remote {
            Some(remote) if self.store.is_some() => Ok(remote.refresh().await?),
            _ => Ok(()),
        }
    }
}
