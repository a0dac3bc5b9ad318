//! What an ingress controller answers: which Service an Ingress leads a request to.
//!
//! Rules as the Kubernetes documentation has them (Services, Load Balancing, and Networking:
//! Ingress): an exact host goes before a wildcard, an exact path before a prefix, a longer prefix
//! before a shorter one; prefixes match whole path elements.

use std::sync::Arc;

use axum::http::StatusCode;
use infra_sim_kube::{Resource, Store, ingress::IngressController};
use serde_json::Value;

fn items<'a>(object: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    object.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Returns the ingress controller that ends TLS at a node port of a Service, if one does.
pub fn tls_controller(store: &Store, service: &str, node_port: u16) -> Option<IngressController> {
    let (namespace, name) = service.split_once('/')?;
    let found = store.get(&Resource::new("", "v1", "services"), Some(namespace), name)?;
    let mut ports = items(&found, "/spec/ports");
    let port = ports.find(|port| port["nodePort"].as_u64() == Some(node_port.into()))?;
    let target = port.get("targetPort").unwrap_or(&port["port"]);
    IngressController::of_service(store, namespace, name)
        .filter(|controller| controller.ends_tls(target))
}

/// Rates how well a rule's host fits; returns `None` if it does not.
fn host_fits(rule: &str, host: &str) -> Option<u8> {
    match rule.strip_prefix("*.") {
        _ if rule.is_empty() => Some(0),
        // A wildcard stands for one label.
        Some(domain) => {
            let fits = host
                .split_once('.')
                .is_some_and(|(label, rest)| !label.is_empty() && rest == domain);
            fits.then_some(1)
        }
        None => (rule == host).then_some(2),
    }
}

/// Rates how well a rule's path fits: exact first, then by length. With `strict`, prefixes match
/// whole elements.
fn path_fits(kind: &str, rule: &str, path: &str, strict: bool) -> Option<(bool, usize)> {
    if kind == "Exact" {
        return (rule == path).then_some((true, rule.len()));
    }
    if !strict {
        return path.starts_with(rule).then_some((false, rule.len()));
    }
    let rule = rule.trim_end_matches('/');
    let rest = path.strip_prefix(rule)?;
    (rest.is_empty() || rest.starts_with('/')).then_some((false, rule.len()))
}

/// Finds the `(namespace, service)` that `host` and `path` lead to. It has no side effects.
fn route(
    ingresses: &[Arc<Value>],
    host: &str,
    path: &str,
    strict: bool,
) -> Option<(String, String)> {
    let mut best = None;
    for ingress in ingresses {
        let namespace = text(ingress, "/metadata/namespace");
        let backend = |of: &Value| (namespace.to_owned(), text(of, "/service/name").to_owned());
        if let Some(default) = ingress.pointer("/spec/defaultBackend") {
            best = best.or_else(|| Some(((0, (false, 0)), backend(default))));
        }
        for rule in items(ingress, "/spec/rules") {
            let Some(host_rank) = host_fits(text(rule, "/host"), host) else { continue };
            for one in items(rule, "/http/paths") {
                let (kind, wanted) = (text(one, "/pathType"), text(one, "/path"));
                let Some(path_rank) = path_fits(kind, wanted, path, strict) else { continue };
                // One more than the default backend's, which is for what no rule fits.
                let rank = (host_rank + 1, path_rank);
                if best.as_ref().is_none_or(|(other, _)| rank > *other) {
                    best = Some((rank, backend(&one["backend"])));
                }
            }
        }
    }
    best.map(|(_, target)| target)
}

/// Answers a request as the pods behind a Service do, with their name. If they are an ingress
/// controller, it answers with the name of the Service that the request is led to.
pub fn answer(store: &Store, service: &str, host: &str, path: &str) -> (StatusCode, String) {
    let (namespace, name) = service.split_once('/').unwrap_or(("", service));
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host).to_ascii_lowercase();
    let Some(controller) = IngressController::of_service(store, namespace, name) else {
        return (StatusCode::OK, said(service));
    };
    let ingresses = controller.served(store);
    let Some((namespace, name)) = route(&ingresses, &host, path, controller.is_strict()) else {
        return (
            StatusCode::NOT_FOUND,
            "404 Not Found: no Ingress has this host and path\n".into(),
        );
    };
    let slices = store.list(&Resource::new("discovery.k8s.io", "v1", "endpointslices"), None).0;
    let target = format!("{namespace}/{name}");
    let ready = super::node_ports::ready_nodes(&slices, &namespace.into(), &name.into());
    if ready.is_empty() {
        let text = format!("503 Service Temporarily Unavailable: {target} has no ready pod\n");
        return (StatusCode::SERVICE_UNAVAILABLE, text);
    }
    (StatusCode::OK, said(&target))
}

fn said(service: &str) -> String {
    format!("simulated answer of service {service}\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ingress(namespace: &str, rules: Value) -> Arc<Value> {
        Arc::new(json!({"metadata": {"namespace": namespace}, "spec": {"rules": rules}}))
    }

    fn path(kind: &str, path: &str, service: &str) -> Value {
        json!({"pathType": kind, "path": path, "backend": {"service": {"name": service}}})
    }

    #[test]
    fn the_best_rule_wins() {
        let all = [
            ingress(
                "test",
                json!([{"host": "test.example.com", "http": {"paths": [
                    path("Prefix", "/", "web"),
                    path("Prefix", "/api", "api"),
                    path("Exact", "/api/health", "health"),
                ]}}]),
            ),
            ingress(
                "any",
                json!([{"host": "*.example.com", "http": {"paths": [path("Prefix", "/", "other")]}}]),
            ),
        ];
        let to = |host: &str, path: &str| {
            route(&all, host, path, true).map(|(namespace, name)| format!("{namespace}/{name}"))
        };
        assert_eq!(to("test.example.com", "/").as_deref(), Some("test/web"));
        assert_eq!(to("test.example.com", "/api").as_deref(), Some("test/api"));
        assert_eq!(to("test.example.com", "/api/v1").as_deref(), Some("test/api"));
        assert_eq!(to("test.example.com", "/apis").as_deref(), Some("test/web"));
        assert_eq!(to("test.example.com", "/api/health").as_deref(), Some("test/health"));
        assert_eq!(to("shop.example.com", "/x").as_deref(), Some("any/other"));
        assert_eq!(to("a.shop.example.com", "/"), None);
        assert_eq!(to("example.com", "/"), None);
    }

    #[test]
    fn the_default_backend_takes_the_rest() {
        let mut one = json!({"metadata": {"namespace": "n"}, "spec": {
            "defaultBackend": {"service": {"name": "rest"}},
            "rules": [{"host": "a.example", "http": {"paths": [path("Prefix", "/", "a")]}}],
        }});
        let to =
            |one: &Value, host: &str| route(&[Arc::new(one.clone())], host, "/", true).map(|t| t.1);
        assert_eq!(to(&one, "a.example").as_deref(), Some("a"));
        assert_eq!(to(&one, "b.example").as_deref(), Some("rest"));
        one["spec"]["rules"] = json!([]);
        assert_eq!(to(&one, "a.example").as_deref(), Some("rest"));
    }
}
