//! The order of a suite.

use std::collections::BTreeSet;

use infra_apps::{AppsError, Object, ObjectId, Order, Origin};
use proptest::prelude::*;
use serde_json::json;

fn object(api_version: &str, kind: &str, namespace: Option<&str>, name: &str) -> Object {
    Object {
        id: ObjectId {
            group: Object::group_of(api_version).to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.map(ToOwned::to_owned),
            name: name.to_owned(),
        },
        api_version: api_version.to_owned(),
        value: json!({ "metadata": { "annotations": {} } }),
        origin: Origin { file: "a.yaml".into(), line: 1 },
    }
}

fn depending(mut object: Object, on: &str) -> Object {
    object.value["metadata"]["annotations"]["infra.dev/depends-on"] = json!(on);
    object
}

fn sequence(objects: &[Object]) -> Vec<String> {
    let order = Order::of(objects).unwrap();
    order.sequence().into_iter().map(|place| objects[place].id.to_string()).collect()
}

#[test]
fn each_rule_holds() {
    let mut definition =
        object("apiextensions.k8s.io/v1", "CustomResourceDefinition", None, "shops.example.com");
    definition.value["spec"] = json!({ "group": "example.com", "names": { "kind": "Shop" } });
    let mut binding = object("rbac.authorization.k8s.io/v1", "RoleBinding", Some("a"), "b");
    binding.value["roleRef"] = json!({ "kind": "Role", "name": "r" });
    let mut hook =
        object("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", None, "h");
    hook.value["webhooks"] =
        json!([{ "clientConfig": { "service": { "namespace": "a", "name": "s" } } }]);
    let objects = [
        hook,
        object("apps/v1", "Deployment", Some("a"), "web"),
        depending(object("apps/v1", "Deployment", Some("a"), "api"), "Deployment/web, Service/a/s"),
        object("v1", "PersistentVolumeClaim", Some("a"), "data"),
        object("storage.k8s.io/v1", "StorageClass", None, "fast"),
        object("v1", "Secret", Some("a"), "keys"),
        binding,
        object("rbac.authorization.k8s.io/v1", "Role", Some("a"), "r"),
        object("example.com/v1", "Shop", Some("a"), "mine"),
        definition,
        object("v1", "Service", Some("a"), "s"),
        object("v1", "Namespace", None, "a"),
    ];
    let sequence = sequence(&objects);
    let at = |id: &str| sequence.iter().position(|s| s == id).unwrap_or_else(|| panic!("no {id}"));
    for (earlier, later) in [
        ("Namespace/a", "Secret/a/keys"),
        ("Namespace/a", "Shop/a/mine"),
        ("CustomResourceDefinition/shops.example.com", "Shop/a/mine"),
        ("Role/a/r", "RoleBinding/a/b"),
        ("RoleBinding/a/b", "Deployment/a/web"),
        ("StorageClass/fast", "PersistentVolumeClaim/a/data"),
        ("PersistentVolumeClaim/a/data", "Deployment/a/web"),
        ("Secret/a/keys", "Deployment/a/web"),
        ("Deployment/a/web", "Deployment/a/api"),
        ("Service/a/s", "Deployment/a/api"),
        ("Deployment/a/api", "ValidatingWebhookConfiguration/h"),
    ] {
        assert!(at(earlier) < at(later), "{earlier} before {later}: {sequence:?}");
    }
}

#[test]
fn a_circle_is_named() {
    let objects = [
        depending(object("apps/v1", "Deployment", Some("a"), "x"), "Deployment/y"),
        depending(object("apps/v1", "Deployment", Some("a"), "y"), "Deployment/a/z"),
        depending(object("apps/v1", "Deployment", Some("a"), "z"), "Deployment/x"),
    ];
    let Err(AppsError::Cycle(names)) = Order::of(&objects) else { panic!("no circle") };
    assert_eq!(names.first(), names.last());
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 3, "{names:?}");

    // The rules take part: configuration comes before workloads.
    let objects = [
        object("apps/v1", "Deployment", Some("a"), "x"),
        depending(object("v1", "ConfigMap", Some("a"), "c"), "Deployment/x"),
    ];
    let Err(AppsError::Cycle(names)) = Order::of(&objects) else { panic!("no circle") };
    assert!(names.contains(&"(configuration of a)".to_owned()), "{names:?}");
}

#[test]
fn ten_thousand_objects_take_no_square_of_edges() {
    let kinds = [("v1", "ConfigMap"), ("apps/v1", "Deployment")];
    let objects: Vec<Object> = (0..10_000)
        .map(|n| object(kinds[n % 2].0, kinds[n % 2].1, Some("a"), &format!("o{n}")))
        .collect();
    let begun = std::time::Instant::now();
    assert_eq!(sequence(&objects).len(), 10_000);
    assert!(begun.elapsed().as_secs() < 5);
}

proptest! {
    /// With dependencies that only look back there is no circle, all come, and each after what it
    /// names, whatever the kinds: workloads among themselves have no other rule.
    #[test]
    fn all_come_and_dependencies_first(links in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..3), 1..20)) {
        let objects: Vec<Object> = links.iter().enumerate().map(|(n, links)| {
            let one = object("apps/v1", "Deployment", Some("a"), &format!("d{n}"));
            let on: Vec<String> = links.iter().filter(|_| n > 0).map(|l| format!("Deployment/d{}", l.index(n))).collect();
            depending(one, &on.join(","))
        }).collect();
        let order = Order::of(&objects).unwrap();
        let sequence = order.sequence();
        prop_assert_eq!(sequence.iter().collect::<BTreeSet<_>>().len(), objects.len());
        let at = |place: usize| sequence.iter().position(|p| *p == place).unwrap();
        for place in 0..objects.len() {
            for earlier in order.before(place).keys() {
                prop_assert!(at(*earlier) < at(place));
            }
        }
    }
}
