//! Deleting what left the suite.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};

use super::{ApplyOptions, Outcome, remove};
use crate::{AppsError, AppsEvent, Events, KubeClient, ObjectId, Target, kinds, plan::Prepared};

/// Deletions at a time.
const DELETIONS_MAX: usize = 8;

/// Deletes what is in the inventory and not in the suite, unless it is protected or another suite's.
pub(super) async fn prune(
    client: &KubeClient,
    prepared: &Prepared,
    suite: &str,
    options: &ApplyOptions,
    events: &Events,
    outcome: &mut Outcome,
) {
    let mut going = Vec::new();
    for (id, target) in &prepared.left {
        if !prepared.live.contains_key(id) || prepared.other_suite(id, suite).is_some() {
            continue;
        }
        if options.protection.keeps(id) {
            let reason = format!("left the suite; a {} is only deleted when named", id.kind);
            events.send(AppsEvent::Kept { object: id.clone(), reason });
            outcome.kept.push(id.clone());
        } else {
            going.push((id.clone(), target.clone()));
        }
    }
    in_reverse(client, going, options.timeout, &options.stop, events, outcome).await;
}

/// Deletes objects kind by kind, the last of the order first, those of one kind together.
pub(super) async fn in_reverse(
    client: &KubeClient,
    going: Vec<(ObjectId, Target)>,
    timeout: std::time::Duration,
    stop: &tokio_util::sync::CancellationToken,
    events: &Events,
    outcome: &mut Outcome,
) {
    let mut classes: BTreeMap<_, Vec<(ObjectId, Target)>> = BTreeMap::new();
    for (id, target) in going {
        classes.entry(kinds::class(&id)).or_default().push((id, target));
    }
    for (_, members) in classes.into_iter().rev() {
        let deletions = members.into_iter().map(|(id, target)| async move {
            events.send(AppsEvent::Deleting { object: id.clone() });
            let result = remove::remove(client, &id, &target, timeout).await;
            (id, result)
        });
        let mut done = stream::iter(deletions).buffer_unordered(DELETIONS_MAX);
        loop {
            let next = tokio::select! {
                next = done.next() => next,
                () = stop.cancelled() => {
                    outcome.stopped = true;
                    return;
                }
            };
            match next {
                None => break,
                Some((id, Ok(()))) => {
                    events.send(AppsEvent::Deleted { object: id.clone() });
                    outcome.deleted.push(id);
                }
                Some((id, Err(error))) => {
                    let message = match error {
                        AppsError::Api { message, .. } => message,
                        other => other.to_string(),
                    };
                    events.send(AppsEvent::Failed { object: id.clone(), message: message.clone() });
                    outcome.failed.push((id, message));
                }
            }
        }
    }
}
