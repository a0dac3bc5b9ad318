//! One object's plan, from a server-side dry run.

use kube::core::params::{Patch, PatchParams};
use serde_json::Value;

use super::{Action, Conflict, ObjectChange, PlanOptions, Prepared, fields};
use crate::{
    AppsError, FIELD_MANAGER, KubeClient, ON_CHANGE_ANNOTATION, Object, SUITE_ANNOTATION,
    client::{conflicts, is_immutable, refusal},
    up_to_date::is_settled,
};

/// Plans what an apply would do with the object at `place`.
pub(super) async fn change(
    client: &KubeClient,
    prepared: &Prepared,
    place: usize,
    suite: &str,
    options: &PlanOptions,
) -> Result<ObjectChange, AppsError> {
    let object = &prepared.objects[place];
    let live = prepared.live.get(&object.id);
    let mut change = ObjectChange {
        object: object.id.clone(),
        action: Action::Create,
        fields: Vec::new(),
        conflicts: Vec::new(),
        origin: Some(object.origin.clone()),
        reason: None,
    };
    if let Some(other) = prepared.other_suite(&object.id, suite) {
        change.conflicts.push(Conflict {
            manager: format!("suite {other}"),
            field: format!(".metadata.annotations[{SUITE_ANNOTATION}]"),
        });
    }
    if let Some(reason) = prepared.refusals.get(&object.id) {
        change.action = Action::Refused;
        change.reason = Some(reason.clone());
        return Ok(change);
    }
    if live.is_some_and(|live| is_settled(object, live)) {
        change.action = Action::NoOp;
        return Ok(change);
    }
    if !prepared.can_be_tried(place) || (live.is_none() && !options.try_creates) {
        return Ok(change);
    }
    match tried(client, prepared, place, false).await {
        Ok(after) => settle(&mut change, live, &after),
        Err(error) => match refusal(&error) {
            Some(status) if status.code == 409 && !conflicts(status).is_empty() => {
                change.conflicts.extend(conflicts(status));
                match tried(client, prepared, place, true).await {
                    Ok(after) => settle(&mut change, live, &after),
                    Err(error) => refuse(client, &mut change, error, object, options)?,
                }
            }
            _ => refuse(client, &mut change, error, object, options)?,
        },
    }
    Ok(change)
}

async fn tried(
    client: &KubeClient,
    prepared: &Prepared,
    place: usize,
    force: bool,
) -> kube::Result<Value> {
    let object = &prepared.objects[place];
    let api = client.api(&prepared.targets[place], object.id.namespace.as_deref());
    let mut params = PatchParams::apply(FIELD_MANAGER).dry_run().validation_strict();
    params.force = force;
    let patch = Patch::Apply(&object.value);
    let (api, params, patch, name) = (&api, &params, &patch, object.id.name.as_str());
    let after = client.try_call(|| async move { api.patch(name, params, patch).await }).await?;
    Ok(serde_json::to_value(after).unwrap_or(Value::Null))
}

fn settle(change: &mut ObjectChange, live: Option<&Value>, after: &Value) {
    let Some(before) = live else { return };
    change.fields = fields(before, after, change.object.is_secret());
    change.action = if change.fields.is_empty() { Action::NoOp } else { Action::Update };
}

fn refuse(
    client: &KubeClient,
    change: &mut ObjectChange,
    error: kube::Error,
    object: &Object,
    options: &PlanOptions,
) -> Result<(), AppsError> {
    let Some(status) = refusal(&error) else {
        return Err(client.explained(&format!("plan {}", change.object), error));
    };
    change.action = if is_immutable(status) && may_be_replaced(object, &options.replace) {
        Action::Replace
    } else {
        Action::Refused
    };
    change.reason = Some(status.message.clone());
    Ok(())
}

/// Returns true if an object may be deleted and recreated, because `names` has it or its annotation
/// allows it.
pub(crate) fn may_be_replaced(object: &Object, names: &[String]) -> bool {
    object.annotation(ON_CHANGE_ANNOTATION) == Some("replace")
        || names.iter().any(|name| object.id.is_named(name))
}
