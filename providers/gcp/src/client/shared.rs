//! Lists that several kinds read at the same moment, fetched once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use infra_provider_api::{CloudError, Context};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::{Client, http::Query, pages::typed};

/// How long a list may be given to another reader. An effect of our own ends it at once.
const FRESH: Duration = Duration::from_secs(2);

struct Kept {
    at: Instant,
    writes: u64,
    items: Vec<Value>,
}

type Slot = Arc<tokio::sync::Mutex<Option<Kept>>>;

/// The last answer of each list.
#[derive(Default)]
pub(super) struct Shared {
    slots: Mutex<HashMap<String, Slot>>,
}

impl Shared {
    fn slot(&self, key: String) -> Slot {
        // The map holds only finished entries, whatever panicked.
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.entry(key).or_default().clone()
    }
}

impl Client {
    /// Reads a list, possibly fetched a moment ago for another kind. It is for observing. The list is never
    /// older than this client's last effect.
    pub(crate) async fn list_shared<T: DeserializeOwned>(
        &self,
        cx: &Context,
        operation: &str,
        url: &Url,
        query: Query<'_>,
    ) -> Result<Vec<T>, CloudError> {
        let list = self.list::<Value>(cx, operation, url, query);
        self.once(operation, format!("{url}{query:?}"), list).await
    }

    /// Reads what all regions and zones have under `field`, possibly fetched a moment ago for another kind.
    pub(crate) async fn aggregated_shared<T: DeserializeOwned>(
        &self,
        cx: &Context,
        operation: &str,
        url: &Url,
        query: Query<'_>,
        field: &str,
    ) -> Result<Vec<T>, CloudError> {
        let list = self.aggregated::<Value>(cx, operation, url, query, field);
        self.once(operation, format!("{url}{query:?}"), list).await
    }

    async fn once<T: DeserializeOwned>(
        &self,
        operation: &str,
        key: String,
        list: impl Future<Output = Result<Vec<Value>, CloudError>>,
    ) -> Result<Vec<T>, CloudError> {
        let slot = self.shared().slot(key);
        // Held while fetching: whoever comes meanwhile takes the same answer.
        let mut kept = slot.lock().await;
        let is_fresh = |known: &&Kept| known.writes == self.writes() && known.at.elapsed() < FRESH;
        let items = match kept.as_ref().filter(is_fresh) {
            Some(known) => known.items.clone(),
            None => {
                let (at, writes) = (Instant::now(), self.writes());
                let items = list.await?;
                *kept = Some(Kept { at, writes, items: items.clone() });
                items
            }
        };
        drop(kept);
        items.into_iter().map(|item| typed(operation, item)).collect()
    }
}
