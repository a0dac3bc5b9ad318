//! Taint-based eviction: pods leave nodes whose NoExecute taints they do not tolerate (any longer).

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::controllers::context::{Controller, Ctx, Next};
use crate::controllers::error::ControllerError;
use crate::controllers::index::{Change, Key};
use crate::controllers::kinds::{NODES, PODS};
use crate::controllers::object::ObjectExt;
use crate::controllers::{pods, taints};

const NAME: &str = "taint-eviction-controller";

/// The taint eviction controller. Its keys are pods.
pub struct TaintEviction;

#[async_trait]
impl Controller for TaintEviction {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wake(&self, ctx: &Ctx, change: &Change, out: &mut Vec<Key>) {
        if change.is(&NODES) && !change.deleted && change.differs("/spec/taints") {
            if no_execute(&change.object).next().is_some() {
                let all = ctx.index.pods_on(&change.key.name);
                out.extend(all.iter().map(|p| Key::of(&PODS, p)));
            }
        } else if change.is(&PODS) && !change.deleted && change.differs("/spec/nodeName") {
            out.push(change.key.clone());
        }
    }

    async fn reconcile(&self, ctx: &Ctx, key: &Key) -> Result<Next, ControllerError> {
        let Some(pod) = ctx.get(key) else {
            return Ok(Next::Done);
        };
        let Some(node) = ctx.find(&NODES, "", pod.str_at("/spec/nodeName")) else {
            return Ok(Next::Done);
        };
        // What a kubelet runs from its own files is not the API's to evict.
        let mirror = pod.annotation("kubernetes.io/config.mirror").is_some();
        if pod.is_deleting() || pods::has_ended(&pod) || mirror {
            return Ok(Next::Done);
        }
        let mut soonest: Option<Duration> = None;
        for taint in no_execute(&node) {
            let allowed = match tolerated_for(&pod, taint) {
                Tolerated::Forever => continue,
                Tolerated::For(span) => span,
            };
            let since = taint.time_at("/timeAdded").unwrap_or_else(|| ctx.now());
            let left = ctx.left(since, allowed).unwrap_or(Duration::ZERO);
            soonest = Some(soonest.map_or(left, |s| s.min(left)));
        }
        match soonest {
            None => Ok(Next::Done),
            Some(left) if !left.is_zero() => Ok(Next::After(left)),
            Some(_) => {
                ctx.normal(
                    NAME,
                    &pod,
                    "TaintManagerEviction",
                    &format!("Marking for deletion Pod {}/{}", pod.ns(), pod.name()),
                );
                ctx.delete_pod(&pod)?;
                Ok(Next::Done)
            }
        }
    }
}

fn no_execute(node: &Value) -> impl Iterator<Item = &Value> {
    node.list_at("/spec/taints").iter().filter(|t| t["effect"] == "NoExecute")
}

#[derive(Debug, PartialEq, Eq)]
enum Tolerated {
    Forever,
    For(Duration),
}

/// Returns how long a pod tolerates a taint: the shortest of what its fitting tolerations allow.
fn tolerated_for(pod: &Value, taint: &Value) -> Tolerated {
    let fitting: Vec<&Value> =
        pod.list_at("/spec/tolerations").iter().filter(|t| taints::tolerates(t, taint)).collect();
    if fitting.is_empty() {
        return Tolerated::For(Duration::ZERO);
    }
    let shortest = fitting.iter().filter_map(|t| t.int_at("/tolerationSeconds")).min();
    match shortest {
        None => Tolerated::Forever,
        Some(s) => Tolerated::For(Duration::from_secs(u64::try_from(s).unwrap_or(0))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_shortest_toleration_counts() {
        let taint = json!({"key": "k", "effect": "NoExecute"});
        let pod = |t: Value| json!({"spec": {"tolerations": t}});
        assert_eq!(tolerated_for(&pod(json!([])), &taint), Tolerated::For(Duration::ZERO));
        let all = json!([{"operator": "Exists"}]);
        assert_eq!(tolerated_for(&pod(all), &taint), Tolerated::Forever);
        let some = json!([{"operator": "Exists"}, {"key": "k", "operator": "Exists", "tolerationSeconds": 300}]);
        assert_eq!(tolerated_for(&pod(some), &taint), Tolerated::For(Duration::from_secs(300)));
    }
}
