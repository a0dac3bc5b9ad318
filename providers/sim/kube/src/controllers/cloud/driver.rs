//! Finding the cloud's controllers among the workloads of kube-system.

use base64::Engine;
use serde_json::Value;

use crate::controllers::context::Ctx;
use crate::controllers::index::Change;
use crate::controllers::kinds::{DAEMON_SETS, DEPLOYMENTS, SECRETS, STATEFUL_SETS};
use crate::controllers::object::ObjectExt;

/// What the image of the cloud-controller-manager is called.
pub const CCM: &str = "digitalocean-cloud-controller-manager";
/// What the image of the CSI driver is called.
pub const CSI: &str = "do-csi-plugin";

const NS: &str = "kube-system";
const TOKENS: [&str; 2] = ["DO_ACCESS_TOKEN", "DIGITALOCEAN_ACCESS_TOKEN"];

/// A workload that acts for the cloud, as far as it is set up.
#[derive(Clone, PartialEq, Eq)]
pub struct Driver {
    /// The API token it was given.
    pub token: String,
    /// `DO_CLUSTER_ID`; without it load balancers get no tag.
    pub cluster_id: Option<String>,
    /// `DO_CLUSTER_VPC_ID`.
    pub vpc_id: Option<String>,
    /// Tag of the volumes it makes (`--do-tag`).
    pub tag: Option<String>,
    /// `REGION` or `--region`, mostly unset.
    pub region: Option<String>,
}

/// Finds the workload with that image, if one of its pods is ready and it has a token.
///
/// The controllers of a cluster whose control plane the cloud runs are always there.
pub fn find(ctx: &Ctx, image: &str) -> Option<Driver> {
    if let Some(managed) = &ctx.options().managed {
        let token = managed.token.clone();
        return Some(Driver { token, cluster_id: None, vpc_id: None, tag: None, region: None });
    }
    [
        (&*DEPLOYMENTS, "/status/readyReplicas"),
        (&*STATEFUL_SETS, "/status/readyReplicas"),
        (&*DAEMON_SETS, "/status/numberReady"),
    ]
    .into_iter()
    .flat_map(|(r, ready)| ctx.list(r, NS).into_iter().map(move |o| (o, ready)))
    .filter(|(o, ready)| o.int_at(ready).unwrap_or(0) > 0 && !o.is_deleting())
    .find_map(|(o, _)| {
        let c = container(&o, image)?;
        let token = TOKENS.iter().find_map(|name| env(ctx, c, name))?;
        Some(Driver {
            token,
            cluster_id: env(ctx, c, "DO_CLUSTER_ID").filter(|id| !id.is_empty()),
            vpc_id: env(ctx, c, "DO_CLUSTER_VPC_ID"),
            tag: arg(c, "--do-tag"),
            region: arg(c, "--region").or_else(|| env(ctx, c, "REGION")),
        })
    })
}

fn container<'a>(workload: &'a Value, image: &str) -> Option<&'a Value> {
    workload
        .list_at("/spec/template/spec/containers")
        .iter()
        .find(|c| c.str_at("/image").contains(image))
}

fn env(ctx: &Ctx, c: &Value, name: &str) -> Option<String> {
    let e = c.list_at("/env").iter().find(|e| e["name"] == name)?;
    if let Some(v) = e["value"].as_str() {
        return Some(v.to_owned()).filter(|v| !v.is_empty());
    }
    let reference = &e["valueFrom"]["secretKeyRef"];
    let secret = ctx.find(&SECRETS, NS, reference.str_at("/name"))?;
    let key = reference.str_at("/key");
    if let Some(v) = secret["stringData"][key].as_str() {
        return Some(v.to_owned());
    }
    let coded = secret["data"][key].as_str()?;
    let raw = base64::engine::general_purpose::STANDARD.decode(coded).ok()?;
    let text = String::from_utf8(raw).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

fn arg(c: &Value, name: &str) -> Option<String> {
    let mut all = c.list_at("/command").iter().chain(c.list_at("/args"));
    while let Some(a) = all.next() {
        let a = a.as_str().unwrap_or("");
        if a == name {
            return all.next().and_then(Value::as_str).map(str::to_owned);
        }
        if let Some(v) = a.strip_prefix(name).and_then(|r| r.strip_prefix('=')) {
            return Some(v.to_owned()).filter(|v| !v.is_empty());
        }
    }
    None
}

/// Returns true if a change may start, stop or change the workload of that image.
pub fn is_driver_change(change: &Change, image: &str) -> bool {
    if change.key.ns != NS {
        return false;
    }
    if change.is(&SECRETS) {
        return change.differs("/data") || change.differs("/stringData");
    }
    let workload = [&*DEPLOYMENTS, &*STATEFUL_SETS, &*DAEMON_SETS].iter().any(|r| change.is(r));
    let fields = ["/spec/template", "/status/readyReplicas", "/status/numberReady"];
    workload
        && container(&change.object, image).is_some()
        && fields.iter().any(|f| change.differs(f))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn arguments_in_both_spellings() {
        let c = json!({"args": ["--endpoint=x", "--do-tag=infra:1", "--region", "fra1"]});
        assert_eq!(arg(&c, "--do-tag").as_deref(), Some("infra:1"));
        assert_eq!(arg(&c, "--region").as_deref(), Some("fra1"));
        assert_eq!(arg(&c, "--url"), None);
    }
}
