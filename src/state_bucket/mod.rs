//! The bucket of `[state]`: from infra.toml to a bucket with its endpoint, region and credentials.

mod bucket;
mod target;

use std::sync::Arc;

use uuid::Uuid;

use crate::{
    config::BucketConfig,
    state::{
        ClusterLayout, StateError,
        remote::{RemoteOptions, RemoteState},
    },
    ui::TerminalUser,
};

pub use target::Target;

/// Opens the state that is in the bucket, to be read. Whoever sits at the terminal is told and asked.
///
/// # Errors
/// Returns an error if the bucket does not exist, or if its content cannot be used or trusted.
pub async fn open(
    target: Target,
    plan: &BucketConfig,
    layout: &ClusterLayout,
    cluster: &str,
    uuid: Uuid,
) -> Result<RemoteState, StateError> {
    let options = RemoteOptions {
        recipients: plan.recipients.clone(),
        identity: plan.identity.clone(),
        lease: plan.lease,
        user: Arc::new(TerminalUser),
    };
    RemoteState::open(Arc::new(target), &options, layout, cluster, uuid).await
}
