//! Reading what is there, one list a kind.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use kube::core::{DynamicObject, params::ListParams};
use serde_json::Value;

use super::{KubeClient, Target, failure};
use crate::{AppsError, ObjectId};

/// Lists running at a time.
const LISTS_MAX: usize = 8;
const PAGE: u32 = 500;
/// apiVersion, plural, namespace.
type Place = (String, String, Option<String>);

/// Up to so many wanted objects of a kind are fetched one by one: a list of all the Secrets of a
/// large cluster would cost more.
const SINGLE_MAX: usize = 2;

/// Reads the live objects among `wanted`, by id. It costs a list per kind and namespace.
pub(crate) async fn live_objects(
    client: &KubeClient,
    wanted: &[(ObjectId, Target)],
) -> Result<BTreeMap<ObjectId, Value>, AppsError> {
    let mut places: BTreeMap<Place, (Target, BTreeSet<ObjectId>)> = BTreeMap::new();
    for (id, target) in wanted.iter().filter(|(_, target)| !target.to_come) {
        let namespace = if target.namespaced { id.namespace.clone() } else { None };
        let key = (target.resource.api_version.clone(), target.resource.plural.clone(), namespace);
        places.entry(key).or_insert_with(|| (target.clone(), BTreeSet::new())).1.insert(id.clone());
    }
    let lists = places.into_iter().map(|((_, _, namespace), (target, ids))| async move {
        if ids.len() <= SINGLE_MAX {
            single(client, &target, ids).await
        } else {
            listed_among(client, &target, namespace.as_deref(), &ids).await
        }
    });
    let found: Vec<Vec<(ObjectId, Value)>> =
        stream::iter(lists).buffer_unordered(LISTS_MAX).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

async fn single(
    client: &KubeClient,
    target: &Target,
    ids: BTreeSet<ObjectId>,
) -> Result<Vec<(ObjectId, Value)>, AppsError> {
    let mut found = Vec::new();
    for id in ids {
        let api = client.api(target, id.namespace.as_deref());
        let name = id.name.as_str();
        let api = &api;
        match client.try_call(|| async move { api.get(name).await }).await {
            Ok(object) => found.push((id, value(object))),
            Err(error) if failure::is_gone(&error) => {}
            Err(error) => return Err(client.explained(&format!("read {id}"), error)),
        }
    }
    Ok(found)
}

async fn listed_among(
    client: &KubeClient,
    target: &Target,
    namespace: Option<&str>,
    ids: &BTreeSet<ObjectId>,
) -> Result<Vec<(ObjectId, Value)>, AppsError> {
    let api = &client.api(target, namespace);
    let operation = format!("list {}", target.resource.plural);
    let mut params = ListParams::default().limit(PAGE);
    let mut found = Vec::new();
    loop {
        let params_now = &params;
        let list = client.call(&operation, || async move { api.list(params_now).await }).await?;
        let next = list.metadata.continue_.filter(|token| !token.is_empty());
        for mut object in list.items {
            // Items of a list carry no type of their own.
            object.types = Some(kube::core::TypeMeta {
                api_version: target.resource.api_version.clone(),
                kind: target.resource.kind.clone(),
            });
            let id = identity(&object, target);
            if ids.contains(&id) {
                found.push((id, value(object)));
            }
        }
        match next {
            Some(token) => params.continue_token = Some(token),
            None => return Ok(found),
        }
    }
}

/// Reads all objects of a kind in the cluster. The list is empty if the cluster does not know the
/// kind.
pub(crate) async fn listed(
    client: &KubeClient,
    api_version: &str,
    kind: &str,
) -> Result<Vec<Value>, AppsError> {
    let catalog = client.catalog().await?;
    let Some(target) = catalog.resolve(api_version, kind) else { return Ok(Vec::new()) };
    let api = &client.api(target, None);
    let params = &ListParams::default();
    let operation = format!("list {}", target.resource.plural);
    let list = client.call(&operation, || async move { api.list(params).await }).await?;
    let typed = |mut object: DynamicObject| {
        object.types = Some(kube::core::TypeMeta {
            api_version: target.resource.api_version.clone(),
            kind: target.resource.kind.clone(),
        });
        value(object)
    };
    Ok(list.items.into_iter().map(typed).collect())
}

/// Returns the id of a live object.
pub(crate) fn identity(object: &DynamicObject, target: &Target) -> ObjectId {
    ObjectId {
        group: target.resource.group.clone(),
        kind: target.resource.kind.clone(),
        namespace: object.metadata.namespace.clone(),
        name: object.metadata.name.clone().unwrap_or_default(),
    }
}

/// Returns the object as JSON. Serialising what was just parsed cannot fail.
fn value(object: DynamicObject) -> Value {
    serde_json::to_value(object).unwrap_or(Value::Null)
}
