//! A machine's spec, and how one is read.

use aws_sdk_ec2::types::{HttpTokensState, Instance, InstanceStateName};
use infra_provider_api::{Address, Context, Found, Input, ManagedBy, Readiness};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    api::{ec2_marks, inputs, outputs},
    which::Which,
};
use crate::{
    ownership::{INTENT, Marks, NODE, POOL, REVISION, ROLE},
    policies::partition,
};

/// IMDSv2 only, and no further than the machine itself: pods can't read user-data or the machine's
/// credentials.
pub(crate) const METADATA: &str = "tokens required, 1 hop";

/// A machine. Its address is its name: `instance.worker-1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceSpec {
    /// Its type: `t3.medium`.
    #[serde(rename = "type")]
    pub machine_type: String,
    /// Its image.
    pub image: Input<String>,
    /// The name of the image's root device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_device: Option<Input<String>>,
    /// Gibibytes of its root disk, which is encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_gib: Option<u32>,
    /// Its subnet, which decides its zone.
    pub subnet: Input<String>,
    /// Its security groups.
    pub security_groups: Vec<Input<String>>,
    /// The instance profile it acts as.
    pub profile: Input<String>,
    /// The key pair that may log in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Input<String>>,
    /// Who may ask its metadata service, and from how far.
    pub metadata: String,
    /// What its node is for.
    pub role: String,
    /// Its pool.
    pub pool: String,
    /// Hash of what it boots with; empty where it boots with nothing of ours.
    pub revision: String,
    /// It is stopped. None is declared so; one that is found so is started.
    #[serde(default)]
    pub powered_off: bool,
    /// The user's own tags, sorted.
    pub tags: Vec<String>,
}

fn readiness(instance: &Instance) -> Readiness {
    let state = instance.state().and_then(|state| state.name());
    let reason = || {
        let said = instance.state_reason().and_then(|reason| reason.message());
        said.or(instance.state_transition_reason()).unwrap_or_default().to_owned()
    };
    match state {
        Some(InstanceStateName::Running) if instance.private_ip_address().is_some() => {
            Readiness::Ready
        }
        Some(InstanceStateName::Running) => {
            Readiness::Pending { reason: "no private address yet".to_owned() }
        }
        Some(InstanceStateName::Pending) | None => {
            Readiness::Pending { reason: "state pending".to_owned() }
        }
        Some(InstanceStateName::Stopped | InstanceStateName::Stopping) => {
            let reason = format!("it is stopped ({})", reason().trim()).replace(" ()", "");
            Readiness::Failed { reason, help: Some("`infra apply` starts it".to_owned()) }
        }
        Some(other) => Readiness::failed(format!("state {other} {}", reason())),
    }
}

fn is_stopped(instance: &Instance) -> bool {
    let state = instance.state().and_then(|state| state.name());
    matches!(state, Some(InstanceStateName::Stopped | InstanceStateName::Stopping))
}

/// Returns node and key of the machine with this launch index, from the tags of its call.
pub(super) fn node_of(marks: &Marks, launch_index: i32) -> Option<(String, Option<String>)> {
    if let Some(value) = marks.get(&format!("{NODE}{launch_index}")) {
        let (node, key) = value.split_once(' ')?;
        return Some((node.to_owned(), Some(key.to_owned())));
    }
    let name = marks.get(crate::ownership::NAME)?;
    Some((name.to_owned(), marks.get(INTENT).map(str::to_owned)))
}

fn metadata(instance: &Instance) -> String {
    let Some(options) = instance.metadata_options() else { return METADATA.to_owned() };
    let tokens = match options.http_tokens() {
        Some(HttpTokensState::Required) => "required",
        _ => "optional",
    };
    match options.http_put_response_hop_limit() {
        Some(1) => format!("tokens {tokens}, 1 hop"),
        Some(hops) => format!("tokens {tokens}, {hops} hops"),
        None => format!("tokens {tokens}"),
    }
}

/// Where machines are.
pub(super) struct Home<'a> {
    pub(super) region: &'a str,
    /// The account, as the answer that tells of the machines names it.
    pub(super) account: Option<&'a str>,
}

impl Home<'_> {
    /// Returns the ARN of a machine, which answers of EC2 leave out.
    fn arn(&self, id: &str) -> Option<String> {
        let account = self.account.filter(|account| !account.is_empty())?;
        let region = self.region;
        Some(format!("arn:{}:ec2:{region}:{account}:instance/{id}", partition(region)))
    }
}

/// Reads a machine in normal form. Returns `None` if it is not this cluster's.
pub(super) fn found(
    cx: &Context,
    which: &Which<'_>,
    instance: &Instance,
    home: &Home<'_>,
) -> Option<Found<InstanceSpec>> {
    let marks = ec2_marks(instance.tags());
    let id = instance.instance_id().unwrap_or_default();
    // Whoever takes the owner's tag away may take the others away, too.
    let known = if marks.is_of(&cx.owner) { None } else { Some(which.untagged(&marks, id)?) };
    let index = instance.ami_launch_index().unwrap_or(0);
    let (node, intent_key) = node_of(&marks, index)
        .or_else(|| known.map(|known| (known.address.name().to_owned(), None)))?;
    let mark = |key: &str, field: &str| {
        let mark = marks.get(key).map(str::to_owned);
        mark.or_else(|| known?.spec.text(field)).unwrap_or_default()
    };
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let profile = instance.iam_instance_profile().and_then(|profile| profile.arn());
    let profile = profile.and_then(|arn| arn.rsplit('/').next());
    let spec = InstanceSpec {
        machine_type: text(instance.instance_type().map(|of| of.as_str())),
        image: text(instance.image_id()).into(),
        root_device: None,
        disk_gib: None,
        subnet: text(instance.subnet_id()).into(),
        security_groups: inputs(instance.security_groups().iter().filter_map(|g| g.group_id())),
        profile: text(profile).into(),
        key: None,
        metadata: metadata(instance),
        role: mark(ROLE, "role"),
        pool: mark(POOL, "pool"),
        revision: mark(REVISION, "revision"),
        powered_off: is_stopped(instance),
        tags: marks.users(),
    };
    let role = spec.role.clone();
    let zone = instance.placement().and_then(|placement| placement.availability_zone());
    let mut outputs = outputs([("id", json!(id)), ("name", json!(node)), ("zone", json!(zone))]);
    for (name, value) in [
        ("public_ip", instance.public_ip_address()),
        ("private_ip", instance.private_ip_address()),
        // The cloud controller manager gives them to the Node, and its kubelet serves under them.
        ("public_dns", instance.public_dns_name()),
        ("private_dns", instance.private_dns_name()),
    ] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            outputs.insert(name.to_owned(), json!(value));
        }
    }
    if let Some(arn) = home.arn(id) {
        outputs.insert("arn".to_owned(), json!(arn));
    }
    if !role.is_empty() {
        outputs.insert("role".to_owned(), json!(role));
    }
    Some(Found {
        readiness: readiness(instance),
        intent_key,
        address: Address::new("instance", node),
        id: id.to_owned(),
        spec,
        outputs: outputs.into(),
        made_by: ManagedBy::Infra,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_machine_is_to_be_started_and_not_to_be_replaced() {
        let instance = |name: InstanceStateName| {
            let state = aws_sdk_ec2::types::InstanceState::builder().name(name).build();
            let reason = "User initiated (2026-11-29 08:00:00 GMT)";
            let built = Instance::builder().state(state).state_transition_reason(reason);
            built.private_ip_address("10.0.0.4").build()
        };
        let stopped = instance(InstanceStateName::Stopped);
        assert!(is_stopped(&stopped) && is_stopped(&instance(InstanceStateName::Stopping)));
        let Readiness::Failed { reason, help } = readiness(&stopped) else {
            panic!("it is not ready")
        };
        assert_eq!(reason, "it is stopped (User initiated (2026-11-29 08:00:00 GMT))");
        assert_eq!(help.as_deref(), Some("`infra apply` starts it"));
        assert!(!is_stopped(&instance(InstanceStateName::Running)));
        assert_eq!(readiness(&instance(InstanceStateName::Running)), Readiness::Ready);
    }

    #[test]
    fn a_machines_arn_is_that_of_its_account_and_region() {
        let home = Home { region: "cn-north-1", account: Some("123456789012") };
        let arn = "arn:aws-cn:ec2:cn-north-1:123456789012:instance/i-0a1";
        assert_eq!(home.arn("i-0a1").as_deref(), Some(arn));
        assert_eq!(Home { account: Some(""), ..home }.arn("i-0a1"), None);
    }

    #[test]
    fn a_machine_knows_its_node_by_its_place_in_the_call() {
        let tags = [("infra.dev/node-0", "worker-1 k1"), ("infra.dev/node-1", "worker-4 k2")];
        let marks = Marks::of(tags.iter().map(|(k, v)| (Some(*k), Some(*v))));
        assert_eq!(node_of(&marks, 1), Some(("worker-4".to_owned(), Some("k2".to_owned()))));
        assert_eq!(node_of(&marks, 2), None);
    }
}
