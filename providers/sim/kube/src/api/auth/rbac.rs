use serde_json::{Value, json};

use super::user::User;
use crate::{Resource, Store};

/// What is to be done, as RBAC sees it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Action {
    pub(crate) verb: String,
    pub(crate) group: String,
    /// Plural, with `/subresource`.
    pub(crate) resource: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
    /// For what is not about objects.
    pub(crate) path: Option<String>,
}

fn rbac(plural: &str) -> Resource {
    Resource::new("rbac.authorization.k8s.io", "v1", plural)
}

/// Returns true if the user may: system:masters may do all, everyone else what their roles say.
pub(crate) fn allowed(store: &Store, user: &User, action: &Action) -> bool {
    if user.groups.iter().any(|group| group == "system:masters") {
        return true;
    }
    if let Some(path) = &action.path
        && matches!(path.trim_end_matches('/'), "/healthz" | "/livez" | "/readyz" | "/version")
    {
        return true;
    }
    rules(store, user, &action.namespace).iter().any(|rule| covers(rule, action))
}

/// Lists all rules that hold for the user in a namespace, for SelfSubjectRulesReview.
pub(crate) fn rules_of(store: &Store, user: &User, namespace: &str) -> Vec<Value> {
    let mut found = rules(store, user, namespace);
    if user.groups.iter().any(|group| group == "system:masters") {
        found.push(json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}));
        found.push(json!({"verbs": ["*"], "nonResourceURLs": ["*"]}));
    }
    found
}

fn rules(store: &Store, user: &User, namespace: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut collect = |role: Option<std::sync::Arc<Value>>| {
        if let Some(role) = role {
            found.extend(role["rules"].as_array().into_iter().flatten().cloned());
        }
    };
    let cluster_role = |name: &str| store.get(&rbac("clusterroles"), None, name);
    for binding in store.list(&rbac("clusterrolebindings"), None).0 {
        if applies(&binding, user) {
            collect(cluster_role(binding["roleRef"]["name"].as_str().unwrap_or_default()));
        }
    }
    if !namespace.is_empty() {
        for binding in store.list(&rbac("rolebindings"), Some(namespace)).0 {
            if applies(&binding, user) {
                let name = binding["roleRef"]["name"].as_str().unwrap_or_default();
                collect(if binding["roleRef"]["kind"] == "ClusterRole" {
                    cluster_role(name)
                } else {
                    store.get(&rbac("roles"), Some(namespace), name)
                });
            }
        }
    }
    found
}

fn applies(binding: &Value, user: &User) -> bool {
    binding["subjects"].as_array().into_iter().flatten().any(|subject| {
        let name = subject["name"].as_str().unwrap_or_default();
        match subject["kind"].as_str() {
            Some("User") => user.name == name,
            Some("Group") => user.groups.iter().any(|group| group == name),
            Some("ServiceAccount") => {
                let ns = subject["namespace"].as_str().unwrap_or_default();
                user.name == format!("system:serviceaccount:{ns}:{name}")
            }
            _ => false,
        }
    })
}

fn covers(rule: &Value, action: &Action) -> bool {
    let has = |field: &str, wanted: &str| {
        rule[field].as_array().into_iter().flatten().any(|value| value == "*" || value == wanted)
    };
    if !has("verbs", &action.verb) {
        return false;
    }
    if let Some(path) = &action.path {
        return rule["nonResourceURLs"].as_array().into_iter().flatten().any(|url| {
            let url = url.as_str().unwrap_or_default();
            url == path || url.strip_suffix('*').is_some_and(|prefix| path.starts_with(prefix))
        });
    }
    let any_parent = action.resource.split_once('/').map(|(_, sub)| format!("*/{sub}"));
    let resource = has("resources", &action.resource)
        || any_parent.is_some_and(|any| {
            rule["resources"].as_array().into_iter().flatten().any(|value| *value == any)
        });
    let names = rule["resourceNames"].as_array().filter(|names| !names.is_empty());
    has("apiGroups", &action.group)
        && resource
        && names.is_none_or(|names| names.iter().any(|name| *name == action.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_bound_to_a_group_count_in_their_namespace_only() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        store.create(&rbac("roles"), json!({"metadata": {"name": "r", "namespace": "a"}, "rules": [
            {"verbs": ["get"], "apiGroups": [""], "resources": ["pods", "pods/log"], "resourceNames": ["x"]}]})).unwrap();
        store.create(&rbac("rolebindings"), json!({"metadata": {"name": "b", "namespace": "a"},
            "roleRef": {"kind": "Role", "name": "r"}, "subjects": [{"kind": "Group", "name": "g"}]})).unwrap();
        let user = User::new("u", vec!["g".into()]);
        let action = |ns: &str, resource: &str, name: &str| Action {
            verb: "get".into(),
            resource: resource.into(),
            name: name.into(),
            namespace: ns.into(),
            ..Action::default()
        };
        assert!(allowed(&store, &user, &action("a", "pods", "x")));
        assert!(allowed(&store, &user, &action("a", "pods/log", "x")));
        assert!(!allowed(&store, &user, &action("a", "pods/exec", "x")));
        assert!(!allowed(&store, &user, &action("a", "pods", "y")));
        assert!(!allowed(&store, &user, &action("b", "pods", "x")));
        assert!(!allowed(&store, &User::anonymous(), &action("a", "pods", "x")));
        assert!(allowed(
            &store,
            &User::new("root", vec!["system:masters".into()]),
            &action("b", "pods", "y")
        ));
    }

    /// Checks that kubeadm's group of admins has no rights but those of its binding; see `kubeadm
    /// init phase kubeconfig admin` in kubeadm's reference.
    #[test]
    fn the_admins_of_kubeadm_need_their_binding() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let user = User::new("kubernetes-admin", vec!["kubeadm:cluster-admins".into()]);
        let action = Action { verb: "list".into(), resource: "nodes".into(), ..Action::default() };
        assert!(!allowed(&store, &user, &action));
        store
            .create(
                &rbac("clusterroles"),
                json!({"metadata": {"name": "all"}, "rules": [
            {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]}),
            )
            .unwrap();
        store
            .create(
                &rbac("clusterrolebindings"),
                json!({"metadata": {"name": "admins"},
            "roleRef": {"kind": "ClusterRole", "name": "all"},
            "subjects": [{"kind": "Group", "name": "kubeadm:cluster-admins"}]}),
            )
            .unwrap();
        assert!(allowed(&store, &user, &action));
    }
}
