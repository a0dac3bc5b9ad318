//! Policy of the project: reading, changing one member, writing. Everybody's roles are in it, so a change
//! takes all else as it is, and one that somebody overtook is made again on what is there then.

use infra_provider_api::{CloudError, Context, ErrorKind};
use reqwest::Method;
use serde_json::{Value, json};

use super::api::Api;
use crate::wire::{Binding, Policy};

/// Only this version shows and keeps bindings with a condition.
const VERSION: u32 = 3;
/// How often a change is made again that others overtook.
const ROUNDS_MAX: u32 = 8;

impl Policy {
    /// Reports whether `member` has `role` without a condition.
    pub(super) fn has(&self, role: &str, member: &str) -> bool {
        self.bindings.iter().any(|one| one.is(role) && one.members.iter().any(|has| has == member))
    }

    /// Returns what is left of an earlier account of the same e-mail, which was deleted while it had the role.
    pub(super) fn deleted(&self, role: &str, member: &str) -> Option<&str> {
        let dead = format!("deleted:{member}?uid=");
        let bindings = self.bindings.iter().filter(|one| one.is(role));
        let mut members = bindings.flat_map(|one| &one.members).map(String::as_str);
        members.find(|has| has.starts_with(&dead))
    }

    /// Gives `member` the role. Returns true if the policy changed.
    pub(super) fn add(&mut self, role: &str, member: &str) -> bool {
        // A deleted account keeps its role under another name, which nobody can use.
        let cleaned = self.drop_deleted(role, member);
        if self.has(role, member) {
            return cleaned;
        }
        match self.bindings.iter_mut().find(|one| one.is(role)) {
            Some(binding) => binding.members.push(member.to_owned()),
            None => self.bindings.push(Binding {
                role: role.to_owned(),
                members: vec![member.to_owned()],
                ..Binding::default()
            }),
        }
        true
    }

    /// Takes the role from `member`. Returns true if the policy changed.
    pub(super) fn remove(&mut self, role: &str, member: &str) -> bool {
        let cleaned = self.drop_deleted(role, member);
        self.drop_members(role, |has| has == member) || cleaned
    }

    /// Drops what is left of earlier accounts of the same e-mail.
    fn drop_deleted(&mut self, role: &str, member: &str) -> bool {
        let dead = format!("deleted:{member}?uid=");
        self.drop_members(role, |has| has.starts_with(&dead))
    }

    fn drop_members(&mut self, role: &str, goes: impl Fn(&str) -> bool) -> bool {
        let mut changed = false;
        for binding in self.bindings.iter_mut().filter(|one| one.is(role)) {
            let before = binding.members.len();
            binding.members.retain(|member| !goes(member));
            changed |= binding.members.len() != before;
        }
        // A binding without members is refused.
        if changed {
            self.bindings.retain(|one| !(one.is(role) && one.members.is_empty()));
        }
        changed
    }
}

impl Binding {
    fn is(&self, role: &str) -> bool {
        self.role == role && self.condition.is_none()
    }
}

impl Api {
    /// Reads the policy of the project.
    pub(super) async fn policy(&self, cx: &Context, operation: &str) -> Result<Policy, CloudError> {
        let url = self.client.resource_manager(Some("getIamPolicy"));
        let body = json!({"options": {"requestedPolicyVersion": VERSION}});
        self.client.post_read(cx, operation, &url, &body).await
    }

    /// Changes the policy by `change`, which returns false if there is nothing to change.
    pub(super) async fn change_policy(
        &self,
        cx: &Context,
        operation: &str,
        change: impl Fn(&mut Policy) -> bool + Send + Sync,
    ) -> Result<(), CloudError> {
        // Two changes of one process would only overtake each other.
        let _alone = self.policy_gate.lock().await;
        let url = self.client.resource_manager(Some("setIamPolicy"));
        let mut round = 1;
        loop {
            let mut policy = self.policy(cx, operation).await?;
            if !change(&mut policy) {
                return Ok(());
            }
            if policy.etag.is_none() {
                // Without it the write would take away what others write at the same moment.
                let message = "the project's policy came without its etag";
                return Err(CloudError::new(ErrorKind::MalformedResponse, operation, message));
            }
            policy.version = Some(VERSION);
            let body = json!({"policy": policy});
            let written: Result<Value, _> =
                self.client.effect(cx, operation, Method::POST, &url, Some(&body)).await;
            match written {
                Ok(_) => return Ok(()),
                Err(error) if error.kind == ErrorKind::Busy && round < ROUNDS_MAX => round += 1,
                Err(error) => return Err(not_yet(error)),
            }
        }
    }
}

/// Explains a refusal for an account that was made a moment ago: the policy does not know it yet.
fn not_yet(error: CloudError) -> CloudError {
    let fresh = error.kind == ErrorKind::NotFound
        || error.kind == ErrorKind::Invalid && error.message.contains("does not exist");
    if !fresh {
        return error;
    }
    let message = format!("a new account is not known everywhere yet: {}", error.message);
    CloudError { kind: ErrorKind::Busy, message, hint: None, ..error }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "roles/container.defaultNodeServiceAccount";
    const OURS: &str = "serviceAccount:infra-12345678-nodes@p.iam.gserviceaccount.com";

    fn policy() -> Policy {
        serde_json::from_value(json!({
            "version": 3,
            "etag": "BwX",
            "auditConfigs": [{"service": "allServices"}],
            "bindings": [
                {"role": "roles/owner", "members": ["user:jane@example.com"]},
                {"role": ROLE, "members": [OURS], "condition": {"expression": "false"}},
                {"role": ROLE, "members": ["user:joe@example.com", format!("deleted:{OURS}?uid=7")]},
            ],
        }))
        .unwrap()
    }

    #[test]
    fn one_member_comes_and_goes_and_all_else_stays() {
        let mut changed = policy();
        assert!(!changed.has(ROLE, OURS), "with a condition it is another binding");
        assert!(changed.add(ROLE, OURS) && !changed.add(ROLE, OURS));
        let json = serde_json::to_value(&changed).unwrap();
        assert_eq!(json["bindings"][2]["members"], json!(["user:joe@example.com", OURS]));
        for kept in ["/bindings/0", "/bindings/1", "/auditConfigs", "/etag"] {
            assert_eq!(json.pointer(kept), serde_json::to_value(policy()).unwrap().pointer(kept));
        }
        assert!(changed.remove(ROLE, OURS) && !changed.remove(ROLE, OURS));
        assert_eq!(changed.bindings[2].members, ["user:joe@example.com"]);
    }

    #[test]
    fn a_binding_goes_with_its_last_member() {
        let mut changed = Policy::default();
        assert!(changed.add(ROLE, OURS) && changed.remove(ROLE, OURS));
        assert!(changed.bindings.is_empty());
    }
}
