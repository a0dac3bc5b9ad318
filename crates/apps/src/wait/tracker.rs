//! One watch a kind.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use kube::{
    api::LogParams,
    core::{DynamicObject, Request},
    runtime::{
        WatchStreamExt,
        watcher::{self, Event},
    },
};
use serde_json::Value;
use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinSet},
};

use crate::{KubeClient, ObjectId, Target, client::identity};

/// What a watch saw.
pub(crate) enum Seen {
    /// An object is there, like this.
    There(ObjectId, Value),
    /// It is gone.
    Gone(ObjectId),
    /// The last line of a crashing container: pod, line.
    LogLine(ObjectId, String),
}

/// Runs the watches; they end when it is dropped.
pub(crate) struct Tracker {
    client: KubeClient,
    /// Where each kind is watched: one namespace, or all when the suite uses it in several.
    scopes: BTreeMap<(String, String), Option<String>>,
    running: BTreeSet<(String, String)>,
    tasks: JoinSet<()>,
    asked: BTreeSet<(ObjectId, i64)>,
    /// Whether logs may be asked for: what a container prints may be secret.
    logs: bool,
    sender: mpsc::UnboundedSender<Seen>,
}

impl Tracker {
    /// Makes a tracker for objects of `used` kinds. Everything that it sees arrives at the
    /// receiver.
    pub(crate) fn new<'a>(
        client: KubeClient,
        logs: bool,
        used: impl IntoIterator<Item = (&'a Target, Option<&'a str>)>,
    ) -> (Self, mpsc::UnboundedReceiver<Seen>) {
        let mut namespaces: BTreeMap<(String, String), BTreeSet<Option<String>>> = BTreeMap::new();
        for (target, namespace) in used {
            namespaces.entry(key(target)).or_default().insert(namespace.map(ToOwned::to_owned));
        }
        let scope = |set: BTreeSet<Option<String>>| {
            if set.len() == 1 { set.into_iter().flatten().next() } else { None }
        };
        let scopes = namespaces.into_iter().map(|(key, set)| (key, scope(set))).collect();
        let (sender, receiver) = mpsc::unbounded_channel();
        let tracker = Self {
            client,
            scopes,
            running: BTreeSet::new(),
            tasks: JoinSet::new(),
            asked: BTreeSet::new(),
            logs,
            sender,
        };
        (tracker, receiver)
    }

    /// Watches a kind, unless that is done already.
    pub(crate) fn watch(&mut self, target: &Target) -> Option<AbortHandle> {
        if !self.running.insert(key(target)) {
            return None;
        }
        let namespace = self.scopes.get(&key(target)).cloned().flatten();
        let api = self.client.api(target, namespace.as_deref());
        let (target, sender) = (target.clone(), self.sender.clone());
        Some(self.tasks.spawn(async move {
            let mut events =
                watcher::watcher(api, watcher::Config::default()).default_backoff().boxed();
            while let Some(event) = events.next().await {
                let seen = match event {
                    Ok(Event::Apply(object) | Event::InitApply(object)) => there(object, &target),
                    Ok(Event::Delete(object)) => Seen::Gone(identity(&object, &target)),
                    // The watcher comes back by itself; the deadline of each object bounds it.
                    Ok(Event::Init | Event::InitDone) | Err(_) => continue,
                };
                if sender.send(seen).is_err() {
                    break;
                }
            }
        }))
    }

    /// Asks once per crash for the last log line of a container.
    pub(crate) fn ask_log(&mut self, pod: &ObjectId, container: &str, restarts: i64) {
        if !self.logs || !self.asked.insert((pod.clone(), restarts)) {
            return;
        }
        let (client, sender, pod) = (self.client.clone(), self.sender.clone(), pod.clone());
        let container = container.to_owned();
        self.tasks.spawn(async move {
            for previous in [true, false] {
                if let Some(line) = last_line(&client, &pod, &container, previous).await {
                    // Without a listener there is nothing left to tell.
                    let _ = sender.send(Seen::LogLine(pod, line));
                    return;
                }
            }
        });
    }
}

/// The most of a log that is read, in bytes, and shown of its last line, in characters.
const LOG_BYTES: i64 = 65_536;
const LINE_MAX: usize = 160;

async fn last_line(
    client: &KubeClient,
    pod: &ObjectId,
    container: &str,
    previous: bool,
) -> Option<String> {
    let path = format!("/api/v1/namespaces/{}/pods", pod.namespace.as_deref()?);
    let params = LogParams {
        container: Some(container.to_owned()),
        tail_lines: Some(5),
        limit_bytes: Some(LOG_BYTES),
        previous,
        ..LogParams::default()
    };
    let request = Request::new(path).logs(&pod.name, &params).ok()?;
    let text = client.raw().request_text(request).await.ok()?;
    text.lines().rev().find(|line| !line.trim().is_empty()).map(shortened)
}

/// Cuts a line of a log: enough to see what is wrong, too little to print all that it may hold.
fn shortened(line: &str) -> String {
    if line.chars().count() <= LINE_MAX {
        return line.to_owned();
    }
    line.chars().take(LINE_MAX - 1).chain(['…']).collect()
}

fn there(mut object: DynamicObject, target: &Target) -> Seen {
    let id = identity(&object, target);
    object.types = Some(kube::core::TypeMeta {
        api_version: target.resource.api_version.clone(),
        kind: target.resource.kind.clone(),
    });
    Seen::There(id, serde_json::to_value(object).unwrap_or(Value::Null))
}

fn key(target: &Target) -> (String, String) {
    (target.resource.api_version.clone(), target.resource.plural.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut() {
        assert_eq!(shortened("error: no disk"), "error: no disk");
        let cut = shortened(&"ä".repeat(100_000));
        assert_eq!(cut.chars().count(), LINE_MAX);
        assert!(cut.ends_with("ä…"));
    }
}
