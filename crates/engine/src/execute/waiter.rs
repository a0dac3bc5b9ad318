//! Waiting until resources are ready or gone: one looker a kind, one look for all that wait.

use std::{collections::HashMap, sync::Arc, time::Duration};

use infra_provider_api::{
    Address, CloudError, Context, ErrorKind, Kind, KnownResource, Observed, Presence, RawJson,
    Readiness, Waits,
};
use tokio::{
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        oneshot, watch,
    },
    task::JoinSet,
    time::Instant,
};

use crate::{
    confirm::read,
    events::{Event, Events},
};

/// A look costs a page for each 200 that wait, and the account's requests are needed for other
/// things, too: this much of a pause for each leaves three quarters of them. Once no other call is
/// made, it need not be left: then a look may follow when as much time has gone by as the last took.
const LOOK_EACH: Duration = Duration::from_millis(4);

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    Ready,
    /// What was ready before, and which nothing else waits for.
    ReadyAgain,
    Gone,
}

/// One that waits.
struct Watch {
    id: String,
    address: Address,
    want: Want,
    reply: oneshot::Sender<Result<Option<Observed>, CloudError>>,
}

/// The lookers of a run. All end when it is dropped.
pub(super) struct Lookers {
    cx: Context,
    events: Events,
    /// How long something may be missing from looks right after it was made.
    grace: Duration,
    /// Longest wait until ready, instead of what the kind says.
    ready_max: Option<Duration>,
    inboxes: HashMap<&'static str, UnboundedSender<Watch>>,
    /// Whether nothing but looks is done.
    alone: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Lookers {
    pub(super) fn new(
        cx: Context,
        events: Events,
        grace: Duration,
        ready_max: Option<Duration>,
    ) -> Self {
        let (inboxes, tasks) = (HashMap::new(), JoinSet::new());
        Self { cx, events, grace, ready_max, inboxes, alone: watch::Sender::new(true), tasks }
    }

    /// Says whether nothing but looks is done now.
    pub(super) fn set_alone(&self, alone: bool) {
        self.alone.send_if_modified(|was| std::mem::replace(was, alone) != alone);
    }

    /// Waits for one. The answer is what it is when ready, or `None` when gone.
    pub(super) fn watch(
        &mut self,
        kind: &Arc<dyn Kind>,
        address: Address,
        id: String,
        want: Want,
    ) -> oneshot::Receiver<Result<Option<Observed>, CloudError>> {
        let (reply, answer) = oneshot::channel();
        let inbox = self.inboxes.entry(kind.name()).or_insert_with(|| {
            let (sender, inbox) = unbounded_channel();
            let looker = Waiter {
                kind: Arc::clone(kind),
                cx: self.cx.clone(),
                events: self.events.clone(),
                grace: self.grace,
                waits: Waits {
                    ready: self.ready_max.unwrap_or(kind.waits().ready),
                    recover: kind.waits().recover.map(|own| self.ready_max.unwrap_or(own)),
                    ..kind.waits()
                },
                watches: Vec::new(),
                due: None,
                pause: Duration::ZERO,
                took: Duration::ZERO,
                alone: self.alone.subscribe(),
            };
            self.tasks.spawn(looker.run(inbox));
            sender
        });
        // A looker lives as long as `self`; were it gone, the answer would say so.
        let _ = inbox.send(Watch { id, address, want, reply });
        answer
    }
}

struct Active {
    watch: Watch,
    since: Instant,
    /// When it was last seen, or its wait began.
    seen: Instant,
    said: String,
}

/// When to look next: two times, as others come and go between one look and the next.
#[derive(Clone, Copy)]
struct Due {
    /// While nothing but looks is done.
    alone: Instant,
    /// While other calls are made, too.
    shared: Instant,
}

impl Due {
    fn min(self, other: Self) -> Self {
        Self { alone: self.alone.min(other.alone), shared: self.shared.min(other.shared) }
    }
}

/// Returns the pauses before a look at `watches`: with nothing but looks to do, and with other
/// calls. A look may have taken long only because it waited for the rate limit, so the first is
/// never the longer one.
fn pauses(wanted: Duration, took: Duration, watches: usize) -> (Duration, Duration) {
    let share = LOOK_EACH.saturating_mul(u32::try_from(watches).unwrap_or(u32::MAX));
    (wanted.max(took.min(share)), wanted.max(share))
}

struct Waiter {
    kind: Arc<dyn Kind>,
    cx: Context,
    events: Events,
    grace: Duration,
    waits: Waits,
    watches: Vec<Active>,
    /// When to look next, if anything waits.
    due: Option<Due>,
    /// A failed look asked for a pause.
    pause: Duration,
    /// How long the last look took, with the waits for the rate limit.
    took: Duration,
    alone: watch::Receiver<bool>,
}

impl Waiter {
    async fn run(mut self, mut inbox: UnboundedReceiver<Watch>) {
        loop {
            let alone = *self.alone.borrow_and_update();
            let due = self.due.map(|due| if alone { due.alone } else { due.shared });
            tokio::select! {
                biased;
                watch = inbox.recv() => match watch {
                    Some(watch) => self.add(watch),
                    None => return,
                },
                Ok(()) = self.alone.changed() => {}
                () = sleep_until(due), if due.is_some() => self.poll().await,
            }
        }
    }

    fn add(&mut self, watch: Watch) {
        let now = Instant::now();
        self.watches.push(Active { watch, since: now, seen: now, said: String::new() });
        let due = self.due_after(now, self.waits.poll_min);
        self.due = Some(self.due.map_or(due, |known| known.min(due)));
    }

    /// Returns the times to look at all that wait, where `wanted` would be the right pause for one.
    fn due_after(&self, now: Instant, wanted: Duration) -> Due {
        let (alone, shared) = pauses(wanted.max(self.pause), self.took, self.watches.len());
        Due { alone: now + alone, shared: now + shared }
    }

    /// Schedules the next look by the newest watch: a new one is looked at soon, and one that takes
    /// long less often. Looking late may cost a quarter of the time waited so far.
    fn schedule(&mut self, now: Instant) {
        let waited = self.watches.iter().map(|active| now - active.since).min();
        self.due = waited.map(|waited| {
            let wanted = (waited / 4).clamp(self.waits.poll_min, self.waits.poll_max);
            self.due_after(now, wanted)
        });
        self.pause = Duration::ZERO;
    }

    async fn poll(&mut self) {
        self.watches.retain(|active| !active.watch.reply.is_closed());
        let ids: Vec<String> = self.watches.iter().map(|active| active.watch.id.clone()).collect();
        if ids.is_empty() {
            self.due = None;
            return;
        }
        let began = Instant::now();
        let looked = self.kind.poll(&self.cx, &ids).await;
        let now = Instant::now();
        self.took = now - began;
        match looked {
            Ok(found) => {
                let mut by_id: HashMap<String, Observed> =
                    found.into_iter().map(|observed| (observed.id.clone(), observed)).collect();
                self.find_missing(&mut by_id, now).await;
                for mut active in std::mem::take(&mut self.watches) {
                    // What lost its mark does not tell its address.
                    let address = active.watch.address.clone();
                    let observed = by_id.remove(&active.watch.id);
                    let observed = observed.map(|observed| Observed { address, ..observed });
                    match self.judge(&mut active, observed, now) {
                        Some(answer) => drop(active.watch.reply.send(answer)),
                        None => self.watches.push(active),
                    }
                }
            }
            Err(error) => self.blind(&error, now),
        }
        self.schedule(now);
    }

    /// Asks by id for what no look has shown for the whole grace period: only that tells whether it
    /// is gone. If the question fails, it is asked again with the next look.
    async fn find_missing(&mut self, by_id: &mut HashMap<String, Observed>, now: Instant) {
        let grace = self.grace;
        let is_missing = |active: &&mut Active| {
            active.watch.want != Want::Gone
                && now - active.seen >= grace
                && !by_id.contains_key(&active.watch.id)
        };
        let missing: Vec<&mut Active> = self.watches.iter_mut().filter(is_missing).collect();
        if missing.is_empty() {
            return;
        }
        let known = missing.iter().map(|active| KnownResource {
            address: active.watch.address.clone(),
            id: active.watch.id.clone(),
            spec: RawJson::default(),
        });
        let known: Vec<KnownResource> = known.collect();
        match read(&*self.kind, &self.cx, &known).await {
            Ok(answers) => {
                let there = answers.into_iter().filter_map(|answer| match answer {
                    Presence::Owned(found) | Presence::Untagged(found) => Some(found),
                    Presence::Absent | Presence::Foreign { .. } => None,
                });
                by_id.extend(there.map(|found| (found.id.clone(), found)));
            }
            Err(_) => missing.into_iter().for_each(|active| active.seen = now),
        }
    }

    /// Judges what one look means for one watch. `None` means that it keeps waiting.
    fn judge(
        &self,
        active: &mut Active,
        observed: Option<Observed>,
        now: Instant,
    ) -> Option<Result<Option<Observed>, CloudError>> {
        let Watch { want, address, .. } = &active.watch;
        let Some(observed) = observed else {
            if *want == Want::Gone {
                return Some(Ok(None));
            }
            if now - active.seen >= self.grace {
                let text = "it was created, and is gone again";
                return Some(Err(error(ErrorKind::NotFound, address, text)));
            }
            return self.late(active, now);
        };
        active.seen = now;
        let reason = match (want, &observed.readiness) {
            (Want::Ready | Want::ReadyAgain, Readiness::Ready) => return Some(Ok(Some(observed))),
            (Want::Ready | Want::ReadyAgain, Readiness::Failed { reason, help }) => {
                let help = help.clone().unwrap_or_else(|| {
                    format!("waiting does not help; `infra apply --replace {address}` recreates it")
                });
                return Some(Err(error(ErrorKind::Invalid, address, reason).with_hint(help)));
            }
            (_, Readiness::Pending { reason }) => reason.clone(),
            (Want::Gone, Readiness::Ready | Readiness::Failed { .. }) => "still there".to_owned(),
        };
        if reason != active.said {
            let event =
                Event::StepWaiting { address: Some(address.clone()), reason: reason.clone() };
            self.events.send(event);
            active.said = reason;
        }
        self.late(active, now)
    }

    fn late(&self, active: &Active, now: Instant) -> Option<Result<Option<Observed>, CloudError>> {
        let (limit, what) = match active.watch.want {
            Want::Ready => (self.waits.ready, "ready"),
            Want::ReadyAgain => (self.waits.recover.unwrap_or(self.waits.ready), "ready again"),
            Want::Gone => (self.waits.gone, "gone"),
        };
        if now - active.since < limit {
            return None;
        }
        let seconds = limit.as_secs();
        let last = if active.said.is_empty() { "never seen" } else { &active.said };
        let text = format!("not {what} after {seconds} s; last: {last}");
        let error = error(ErrorKind::Deadline, &active.watch.address, &text);
        let hint = match active.watch.want {
            Want::ReadyAgain => {
                "nothing else waited for it; look at its machine, or recreate that with `infra apply --replace`"
            }
            Want::Ready | Want::Gone => {
                "apply again to go on waiting; nothing is rebuilt for being slow"
            }
        };
        Some(Err(error.with_hint(hint)))
    }

    /// Handles a look that failed. A passing failure is waited out; any other one fails all that
    /// wait.
    fn blind(&mut self, failure: &CloudError, now: Instant) {
        let passes = failure.is_transient() || failure.is_uncertain();
        self.pause = failure.retry_after.unwrap_or_default();
        for mut active in std::mem::take(&mut self.watches) {
            active.seen = now;
            let answer = if passes { self.late(&active, now) } else { Some(Err(failure.clone())) };
            match answer {
                Some(answer) => drop(active.watch.reply.send(answer)),
                None => {
                    self.watches.push(active);
                }
            }
        }
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

fn error(kind: ErrorKind, address: &Address, text: &str) -> CloudError {
    CloudError::new(kind, format!("wait for {address}"), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_waited_for_the_rate_limit_does_not_put_off_the_next() {
        let (ms, s) = (Duration::from_millis, Duration::from_secs);
        assert_eq!(pauses(ms(250), s(57), 80), (ms(320), ms(320)));
        assert_eq!(pauses(ms(250), s(12), 10_000), (s(12), s(40)));
        assert_eq!(pauses(s(3), ms(80), 2), (s(3), s(3)));
    }
}
