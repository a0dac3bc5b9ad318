//! What the controllers know of the store by something else than a name: children by owner, pods
//! by node, the sum of requests on each node. Fed by the one watch of the manager.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, RwLock, RwLockReadGuard};

use serde_json::Value;

use super::kinds::PODS;
use super::object::ObjectExt;
use super::requests::Requests;
use crate::Resource;

/// One object of any kind, by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Its kind.
    pub resource: Resource,
    /// Its namespace, `""` when cluster-scoped.
    pub ns: String,
    /// Its name.
    pub name: String,
}

/// By name first: most keys of a map differ in it.
impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name
            .cmp(&other.name)
            .then_with(|| self.ns.cmp(&other.ns))
            .then_with(|| self.resource.cmp(&other.resource))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Key {
    /// Makes a key of its parts.
    pub fn new(resource: &Resource, ns: &str, name: &str) -> Self {
        Self { resource: resource.clone(), ns: ns.to_owned(), name: name.to_owned() }
    }

    /// Makes the key of an object of that kind.
    pub fn of(resource: &Resource, o: &Value) -> Self {
        Self::new(resource, o.ns(), o.name())
    }
}

/// One change, as the controllers see it.
#[derive(Clone, Debug)]
pub struct Change {
    /// Which object.
    pub key: Key,
    /// It is gone; `object` is its last version.
    pub deleted: bool,
    /// The new version.
    pub object: Arc<Value>,
    /// The version before, if there was one.
    pub old: Option<Arc<Value>>,
}

impl Change {
    /// Returns true if the object is of that kind.
    pub fn is(&self, r: &Resource) -> bool {
        self.key.resource == *r
    }

    /// Returns true if the values at a pointer differ between old and new.
    pub fn differs(&self, pointer: &str) -> bool {
        self.deleted || self.old.as_ref().is_none_or(|o| o.at(pointer) != self.object.at(pointer))
    }
}

/// What the pods on a node ask for together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeUse {
    /// Requests.
    pub requests: Requests,
    /// Number of pods that have not ended.
    pub pods: i64,
}

#[derive(Default)]
struct Inner {
    kinds: Vec<Resource>,
    objects: HashMap<Key, Arc<Value>>,
    by_uid: HashMap<String, Key>,
    children: HashMap<String, BTreeMap<Key, Arc<Value>>>,
    by_node: HashMap<String, BTreeMap<Key, Arc<Value>>>,
    node_use: HashMap<String, NodeUse>,
    loose_pods: BTreeMap<Key, Arc<Value>>,
}

/// The index. Readers never wait for a controller: the lock is held for look-ups only.
#[derive(Default)]
pub struct Index {
    inner: RwLock<Inner>,
}

impl Index {
    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Takes one event in and tells what changed.
    pub fn apply(&self, resource: &Resource, object: Arc<Value>, deleted: bool) -> Change {
        let mut inner = self.inner.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let key = Key::of(&inner.known(resource), &object);
        let old = inner.remove(&key);
        if !deleted {
            inner.insert(key.clone(), object.clone());
        }
        Change { key, deleted, object, old }
    }

    /// Lists the objects of a kind that name this uid as an owner.
    pub fn children(&self, owner_uid: &str, resource: &Resource) -> Vec<Arc<Value>> {
        let inner = self.read();
        let Some(all) = inner.children.get(owner_uid) else {
            return Vec::new();
        };
        all.iter().filter(|(k, _)| k.resource == *resource).map(|(_, v)| v.clone()).collect()
    }

    /// Lists all objects that name this uid as an owner.
    pub fn dependents(&self, owner_uid: &str) -> Vec<(Key, Arc<Value>)> {
        let inner = self.read();
        inner
            .children
            .get(owner_uid)
            .map_or_else(Vec::new, |m| m.iter().map(|(k, v)| (k.clone(), v.clone())).collect())
    }

    /// Lists the pods bound to a node.
    pub fn pods_on(&self, node: &str) -> Vec<Arc<Value>> {
        let inner = self.read();
        inner.by_node.get(node).map_or_else(Vec::new, |m| m.values().cloned().collect())
    }

    /// Returns what the pods on a node ask for.
    pub fn node_use(&self, node: &str) -> NodeUse {
        self.read().node_use.get(node).copied().unwrap_or_default()
    }

    /// Lists the names of nodes that have pods bound to them.
    pub fn nodes_with_pods(&self) -> Vec<String> {
        self.read().by_node.keys().cloned().collect()
    }

    /// Returns how many objects there are of all kinds.
    pub fn len(&self) -> usize {
        self.read().objects.len()
    }

    /// Lists the pods of a namespace that no controller owns.
    pub fn loose_pods(&self, ns: &str) -> Vec<Arc<Value>> {
        self.read().loose_pods.iter().filter(|(k, _)| k.ns == ns).map(|(_, v)| v.clone()).collect()
    }

    /// Lists the keys of all objects.
    pub fn keys(&self) -> Vec<Key> {
        self.read().objects.keys().cloned().collect()
    }

    /// Returns the last seen version of an object.
    pub fn object(&self, key: &Key) -> Option<Arc<Value>> {
        self.read().objects.get(key).cloned()
    }

    /// Finds the object with this uid.
    pub fn by_uid(&self, uid: &str) -> Option<Key> {
        self.read().by_uid.get(uid).cloned()
    }
}

impl Inner {
    /// Returns a kind in the version it was first seen in, so that keys of all versions are equal.
    fn known(&mut self, resource: &Resource) -> Resource {
        if let Some(kind) = self.kinds.iter().find(|k| k.same_kind(resource)) {
            return kind.clone();
        }
        self.kinds.push(resource.clone());
        resource.clone()
    }

    fn remove(&mut self, key: &Key) -> Option<Arc<Value>> {
        let old = self.objects.remove(key)?;
        if self.by_uid.get(old.uid()) == Some(key) {
            self.by_uid.remove(old.uid());
        }
        for owner in old.list_at("/metadata/ownerReferences") {
            drop_from(&mut self.children, owner.str_at("/uid"), |m| {
                m.remove(key);
                m.is_empty()
            });
        }
        if key.resource == *PODS {
            self.loose_pods.remove(key);
            let node = old.str_at("/spec/nodeName");
            if !node.is_empty() {
                drop_from(&mut self.by_node, node, |m| {
                    m.remove(key);
                    m.is_empty()
                });
                self.count(node, &old, -1);
            }
        }
        Some(old)
    }

    fn insert(&mut self, key: Key, o: Arc<Value>) {
        self.by_uid.insert(o.uid().to_owned(), key.clone());
        for owner in o.list_at("/metadata/ownerReferences") {
            self.children
                .entry(owner.str_at("/uid").to_owned())
                .or_default()
                .insert(key.clone(), o.clone());
        }
        if key.resource == *PODS {
            if o.controller_ref().is_none() {
                self.loose_pods.insert(key.clone(), o.clone());
            }
            let node = o.str_at("/spec/nodeName");
            if !node.is_empty() {
                self.by_node.entry(node.to_owned()).or_default().insert(key.clone(), o.clone());
                self.count(node, &o, 1);
            }
        }
        self.objects.insert(key, o);
    }

    fn count(&mut self, node: &str, pod: &Value, sign: i64) {
        if matches!(pod.str_at("/status/phase"), "Succeeded" | "Failed") {
            return;
        }
        let r = Requests::of_pod(&pod["spec"]);
        let used = self.node_use.entry(node.to_owned()).or_default();
        used.requests.cpu_milli += sign * r.cpu_milli;
        used.requests.memory += sign * r.memory;
        used.pods += sign;
        if used.pods == 0 {
            self.node_use.remove(node);
        }
    }
}

fn drop_from<T>(map: &mut HashMap<String, T>, key: &str, f: impl FnOnce(&mut T) -> bool) {
    if let Some(v) = map.get_mut(key)
        && f(v)
    {
        map.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pods_move_between_nodes_and_owners() {
        let ix = Index::default();
        let pod = |node: &str, phase: &str| {
            Arc::new(json!({"metadata": {"name": "p", "namespace": "d", "uid": "u1",
                "ownerReferences": [{"uid": "rs", "controller": true}]},
                "spec": {"nodeName": node, "containers": [{"resources": {"requests": {"cpu": "100m"}}}]},
                "status": {"phase": phase}}))
        };
        ix.apply(&PODS, pod("", ""), false);
        assert!(ix.pods_on("n1").is_empty());
        let c = ix.apply(&PODS, pod("n1", "Running"), false);
        assert!(c.old.is_some() && c.differs("/spec/nodeName"));
        assert_eq!(ix.node_use("n1").requests.cpu_milli, 100);
        assert_eq!(ix.children("rs", &PODS).len(), 1);
        ix.apply(&PODS, pod("n1", "Succeeded"), false);
        assert_eq!(ix.node_use("n1"), NodeUse::default());
        ix.apply(&PODS, pod("n1", "Succeeded"), true);
        assert!(ix.pods_on("n1").is_empty() && ix.by_uid("u1").is_none());
    }
}
