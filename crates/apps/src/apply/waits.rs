//! The objects that were sent and are not ready yet.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::Value;
use tokio::time::Instant;

use crate::{
    Health, Object, ObjectId, TIMEOUT_ANNOTATION, kinds,
    wait::{Judge, PodTrouble, Tracker, is_unreported, selects, trouble},
};

/// One object that is waited for.
pub(super) struct Wait {
    pub(super) object: usize,
    pub(super) id: ObjectId,
    /// As last seen.
    pub(super) seen: Value,
    /// The generation that was sent; what is older says nothing.
    pub(super) generation: i64,
    pub(super) begun: Instant,
    pub(super) deadline: Instant,
    pub(super) reason: String,
    /// Since when an image cannot be pulled.
    image_since: Option<Instant>,
    /// It had failed before this run; the cause may have been repaired since.
    had_failed: bool,
    /// Until when its controller may write a first status before it counts as having none to write.
    unreported_until: Option<Instant>,
    /// When it was checked last.
    checked: Instant,
}

/// How long an object that had failed before gets to show that it moves again.
const MENDED_WITHIN: Duration = Duration::from_secs(120);

/// What became of a wait.
pub(super) enum Turn {
    /// Ready, after this time.
    Ready(Duration),
    /// Failed.
    Failed(String),
    /// Still waiting, for another reason than before.
    Waiting(String),
}

/// All objects that are waited for, and their pods.
#[derive(Default)]
pub(super) struct Waits {
    open: BTreeMap<ObjectId, Wait>,
    /// As last seen by a watch, also before the answer to the apply arrived.
    latest: BTreeMap<ObjectId, Value>,
    pods: BTreeMap<ObjectId, Value>,
    logs: BTreeMap<ObjectId, String>,
    pub(super) judge: Judge,
}

impl Waits {
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Begins to wait; the state that is known may end it at the next [`Self::check`].
    pub(super) fn begin(
        &mut self,
        place: usize,
        object: &Object,
        after: Value,
        timeout: Duration,
        unreported: Option<Duration>,
    ) {
        let now = Instant::now();
        let named =
            object.annotation(TIMEOUT_ANNOTATION).and_then(|t| humantime::parse_duration(t).ok());
        let generation = generation(&after);
        let seen = match self.latest.get(&object.id) {
            Some(latest) if self::generation(latest) >= generation => latest.clone(),
            _ => after,
        };
        let had_failed = kinds::may_recover(&object.id)
            && matches!(self.judge.health(&object.id, &seen), Health::Failed(_));
        let wait = Wait {
            object: place,
            id: object.id.clone(),
            seen,
            generation,
            begun: now,
            deadline: now + named.unwrap_or(timeout),
            reason: String::new(),
            image_since: None,
            had_failed,
            unreported_until: unreported.map(|grace| now + grace),
            checked: now,
        };
        self.open.insert(object.id.clone(), wait);
    }

    /// Records an object that a watch saw. Returns the ids of the waits that this concerns.
    pub(super) fn saw(&mut self, id: ObjectId, object: Value) -> Vec<ObjectId> {
        if id.group.is_empty() && id.kind == "Pod" {
            let concerned = self.open.values().filter(|wait| selects(&wait.seen, &object));
            let mut ids: Vec<ObjectId> = concerned.map(|wait| wait.id.clone()).collect();
            self.pods.insert(id.clone(), object.clone());
            ids.retain(|other| *other != id);
            if self.note(&id, object) {
                ids.push(id);
            }
            return ids;
        }
        if self.note(&id, object) { vec![id] } else { Vec::new() }
    }

    fn note(&mut self, id: &ObjectId, object: Value) -> bool {
        let concerned = match self.open.get_mut(id) {
            Some(wait) if generation(&object) >= wait.generation => {
                wait.seen = object.clone();
                true
            }
            _ => false,
        };
        self.latest.insert(id.clone(), object);
        concerned
    }

    /// Forgets an object that a watch saw go.
    pub(super) fn gone(&mut self, id: &ObjectId) {
        self.pods.remove(id);
        self.latest.remove(id);
    }

    /// Records the last log line of a crashing pod. Returns the ids of the waits that this
    /// concerns.
    pub(super) fn log(&mut self, pod: &ObjectId, line: String) -> Vec<ObjectId> {
        self.logs.insert(pod.clone(), line);
        let Some(pod) = self.pods.get(pod) else { return Vec::new() };
        self.open
            .values()
            .filter(|wait| selects(&wait.seen, pod))
            .map(|wait| wait.id.clone())
            .collect()
    }

    /// Looks again at one wait; ends it when it is over.
    pub(super) fn check(
        &mut self,
        id: &ObjectId,
        image_grace: Duration,
        tracker: &mut Tracker,
    ) -> Option<(usize, Turn)> {
        let now = Instant::now();
        let wait = self.open.get_mut(id)?;
        wait.checked = now;
        let wait = self.open.get(id)?;
        let object = wait.object;
        let is_unreported =
            is_unreported(&wait.seen) && wait.unreported_until.is_some_and(|until| now < until);
        let reason = match self.judge.health(id, &wait.seen) {
            Health::Ready if is_unreported => {
                "its controller has not reported on it yet".to_owned()
            }
            Health::Ready => {
                let elapsed = wait.begun.elapsed();
                self.open.remove(id);
                return Some((object, Turn::Ready(elapsed)));
            }
            Health::Failed(reason) if wait.had_failed && now < wait.begun + MENDED_WITHIN => reason,
            Health::Failed(reason) => {
                let message = self.with_pods(id, &reason, tracker).0;
                self.open.remove(id);
                return Some((object, Turn::Failed(message)));
            }
            Health::Waiting(reason) => reason,
        };
        let (reason, image) = self.with_pods(id, &reason, tracker);
        let wait = self.open.get_mut(id)?;
        wait.image_since = image.then(|| wait.image_since.unwrap_or(now));
        if wait.image_since.is_some_and(|since| now >= since + image_grace) {
            self.open.remove(id);
            return Some((object, Turn::Failed(reason)));
        }
        if now >= wait.deadline {
            let took =
                humantime::format_duration(Duration::from_secs(wait.begun.elapsed().as_secs()));
            let message = format!("not ready after {took}: {reason}");
            self.open.remove(id);
            return Some((object, Turn::Failed(message)));
        }
        if reason == wait.reason {
            return None;
        }
        wait.reason.clone_from(&reason);
        Some((object, Turn::Waiting(reason)))
    }

    /// Adds the trouble of the object's pods to the reason. The second value is true if an image is
    /// the trouble.
    fn with_pods(&self, id: &ObjectId, reason: &str, tracker: &mut Tracker) -> (String, bool) {
        let Some(wait) = self.open.get(id) else { return (reason.to_owned(), false) };
        let mine = self.pods.iter().filter(|(_, pod)| selects(&wait.seen, pod));
        let mut reasons = Vec::new();
        let mut image = false;
        for (pod, PodTrouble { reason, image: of_image, crash }) in
            mine.filter_map(|(id, pod)| Some((id, trouble(pod)?)))
        {
            image |= of_image;
            if let Some((container, restarts)) = crash {
                tracker.ask_log(pod, &container, restarts);
            }
            reasons.push(match self.logs.get(pod) {
                Some(line) => format!("{reason}: {line}"),
                None => reason,
            });
        }
        // One pod explains the others of its kind; more would be noise.
        match reasons.into_iter().next() {
            Some(first) => (format!("{reason}; {first}"), image),
            None => (reason.to_owned(), false),
        }
    }

    /// Returns the ids of all objects that are waited for.
    pub(super) fn ids(&self) -> BTreeSet<ObjectId> {
        self.open.keys().cloned().collect()
    }

    /// Returns the moment when a wait or one of its graces runs out next.
    pub(super) fn next_deadline(&self, image_grace: Duration) -> Option<Instant> {
        let of = |wait: &Wait| {
            // One that has passed since the last check is due: nothing else would wake the run for it.
            let is_due = |until: &Instant| *until > wait.checked;
            let mended = wait.had_failed.then(|| wait.begun + MENDED_WITHIN);
            let mended = mended.filter(is_due);
            let image = wait.image_since.map(|since| since + image_grace);
            let unreported = wait.unreported_until.filter(is_due);
            [mended, image, unreported].into_iter().flatten().fold(wait.deadline, Instant::min)
        };
        self.open.values().map(of).min()
    }
}

fn generation(object: &Value) -> i64 {
    object.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A grace that ends while something else is handled is noticed at once, not at the next event.
    #[tokio::test(start_paused = true)]
    async fn a_grace_that_has_passed_since_the_last_check_is_due() {
        let id = ObjectId {
            group: "example.com".to_owned(),
            kind: "Boat".to_owned(),
            namespace: None,
            name: "one".to_owned(),
        };
        let (now, grace) = (Instant::now(), Duration::from_secs(10));
        let wait = Wait {
            object: 0,
            id: id.clone(),
            seen: Value::Null,
            generation: 0,
            begun: now,
            deadline: now + Duration::from_secs(300),
            reason: String::new(),
            image_since: None,
            had_failed: false,
            unreported_until: Some(now + grace),
            checked: now,
        };
        let mut waits = Waits::default();
        waits.open.insert(id.clone(), wait);
        tokio::time::advance(grace * 2).await;
        assert_eq!(waits.next_deadline(Duration::from_secs(60)), Some(now + grace));
        // Once it was checked after its end, the next thing to come is the limit.
        waits.open.get_mut(&id).unwrap().checked = Instant::now();
        assert_eq!(
            waits.next_deadline(Duration::from_secs(60)),
            Some(now + Duration::from_secs(300))
        );
    }
}
