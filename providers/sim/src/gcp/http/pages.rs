//! Lists, aggregated lists and their pages.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::{Map, Value, json};

use super::{Call, Filter, Refusal, Reply};
use crate::faults::Effect;
use crate::gcp::places;

/// Items of a page when the caller names no number, and the most there are.
const MAX_RESULTS: usize = 500;
/// How many items a page has under the fault that makes small ones.
const SMALL: usize = 2;

/// Returns one page of items, and the token of the next. `size` is the parameter's name.
///
/// # Errors
/// Returns 400 if the size or the token is none.
pub fn page(
    call: &Call,
    size: &str,
    items: Vec<Value>,
) -> Result<(Vec<Value>, Option<String>), Refusal> {
    let mut count = match call.query.get(size) {
        None => MAX_RESULTS,
        Some(text) => match text.parse::<usize>() {
            Ok(0) => MAX_RESULTS,
            Ok(n) if n <= MAX_RESULTS || size == "pageSize" => n.min(MAX_RESULTS),
            _ => {
                let why = format!("Value must be between 0 and {MAX_RESULTS}, inclusive");
                return Err(Refusal::field(size, text, &why));
            }
        },
    };
    if call.meets(Effect::SmallPages) {
        count = count.min(SMALL);
    }
    let start = match call.query.get("pageToken") {
        None => 0,
        Some(token) => {
            read(token).ok_or_else(|| Refusal::field("pageToken", token, "Invalid pageToken."))?
        }
    };
    let total = items.len();
    let page: Vec<Value> = items.into_iter().skip(start).take(count).collect();
    let end = start.saturating_add(page.len());
    Ok((page, (end < total).then(|| token(end))))
}

fn token(at: usize) -> String {
    URL_SAFE.encode(format!("after:{at}"))
}

fn read(token: &str) -> Option<usize> {
    let bytes = URL_SAFE.decode(token).ok()?;
    String::from_utf8(bytes).ok()?.strip_prefix("after:")?.parse().ok()
}

/// Leaves the items that the call's `filter` admits.
fn filtered(call: &Call, items: Vec<Value>) -> Result<Vec<Value>, Refusal> {
    match call.query.get("filter") {
        None => Ok(items),
        Some(text) => {
            let filter = Filter::parse(text)?;
            Ok(items.into_iter().filter(|item| filter.admits(item)).collect())
        }
    }
}

/// Answers with a page of a compute list. An empty list has no `items`.
///
/// # Errors
/// Returns 400 if a parameter is against a rule.
pub fn list(call: &Call, kind: &str, base: &str, items: Vec<Value>) -> Reply {
    let (items, next) = page(call, "maxResults", filtered(call, items)?)?;
    let path = call.path.trim_start_matches("/compute/v1/");
    let mut body = json!({
        "kind": kind,
        "id": path,
        "selfLink": format!("{base}/{path}"),
    });
    if !items.is_empty() {
        body["items"] = Value::Array(items);
    }
    if let Some(next) = next {
        body["nextPageToken"] = json!(next);
    }
    Ok(body)
}

/// Answers with a page of an aggregated list: `key` names the items of a scope, `items` are pairs of
/// scope and item. Each scope is there, if only with a warning.
///
/// # Errors
/// Returns 400 if a parameter is against a rule.
pub fn aggregated(
    call: &Call,
    kind: &str,
    base: &str,
    key: &str,
    items: Vec<(String, Value)>,
) -> Reply {
    let filter = call.query.get("filter").map(Filter::parse).transpose()?;
    let mut pairs: Vec<(String, Value)> = items
        .into_iter()
        .filter(|(_, item)| filter.as_ref().is_none_or(|f| f.admits(item)))
        .collect();
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    let lost = call.meets(Effect::MissingZones).then(|| {
        pairs.first().map_or_else(|| "zones/us-central1-a".to_owned(), |(scope, _)| scope.clone())
    });
    let pairs: Vec<Value> = pairs
        .into_iter()
        .filter(|(scope, _)| Some(scope) != lost.as_ref())
        .map(|(scope, item)| json!([scope, item]))
        .collect();
    let (pairs, next) = page(call, "maxResults", pairs)?;
    let mut scopes: Map<String, Value> = Map::new();
    for pair in pairs {
        let scope = pair[0].as_str().unwrap_or_default().to_owned();
        let entry = scopes.entry(scope).or_insert_with(|| json!({ key: [] }));
        if let Some(list) = entry[key].as_array_mut() {
            list.push(pair[1].clone());
        }
    }
    for scope in scopes_of(key) {
        if lost.as_ref() == Some(&scope) {
            scopes.insert(scope.clone(), json!({ "warning": unreachable(&scope) }));
        }
        scopes.entry(scope.clone()).or_insert_with(|| json!({ "warning": no_results(&scope) }));
    }
    let path = call.path.trim_start_matches("/compute/v1/");
    let mut body = json!({
        "kind": kind,
        "id": path,
        "items": scopes,
        "selfLink": format!("{base}/{path}"),
    });
    if let Some(scope) = lost {
        body["unreachables"] = json!([scope]);
    }
    if let Some(next) = next {
        body["nextPageToken"] = json!(next);
    }
    Ok(body)
}

fn no_results(scope: &str) -> Value {
    json!({
        "code": "NO_RESULTS_ON_PAGE",
        "message": format!("There are no results for scope '{scope}' on this page."),
        "data": [{ "key": "scope", "value": scope }],
    })
}

fn unreachable(scope: &str) -> Value {
    json!({
        "code": "UNREACHABLE",
        "message": format!("The scope '{scope}' is unreachable."),
        "data": [{ "key": "scope", "value": scope }],
    })
}

/// Returns the scopes in which a kind can be.
fn scopes_of(key: &str) -> Vec<String> {
    let zones = || places::zones().map(|z| format!("zones/{z}"));
    let regions = || places::regions().map(|r| format!("regions/{r}"));
    let global = || std::iter::once("global".to_owned());
    match key {
        "instances" | "instanceGroupManagers" | "instanceGroups" | "machineTypes" => {
            zones().collect()
        }
        "disks" => zones().chain(regions()).collect(),
        "networkEndpointGroups" | "operations" => {
            global().chain(regions()).chain(zones()).collect()
        }
        "subnetworks" | "routers" | "targetPools" => regions().collect(),
        _ => global().chain(regions()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gcp::http::Query;

    fn call(query: &str) -> Call {
        Call {
            id: String::new(),
            user: String::new(),
            method: http::Method::GET,
            path: "/compute/v1/projects/p/global/networks".to_owned(),
            values: Default::default(),
            query: Query::parse(query),
            bytes: Default::default(),
            peer: None,
            fault: None,
            lag: None,
        }
    }

    fn items(n: usize) -> Vec<Value> {
        (0..n).map(|i| json!({ "name": format!("n{i}") })).collect()
    }

    #[test]
    fn pages_hold_each_item_once() {
        let first = list(&call("maxResults=2"), "k", "b", items(3)).unwrap();
        let next = first["nextPageToken"].as_str().unwrap();
        let second =
            list(&call(&format!("maxResults=2&pageToken={next}")), "k", "b", items(3)).unwrap();
        assert_eq!(second["items"], json!([{"name": "n2"}]));
        assert!(second.get("nextPageToken").is_none());
        assert!(list(&call(""), "k", "b", items(0)).unwrap().get("items").is_none());
        assert!(list(&call("maxResults=501"), "k", "b", items(0)).is_err());
        assert!(list(&call("pageToken=zzz"), "k", "b", items(0)).is_err());
    }

    #[test]
    fn scopes_without_items_carry_a_warning() {
        let pairs = vec![("regions/europe-west3".to_owned(), json!({ "name": "a" }))];
        let all = aggregated(&call(""), "k", "b", "targetPools", pairs).unwrap();
        let scopes = &all["items"];
        assert_eq!(scopes["regions/europe-west3"]["targetPools"][0]["name"], "a");
        assert_eq!(scopes["regions/us-central1"]["warning"]["code"], "NO_RESULTS_ON_PAGE");
    }
}
