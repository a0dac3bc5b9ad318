//! The cloud node controllers: nodes learn what the cloud knows of their machines, and go when
//! their machines are gone.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::Instance;
use crate::controllers::condition::stamp;
use crate::controllers::context::{Controller, Ctx, Next};
use crate::controllers::error::ControllerError;
use crate::controllers::index::{Change, Key};
use crate::controllers::kinds::NODES;
use crate::controllers::node::UNINITIALIZED;
use crate::controllers::object::{ObjectExt, set_label};
use crate::controllers::taints;

use super::driver::{self, CCM};

const NAME: &str = "cloud-node-controller";
/// The taint of nodes whose machines are switched off.
const SHUTDOWN: &str = "node.cloudprovider.kubernetes.io/shutdown";
/// How often the machine of a node that is not ready is asked for (`--node-monitor-period`).
const PERIOD: Duration = Duration::from_secs(5);

/// The cloud node controller and the cloud node lifecycle controller.
pub struct CloudNodes;

#[async_trait]
impl Controller for CloudNodes {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wake(&self, ctx: &Ctx, change: &Change, out: &mut Vec<Key>) {
        if change.is(&NODES) && !change.deleted {
            let fresh = change.differs("/spec/taints");
            let ready = |o: &Value| o.condition_true("Ready");
            let flipped = change.old.as_ref().is_none_or(|o| ready(o) != ready(&change.object));
            if fresh || flipped {
                out.push(change.key.clone());
            }
        } else if driver::is_driver_change(change, CCM) {
            out.extend(ctx.list(&NODES, "").iter().map(|n| Key::of(&NODES, n)));
        }
    }

    async fn reconcile(&self, ctx: &Ctx, key: &Key) -> Result<Next, ControllerError> {
        let Some(node) = ctx.get(key) else {
            return Ok(Next::Done);
        };
        let fresh = taints::has(&node, UNINITIALIZED, "NoSchedule");
        let silent = !fresh
            && !node.str_at("/spec/providerID").is_empty()
            && node.condition("Ready").is_some_and(|c| c["status"] == "Unknown");
        let was_off = taints::has(&node, SHUTDOWN, "NoSchedule");
        if !fresh && !silent && !was_off || driver::find(ctx, CCM).is_none() {
            return Ok(Next::Done);
        }
        // A Node that tells its machine is asked for by that: another machine may have its name now.
        let told = node.str_at("/spec/providerID").to_owned();
        let is_it = |one: &Instance| told.is_empty() || told == one.provider_id;
        match (ctx.cloud().instance(node.name()).await?.filter(is_it), fresh) {
            (Some(instance), true) => {
                initialize(ctx, &node, &instance)?;
                Ok(Next::Done)
            }
            // A machine that the cloud does not show yet.
            (None, true) => Ok(Next::After(PERIOD)),
            (None, false) => {
                let message = format!(
                    "Deleting node {} because it does not exist in the cloud provider",
                    node.name()
                );
                ctx.normal("cloud-node-lifecycle-controller", &node, "DeletingNode", &message);
                ctx.delete(&NODES, &node)?;
                Ok(Next::Done)
            }
            (Some(instance), false) => {
                let at = stamp(ctx.now());
                ctx.modify(&NODES, &node, |n| {
                    taints::put(n, SHUTDOWN, "NoSchedule", !instance.up, &at);
                })?;
                Ok(if silent { Next::After(PERIOD) } else { Next::Done })
            }
        }
    }

    fn workers(&self) -> usize {
        4
    }
}

fn initialize(ctx: &Ctx, node: &Value, instance: &Instance) -> Result<(), ControllerError> {
    ctx.modify(&NODES, node, |n| fill_in(n, instance))?;
    ctx.normal(NAME, node, "Synced", "Node synced successfully");
    Ok(())
}

fn fill_in(n: &mut Value, i: &Instance) {
    n["spec"]["providerID"] = json!(i.provider_id);
    let mut addresses = vec![json!({"type": "Hostname", "address": n.name()})];
    if let Some(ip) = i.private_ip {
        addresses.push(json!({"type": "InternalIP", "address": ip.to_string()}));
    }
    if let Some(ip) = i.public_ip {
        addresses.push(json!({"type": "ExternalIP", "address": ip.to_string()}));
    }
    n["status"]["addresses"] = json!(addresses);
    for (key, value) in [
        ("node.kubernetes.io/instance-type", &i.size),
        ("beta.kubernetes.io/instance-type", &i.size),
        ("topology.kubernetes.io/region", &i.region),
        ("failure-domain.beta.kubernetes.io/region", &i.region),
    ] {
        set_label(n, key, value);
    }
    taints::put(n, UNINITIALIZED, "NoSchedule", false, "");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cloud_fills_in_what_it_knows() {
        let mut n = json!({"metadata": {"name": "w"}, "spec": {"taints": [{"key": UNINITIALIZED, "effect": "NoSchedule"}]}});
        let i = Instance {
            droplet_id: 7,
            region: "fra1".into(),
            size: "s-2vcpu-4gb".into(),
            provider_id: "digitalocean://7".into(),
            public_ip: None,
            private_ip: "10.0.0.2".parse().ok(),
            up: true,
        };
        fill_in(&mut n, &i);
        assert_eq!(n["spec"], json!({"providerID": "digitalocean://7"}));
        assert_eq!(n.label("topology.kubernetes.io/region"), Some("fra1"));
        assert_eq!(n["status"]["addresses"][1]["address"], "10.0.0.2");
    }
}
