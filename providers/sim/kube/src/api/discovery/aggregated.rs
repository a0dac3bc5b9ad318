use serde_json::{Value, json};

use crate::api::kind::Kind;
use crate::api::registry::Registry;

const V2: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const V2BETA1: &str = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";

/// Returns the aggregated form the client wants, if it knows it.
pub(super) fn wanted(accept: &str) -> Option<&'static str> {
    accept.split(',').find_map(|offer| {
        let offer: String = offer.split_whitespace().collect();
        [V2, V2BETA1].into_iter().find(|media| offer.starts_with(media))
    })
}

/// Lists all kinds of the core group, or of all others, in one answer.
pub(super) fn groups(registry: &Registry, core: bool, media_type: &str) -> Value {
    let kinds = registry.all();
    let groups =
        if core { vec![(String::new(), vec!["v1".to_owned()])] } else { registry.groups() };
    let items: Vec<Value> = groups
        .iter()
        .map(|(group, versions)| {
            let versions: Vec<Value> = versions
                .iter()
                .map(|version| {
                    let resources: Vec<Value> = kinds
                        .iter()
                        .filter(|kind| kind.group == *group && kind.version == *version)
                        .map(|kind| resource(kind))
                        .collect();
                    json!({"version": version, "freshness": "Current", "resources": resources})
                })
                .collect();
            let metadata = if core { json!({}) } else { json!({"name": group}) };
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    let version = if media_type == V2 { "v2" } else { "v2beta1" };
    json!({"kind": "APIGroupDiscoveryList", "metadata": {}, "items": items,
        "apiVersion": format!("apidiscovery.k8s.io/{version}")})
}

fn resource(kind: &Kind) -> Value {
    let subresources: Vec<Value> = kind
        .subresources
        .iter()
        .map(|sub| {
            json!({"subresource": sub.name, "verbs": sub.verbs,
                "responseKind": {"group": sub.group, "version": sub.version, "kind": sub.kind}})
        })
        .collect();
    let mut value = json!({
        "resource": kind.plural, "singularResource": kind.singular, "verbs": kind.verbs(),
        "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "scope": if kind.namespaced { "Namespaced" } else { "Cluster" },
    });
    if !kind.short.is_empty() {
        value["shortNames"] = json!(kind.short);
    }
    if !kind.categories.is_empty() {
        value["categories"] = json!(kind.categories);
    }
    if !subresources.is_empty() {
        value["subresources"] = json!(subresources);
    }
    value
}
