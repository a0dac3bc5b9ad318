//! The record alone, for verbs that need no cloud.

use std::sync::Arc;

use uuid::Uuid;

use super::{
    error::Failure,
    open::{Places, SessionOptions, surroundings},
};
use crate::{
    remote::{RemoteRecord, Target, refuse_working_copy},
    spec::{self, Project},
    state::Store,
};

/// The record of a cluster, open to be read.
pub struct OpenRecord {
    /// What the file says.
    pub project: Project,
    /// Where its things are on this machine.
    pub places: Places,
    /// The record; `None`: there is none yet.
    pub store: Option<Arc<Store>>,
    /// Where it is in a bucket, if it is.
    pub remote: Option<RemoteRecord>,
}

impl OpenRecord {
    /// Opens the record of the cluster in `options.file`. Asks no cloud, but the bucket if the
    /// record is in one.
    ///
    /// # Errors
    /// Returns an error if the file is invalid, or if the record cannot be read.
    pub async fn open(options: &SessionOptions) -> Result<Self, Failure> {
        let project = spec::load(&options.file, &options.spec)?;
        project.home.check(&project.cluster.name)?;
        let places = Places::of(&project.home, &project.cluster.name);
        let cluster = &project.cluster.name;
        let Some(plan) = &project.state else {
            refuse_working_copy(&places)?;
            // The identity is there, so the UUID to make one with is not used.
            let store = if places.record.join("identity.json").exists() {
                Some(Arc::new(Store::open(&places.record, cluster, Uuid::nil()).await?))
            } else {
                None
            };
            return Ok(Self { project, places, store, remote: None });
        };
        let target =
            Target::connect(plan, &project, &surroundings(options, &project.home).await?).await?;
        let remote = RemoteRecord::open(target, plan, &places, cluster, Uuid::nil()).await?;
        let store = (!remote.store.owner().uuid.is_nil()).then(|| Arc::clone(&remote.store));
        Ok(Self { project, places, store, remote: Some(remote) })
    }

    /// Returns the place of the record in a form for people.
    pub fn place(&self) -> String {
        match &self.remote {
            Some(remote) => remote.target.url().to_owned(),
            None => self.places.record.display().to_string(),
        }
    }

    /// Brings the files of the record (certificates, kubeconfig) up to date on this machine.
    ///
    /// # Errors
    /// Returns an error if they cannot be read or decrypted.
    pub async fn refresh(&self) -> Result<(), Failure> {
        match &self.remote {
            Some(remote) if self.store.is_some() => remote.refresh().await,
            _ => Ok(()),
        }
    }
}
