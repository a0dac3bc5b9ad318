//! What an ingress controller that runs in the cluster serves. Its image, its arguments and the rights
//! of its ServiceAccount decide that, as the real one would find them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use crate::api::{Action, User, allowed};
use crate::{Resource, Store};

const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";
const DEFAULT_CLASS: &str = "ingressclass.kubernetes.io/is-default-class";

/// A program that serves Ingresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// kubernetes/ingress-nginx.
    Nginx,
    /// Traefik.
    Traefik,
    /// haproxytech/kubernetes-ingress.
    Haproxy,
}

impl Program {
    fn of_image(image: &str) -> Option<Self> {
        let image = image.split('@').next().unwrap_or_default();
        let (path, last) = image.rsplit_once('/').unwrap_or(("", image));
        let name = last.split(':').next().unwrap_or_default();
        let folder = path.rsplit('/').next().unwrap_or_default();
        match (folder, name) {
            ("ingress-nginx", "controller") => Some(Self::Nginx),
            ("" | "library" | "traefik", "traefik") => Some(Self::Traefik),
            ("haproxytech", "kubernetes-ingress") => Some(Self::Haproxy),
            _ => None,
        }
    }

    /// Returns `spec.controller` of the classes that it serves.
    fn controller(self) -> &'static str {
        match self {
            Self::Nginx => "k8s.io/ingress-nginx",
            Self::Traefik => "traefik.io/ingress-controller",
            Self::Haproxy => "haproxy.org/ingress-controller",
        }
    }
}

/// An ingress controller as it was configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngressController {
    program: Program,
    /// The namespaces it watches; `None`: every one.
    namespaces: Option<BTreeSet<String>>,
    /// The one class it takes, if its arguments name one.
    class: Option<String>,
    /// Whether prefixes match whole path elements only.
    strict: bool,
    /// The ports of its container at which it ends TLS: names and numbers.
    tls_ports: BTreeSet<String>,
    namespace: String,
    account: String,
}

fn items<'a>(object: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    object.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Returns the ports of the entry points at which Traefik must end TLS.
fn traefik_tls_ports(container: &Value) -> BTreeSet<u64> {
    const ENTRY_POINTS: &str = "--entrypoints.";
    let (mut addresses, mut with_tls) = (BTreeMap::new(), BTreeSet::new());
    let all = items(container, "/command").chain(items(container, "/args"));
    for argument in all.filter_map(Value::as_str) {
        let (key, value) = argument.split_once('=').unwrap_or((argument, "true"));
        let key = key.to_ascii_lowercase();
        let Some((name, rest)) = key.strip_prefix(ENTRY_POINTS).and_then(|k| k.split_once('.'))
        else {
            continue;
        };
        match rest {
            "address" => {
                // `:8443`, or `:8443/tcp`.
                let port = value.rsplit_once(':').map_or(value, |(_, port)| port);
                let port = port.split('/').next().unwrap_or_default().parse::<u64>();
                addresses.insert(name.to_owned(), port.unwrap_or_default());
            }
            "http.tls" if value != "true" => {}
            _ if rest == "http.tls" || rest.starts_with("http.tls.") => {
                with_tls.insert(name.to_owned());
            }
            _ => {}
        }
    }
    with_tls.iter().filter_map(|name| addresses.get(name).copied()).collect()
}

impl IngressController {
    /// Returns the controller that a pod with this spec runs, if it is one.
    pub fn of_pod(namespace: &str, spec: &Value) -> Option<Self> {
        let (program, container) = items(spec, "/containers")
            .find_map(|one| Some((Program::of_image(text(one, "/image"))?, one)))?;
        let account = match text(spec, "/serviceAccountName") {
            "" => "default",
            name => name,
        };
        let mut found = Self {
            program,
            namespaces: None,
            class: None,
            strict: true,
            tls_ports: BTreeSet::new(),
            namespace: namespace.to_owned(),
            account: account.to_owned(),
        };
        let numbers = if program == Program::Traefik {
            found.read_traefik(container)?;
            traefik_tls_ports(container)
        } else {
            BTreeSet::from([443, 8443])
        };
        for port in items(container, "/ports") {
            let number = port["containerPort"].as_u64().unwrap_or_default();
            if numbers.contains(&number) {
                found.tls_ports.insert(text(port, "/name").to_owned());
            }
        }
        found.tls_ports.extend(numbers.iter().map(ToString::to_string));
        Some(found)
    }

    /// Finds the controller that the pods of a Service are, if they are one.
    pub fn of_service(store: &Store, namespace: &str, name: &str) -> Option<Self> {
        let service = store.get(&Resource::new("", "v1", "services"), Some(namespace), name)?;
        let selector = service.pointer("/spec/selector")?.as_object().filter(|s| !s.is_empty())?;
        let (pods, _) = store.list(&Resource::new("", "v1", "pods"), Some(namespace));
        let selected = |pod: &&Arc<Value>| {
            selector.iter().all(|(key, value)| pod["metadata"]["labels"].get(key) == Some(value))
        };
        pods.iter().filter(selected).find_map(|pod| Self::of_pod(namespace, &pod["spec"]))
    }

    /// Reads Traefik's arguments; returns `None` if they do not make it serve Ingresses.
    fn read_traefik(&mut self, container: &Value) -> Option<()> {
        const PROVIDER: &str = "--providers.kubernetesingress";
        self.strict = false;
        let mut told = false;
        let all = items(container, "/command").chain(items(container, "/args"));
        for argument in all.filter_map(Value::as_str) {
            let (key, value) = argument.split_once('=').unwrap_or((argument, "true"));
            // Its flags know no case.
            let key = key.to_ascii_lowercase();
            let Some(rest) = key.strip_prefix(PROVIDER) else { continue };
            match rest {
                "" => told |= value == "true",
                _ if !rest.starts_with('.') => continue,
                _ => told = true,
            }
            match rest {
                ".namespaces" => {
                    let named = value.split(',').filter(|name| !name.is_empty());
                    self.namespaces.get_or_insert_default().extend(named.map(ToOwned::to_owned));
                }
                ".ingressclass" => self.class = Some(value.to_owned()),
                ".strictprefixmatching" => self.strict = value == "true",
                _ => {}
            }
        }
        self.namespaces = self.namespaces.take().filter(|named| !named.is_empty());
        told.then_some(())
    }

    /// Returns true if it ends TLS at a port of its container: a Service's `targetPort`.
    pub fn ends_tls(&self, target_port: &Value) -> bool {
        match target_port {
            Value::String(name) => self.tls_ports.contains(name),
            Value::Number(number) => self.tls_ports.contains(&number.to_string()),
            _ => false,
        }
    }

    /// Returns true if prefixes match whole path elements only, as the Ingress API says.
    pub fn is_strict(&self) -> bool {
        self.strict
    }

    /// Returns true if it writes an event for each Ingress that it takes up.
    pub fn writes_events(&self) -> bool {
        self.program == Program::Nginx
    }

    /// Returns the Ingresses it serves. A controller that lacks a right serves nothing: its caches are
    /// never filled.
    pub fn served(&self, store: &Store) -> Vec<Arc<Value>> {
        if !self.may_read(store) {
            return Vec::new();
        }
        let classes =
            store.list(&Resource::new("networking.k8s.io", "v1", "ingressclasses"), None).0;
        let (all, _) = store.list(&Resource::new("networking.k8s.io", "v1", "ingresses"), None);
        all.into_iter().filter(|ingress| self.takes(ingress, &classes)).collect()
    }

    /// Returns true if it serves that Ingress.
    pub fn serves(&self, store: &Store, ingress: &Value) -> bool {
        let classes =
            store.list(&Resource::new("networking.k8s.io", "v1", "ingressclasses"), None).0;
        self.takes(ingress, &classes) && self.may_read(store)
    }

    fn takes(&self, ingress: &Value, classes: &[Arc<Value>]) -> bool {
        let namespace = text(ingress, "/metadata/namespace");
        if self.namespaces.as_ref().is_some_and(|named| !named.contains(namespace)) {
            return false;
        }
        let ours =
            |class: &&Arc<Value>| text(class, "/spec/controller") == self.program.controller();
        let is_ours = |name: &str| {
            classes.iter().filter(ours).any(|class| text(class, "/metadata/name") == name)
                && self.class.as_deref().is_none_or(|only| only == name)
        };
        if let Some(name) = ingress.pointer("/spec/ingressClassName").and_then(Value::as_str) {
            return is_ours(name);
        }
        let annotated = ingress["metadata"]["annotations"][CLASS_ANNOTATION].as_str();
        match (self.program, annotated) {
            (Program::Traefik, Some(name)) if !name.is_empty() => {
                self.class.as_deref().unwrap_or("traefik") == name
            }
            (Program::Nginx | Program::Haproxy, Some(name)) => is_ours(name),
            // The API server would have written the default class into it.
            (program, _) => {
                let mut default = classes
                    .iter()
                    .filter(|class| class["metadata"]["annotations"][DEFAULT_CLASS] == "true");
                match default.next() {
                    Some(class) => ours(&class) && is_ours(text(class, "/metadata/name")),
                    None => program == Program::Traefik && self.class.is_none(),
                }
            }
        }
    }

    /// Checks the rights without which its caches are never filled.
    fn may_read(&self, store: &Store) -> bool {
        let name = format!("system:serviceaccount:{}:{}", self.namespace, self.account);
        let group = format!("system:serviceaccounts:{}", self.namespace);
        let user = User::new(name, vec!["system:serviceaccounts".into(), group]);
        let may = |group: &str, resource: &str, namespace: &str| {
            ["list", "watch"].iter().all(|verb| {
                let action = Action {
                    verb: (*verb).to_owned(),
                    group: group.to_owned(),
                    resource: resource.to_owned(),
                    namespace: namespace.to_owned(),
                    ..Action::default()
                };
                allowed(store, &user, &action)
            })
        };
        let everywhere = may("networking.k8s.io", "ingressclasses", "");
        let nodes = self.program != Program::Traefik || may("", "nodes", "");
        let named: Vec<&str> = match &self.namespaces {
            Some(named) => named.iter().map(String::as_str).collect(),
            None => vec![""],
        };
        everywhere
            && nodes
            && named.iter().all(|namespace| {
                may("networking.k8s.io", "ingresses", namespace)
                    && may("", "services", namespace)
                    && may("", "secrets", namespace)
                    && may("discovery.k8s.io", "endpointslices", namespace)
            })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn traefik(arguments: &[&str]) -> Option<IngressController> {
        let spec = json!({"serviceAccountName": "traefik", "containers": [
            {"image": "docker.io/library/traefik:v3.7.14@sha256:00", "args": arguments}]});
        IngressController::of_pod("traefik", &spec)
    }

    fn class(name: &str, controller: &str) -> Arc<Value> {
        Arc::new(json!({"metadata": {"name": name}, "spec": {"controller": controller}}))
    }

    #[test]
    fn only_an_ingress_controllers_image_is_one() {
        for (image, is_one) in [
            ("traefik:v3", true),
            ("docker.io/traefik/traefik:v3.7", true),
            ("registry.example.com/shop/traefik:v3", false),
            ("docker.io/library/traefik-demo:v1", false),
            ("registry.k8s.io/ingress-nginx/controller:v1.12.1", true),
            ("nginx:1.27", false),
        ] {
            assert_eq!(Program::of_image(image).is_some(), is_one, "{image}");
        }
    }

    #[test]
    fn traefik_serves_what_its_arguments_say() {
        assert_eq!(traefik(&[]), None, "no provider, no Ingress");
        assert_eq!(traefik(&["--providers.kubernetesgateway=true"]), None);
        let classes = [
            class("traefik", "traefik.io/ingress-controller"),
            class("nginx", "k8s.io/ingress-nginx"),
        ];
        let ingress = |namespace: &str, name: Option<&str>| {
            let mut one = json!({"metadata": {"namespace": namespace}, "spec": {}});
            if let Some(name) = name {
                one["spec"]["ingressClassName"] = json!(name);
            }
            one
        };
        let all = traefik(&["--providers.kubernetesingress=true"]).unwrap();
        assert!(!all.is_strict());
        assert!(all.takes(&ingress("shop", Some("traefik")), &classes));
        assert!(!all.takes(&ingress("shop", Some("nginx")), &classes));
        assert!(!all.takes(&ingress("shop", Some("other")), &classes));
        assert!(all.takes(&ingress("shop", None), &classes));
        let some = traefik(&[
            "--providers.kubernetesIngress.namespaces=shop,traefik",
            "--providers.kubernetesingress.strictprefixmatching=true",
        ])
        .unwrap();
        assert!(some.is_strict());
        assert!(some.takes(&ingress("shop", Some("traefik")), &classes));
        assert!(!some.takes(&ingress("other", Some("traefik")), &classes));
    }

    #[test]
    fn tls_ends_where_the_arguments_say() {
        let spec = json!({"containers": [{"image": "traefik:v3", "args": [
            "--providers.kubernetesingress=true",
            "--entryPoints.web.address=:8000",
            "--entrypoints.websecure.address=:8443/tcp",
            "--entrypoints.websecure.http.tls=true",
            "--entrypoints.plain.address=:9000",
            "--entrypoints.plain.http.tls=false",
        ], "ports": [{"name": "web", "containerPort": 8000},
                     {"name": "websecure", "containerPort": 8443}]}]});
        let one = IngressController::of_pod("traefik", &spec).unwrap();
        assert!(one.ends_tls(&json!("websecure")) && one.ends_tls(&json!(8443)));
        for port in [json!("web"), json!(8000), json!(9000), json!(null)] {
            assert!(!one.ends_tls(&port), "{port}");
        }
    }

    #[test]
    fn without_its_rights_it_serves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let rbac = |plural: &str| Resource::new("rbac.authorization.k8s.io", "v1", plural);
        let one = traefik(&["--providers.kubernetesingress.namespaces=shop"]).unwrap();
        let rules = |resources: Value| json!([{"apiGroups": ["*"], "resources": resources, "verbs": ["list", "watch"]}]);
        let subjects =
            json!([{"kind": "ServiceAccount", "name": "traefik", "namespace": "traefik"}]);
        let create = |plural: &str, object: Value| {
            store.create(&rbac(plural), object).unwrap();
        };
        create(
            "clusterroles",
            json!({"metadata": {"name": "t"}, "rules": rules(json!(["ingressclasses", "nodes"]))}),
        );
        create(
            "clusterrolebindings",
            json!({"metadata": {"name": "t"}, "subjects": subjects.clone(),
                   "roleRef": {"kind": "ClusterRole", "name": "t"}}),
        );
        assert!(!one.may_read(&store));
        let most = rules(json!(["ingresses", "services", "endpointslices"]));
        create("roles", json!({"metadata": {"name": "t", "namespace": "shop"}, "rules": most}));
        create(
            "rolebindings",
            json!({"metadata": {"name": "t", "namespace": "shop"}, "subjects": subjects,
                   "roleRef": {"kind": "Role", "name": "t"}}),
        );
        assert!(!one.may_read(&store), "Secrets are needed, too");
        let whole = rules(json!(["ingresses", "services", "endpointslices", "secrets"]));
        let mut role = (*store.get(&rbac("roles"), Some("shop"), "t").unwrap()).clone();
        role["rules"] = whole;
        store.update(&rbac("roles"), role).unwrap();
        assert!(one.may_read(&store));
    }
}
