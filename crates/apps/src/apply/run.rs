//! An apply from beginning to end.

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value;
use tokio::{sync::mpsc, task::JoinSet, time::Instant};

use super::{
    ApplyOptions, Change, Outcome, ensure, prune,
    restart::Restart,
    schedule::Schedule,
    send::{self, ApplyRequest},
    waits::{Turn, Waits},
};
use crate::{
    AppsError, AppsEvent, Events, Health, Inventory, KubeClient, Need, ObjectId, Suite,
    check_promotion,
    error::conflict_lines,
    kinds,
    plan::may_be_replaced,
    plan::{Prepared, prepare},
    up_to_date::is_settled,
    wait::{Seen, StorageClasses, Tracker, is_unreported},
};

/// Applies `suite`: in its order, in parallel, each object waited for until it is ready; then
/// deletes what left the suite. The inventory is written before anything is sent.
///
/// # Errors
/// Returns an error if something is wrong before anything is sent: unknown kinds, missing
/// namespaces, no answer. Failures of single objects are in the [`Outcome`]; see
/// [`Outcome::into_result`].
pub async fn apply(
    client: &KubeClient,
    suite: &Suite,
    options: &ApplyOptions,
    events: &Events,
) -> Result<Outcome, AppsError> {
    let client = &client.reporting(events);
    let before = Inventory::read(client, suite.name()).await?;
    if let Some(before) = &before {
        before.check_project(suite.project())?;
    }
    check_promotion(client, suite).await?;
    let prepared = prepare(client, suite, before.as_ref()).await?;
    events.send(AppsEvent::Started {
        suite: suite.name().to_owned(),
        objects: prepared.objects.len(),
    });

    let declared: BTreeSet<ObjectId> = prepared.objects.iter().map(|o| o.id.clone()).collect();
    let known = before.iter().flat_map(|i| i.objects.iter().cloned());
    let mut inventory = Inventory {
        suite: suite.name().to_owned(),
        objects: declared.iter().cloned().chain(known).collect(),
        digest: String::new(),
        versions: before.as_ref().map(|i| i.versions.clone()).unwrap_or_default(),
        project: suite.project().map(ToOwned::to_owned),
    };
    if before.as_ref().is_none_or(|before| before.objects != inventory.objects) {
        inventory.write(client).await?;
    }
    ensure::namespaces(client, suite, &prepared).await?;
    let mut run = Run::new(client, suite, &prepared, options, events).await?;
    run.work().await;
    let mut outcome = run.outcome;
    if prepared.targets.iter().any(|target| target.to_come) {
        client.forget_catalog().await;
    }

    if outcome.is_complete() && options.prune {
        prune::prune(client, &prepared, suite.name(), options, events, &mut outcome).await;
    }
    if outcome.is_complete() {
        let gone = |id: &ObjectId| !declared.contains(id) && !outcome.kept.contains(id);
        if options.prune {
            inventory.objects.retain(|id| !gone(id));
        }
        inventory.digest = suite.digest();
        // Without waiting nobody knows whether it runs.
        if let Some(version) = suite.version().filter(|_| options.wait) {
            inventory.ran(version);
        }
        if before.as_ref() != Some(&inventory) {
            inventory.write(client).await?;
        }
    }
    events.send(outcome.event());
    Ok(outcome)
}

type Answer = (usize, Result<(Change, Value), AppsError>);

pub(super) struct Run<'a> {
    /// Instead of applying: pods are recreated.
    pub(super) restart: Option<Restart>,
    client: &'a KubeClient,
    suite: &'a Suite,
    prepared: &'a Prepared,
    options: &'a ApplyOptions,
    events: &'a Events,
    schedule: Schedule<'a>,
    waits: Waits,
    tracker: Tracker,
    seen: mpsc::UnboundedReceiver<Seen>,
    sent: JoinSet<Answer>,
    pub(super) outcome: Outcome,
}

impl<'a> Run<'a> {
    pub(super) async fn new(
        client: &'a KubeClient,
        suite: &'a Suite,
        prepared: &'a Prepared,
        options: &'a ApplyOptions,
        events: &'a Events,
    ) -> Result<Run<'a>, AppsError> {
        let catalog = client.catalog().await?;
        let pods = catalog.resolve("v1", "Pod").cloned();
        let namespace = |place: usize| prepared.objects[place].id.namespace.as_deref();
        let used =
            (0..prepared.objects.len()).map(|place| (&prepared.targets[place], namespace(place)));
        let of_pods = pods.iter().flat_map(|target| {
            let spaces: BTreeSet<_> = (0..prepared.objects.len()).filter_map(namespace).collect();
            spaces.into_iter().map(move |space| (target, Some(space)))
        });
        let logs = options.container_logs && suite.shows_container_logs();
        let (tracker, seen) = Tracker::new(client.clone(), logs, used.chain(of_pods));
        let mut waits = Waits::default();
        waits.judge.rules = suite.wait_rules().to_vec();
        if prepared.objects.iter().any(|o| o.id.kind == "PersistentVolumeClaim") {
            waits.judge.classes = storage_classes(client, prepared).await?;
        }
        Ok(Run {
            restart: None,
            client,
            suite,
            prepared,
            options,
            events,
            schedule: Schedule::new(suite.order()),
            waits,
            tracker,
            seen,
            sent: JoinSet::new(),
            outcome: Outcome::default(),
        })
    }

    pub(super) async fn work(&mut self) {
        loop {
            self.start();
            if self.sent.is_empty() && self.waits.is_empty() {
                break;
            }
            let far = Instant::now() + Duration::from_secs(3600);
            let deadline = self.waits.next_deadline(self.options.image_grace).unwrap_or(far);
            tokio::select! {
                Some(answer) = self.sent.join_next(), if !self.sent.is_empty() => {
                    if let Ok((place, answer)) = answer {
                        self.answered(place, answer);
                    }
                }
                Some(seen) = self.seen.recv() => self.saw(seen),
                () = tokio::time::sleep_until(deadline) => {
                    for id in self.waits.ids() {
                        self.check(&id);
                    }
                }
                () = self.options.stop.cancelled() => {
                    self.outcome.stopped = true;
                    break;
                }
            }
        }
    }

    /// Sends what may be sent.
    fn start(&mut self) {
        while self.sent.len() < self.options.parallelism.max(1) {
            let Some(place) = self.schedule.next() else { break };
            let object = &self.prepared.objects[place];
            let live = self.prepared.live.get(&object.id);
            if let Some(reason) = self.prepared.refusals.get(&object.id)
                && self.restart.is_none()
            {
                self.failed(place, Need::Applied, reason.clone());
                continue;
            }
            if let Some(restart) = &self.restart {
                if restart.concerns(&object.id) && live.is_some() {
                    self.events.send(AppsEvent::Applying { object: object.id.clone() });
                    let sent = restart.send(self.client.clone(), self.prepared, place);
                    self.sent.spawn(async move { (place, sent.await) });
                } else {
                    self.schedule.reached(place, Need::Applied);
                    self.schedule.reached(place, Need::Ready);
                }
                continue;
            }
            if let Some(other) = self.prepared.other_suite(&object.id, self.suite.name()) {
                let foreign = send::foreign(other);
                if !self.options.force.covers(&object.id, &foreign.field) {
                    self.failed(place, Need::Applied, conflict_lines(&[foreign]));
                    continue;
                }
            }
            if let Some(live) = live.filter(|live| is_settled(object, live)) {
                self.answered(place, Ok((Change::Unchanged, live.clone())));
                continue;
            }
            self.events.send(AppsEvent::Applying { object: object.id.clone() });
            let version = live.map(|live| {
                live.pointer("/metadata/resourceVersion")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            });
            let request = ApplyRequest {
                object: object.clone(),
                target: self.prepared.targets[place].clone(),
                version,
                force: self.options.force.clone(),
                replace: may_be_replaced(object, &self.options.replace),
                timeout: self.options.timeout,
            };
            let client = self.client.clone();
            self.sent.spawn(async move { (place, send::send(client, request).await) });
        }
    }

    fn answered(&mut self, place: usize, answer: Result<(Change, Value), AppsError>) {
        let object = &self.prepared.objects[place];
        let (change, after) = match answer {
            Ok(done) => done,
            Err(error) => {
                let message = match error {
                    AppsError::Api { message, .. } => message,
                    AppsError::Conflict { conflicts, .. } => conflict_lines(&conflicts),
                    other => other.to_string(),
                };
                return self.failed(place, Need::Applied, message);
            }
        };
        self.outcome.applied.push((object.id.clone(), change));
        self.events.send(AppsEvent::Applied { object: object.id.clone(), change });
        self.schedule.reached(place, Need::Applied);
        let is_wanted = self.options.wait || self.schedule.is_awaited(place);
        let unreported = self.unreported(place, change, &after);
        let now = self.waits.judge.health(&object.id, &after);
        if !is_wanted || now == Health::Ready && unreported.is_none() {
            return self.ready(place, 0);
        }
        self.tracker.watch(&self.prepared.targets[place]);
        if let Some(pods) = self.pods(&object.id) {
            self.tracker.watch(&pods);
        }
        self.waits.begin(place, object, after, self.options.timeout, unreported);
        self.check(&object.id);
    }

    /// Returns how long the controller of a new custom resource may take to write a first status.
    /// Without any such wait an object would count as ready because nobody has looked at it yet.
    fn unreported(&self, place: usize, change: Change, after: &Value) -> Option<Duration> {
        let id = &self.prepared.objects[place].id;
        let grace = self.options.unreported_grace;
        let is_young = matches!(change, Change::Created | Change::Replaced)
            || age(after).is_some_and(|age| age < grace);
        let may_report = self.prepared.targets[place].has_status && !kinds::is_built_in(&id.group);
        (may_report && is_young && is_unreported(after) && !self.waits.judge.is_ruled(id))
            .then_some(grace)
    }

    /// Returns the API of pods if objects like `id` have some.
    fn pods(&self, id: &ObjectId) -> Option<crate::Target> {
        let has_pods = matches!(id.group.as_str(), "apps" | "batch") || id.kind == "Pod";
        has_pods.then(|| crate::Target {
            resource: kube::core::ApiResource {
                group: String::new(),
                version: "v1".to_owned(),
                api_version: "v1".to_owned(),
                kind: "Pod".to_owned(),
                plural: "pods".to_owned(),
            },
            namespaced: true,
            has_status: true,
            to_come: false,
        })
    }

    fn saw(&mut self, seen: Seen) {
        let concerned = match seen {
            Seen::There(id, object) => self.waits.saw(id, object),
            Seen::Gone(id) => {
                self.waits.gone(&id);
                Vec::new()
            }
            Seen::LogLine(pod, line) => self.waits.log(&pod, line),
        };
        for id in concerned {
            self.check(&id);
        }
    }

    fn check(&mut self, id: &ObjectId) {
        match self.waits.check(id, self.options.image_grace, &mut self.tracker) {
            None => {}
            Some((place, Turn::Ready(took))) => {
                self.ready(place, u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
            }
            Some((place, Turn::Failed(message))) => self.failed(place, Need::Ready, message),
            Some((_, Turn::Waiting(reason))) => {
                self.events.send(AppsEvent::Waiting { object: id.clone(), reason });
            }
        }
    }

    fn ready(&mut self, place: usize, elapsed_ms: u64) {
        let object = self.prepared.objects[place].id.clone();
        self.events.send(AppsEvent::Ready { object, elapsed_ms });
        self.schedule.reached(place, Need::Ready);
    }

    fn failed(&mut self, place: usize, need: Need, message: String) {
        let id = self.prepared.objects[place].id.clone();
        self.events.send(AppsEvent::Failed { object: id.clone(), message: message.clone() });
        self.outcome.failed.push((id.clone(), message));
        for skipped in self.schedule.failed(place, need) {
            let object = self.prepared.objects[skipped].id.clone();
            self.events.send(AppsEvent::Skipped { object: object.clone(), because: id.clone() });
            self.outcome.skipped.push((object, id.clone()));
        }
    }
}

/// Says how old an object is. A clock that differs from the API server's only makes it look older.
fn age(object: &Value) -> Option<Duration> {
    let created = object.pointer("/metadata/creationTimestamp")?.as_str()?;
    let created: jiff::Timestamp = created.parse().ok()?;
    jiff::Timestamp::now().duration_since(created).try_into().ok()
}

/// Reads the StorageClasses of the cluster, and adds those of the suite.
async fn storage_classes(
    client: &KubeClient,
    prepared: &Prepared,
) -> Result<StorageClasses, AppsError> {
    let mut objects = Vec::new();
    if let Some(target) = client.catalog().await?.preferred("storage.k8s.io", "StorageClass") {
        let api = &client.api(target, None);
        let params = &kube::api::ListParams::default();
        let list =
            client.call("list storageclasses", || async move { api.list(params).await }).await?;
        objects.extend(list.items.into_iter().filter_map(|o| serde_json::to_value(o).ok()));
    }
    let own = prepared.objects.iter().filter(|o| o.id.kind == "StorageClass").map(|o| &o.value);
    Ok(StorageClasses::of(objects.iter().chain(own)))
}
