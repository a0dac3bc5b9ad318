//! What a run leaves behind of the secrets that machines join with: nothing that nobody needs.

use infra_provider_api::{Address, CloudError};
use infra_provisioning::node::report_of_call;

use super::{observe::Observation, open::Session};
use crate::{
    cluster::{JoinSecrets, report_of},
    state::State,
};

impl Session {
    /// Burns the copies of the cluster's keys and deletes the join tokens that no booting machine
    /// waits for. Costs one list of the bucket and one of the cluster's tokens when there are none.
    /// The lock must be held.
    ///
    /// # Errors
    /// Returns an error if the bucket or the API server do not answer. The next run sweeps the
    /// rest.
    pub async fn sweep(&self, looked: &Observation) -> Result<(), CloudError> {
        let record = self.store.state();
        let (Some(plane), Some(own)) = (self.cloud.plane.own(), &looked.own) else {
            return Ok(());
        };
        // Without the bucket in the state, one of its name may be a stranger's.
        if !record.resources.contains_key(&plane.bucket) {
            return Ok(());
        }
        let secrets =
            JoinSecrets::new(own.kits.bucket().clone(), std::sync::Arc::clone(&looked.kube));
        let waits = |node: &str| waits(&record, plane.machine_kind, node);
        let report = |node: &str| {
            let machine = Address::new(plane.machine_kind, node);
            match record.intents.get(&machine) {
                Some(intent) => intent.key.as_deref().map(|key| report_of_call(node, key)),
                None => {
                    let made = record.resources.get(&machine)?;
                    let key = self.owner.intent_key(&machine, made.generation);
                    report_of(node, &made.outputs, Some(&key))
                }
            }
        };
        let burnt = secrets.burn_keys(&waits, &report).await;
        let server = record.resources.iter().any(|(address, resource)| {
            address.kind() == "api_server" && resource.ready && looked.kube.exists()
        });
        if server {
            secrets.sweep_tokens(&waits).await?;
        }
        burnt
    }
}

/// Returns true while a machine of this name may be booting. It is in the state, or its creation was
/// begun, and its Node has not become ready. A Node that was ready before its machine was replaced
/// says nothing about the new one.
fn waits(record: &State, machine_kind: &str, node: &str) -> bool {
    let machine = Address::new(machine_kind, node);
    if record.intents.contains_key(&machine) {
        return true;
    }
    let Some(made) = record.resources.get(&machine) else { return false };
    let member = record.resources.get(&Address::new("node", node));
    let joined = member.filter(|member| member.ready).and_then(|member| member.spec.get("machine"));
    joined.is_none() || joined != made.outputs.get("id")
}

#[cfg(test)]
mod tests {
    use infra_provider_api::Phase;
    use serde_json::{Value, json};

    use super::*;
    use crate::state::{IntentAction, OpenIntent, ResourceState};

    fn recorded(address: Address, spec: Value, outputs: Value, ready: bool) -> ResourceState {
        ResourceState {
            address,
            id: "1".into(),
            generation: 1,
            spec: spec.into(),
            outputs: outputs.into(),
            needs: Vec::new(),
            phase: Phase::Infra,
            protect: false,
            ready,
        }
    }

    fn machine(id: u64) -> ResourceState {
        recorded(Address::new("droplet", "cp-1"), json!({}), json!({"id": id}), true)
    }

    fn node(machine: Option<u64>, ready: bool) -> ResourceState {
        let spec = machine.map_or(json!({}), |id| json!({"machine": id}));
        recorded(Address::new("node", "cp-1"), spec, json!({}), ready)
    }

    fn record(resources: impl IntoIterator<Item = ResourceState>) -> State {
        let resources = resources.into_iter().map(|one| (one.address.clone(), one)).collect();
        State { resources, ..State::default() }
    }

    #[test]
    fn only_a_machine_that_may_be_booting_waits() {
        let waits = |record: &State| waits(record, "droplet", "cp-1");
        assert!(!waits(&record([])), "published, and no machine was created");
        assert!(!waits(&record([node(Some(7), true)])), "its machine is gone");
        assert!(waits(&record([machine(7)])), "created, not joined");
        assert!(waits(&record([machine(7), node(Some(7), false)])), "joined, not Ready");
        assert!(!waits(&record([machine(7), node(Some(7), true)])), "Ready");
        assert!(waits(&record([machine(8), node(Some(7), true)])), "the Node is its predecessor's");
        assert!(waits(&record([machine(8), node(None, true)])), "nobody knows whose Node it is");
        let mut begun = record([]);
        let intent = OpenIntent {
            action: IntentAction::Create,
            key: None,
            resource: machine(7),
            since: jiff::Timestamp::now(),
        };
        begun.intents.insert(intent.resource.address.clone(), intent);
        assert!(waits(&begun), "its creation was begun, and has not been looked into");
    }
}
