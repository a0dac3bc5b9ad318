//! The plan of a whole suite.

use futures::{StreamExt, TryStreamExt, stream};

use super::{Action, AppsPlan, ObjectChange, Prepared, dry_run, prepare};
use crate::apps::{AppsError, Inventory, KubeClient, ObjectId, Suite, kinds};

/// Dry runs at a time.
const TRIES_MAX: usize = 16;

/// What an apply of `suite` would do. Nothing is changed: each object is tried by a server-side dry
/// run. `inventory` tells what an earlier apply left.
///
/// # Errors
/// [`AppsError::Manifests`] for unknown kinds and namespaces, and what calls give. What the API
/// server refuses of single objects is in the plan.
pub async fn plan(
    client: &KubeClient,
    suite: &Suite,
    inventory: Option<&Inventory>,
) -> Result<AppsPlan, AppsError> {
    let prepared = &prepare(client, suite, inventory).await?;
    let sequence = suite.order().sequence();
    let tries =
        sequence.into_iter().map(|place| dry_run::change(client, prepared, place, suite.name()));
    let mut changes: Vec<ObjectChange> =
        stream::iter(tries).buffered(TRIES_MAX).try_collect().await?;
    changes.extend(prepared.left.iter().filter_map(|(id, _)| left(prepared, id, suite.name())));
    Ok(AppsPlan { suite: suite.name().to_owned(), digest: suite.digest(), changes })
}

/// What happens to an object that left the suite; nothing when it is gone or another suite's.
fn left(prepared: &Prepared, id: &ObjectId, suite: &str) -> Option<ObjectChange> {
    prepared.live.get(id)?;
    if prepared.other_suite(id, suite).is_some() {
        return None;
    }
    let kept = kinds::is_protected(id);
    Some(ObjectChange {
        object: id.clone(),
        action: if kept { Action::Keep } else { Action::Delete },
        fields: Vec::new(),
        conflicts: Vec::new(),
        origin: None,
        reason: Some(if kept {
            format!("left the suite; a {} is only deleted when named", id.kind)
        } else {
            "left the suite".to_owned()
        }),
    })
}
