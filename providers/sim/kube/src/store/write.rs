use std::sync::Arc;

use serde_json::{Value, json};

use super::error::StoreError;
use super::event::{Event, EventKind};
use super::log::Record;
use super::object::{
    counts_generations, has_finalizers, is_terminating, meta_mut, name_of, namespace_of, rv_of,
    spec_differs, timestamp,
};
use super::resource::Resource;
use super::state::{State, Store, is_secrets};
use crate::encryption::Keys;

/// The log is rewritten when it holds this many records more than three times the live objects.
const COMPACTION_SLACK: usize = 20_000;

impl Store {
    /// Adds an object. Sets uid, creationTimestamp and resourceVersion.
    pub fn create(&self, resource: &Resource, mut object: Value) -> Result<Arc<Value>, StoreError> {
        let name = name_of(&object).to_owned();
        if name.is_empty() {
            return Err(StoreError::Nameless { resource: resource.qualified() });
        }
        let mut state = self.lock();
        let key = (namespace_of(&object).to_owned(), name.clone());
        if state.kind_mut(resource).objects.contains_key(&key) {
            return Err(StoreError::AlreadyExists { resource: resource.qualified(), name });
        }
        // A controller that has not heard of it yet must not fill a namespace that is being emptied
        // or is gone. Events are stored all the same; a store without namespaces has no such rule.
        if !key.0.is_empty() && resource.plural != "events" {
            let spaces = Resource::core("namespaces");
            let bare = state.kind_mut(&spaces).objects.is_empty();
            let open = state
                .present(&spaces, "", &key.0)
                .is_some_and(|space| space["metadata"]["deletionTimestamp"].is_null());
            if !bare && !open {
                let name = key.0;
                return Err(StoreError::NotFound { resource: spaces.qualified(), name });
            }
        }
        let meta = meta_mut(&mut object);
        if meta.get("uid").and_then(Value::as_str).is_none_or(str::is_empty) {
            meta.insert("uid".into(), json!(uuid::Uuid::new_v4().to_string()));
        }
        if meta.get("creationTimestamp").is_none_or(Value::is_null) {
            meta.insert("creationTimestamp".into(), json!(timestamp(jiff::Timestamp::now())));
        }
        if counts_generations(resource) {
            meta.insert("generation".into(), json!(1));
        }
        let (object, rv) = state.put(resource, object, None, &self.keys)?;
        drop(state);
        self.announce(rv);
        Ok(object)
    }

    /// Replaces an object. When it carries a resourceVersion that is not the present one, or another
    /// uid, that is a `Conflict`.
    pub fn update(&self, resource: &Resource, object: Value) -> Result<Arc<Value>, StoreError> {
        let name = name_of(&object).to_owned();
        let ns = namespace_of(&object).to_owned();
        let conflict =
            || StoreError::Conflict { resource: resource.qualified(), name: name.clone() };
        let mut state = self.lock();
        let Some(old) = state.present(resource, &ns, &name) else {
            return Err(StoreError::NotFound { resource: resource.qualified(), name });
        };
        if rv_of(&object).is_some_and(|rv| Some(rv) != rv_of(&old)) {
            return Err(conflict());
        }
        let uid = |object: &Value| object["metadata"]["uid"].as_str().map(str::to_owned);
        if uid(&object).is_some_and(|theirs| Some(theirs) != uid(&old)) {
            return Err(conflict());
        }
        let written = state.replace(resource, &old, object, &self.keys)?;
        drop(state);
        self.announce_some(written)
            .ok_or(StoreError::NotFound { resource: resource.qualified(), name })
    }

    /// Reads, changes by `f` and writes as one step; `None` when there is no such object. No event
    /// when `f` changes nothing. An object whose last finalizer `f` takes away goes.
    pub fn modify(
        &self,
        resource: &Resource,
        ns: Option<&str>,
        name: &str,
        f: &mut dyn FnMut(&mut Value),
    ) -> Result<Option<Arc<Value>>, StoreError> {
        let mut state = self.lock();
        let Some(old) = state.present(resource, ns.unwrap_or_default(), name) else {
            return Ok(None);
        };
        let mut object = (*old).clone();
        f(&mut object);
        let written = state.replace(resource, &old, object, &self.keys)?;
        drop(state);
        Ok(self.announce_some(written))
    }

    /// Deletes an object, or marks it with deletionTimestamp while it has finalizers; the answer is
    /// its last form. `None` when there is no such object.
    pub fn delete(
        &self,
        resource: &Resource,
        ns: Option<&str>,
        name: &str,
    ) -> Result<Option<Arc<Value>>, StoreError> {
        let mut state = self.lock();
        let Some(old) = state.present(resource, ns.unwrap_or_default(), name) else {
            return Ok(None);
        };
        let written = if has_finalizers(&old) {
            let mut object = (*old).clone();
            mark_terminating(&mut object, 0);
            state.replace(resource, &old, object, &self.keys)?
        } else {
            let (object, rv) = state.remove(resource, &old)?;
            (Some(object), Some(rv))
        };
        drop(state);
        Ok(self.announce_some(written))
    }

    fn announce_some(&self, (object, rv): (Option<Arc<Value>>, Option<u64>)) -> Option<Arc<Value>> {
        if let Some(rv) = rv {
            self.announce(rv);
        }
        object
    }
}

/// Sets deletionTimestamp and the grace period, once; a Namespace also gets its phase.
pub(crate) fn mark_terminating(object: &mut Value, grace_seconds: u64) {
    if is_terminating(object) {
        return;
    }
    let at = jiff::Timestamp::now()
        .saturating_add(jiff::SignedDuration::from_secs(grace_seconds.min(i32::MAX as u64) as i64))
        .unwrap_or(jiff::Timestamp::MAX);
    let meta = meta_mut(object);
    meta.insert("deletionTimestamp".into(), json!(timestamp(at)));
    meta.insert("deletionGracePeriodSeconds".into(), json!(grace_seconds));
    if object["kind"] == "Namespace" {
        object["status"]["phase"] = json!("Terminating");
    }
}

impl State {
    fn present(&self, resource: &Resource, ns: &str, name: &str) -> Option<Arc<Value>> {
        let key = (ns.to_owned(), name.to_owned());
        self.kinds.get(&resource.key())?.objects.get(&key).cloned()
    }

    /// Writes the successor of `old`: nothing when nothing changed, a deletion when it is
    /// terminating and its last finalizer is gone.
    fn replace(
        &mut self,
        resource: &Resource,
        old: &Arc<Value>,
        mut object: Value,
        keys: &Keys,
    ) -> Result<(Option<Arc<Value>>, Option<u64>), StoreError> {
        let generation = old["metadata"]["generation"].as_i64();
        let meta = meta_mut(&mut object);
        for field in ["uid", "creationTimestamp", "resourceVersion", "name", "namespace"] {
            match old["metadata"].get(field) {
                Some(value) => meta.insert(field.into(), value.clone()),
                None => meta.remove(field),
            };
        }
        if counts_generations(resource) {
            let bump = i64::from(spec_differs(resource, old, &object));
            // Marking for deletion is a change of what is wanted, too.
            let marked = i64::from(is_terminating(&object) && !is_terminating(old));
            let next = generation.unwrap_or(1) + bump.max(marked);
            meta_mut(&mut object).insert("generation".into(), json!(next));
        }
        let key = (namespace_of(old).to_owned(), name_of(old).to_owned());
        // What another key wrote is written again, also if nothing else changes.
        let is_stale =
            is_secrets(resource) && self.seals.get(&key).is_some_and(|seal| *seal != keys.seal());
        if object == **old && !is_stale {
            return Ok((Some(old.clone()), None));
        }
        if is_terminating(old) && has_finalizers(old) && !has_finalizers(&object) {
            let (object, rv) = self.remove_as(resource, old, object)?;
            return Ok((Some(object), Some(rv)));
        }
        let (object, rv) = self.put(resource, object, Some(old.clone()), keys)?;
        Ok((Some(object), Some(rv)))
    }

    fn put(
        &mut self,
        resource: &Resource,
        mut object: Value,
        previous: Option<Arc<Value>>,
        keys: &Keys,
    ) -> Result<(Arc<Value>, u64), StoreError> {
        let rv = self.rv + 1;
        meta_mut(&mut object).insert("resourceVersion".into(), json!(rv.to_string()));
        let object = Arc::new(object);
        let key = (namespace_of(&object).to_owned(), name_of(&object).to_owned());
        let seal = if is_secrets(resource) { keys.seal() } else { String::new() };
        self.record(resource, rv, Some(object.clone()), ("", ""), seal.clone())?;
        if is_secrets(resource) {
            self.seals.insert(key.clone(), seal);
        }
        self.kind_mut(resource).objects.insert(key, object.clone());
        let kind = if previous.is_some() { EventKind::Modified } else { EventKind::Added };
        self.push(kind, resource, object.clone(), previous, rv);
        Ok((object, rv))
    }

    fn remove(
        &mut self,
        resource: &Resource,
        old: &Arc<Value>,
    ) -> Result<(Arc<Value>, u64), StoreError> {
        self.remove_as(resource, old, (**old).clone())
    }

    fn remove_as(
        &mut self,
        resource: &Resource,
        old: &Arc<Value>,
        mut last: Value,
    ) -> Result<(Arc<Value>, u64), StoreError> {
        let rv = self.rv + 1;
        meta_mut(&mut last).insert("resourceVersion".into(), json!(rv.to_string()));
        let last = Arc::new(last);
        let key = (namespace_of(old).to_owned(), name_of(old).to_owned());
        self.record(resource, rv, None, (&key.0, &key.1), String::new())?;
        if is_secrets(resource) {
            self.seals.remove(&key);
        }
        self.kind_mut(resource).objects.remove(&key);
        self.push(EventKind::Deleted, resource, last.clone(), Some(old.clone()), rv);
        Ok((last, rv))
    }

    fn record(
        &mut self,
        resource: &Resource,
        rv: u64,
        object: Option<Arc<Value>>,
        (namespace, name): (&str, &str),
        seal: String,
    ) -> Result<(), StoreError> {
        self.log.append(&Record {
            rv,
            group: resource.group.clone(),
            version: resource.version.clone(),
            plural: resource.plural.clone(),
            object,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            seal,
        })?;
        self.rv = rv;
        Ok(())
    }

    fn push(
        &mut self,
        kind: EventKind,
        resource: &Resource,
        object: Arc<Value>,
        previous: Option<Arc<Value>>,
        rv: u64,
    ) {
        self.history.push(Event { kind, resource: resource.clone(), object, previous, rv });
        // The change itself is safe: a failed compaction is tried again with the next one.
        if let Err(error) = self.compact_if_worth_it(COMPACTION_SLACK) {
            tracing::warn!(%error, "the object log could not be compacted");
        }
    }
}
