//! The plan of a whole suite.

use futures::{StreamExt, TryStreamExt, stream};

use super::{Action, AppsPlan, ObjectChange, Prepared, dry_run, prepare};
use crate::{AppsError, Inventory, KubeClient, ObjectId, Protection, Suite};

/// Dry runs at a time.
const TRIES_MAX: usize = 16;

/// How to plan.
#[derive(Clone, Debug)]
pub struct PlanOptions {
    /// Try what is not there yet, too. Without it a create that the API server would refuse shows
    /// only when it is applied; it saves a call for each.
    pub try_creates: bool,
    /// Objects (`Kind/name`, `Kind/namespace/name`) that may be deleted and recreated.
    pub replace: Vec<String>,
    /// What of that which left the suite is kept.
    pub protection: Protection,
}

impl Default for PlanOptions {
    fn default() -> Self {
        Self { try_creates: true, replace: Vec::new(), protection: Protection::Keep }
    }
}

/// Plans with the default options of [`plan_with`].
///
/// # Errors
/// Returns the errors of [`plan_with`].
pub async fn plan(
    client: &KubeClient,
    suite: &Suite,
    inventory: Option<&Inventory>,
) -> Result<AppsPlan, AppsError> {
    plan_with(client, suite, inventory, &PlanOptions::default()).await
}

/// Plans what an apply of `suite` would do. Nothing is changed: a server-side dry run tries each
/// object that is not certain to stay as it is. `inventory` lists what an earlier apply left.
///
/// # Errors
/// Returns [`AppsError::Manifests`] if a kind or a namespace is unknown, or the error of a call.
/// The plan holds what the API server refuses of single objects.
pub async fn plan_with(
    client: &KubeClient,
    suite: &Suite,
    inventory: Option<&Inventory>,
    options: &PlanOptions,
) -> Result<AppsPlan, AppsError> {
    if let Some(inventory) = inventory {
        inventory.check_project(suite.project())?;
    }
    let prepared = &prepare(client, suite, inventory).await?;
    let sequence = suite.order().sequence();
    let tries = sequence
        .into_iter()
        .map(|place| dry_run::change(client, prepared, place, suite.name(), options));
    let mut changes: Vec<ObjectChange> =
        stream::iter(tries).buffered(TRIES_MAX).try_collect().await?;
    changes.extend(
        prepared
            .left
            .iter()
            .filter_map(|(id, _)| left(prepared, id, suite.name(), &options.protection)),
    );
    Ok(AppsPlan { suite: suite.name().to_owned(), digest: suite.digest(), changes })
}

/// Plans an object that left the suite. Returns `None` if it is gone or belongs to another suite.
fn left(
    prepared: &Prepared,
    id: &ObjectId,
    suite: &str,
    protection: &Protection,
) -> Option<ObjectChange> {
    prepared.live.get(id)?;
    if prepared.other_suite(id, suite).is_some() {
        return None;
    }
    let kept = protection.keeps(id);
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
