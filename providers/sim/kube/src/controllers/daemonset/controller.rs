//! The DaemonSet controller.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::controllers::context::{Controller, Ctx, Next, sooner};
use crate::controllers::error::ControllerError;
use crate::controllers::index::{Change, Key};
use crate::controllers::kinds::{DAEMON_SETS, NODES, PODS};
use crate::controllers::object::{ObjectExt, child, owner_ref};
use crate::controllers::percent::int_or_percent;
use crate::controllers::revisions::{self, REVISION_LABEL};
use crate::controllers::{pods, template};

use super::plan::{self, Member};
use super::pod;

const NAME: &str = "daemonset-controller";

/// The DaemonSet controller.
pub struct DaemonSets;

#[async_trait]
impl Controller for DaemonSets {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wake(&self, ctx: &Ctx, change: &Change, out: &mut Vec<Key>) {
        if change.is(&DAEMON_SETS) {
            out.push(change.key.clone());
        } else if change.is(&PODS) {
            pods::wake_owner(ctx, change, &DAEMON_SETS, out);
        } else if change.is(&NODES) {
            let moves = change.old.is_none()
                || change.differs("/metadata/labels")
                || change.differs("/spec/taints");
            if moves {
                let all = ctx.list(&DAEMON_SETS, "");
                out.extend(all.iter().map(|d| Key::of(&DAEMON_SETS, d)));
            }
        }
    }

    async fn reconcile(&self, ctx: &Ctx, key: &Key) -> Result<Next, ControllerError> {
        let Some(set) = ctx.get(key) else {
            return Ok(Next::Done);
        };
        let owner = owner_ref("apps/v1", "DaemonSet", &set);
        let all = pods::claim(ctx, &set, &owner)?;
        let revision = revisions::current(ctx, &set, "DaemonSet")?;
        let hash = revision.label(REVISION_LABEL).unwrap_or("").to_owned();
        let view = View::of(ctx, &set, &all, &hash);
        if !set.is_deleting() && pods::namespace_open(ctx, &key.ns) {
            view.act(ctx, &set, &hash)?;
        }
        view.update_status(ctx, &set)?;
        let mut used: Vec<String> =
            all.iter().filter_map(|p| p.label(REVISION_LABEL).map(str::to_owned)).collect();
        used.push(hash);
        used.dedup();
        revisions::trim(ctx, &set, &used)?;
        Ok(view.next)
    }

    // A node that boots changes often; a set looks at all nodes each time.
    fn gather(&self, ctx: &Ctx) -> Duration {
        let objects = u64::try_from(ctx.index.len()).unwrap_or(0);
        Duration::from_millis((10 + objects / 25).min(500))
    }
}

#[derive(Default)]
struct OnNode {
    members: Vec<Member>,
    leaving: bool,
    ready: bool,
}

/// All nodes and pods of a set at one moment.
struct View {
    nodes: Vec<(Arc<Value>, bool, bool)>,
    by_node: HashMap<String, OnNode>,
    objects: HashMap<String, Arc<Value>>,
    next: Next,
}

impl View {
    fn of(ctx: &Ctx, set: &Value, all: &[Arc<Value>], hash: &str) -> Self {
        let spec = pod::deciding_spec(set);
        let nodes = ctx
            .list(&NODES, "")
            .into_iter()
            .map(|n| {
                let (start, stay) = plan::should_run(&spec, &n);
                (n, start, stay)
            })
            .collect();
        let min_ready = pods::min_ready(set);
        let mut by_node: HashMap<String, OnNode> = HashMap::new();
        let mut next = Next::Done;
        let mut sorted: Vec<&Arc<Value>> = all.iter().collect();
        let at = "/metadata/creationTimestamp";
        sorted.sort_by(|a, b| {
            let age = a.str_at(at).cmp(b.str_at(at));
            age.then_with(|| a.name().cmp(b.name()))
        });
        for p in sorted {
            let on = by_node.entry(node_of(p).to_owned()).or_default();
            if p.is_deleting() {
                on.leaving = true;
                continue;
            }
            let (available, left) = pods::availability(ctx, p, min_ready);
            if let Some(left) = left {
                next = sooner(next, Next::After(left));
            }
            on.ready |= pods::is_ready(p);
            on.members.push(Member {
                name: p.name().to_owned(),
                updated: p.label(REVISION_LABEL) == Some(hash),
                available,
            });
        }
        let objects = all.iter().map(|p| (p.name().to_owned(), p.clone())).collect();
        Self { nodes, by_node, objects, next }
    }

    fn act(&self, ctx: &Ctx, set: &Value, hash: &str) -> Result<(), ControllerError> {
        let none = OnNode::default();
        let mut delete = Vec::new();
        let (mut running, mut unavailable, mut wanted) = (Vec::new(), 0, 0);
        for (node, start, stay) in &self.nodes {
            let on = self.by_node.get(node.name()).unwrap_or(&none);
            let work = plan::on_node(*start, *stay, &on.members, on.leaving);
            delete.extend(work.delete);
            // A pod that has ended on its node is replaced.
            for m in &on.members {
                if self.objects.get(&m.name).is_some_and(|p| pods::has_ended(p)) {
                    delete.push(m.name.clone());
                }
            }
            if work.create {
                pods::create(ctx, NAME, set, pod::build(set, hash, node.name()))?;
            }
            if *start {
                wanted += 1;
                if !on.members.iter().any(|m| m.available) {
                    unavailable += 1;
                }
                running.extend(on.members.first());
            }
        }
        let strategy = set.at("/spec/updateStrategy");
        if strategy["type"] != "OnDelete" {
            let most = &strategy["rollingUpdate"]["maxUnavailable"];
            let most = int_or_percent(most, wanted, true).unwrap_or(1).max(1);
            let most = usize::try_from(most).unwrap_or(1);
            delete.extend(plan::to_update(&running, unavailable, most));
        }
        delete.sort();
        delete.dedup();
        for name in delete {
            if let Some(p) = self.objects.get(&name) {
                pods::delete(ctx, NAME, set, p)?;
            }
        }
        Ok(())
    }

    fn update_status(&self, ctx: &Ctx, set: &Value) -> Result<(), ControllerError> {
        let none = OnNode::default();
        let (mut desired, mut current, mut mis, mut ready, mut available, mut updated) =
            (0, 0, 0, 0, 0, 0);
        for (node, start, _) in &self.nodes {
            let on = self.by_node.get(node.name()).unwrap_or(&none);
            let has = !on.members.is_empty();
            if *start {
                desired += 1;
                if has {
                    current += 1;
                    ready += i64::from(on.ready);
                    available += i64::from(on.members.iter().any(|m| m.available));
                    updated += i64::from(on.members.iter().any(|m| m.updated));
                }
            } else if has {
                mis += 1;
            }
        }
        let generation = set["metadata"]["generation"].clone();
        ctx.modify(&DAEMON_SETS, set, |s| {
            let status = child(s, "status");
            status["currentNumberScheduled"] = json!(current);
            status["desiredNumberScheduled"] = json!(desired);
            status["numberMisscheduled"] = json!(mis);
            status["numberReady"] = json!(ready);
            status["observedGeneration"] = generation.clone();
            for (key, n) in [
                ("updatedNumberScheduled", updated),
                ("numberAvailable", available),
                ("numberUnavailable", desired - available),
            ] {
                crate::controllers::replicaset::set_count(status, key, n);
            }
        })?;
        Ok(())
    }
}

/// Returns the node of a daemon's pod: where it is bound, or where it is to be bound.
fn node_of(pod: &Value) -> &str {
    match pod.str_at("/spec/nodeName") {
        "" => template::pinned_node(&pod["spec"]).unwrap_or(""),
        node => node,
    }
}
