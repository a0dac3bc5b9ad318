//! The life of a pod on its node.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;

use crate::controllers::context::{Controller, Ctx, Next};
use crate::controllers::error::ControllerError;
use crate::controllers::index::{Change, Key};
use crate::controllers::kinds::{CONFIG_MAPS, NODES, PODS, SECRETS, VOLUME_ATTACHMENTS};
use crate::controllers::node::kubelet_runs;
use crate::controllers::object::{ObjectExt, opt};
use crate::controllers::{names, pods};

use super::address::{Addresses, host_ip};
use super::obstacle::{self, Obstacle};
use super::status::{self, Mode, Post};

const NAME: &str = "kubelet";
/// Annotation of a pod whose containers crash.
const CRASH: &str = "sim.infra/crash";
/// The longest a simulated pod takes to stop.
const LONGEST_STOP: Duration = Duration::from_secs(1);

/// The kubelets of all nodes.
#[derive(Default)]
pub struct Kubelet {
    lives: Mutex<HashMap<String, Life>>,
    /// Pods that wait for something that is not there.
    waiting: Mutex<BTreeSet<Key>>,
    addresses: Addresses,
}

/// What a kubelet remembers of a pod.
#[derive(Clone, Copy)]
struct Life {
    /// When this stage began.
    since: Timestamp,
    /// When it was asked to stop.
    stopping: Option<Timestamp>,
    /// Whether the pull of an image has failed before.
    pull_failed: bool,
}

#[async_trait]
impl Controller for Kubelet {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wake(&self, ctx: &Ctx, change: &Change, out: &mut Vec<Key>) {
        if change.is(&PODS) {
            if change.deleted {
                lock(&self.lives).remove(change.object.uid());
                lock(&self.waiting).remove(&change.key);
            } else if !change.object.str_at("/spec/nodeName").is_empty() {
                let fields = [
                    "/spec",
                    "/metadata/annotations",
                    "/metadata/deletionTimestamp",
                    "/metadata/deletionGracePeriodSeconds",
                    "/status",
                ];
                if fields.iter().any(|f| change.differs(f)) {
                    out.push(change.key.clone());
                }
            }
        } else if change.is(&NODES) && !change.deleted {
            let ready = |o: &Value| o.condition_true("Ready");
            let flipped = change.old.as_ref().is_none_or(|o| ready(o) != ready(&change.object));
            if flipped || change.differs("/metadata/annotations") || change.differs("/spec/podCIDR")
            {
                let all = ctx.index.pods_on(&change.key.name);
                out.extend(all.iter().map(|p| Key::of(&PODS, p)));
            }
        } else if change.is(&CONFIG_MAPS) || change.is(&SECRETS) {
            let ns = &change.key.ns;
            out.extend(lock(&self.waiting).iter().filter(|k| k.ns == *ns).cloned());
        } else if change.is(&VOLUME_ATTACHMENTS) {
            out.extend(lock(&self.waiting).iter().cloned());
        }
    }

    async fn reconcile(&self, ctx: &Ctx, key: &Key) -> Result<Next, ControllerError> {
        let Some(pod) = ctx.get(key) else {
            return Ok(Next::Done);
        };
        let Some(node) = ctx.find(&NODES, "", pod.str_at("/spec/nodeName")) else {
            return Ok(Next::Done);
        };
        if !kubelet_runs(&node) {
            return Ok(Next::Done);
        }
        let now = ctx.now();
        let life = *lock(&self.lives).entry(pod.uid().to_owned()).or_insert(Life {
            since: now,
            stopping: None,
            pull_failed: false,
        });
        if pod.is_deleting() {
            return self.stop(ctx, &pod, life);
        }
        if pods::has_ended(&pod) {
            return Ok(Next::Done);
        }
        if pod.str_at("/status/phase") == "Running" {
            return self.run(ctx, &pod, &node);
        }
        self.begin(ctx, key, &pod, &node, life)
    }

    fn workers(&self) -> usize {
        2
    }
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Kubelet {
    fn restage(&self, pod: &Value, f: impl FnOnce(&mut Life)) {
        if let Some(life) = lock(&self.lives).get_mut(pod.uid()) {
            f(life);
        }
    }

    fn post(
        &self,
        ctx: &Ctx,
        pod: &Value,
        node: &Value,
        mode: Mode,
        restarts: i64,
    ) -> Result<(), ControllerError> {
        let ip = match mode {
            Mode::Creating => None,
            _ => self.addresses.of(ctx, pod, node),
        };
        let host = host_ip(node);
        let post =
            Post { mode, ip: ip.as_deref(), host_ip: host.as_deref(), restarts, now: ctx.now() };
        ctx.modify(&PODS, pod, |p| status::write(p, &post))?;
        Ok(())
    }

    /// Takes a pod from bound to running.
    fn begin(
        &self,
        ctx: &Ctx,
        key: &Key,
        pod: &Value,
        node: &Value,
        life: Life,
    ) -> Result<Next, ControllerError> {
        // Before looking: what comes meanwhile must find it here.
        lock(&self.waiting).insert(key.clone());
        if let Some(obstacle) = obstacle::find(ctx, pod, node) {
            self.restage(pod, |l| l.since = ctx.now());
            return self.blocked(ctx, pod, node, obstacle, life);
        }
        lock(&self.waiting).remove(key);
        if !pod.flag_at("/spec/hostNetwork") && node.str_at("/spec/podCIDR").is_empty() {
            return Ok(Next::Done);
        }
        if let Some(left) = ctx.left(life.since, start_time(ctx, pod)) {
            self.post(ctx, pod, node, Mode::Creating, restarts(pod))?;
            return Ok(Next::After(left));
        }
        self.restage(pod, |l| l.since = ctx.now());
        self.post(ctx, pod, node, Mode::Running, restarts(pod))?;
        let all = pod.list_at("/spec/initContainers").iter().chain(pod.list_at("/spec/containers"));
        for c in all {
            let (name, image) = (c.str_at("/name"), c.str_at("/image"));
            ctx.normal(
                NAME,
                pod,
                "Pulled",
                &format!("Container image \"{image}\" already present on machine"),
            );
            ctx.normal(NAME, pod, "Created", &format!("Created container: {name}"));
            ctx.normal(NAME, pod, "Started", &format!("Started container {name}"));
        }
        Ok(Next::Done)
    }

    fn blocked(
        &self,
        ctx: &Ctx,
        pod: &Value,
        node: &Value,
        obstacle: Obstacle,
        life: Life,
    ) -> Result<Next, ControllerError> {
        match obstacle {
            Obstacle::Setup(reason, message) => {
                self.post(ctx, pod, node, Mode::Creating, 0)?;
                if !reason.is_empty() {
                    ctx.warning_once(NAME, pod, reason, &message);
                }
                Ok(Next::Done)
            }
            Obstacle::Config(container, message) => {
                self.post(
                    ctx,
                    pod,
                    node,
                    Mode::Waiting(container, "CreateContainerConfigError", message.clone()),
                    0,
                )?;
                ctx.warning_once(NAME, pod, "Failed", &format!("Error: {message}"));
                Ok(Next::Done)
            }
            Obstacle::Image(container, message) => {
                let image = pod
                    .list_at("/spec/initContainers")
                    .iter()
                    .chain(pod.list_at("/spec/containers"))
                    .find(|c| c.str_at("/name") == container)
                    .map_or("", |c| c.str_at("/image"));
                if life.pull_failed {
                    let text = format!("Back-off pulling image \"{image}\"");
                    let full = format!("{text}: ErrImagePull: {message}");
                    self.post(
                        ctx,
                        pod,
                        node,
                        Mode::Waiting(container, "ImagePullBackOff", full),
                        0,
                    )?;
                    ctx.warning_once(NAME, pod, "BackOff", &text);
                    return Ok(Next::Done);
                }
                ctx.normal(NAME, pod, "Pulling", &format!("Pulling image \"{image}\""));
                ctx.warning(
                    NAME,
                    pod,
                    "Failed",
                    &format!("Failed to pull image \"{image}\": {message}"),
                );
                self.restage(pod, |l| l.pull_failed = true);
                self.post(ctx, pod, node, Mode::Waiting(container, "ErrImagePull", message), 0)?;
                Ok(Next::After(Duration::from_millis(500)))
            }
        }
    }

    /// Lets a pod run: Jobs' pods end, some crash, all others stay as they are.
    fn run(&self, ctx: &Ctx, pod: &Value, node: &Value) -> Result<Next, ControllerError> {
        let since = self.since(ctx, pod);
        let crashes = pod.annotation(CRASH) == Some("true");
        let job = pod.controller_ref().is_some_and(|o| o["kind"] == "Job");
        if !crashes && !job {
            self.post(ctx, pod, node, Mode::Running, restarts(pod))?;
            return Ok(Next::Done);
        }
        let looping = pod.at("/status/containerStatuses/0/state/waiting").is_object();
        let stage = if looping { backoff(restarts(pod)) } else { start_time(ctx, pod) };
        if let Some(left) = ctx.left(since, stage) {
            return Ok(Next::After(left));
        }
        self.restage(pod, |l| l.since = ctx.now());
        match (crashes, looping, pod.str_at("/spec/restartPolicy")) {
            (false, _, _) => {
                self.post(ctx, pod, node, Mode::Ended(true), restarts(pod))?;
                Ok(Next::Done)
            }
            (true, false, "Never") => {
                self.post(ctx, pod, node, Mode::Ended(false), restarts(pod))?;
                Ok(Next::Done)
            }
            (true, false, _) => {
                self.post(ctx, pod, node, Mode::CrashLoop, restarts(pod))?;
                let names: Vec<&str> =
                    pod.list_at("/spec/containers").iter().map(|c| c.str_at("/name")).collect();
                for name in names {
                    ctx.warning(
                        NAME,
                        pod,
                        "BackOff",
                        &format!(
                            "Back-off restarting failed container {name} in pod {}_{}({})",
                            pod.name(),
                            pod.ns(),
                            pod.uid()
                        ),
                    );
                }
                Ok(Next::After(backoff(restarts(pod))))
            }
            (true, true, _) => {
                self.post(ctx, pod, node, Mode::Running, restarts(pod) + 1)?;
                Ok(Next::After(start_time(ctx, pod)))
            }
        }
    }

    fn since(&self, ctx: &Ctx, pod: &Value) -> Timestamp {
        lock(&self.lives).get(pod.uid()).map_or_else(|| ctx.now(), |l| l.since)
    }

    /// Stops a pod that is being deleted; it goes when its (short) time is over.
    fn stop(&self, ctx: &Ctx, pod: &Value, life: Life) -> Result<Next, ControllerError> {
        let asked = pod.int_at("/metadata/deletionGracePeriodSeconds").unwrap_or(30);
        let grace = Duration::from_secs(u64::try_from(asked).unwrap_or(0)).min(LONGEST_STOP);
        let since = match life.stopping {
            Some(since) => since,
            None => {
                let now = ctx.now();
                self.restage(pod, |l| l.stopping = Some(now));
                if pod.str_at("/status/phase") == "Running" {
                    for c in pod.list_at("/spec/containers") {
                        let message = format!("Stopping container {}", c.str_at("/name"));
                        ctx.normal(NAME, pod, "Killing", &message);
                    }
                }
                now
            }
        };
        // Stopping takes a part of what is granted, never longer than a second.
        let takes = grace.mul_f64(0.2 + 0.6 * names::fraction(ctx.options().seed, pod.name()));
        if let Some(left) = ctx.left(since, takes) {
            return Ok(Next::After(left));
        }
        if pod.list_at("/metadata/finalizers").is_empty() {
            let still = ctx.find(&PODS, pod.ns(), pod.name());
            if still.is_some_and(|p| p.uid() == pod.uid()) {
                ctx.store().delete(&PODS, opt(pod.ns()), pod.name())?;
            }
        } else if !pods::has_ended(pod) {
            let node = ctx.find(&NODES, "", pod.str_at("/spec/nodeName"));
            if let Some(node) = node {
                self.post(ctx, pod, &node, Mode::Ended(true), restarts(pod))?;
            }
        }
        Ok(Next::Done)
    }
}

fn restarts(pod: &Value) -> i64 {
    pod.int_at("/status/containerStatuses/0/restartCount").unwrap_or(0)
}

/// Returns how long a pod takes to start: 0.1 to 0.5 s, from the seed and its name.
fn start_time(ctx: &Ctx, pod: &Value) -> Duration {
    let f = names::fraction(ctx.options().seed, &format!("{}/{}", pod.ns(), pod.name()));
    Duration::from_secs_f64(0.1 + 0.4 * f)
}

/// Returns the pause before the next restart: 10 s, doubled each time, at most 5 minutes.
fn backoff(restarts: i64) -> Duration {
    let doublings = u32::try_from(restarts).unwrap_or(0).min(5);
    Duration::from_secs((10u64 << doublings).min(300))
}
