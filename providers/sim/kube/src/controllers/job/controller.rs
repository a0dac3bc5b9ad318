//! The Job controller.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::controllers::condition::{self, stamp};
use crate::controllers::context::{Controller, Ctx, Next, sooner};
use crate::controllers::error::ControllerError;
use crate::controllers::index::{Change, Key};
use crate::controllers::kinds::{JOBS, PODS};
use crate::controllers::object::{ObjectExt, child, owner_ref, set_annotation, set_label};
use crate::controllers::replicaset::set_count;
use crate::controllers::{names, pods, template};

use super::plan::{Tally, Verdict, Wanted, backoff, decide};

const NAME: &str = "job-controller";
const INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// The Job controller.
pub struct Jobs;

#[async_trait]
impl Controller for Jobs {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wake(&self, ctx: &Ctx, change: &Change, out: &mut Vec<Key>) {
        if change.is(&JOBS) {
            out.push(change.key.clone());
        } else if change.is(&PODS) {
            pods::wake_owner(ctx, change, &JOBS, out);
        }
    }

    async fn reconcile(&self, ctx: &Ctx, key: &Key) -> Result<Next, ControllerError> {
        let Some(job) = ctx.get(key) else {
            return Ok(Next::Done);
        };
        if job.is_deleting() {
            return Ok(Next::Done);
        }
        if has_finished(&job) {
            return expire(ctx, &job);
        }
        run(ctx, &job)
    }
}

/// Returns true if a Job is complete or has failed.
pub fn has_finished(job: &Value) -> bool {
    job.condition_true("Complete") || job.condition_true("Failed")
}

fn expire(ctx: &Ctx, job: &Value) -> Result<Next, ControllerError> {
    let Some(ttl) = job.int_at("/spec/ttlSecondsAfterFinished") else {
        return Ok(Next::Done);
    };
    let ended = ["Complete", "Failed"]
        .iter()
        .filter_map(|k| job.condition(k))
        .find_map(|c| c.time_at("/lastTransitionTime"))
        .unwrap_or_else(|| ctx.now());
    let ttl = Duration::from_secs(u64::try_from(ttl).unwrap_or(0));
    if let Some(left) = ctx.left(ended, ttl) {
        return Ok(Next::After(left));
    }
    ctx.delete(&JOBS, job)?;
    Ok(Next::Done)
}

fn wanted(job: &Value) -> Wanted {
    let completions = job.int_at("/spec/completions");
    let parallelism = job.int_at("/spec/parallelism");
    Wanted {
        // Neither given: one pod, once.
        completions: completions.or((parallelism.is_none()).then_some(1)),
        parallelism: parallelism.unwrap_or(1),
        backoff_limit: job.int_at("/spec/backoffLimit").unwrap_or(6),
        suspended: job.flag_at("/spec/suspend"),
    }
}

fn tally(all: &[Arc<Value>]) -> Tally {
    let mut t = Tally::default();
    for p in all {
        match p.str_at("/status/phase") {
            "Succeeded" => t.succeeded += 1,
            "Failed" => t.failed += 1,
            _ if p.is_deleting() => {}
            _ => t.active += 1,
        }
    }
    t
}

/// Restarts of containers count as failures where the pod restarts them itself.
fn restarts(all: &[Arc<Value>]) -> i64 {
    all.iter()
        .filter(|p| p.str_at("/spec/restartPolicy") == "OnFailure")
        .flat_map(|p| p.list_at("/status/containerStatuses"))
        .filter_map(|c| c.int_at("/restartCount"))
        .sum()
}

fn run(ctx: &Ctx, job: &Value) -> Result<Next, ControllerError> {
    let all: Vec<Arc<Value>> = ctx
        .index
        .children(job.uid(), &PODS)
        .into_iter()
        .filter(|p| p.controller_uid() == job.uid())
        .collect();
    let w = wanted(job);
    let mut t = tally(&all);
    let mut judged = t;
    judged.failed += restarts(&all);
    let mut next = Next::Done;
    let mut verdict = decide(w, judged);
    let (mut reason, mut message) =
        ("BackoffLimitExceeded", "Job has reached the specified backoff limit");
    if let (Some(limit), Some(start)) =
        (job.int_at("/spec/activeDeadlineSeconds"), job.time_at("/status/startTime"))
        && !w.suspended
    {
        let limit = Duration::from_secs(u64::try_from(limit).unwrap_or(0));
        match ctx.left(start, limit) {
            Some(left) => next = sooner(next, Next::After(left)),
            None if verdict != Verdict::Complete => {
                verdict = Verdict::Failed;
                (reason, message) =
                    ("DeadlineExceeded", "Job was active longer than specified deadline");
            }
            None => {}
        }
    }
    match verdict {
        Verdict::Complete | Verdict::Failed => {
            for p in all.iter().filter(|p| pods::is_active(p)) {
                pods::delete(ctx, NAME, job, p)?;
            }
            t.active = 0;
        }
        Verdict::Adjust(n) if n < 0 => {
            let active: Vec<_> = all.iter().filter(|p| pods::is_active(p)).collect();
            for p in active.into_iter().rev().take(usize::try_from(-n).unwrap_or(0)) {
                pods::delete(ctx, NAME, job, p)?;
                t.active -= 1;
            }
        }
        Verdict::Adjust(n) if n > 0 && pods::namespace_open(ctx, job.ns()) => {
            match pause_left(ctx, &all, t.failed) {
                Some(left) => next = sooner(next, Next::After(left)),
                None => t.active += create(ctx, job, &all, n)?,
            }
        }
        Verdict::Adjust(_) => {}
    }
    update_status(ctx, job, w, t, &all, &verdict, reason, message)?;
    Ok(next)
}

/// Returns the rest of the pause after the last failure.
fn pause_left(ctx: &Ctx, all: &[Arc<Value>], failed: i64) -> Option<Duration> {
    let last = all
        .iter()
        .filter(|p| p.str_at("/status/phase") == "Failed")
        .filter_map(|p| {
            p.list_at("/status/containerStatuses")
                .iter()
                .filter_map(|c| c.time_at("/state/terminated/finishedAt"))
                .max()
        })
        .max()?;
    ctx.left(last, backoff(failed))
}

fn create(ctx: &Ctx, job: &Value, all: &[Arc<Value>], n: i64) -> Result<i64, ControllerError> {
    let indexed = job.str_at("/spec/completionMode") == "Indexed";
    let mut free = (0..).filter(|i: &i64| {
        let i = i.to_string();
        !all.iter()
            .any(|p| p.str_at("/status/phase") != "Failed" && p.annotation(INDEX) == Some(&i))
    });
    let owner = owner_ref("batch/v1", "Job", job);
    for _ in 0..n {
        let base = match indexed.then(|| free.next()).flatten() {
            Some(i) => (format!("{}-{i}-", job.name()), Some(i.to_string())),
            None => (format!("{}-", job.name()), None),
        };
        let mut pod = template::pod(
            job.at("/spec/template"),
            job.ns(),
            &names::generate(&base.0),
            owner.clone(),
        );
        for (k, v) in labels(job) {
            set_label(&mut pod, k, v);
        }
        if let Some(i) = base.1 {
            set_annotation(&mut pod, INDEX, &i);
            set_label(&mut pod, INDEX, &i);
        }
        pods::create(ctx, NAME, job, pod)?;
    }
    Ok(n)
}

fn labels(job: &Value) -> [(&'static str, &str); 4] {
    [
        ("batch.kubernetes.io/controller-uid", job.uid()),
        ("batch.kubernetes.io/job-name", job.name()),
        ("controller-uid", job.uid()),
        ("job-name", job.name()),
    ]
}

#[allow(clippy::too_many_arguments)]
fn update_status(
    ctx: &Ctx,
    job: &Value,
    w: Wanted,
    t: Tally,
    all: &[Arc<Value>],
    verdict: &Verdict,
    reason: &str,
    message: &str,
) -> Result<(), ControllerError> {
    let now = ctx.now();
    let ready = all.iter().filter(|p| pods::is_active(p) && pods::is_ready(p)).count();
    let leaving = all.iter().filter(|p| p.is_deleting() && !pods::has_ended(p)).count();
    let over = matches!(verdict, Verdict::Complete | Verdict::Failed);
    ctx.modify(&JOBS, job, |j| {
        let uid = j.uid().to_owned();
        if j.at("/spec/selector").is_null() {
            j["spec"]["selector"] =
                json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}});
        }
        let status = child(j, "status");
        set_count(status, "active", t.active);
        set_count(status, "succeeded", t.succeeded);
        set_count(status, "failed", t.failed);
        status["ready"] = json!(if over { 0 } else { ready });
        status["terminating"] = json!(leaving);
        status["uncountedTerminatedPods"] = json!({});
        if w.suspended {
            if let Some(m) = status.as_object_mut() {
                m.remove("startTime");
            }
            condition::set(j, now, "Suspended", "True", "JobSuspended", "Job suspended");
        } else {
            if !status["startTime"].is_string() {
                status["startTime"] = json!(stamp(now));
            }
            if j.condition("Suspended").is_some() {
                condition::set(j, now, "Suspended", "False", "JobResumed", "Job resumed");
            }
        }
        match verdict {
            Verdict::Complete => {
                j["status"]["completionTime"] = json!(stamp(now));
                let text = "Reached expected number of succeeded pods";
                condition::set(j, now, "SuccessCriteriaMet", "True", "CompletionsReached", text);
                condition::set(j, now, "Complete", "True", "CompletionsReached", text);
            }
            Verdict::Failed => {
                condition::set(j, now, "FailureTarget", "True", reason, message);
                condition::set(j, now, "Failed", "True", reason, message);
            }
            Verdict::Adjust(_) => {}
        }
    })?;
    match verdict {
        Verdict::Complete => ctx.normal(NAME, job, "Completed", "Job completed"),
        Verdict::Failed => ctx.warning(NAME, job, reason, message),
        Verdict::Adjust(_) => {}
    }
    Ok(())
}
