//! Machines that outlive their place in the cluster: they joined one whose data is gone, or somebody took
//! them out of it by hand.

use std::collections::{BTreeMap, BTreeSet};

use infra_provider_api::{Address, Cluster, Readiness, Role};

use super::{error::CliError, open::Session};
use crate::{cluster::BootReports, engine::Observations, state::State};

impl Session {
    /// Returns the machines that outlive their cluster, if it is gone.
    ///
    /// # Errors
    /// Returns an error if a machine's report cannot be read: unknown is not "has not joined".
    pub(super) async fn outlived(
        &self,
        cluster: &Cluster,
        machines: &BTreeSet<String>,
        boots: &BootReports,
        is_gone: bool,
    ) -> Result<BTreeSet<String>, CliError> {
        let nodes = || cluster.nodes().into_iter().map(|(pool, node)| (pool.role, node.name()));
        let exists = |name: &String| machines.contains(name);
        let mut found = BTreeSet::new();
        if !is_gone {
            return Ok(found);
        }
        let record = self.store.state();
        for (_, name) in nodes().filter(|(role, name)| *role == Role::Worker && exists(name)) {
            let node = Address::new("node", &name);
            let recorded = record.resources.get(&node).is_some_and(|one| one.ready);
            // One that has not joined yet joins the next cluster: its token is made from the same secret.
            if recorded || boots.has_joined(&name).await? {
                found.insert(name);
            }
        }
        Ok(found)
    }
}

/// What a machine has in the cluster, and what it means that somebody deleted it there.
const PLACES: [(&str, &str); 2] = [
    ("node", "its Node was deleted, and a kubelet registers only once, when it starts"),
    ("etcd_member", "it was taken out of etcd, and its etcd has ended for good"),
];

/// Returns the machines that have lost their place in the cluster, with the reason: it was ready for this very
/// machine, and is not there any more. Waiting does not bring it back. `in_cluster` has what was seen there:
/// where nothing of a kind was seen, nobody could look, or it is another cluster.
pub(super) fn expelled(
    record: &State,
    in_cloud: &Observations,
    in_cluster: &Observations,
    machine_kind: &str,
) -> BTreeMap<String, &'static str> {
    // One that is off registers again when it is switched on.
    let machines = in_cloud
        .iter()
        .filter(|one| one.address.kind() == machine_kind && one.readiness == Readiness::Ready);
    let reason = |machine: &str, id: &serde_json::Value| {
        PLACES.iter().find_map(|(kind, reason)| {
            let place = Address::new(*kind, machine);
            let recorded = record.resources.get(&place)?;
            let is_lost = recorded.ready
                && recorded.spec.get("machine").as_ref() == Some(id)
                && in_cluster.get(&place).is_none()
                && in_cluster.iter().any(|one| one.address.kind() == *kind);
            is_lost.then_some(*reason)
        })
    };
    let lost = machines.filter_map(|one| {
        let id = one.outputs.get("id")?;
        Some((one.address.name().to_owned(), reason(one.address.name(), &id)?))
    });
    lost.collect()
}

#[cfg(test)]
mod tests {
    use infra_provider_api::{Declared, ManagedBy, Observed, RawJson};
    use serde_json::json;

    use super::*;
    use crate::state::ResourceState;

    fn observed(address: &str) -> Observed {
        Observed {
            address: address.parse().unwrap(),
            id: "7".to_owned(),
            spec: RawJson::default(),
            outputs: json!({"id": 7}).into(),
            readiness: Readiness::Ready,
            intent_key: None,
            made_by: ManagedBy::Infra,
        }
    }

    fn seen(addresses: &[&str]) -> Observations {
        let mut all = Observations::default();
        for address in addresses {
            all.resources.insert(address.parse().unwrap(), vec![observed(address)]);
        }
        all
    }

    /// The state of a Node or a member, of the machine 7 or another one.
    fn state(address: &str, ready: bool, machine: u64) -> State {
        let address: Address = address.parse().unwrap();
        let declared = Declared::new(address.clone(), &json!({})).unwrap();
        let mut one = ResourceState::planned(&declared, json!({"machine": machine}).into(), 1);
        one.ready = ready;
        let mut state = State::default();
        state.resources.insert(address, one);
        state
    }

    #[test]
    fn only_what_was_there_for_this_machine_and_is_surely_gone_was_taken_away() {
        let machine = seen(&["box.cp-1"]);
        for place in ["node.cp-1", "etcd_member.cp-1"] {
            let lost = |state: &State, seen: &Observations| {
                !expelled(state, &machine, seen, "box").is_empty()
            };
            let others = seen(&["node.cp-2", "etcd_member.cp-2"]);
            assert!(lost(&state(place, true, 7), &others), "{place}");
            assert!(!lost(&state(place, true, 7), &seen(&[place, "node.cp-2"])), "it is there");
            assert!(!lost(&state(place, false, 7), &others), "it has not joined yet");
            assert!(!lost(&state(place, true, 6), &others), "it was another machine's");
            assert!(!lost(&State::default(), &others), "nothing is known");
            assert!(!lost(&state(place, true, 7), &seen(&["box.cp-1"])), "nobody could look");
        }
        let others = seen(&["node.cp-2"]);
        let mut off = seen(&["box.cp-1"]);
        off.resources.values_mut().for_each(|all| all[0].readiness = Readiness::failed("off"));
        let lost = expelled(&state("node.cp-1", true, 7), &off, &others, "box");
        assert!(lost.is_empty(), "it is switched on first");
        let gone = expelled(&state("node.cp-1", true, 7), &seen(&[]), &others, "box");
        assert!(gone.is_empty(), "a machine that is gone is made again anyway");
    }
}
