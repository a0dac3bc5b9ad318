//! Lists that several kinds read at the same moment, fetched once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use infra_provider_api::{CloudError, Context};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    Client,
    http::{Path, Query},
    pages::typed,
};

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
pub(crate) struct Shared {
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
    /// Reads a list, possibly fetched a moment ago for another kind. It is for observing, where
    /// load balancers, VPCs and zones are each read by two kinds. The list is never older than this
    /// client's last effect.
    pub(crate) async fn list_shared<T: DeserializeOwned>(
        &self,
        cx: &Context,
        operation: &str,
        path: Path<'_>,
        query: Query<'_>,
        field: &str,
    ) -> Result<Vec<T>, CloudError> {
        let slot = self.shared.slot(format!("{path:?}{query:?}"));
        // Held while fetching: whoever comes meanwhile takes the same answer.
        let mut kept = slot.lock().await;
        if let Some(known) = kept.as_ref()
            && known.writes == self.writes()
            && known.at.elapsed() < FRESH
        {
            return typed(operation, known.items.clone());
        }
        let (at, writes) = (Instant::now(), self.writes());
        let items: Vec<Value> = self.list(cx, operation, path, query, field).await?;
        *kept = Some(Kept { at, writes, items: items.clone() });
        typed(operation, items)
    }
}
