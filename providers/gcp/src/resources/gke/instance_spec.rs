//! A machine's spec, and how one is read: from Compute's list, or from the group that makes it.

use infra_provider_api::{Address, Declared, Observed, Readiness};
use serde::{Deserialize, Serialize};

use super::own::Group;
use crate::client::last_segment;

/// Returns the machine that takes the place of `old`: in its group, and so in its zone. The group's machines
/// have a common name with four characters after it, and `key` gives those of the new one.
pub(crate) fn replacement(old: &Observed, key: &str) -> Option<Declared> {
    let (base, _) = old.address.name().rsplit_once('-')?;
    let end = key.get(..4).filter(|end| end.bytes().all(|byte| byte.is_ascii_alphanumeric()))?;
    let address = Address::new(super::machines::KIND, format!("{base}-{end}"));
    Declared::new(address, &old.spec.value()).ok()
}

/// A machine of a pool. Its address is its name, which is that of its Node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceSpec {
    /// The pool.
    pub pool: String,
    /// The zone.
    pub zone: String,
    /// The group of machines that makes it.
    pub group: String,
}

/// A machine, as Compute lists it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Machine {
    pub(crate) name: String,
    /// A link.
    pub(crate) zone: String,
    pub(crate) status: String,
    pub(crate) creation_timestamp: Option<String>,
}

impl Machine {
    /// Reports whether it is one of a group's: its name is the group's base and four characters.
    pub(crate) fn is_of(&self, group: &Group) -> bool {
        let rest = self.name.strip_prefix(&group.base_instance_name);
        let suffix = rest.and_then(|rest| rest.strip_prefix('-'));
        last_segment(&self.zone) == group.zone()
            && suffix.is_some_and(|suffix| !suffix.is_empty() && !suffix.contains('-'))
    }
}

/// A machine, as its group tells of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ManagedMachine {
    /// A link.
    instance: String,
    /// What the machine is at; nothing as long as it is not there.
    instance_status: String,
    /// What the group does about it.
    current_action: String,
    last_attempt: LastAttempt,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct LastAttempt {
    errors: AttemptErrors,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct AttemptErrors {
    errors: Vec<AttemptError>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct AttemptError {
    code: String,
    message: String,
}

impl ManagedMachine {
    pub(crate) fn name(&self) -> &str {
        last_segment(&self.instance)
    }

    /// Reports whether the group deletes it or lets go of it.
    pub(crate) fn is_going(&self) -> bool {
        matches!(self.current_action.as_str(), "DELETING" | "ABANDONING")
    }

    /// Returns whether it can be used. What kept the group from making it is a reason to wait: it tries again.
    pub(crate) fn readiness(&self) -> Readiness {
        if self.is_going() {
            return Readiness::Pending { reason: "GKE deletes it".to_owned() };
        }
        let errors = &self.last_attempt.errors.errors;
        let said: Vec<String> =
            errors.iter().map(|one| format!("{}: {}", one.code, one.message)).collect();
        match self.current_action.as_str() {
            "" | "NONE" | "VERIFYING" | "REFRESHING" => readiness_of_machine(&self.instance_status),
            action if said.is_empty() => {
                let reason = format!("its group is {}", action.to_lowercase());
                Readiness::Pending { reason }
            }
            action => {
                let reason = format!("its group is {}: {}", action.to_lowercase(), said.join("; "));
                Readiness::Pending { reason }
            }
        }
    }
}

/// Returns whether a machine of that status can be used. GKE repairs those that are off.
pub(crate) fn readiness_of_machine(status: &str) -> Readiness {
    match status {
        "RUNNING" => Readiness::Ready,
        "" => Readiness::Pending { reason: "it is not there yet".to_owned() },
        status => Readiness::Pending { reason: format!("status {status}") },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn reason(machine: Value) -> String {
        let machine: ManagedMachine = serde_json::from_value(machine).unwrap();
        match machine.readiness() {
            Readiness::Pending { reason } => reason,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_machine_tells_why_it_is_not_ready() {
        assert_eq!(reason(json!({"instanceStatus": "RUNNING", "currentAction": "NONE"})), "Ready");
        assert_eq!(reason(json!({"instanceStatus": "STAGING"})), "status STAGING");
        assert_eq!(reason(json!({"currentAction": "CREATING"})), "its group is creating");
        let stockout = json!({
            "currentAction": "CREATING_WITHOUT_RETRIES",
            "lastAttempt": {"errors": {"errors": [
                {"code": "ZONE_RESOURCE_POOL_EXHAUSTED", "message": "no n2 here"},
            ]}},
        });
        assert_eq!(
            reason(stockout),
            "its group is creating_without_retries: ZONE_RESOURCE_POOL_EXHAUSTED: no n2 here"
        );
        let going = json!({"instanceStatus": "RUNNING", "currentAction": "DELETING"});
        assert_eq!(reason(going), "GKE deletes it");
    }

    #[test]
    fn a_machine_is_of_the_group_whose_base_it_has() {
        let group = |base: &str, zone: &str| Group {
            base_instance_name: base.to_owned(),
            zone: format!("projects/p/zones/{zone}"),
            ..Group::default()
        };
        let machine = Machine {
            name: "gke-shop-worker-0a1b2c3d-x9z1".to_owned(),
            zone: "https://compute/projects/p/zones/r-a".to_owned(),
            ..Machine::default()
        };
        assert!(machine.is_of(&group("gke-shop-worker-0a1b2c3d", "r-a")));
        assert!(!machine.is_of(&group("gke-shop-worker-0a1b2c3d", "r-b")));
        assert!(!machine.is_of(&group("gke-shop-worker", "r-a")));
        assert!(!machine.is_of(&group("gke-shop-worker-0a1b2c3d-x9z1", "r-a")));
    }
}
