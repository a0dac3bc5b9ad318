//! Taking a whole suite away.

use super::{DeleteOptions, Outcome, prune};
use crate::{
    AppsError, AppsEvent, Events, Inventory, KubeClient, SUITE_ANNOTATION, client::live_objects,
};

/// Deletes what `inventory` names, the last of the order first, and then the inventory. If
/// protected objects are kept or something failed, the inventory is reduced to them instead.
///
/// # Errors
/// Returns the error of a call before anything is deleted. Single failures are in the [`Outcome`].
pub async fn delete(
    client: &KubeClient,
    inventory: &Inventory,
    options: &DeleteOptions,
    events: &Events,
) -> Result<Outcome, AppsError> {
    let client = &client.reporting(events);
    let catalog = client.catalog().await?;
    let known: Vec<_> = inventory
        .objects
        .iter()
        // What the cluster no longer knows the kind of is gone with its definition.
        .filter_map(|id| Some((id.clone(), catalog.preferred(&id.group, &id.kind)?.clone())))
        .collect();
    let live = live_objects(client, &known).await?;
    events.send(AppsEvent::Started { suite: inventory.suite.clone(), objects: live.len() });
    let mut outcome = Outcome::default();
    let mut going = Vec::new();
    for (id, target) in known {
        let Some(object) = live.get(&id) else { continue };
        let owner = object.pointer("/metadata/annotations").and_then(|a| a.get(SUITE_ANNOTATION));
        if owner.is_some_and(|owner| owner != inventory.suite.as_str()) {
            continue;
        }
        let is_chosen =
            options.only.is_empty() || options.only.iter().any(|name| id.is_named(name));
        if !is_chosen {
            outcome.kept.push(id);
        } else if options.protection.keeps(&id) {
            let reason = format!("a {} is only deleted when named", id.kind);
            events.send(AppsEvent::Kept { object: id.clone(), reason });
            outcome.kept.push(id);
        } else {
            going.push((id, target));
        }
    }
    prune::in_reverse(client, going.clone(), options.timeout, &options.stop, events, &mut outcome)
        .await;

    let rest = going.into_iter().map(|(id, _)| id).filter(|id| !outcome.deleted.contains(id));
    let rest = Inventory {
        suite: inventory.suite.clone(),
        objects: rest.chain(outcome.kept.iter().cloned()).collect(),
        digest: String::new(),
        versions: inventory.versions.clone(),
        project: inventory.project.clone(),
    };
    if rest.objects.is_empty() {
        rest.remove(client).await?;
    } else {
        rest.write(client).await?;
    }
    events.send(outcome.event());
    Ok(outcome)
}
