//! The list of the project's clusters with all their pools: several kinds read it at the same moment, and it
//! is fetched once.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use google_cloud_container_v1::model::Cluster;
use infra_provider_api::{CloudError, Context, ErrorKind};

use super::Container;

/// How long a list may be given to another reader. An effect of our own ends it at once.
const FRESH: Duration = Duration::from_secs(2);

/// How old a list may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fresh {
    /// It may have been fetched a moment ago for another kind.
    Shared,
    /// It is fetched now.
    Now,
}

pub(super) struct Kept {
    at: Instant,
    writes: u64,
    clusters: Arc<Vec<Cluster>>,
}

impl Container {
    /// Lists the clusters of the project, with their pools, in one call. The list is never older than this
    /// client's last effect.
    ///
    /// # Errors
    /// Returns `Unavailable` if some of the zones did not answer: what is in them is not known.
    pub(crate) async fn clusters(
        &self,
        cx: &Context,
        fresh: Fresh,
    ) -> Result<Arc<Vec<Cluster>>, CloudError> {
        // Held while fetching: whoever comes meanwhile takes the same answer.
        let mut kept = self.clusters.lock().await;
        let writes = self.writes.load(Ordering::SeqCst);
        if let Some(known) = kept.as_ref()
            && fresh == Fresh::Shared
            && known.writes == writes
            && known.at.elapsed() < FRESH
        {
            return Ok(Arc::clone(&known.clusters));
        }
        let at = Instant::now();
        let operation = "list clusters";
        let parent = format!("projects/{}/locations/-", self.project);
        let path = format!("v1/{parent}/clusters");
        let answer = self
            .read(cx, operation, &path, |client| {
                let parent = parent.clone();
                async move { client.list_clusters().set_parent(parent).send().await }
            })
            .await?;
        if !answer.missing_zones.is_empty() {
            let message = format!("{} did not answer", answer.missing_zones.join(", "));
            return Err(CloudError::new(ErrorKind::Unavailable, operation, message)
                .with_hint("run the same command again: what is in there is not known now"));
        }
        let clusters = Arc::new(answer.clusters);
        *kept = Some(Kept { at, writes, clusters: Arc::clone(&clusters) });
        Ok(clusters)
    }
}
