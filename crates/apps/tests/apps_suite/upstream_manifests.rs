//! Manifests as they come in the wild: lists, line ends, anchors, definitions with their objects.

use infra_apps::{Suite, SuiteSource};

use crate::lab::{Folder, Lab, on_each_server};

/// Everything in one file: Windows line ends, a byte order mark, comments between documents, empty
/// documents, anchors, a List and a typed list, cluster-scoped beside namespaced, a definition after
/// its object.
const ALL: &str = "\u{feff}# head\r
---\r
# nothing here\r
---\r
apiVersion: v1\r
kind: List\r
items:\r
  - apiVersion: v1\r
    kind: Namespace\r
    metadata: { name: hard }\r
  - apiVersion: rbac.authorization.k8s.io/v1\r
    kind: ClusterRole\r
    metadata: { name: hard-reader }\r
    rules: [{ apiGroups: [''], resources: [pods], verbs: [get] }]\r
---\r
apiVersion: v1\r
kind: ConfigMapList\r
items:\r
  - metadata: { name: one, namespace: hard }\r
    data: &data\r
      text: |\r
        first\r
        second\r
  - metadata: { name: two, namespace: hard }\r
    data: *data\r
---\r
apiVersion: example.com/v1\r
kind: Boat\r
metadata: { name: a, namespace: hard }\r
spec: { length: 7 }\r
---\r
apiVersion: example.com/v1\r
kind: Harbour\r
metadata: { name: main }\r
spec: { berths: 3 }\r
---\r
apiVersion: v1\r
kind: List\r
items:\r
  - apiVersion: apiextensions.k8s.io/v1\r
    kind: CustomResourceDefinition\r
    metadata: { name: boats.example.com }\r
    spec:\r
      group: example.com\r
      scope: Namespaced\r
      names: { kind: Boat, plural: boats, singular: boat }\r
      versions: &versions\r
        - name: v1\r
          served: true\r
          storage: true\r
          schema:\r
            openAPIV3Schema:\r
              type: object\r
              properties: { spec: { type: object, x-kubernetes-preserve-unknown-fields: true } }\r
  - apiVersion: apiextensions.k8s.io/v1\r
    kind: CustomResourceDefinition\r
    metadata: { name: harbours.example.com }\r
    spec:\r
      group: example.com\r
      scope: Cluster\r
      names: { kind: Harbour, plural: harbours, singular: harbour }\r
      versions: *versions\r
...\r
---\r
";

/// A large definition: many versions of a deep schema, about half a megabyte.
fn large(name: &str) -> String {
    let fields: String = (0..4000)
        .map(|n| format!("                field{n}: {{ type: string, description: 'The field number {n}, which says what it says at some length.' }}\n"))
        .collect();
    format!(
        r"apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{ name: {name}s.large.example.com }}
spec:
  group: large.example.com
  scope: Namespaced
  names: {{ kind: Large, plural: {name}s, singular: {name} }}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
{fields}"
    )
}

fn hard() -> Folder {
    let folder = Folder::new();
    folder.file("base/all.yaml", ALL).file("base/large.yaml", &large("thing"));
    folder
}

pub fn suite(folder: &Folder) -> Suite {
    let source = SuiteSource {
        name: "hard".to_owned(),
        base: folder.path("base"),
        ..SuiteSource::default()
    };
    Suite::load(&source).unwrap()
}

on_each_server! {
    async fn hard_manifests_apply_and_stay(lab: &Lab) {
        let folder = hard();
        let suite = suite(&folder);
        assert_eq!(suite.objects().len(), 9);
        let text = |name: &str| {
            let object = suite.objects().iter().find(|o| o.id.name == name).unwrap();
            object.value["data"]["text"].clone()
        };
        assert_eq!((text("one"), text("two")), ("first\nsecond\n".into(), "first\nsecond\n".into()));
        lab.apply(&suite).await;
        assert!(lab.plan(&suite).await.is_empty());
        // A client that has asked before the definitions were there.
        assert!(lab.exists(("example.com", "v1", "harbours"), None, "main").await);
    }
}
