//! The CronJob controller.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::time::Duration;

use crate::StoreError;
use crate::controllers::condition::stamp;
use crate::controllers::context::{Controller, Ctx, Next};
use crate::controllers::error::ControllerError;
use crate::controllers::index::{Change, Key};
use crate::controllers::job::has_finished;
use crate::controllers::kinds::{CRON_JOBS, JOBS};
use crate::controllers::object::{ObjectExt, child, owner_ref};
use crate::controllers::pods;

use super::schedule::Schedule;

const NAME: &str = "cronjob-controller";

/// The CronJob controller. With a clock that runs faster than the wall's, the time between two
/// runs shrinks alike: each CronJob has its own hand, which starts at the wall's time.
#[derive(Default)]
pub struct CronJobs {
    hands: Mutex<HashMap<String, Hand>>,
}

/// Where a CronJob's own time stands.
#[derive(Clone, Copy)]
struct Hand {
    wall: Timestamp,
    own: Timestamp,
}

#[async_trait]
impl Controller for CronJobs {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wake(&self, ctx: &Ctx, change: &Change, out: &mut Vec<Key>) {
        if change.is(&CRON_JOBS) {
            if change.deleted {
                self.lock().remove(change.object.uid());
            }
            out.push(change.key.clone());
        } else if change.is(&JOBS) {
            pods::wake_owner(ctx, change, &CRON_JOBS, out);
        }
    }

    async fn reconcile(&self, ctx: &Ctx, key: &Key) -> Result<Next, ControllerError> {
        let Some(cron) = ctx.get(key) else {
            return Ok(Next::Done);
        };
        if cron.is_deleting() {
            return Ok(Next::Done);
        }
        let jobs: Vec<Arc<Value>> = ctx
            .index
            .children(cron.uid(), &JOBS)
            .into_iter()
            .filter(|j| j.controller_uid() == cron.uid())
            .collect();
        update_status(ctx, &cron, &jobs)?;
        trim(ctx, &cron, &jobs)?;
        if cron.flag_at("/spec/suspend") || !pods::namespace_open(ctx, &key.ns) {
            return Ok(Next::Done);
        }
        self.tick(ctx, &cron, &jobs)
    }
}

impl CronJobs {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Hand>> {
        self.hands.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Returns the CronJob's own time now, and the moment from which its next run counts.
    fn own_time(&self, ctx: &Ctx, cron: &Value) -> (Timestamp, Timestamp) {
        let now = ctx.now();
        let mut hands = self.lock();
        let hand = hands.entry(cron.uid().to_owned()).or_insert_with(|| {
            let from = cron
                .time_at("/status/lastScheduleTime")
                .or_else(|| cron.time_at("/metadata/creationTimestamp"))
                .unwrap_or(now);
            Hand { wall: from, own: from }
        });
        let passed = jiff::SignedDuration::try_from(ctx.since(hand.wall)).unwrap_or_default();
        (hand.own.saturating_add(passed).unwrap_or(Timestamp::MAX), hand.own)
    }

    fn tick(&self, ctx: &Ctx, cron: &Value, jobs: &[Arc<Value>]) -> Result<Next, ControllerError> {
        let tz = match cron.str_at("/spec/timeZone") {
            "" => TimeZone::UTC,
            name => match TimeZone::get(name) {
                Ok(tz) => tz,
                Err(e) => {
                    ctx.warning(
                        NAME,
                        cron,
                        "UnknownTimeZone",
                        &format!("invalid timeZone: {name:?}: {e}"),
                    );
                    return Ok(Next::Done);
                }
            },
        };
        let schedule = match Schedule::parse(cron.str_at("/spec/schedule")) {
            Ok(s) => s,
            Err(e) => {
                ctx.warning(NAME, cron, "UnparseableSchedule", &e.to_string());
                return Ok(Next::Done);
            }
        };
        let (now, from) = self.own_time(ctx, cron);
        let Some(mut due) = schedule.after(from, &tz) else {
            return Ok(Next::Done);
        };
        if due > now {
            return Ok(Next::After(between(now, due)));
        }
        // Of several missed runs the last one counts.
        let mut missed = 0;
        while let Some(later) = schedule.after(due, &tz).filter(|t| *t <= now && missed < 1000) {
            due = later;
            missed += 1;
        }
        let late = cron.int_at("/spec/startingDeadlineSeconds").is_some_and(|s| {
            between(due, now) > Duration::from_secs(u64::try_from(s).unwrap_or(0))
        });
        self.lock().insert(cron.uid().to_owned(), Hand { wall: ctx.now(), own: now });
        if late {
            ctx.warning(
                NAME,
                cron,
                "MissSchedule",
                &format!("Missed scheduled time to start a job: {}", stamp(due)),
            );
        } else {
            start(ctx, cron, jobs, due)?;
        }
        let next = schedule.after(now, &tz);
        Ok(next.map_or(Next::Done, |t| Next::After(between(now, t))))
    }
}

fn between(a: Timestamp, b: Timestamp) -> Duration {
    Duration::try_from(b.duration_since(a)).unwrap_or_default()
}

fn start(
    ctx: &Ctx,
    cron: &Value,
    jobs: &[Arc<Value>],
    due: Timestamp,
) -> Result<(), ControllerError> {
    let running: Vec<_> = jobs.iter().filter(|j| !has_finished(j)).collect();
    match cron.str_at("/spec/concurrencyPolicy") {
        "Forbid" if !running.is_empty() => {
            ctx.normal(NAME, cron, "JobAlreadyActive", "Not starting job because prior execution is running and concurrency policy is Forbid");
            return Ok(());
        }
        "Replace" => {
            for j in running {
                ctx.delete(&JOBS, j)?;
                ctx.normal(NAME, cron, "SuccessfulDelete", &format!("Deleted job {}", j.name()));
            }
        }
        _ => {}
    }
    let t = cron.at("/spec/jobTemplate");
    let name = format!("{}-{}", cron.name(), due.as_second() / 60);
    let mut job = json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": name, "namespace": cron.ns(),
            "annotations": {"batch.kubernetes.io/cronjob-scheduled-timestamp": stamp(due)},
            "ownerReferences": [owner_ref("batch/v1", "CronJob", cron)]},
        "spec": t.at("/spec"), "status": {},
    });
    if let Some(labels) = t.at("/metadata/labels").as_object() {
        job["metadata"]["labels"] = json!(labels);
    }
    for (k, v) in t.strings_at("/metadata/annotations") {
        job["metadata"]["annotations"][k] = json!(v);
    }
    match ctx.store().create(&JOBS, job) {
        Ok(_) => ctx.normal(NAME, cron, "SuccessfulCreate", &format!("Created job {name}")),
        Err(StoreError::AlreadyExists { .. }) => {}
        Err(e) => return Err(e.into()),
    }
    let at = stamp(ctx.now());
    ctx.modify(&CRON_JOBS, cron, |c| child(c, "status")["lastScheduleTime"] = json!(at))?;
    Ok(())
}

fn update_status(ctx: &Ctx, cron: &Value, jobs: &[Arc<Value>]) -> Result<(), ControllerError> {
    let active: Vec<Value> = jobs
        .iter()
        .filter(|j| !has_finished(j))
        .map(|j| {
            json!({"apiVersion": "batch/v1", "kind": "Job", "name": j.name(), "namespace": j.ns(), "uid": j.uid()})
        })
        .collect();
    let last = jobs
        .iter()
        .filter(|j| j.condition_true("Complete"))
        .map(|j| j.str_at("/status/completionTime").to_owned())
        .max();
    ctx.modify(&CRON_JOBS, cron, |c| {
        let status = child(c, "status");
        if active.is_empty() {
            if let Some(m) = status.as_object_mut() {
                m.remove("active");
            }
        } else {
            status["active"] = json!(active);
        }
        if let Some(t) =
            last.as_deref().filter(|t| *t > status["lastSuccessfulTime"].as_str().unwrap_or(""))
        {
            status["lastSuccessfulTime"] = json!(t);
        }
    })?;
    Ok(())
}

/// Deletes finished Jobs beyond the history limits, oldest first.
fn trim(ctx: &Ctx, cron: &Value, jobs: &[Arc<Value>]) -> Result<(), ControllerError> {
    for (kind, key, default) in [
        ("Complete", "/spec/successfulJobsHistoryLimit", 3),
        ("Failed", "/spec/failedJobsHistoryLimit", 1),
    ] {
        let keep = usize::try_from(cron.int_at(key).unwrap_or(default)).unwrap_or(0);
        let mut ended: Vec<_> =
            jobs.iter().filter(|j| j.condition_true(kind) && !j.is_deleting()).collect();
        ended.sort_by_key(|j| (j.str_at("/status/startTime").to_owned(), j.name().to_owned()));
        let surplus = ended.len().saturating_sub(keep);
        for j in ended.into_iter().take(surplus) {
            ctx.delete(&JOBS, j)?;
            ctx.normal(NAME, cron, "SuccessfulDelete", &format!("Deleted job {}", j.name()));
        }
    }
    Ok(())
}
