//! Which machines go when a pool gets smaller. The cloud would take any, with the pods on them.

use std::collections::BTreeMap;

use infra_provider_api::{Address, Observed, Readiness};

use crate::engine::Observations;

/// Returns the names of `surplus` machines of `pool` that shall go: from the zone that has most of them, and
/// in it one whose Node is not Ready first, then one that takes no pods any more, then the youngest. The same
/// ones whenever it is asked: a run that was interrupted resumes with them. Pure.
pub(super) fn victims(
    observed: &Observations,
    machine_kind: &str,
    pool: &str,
    surplus: usize,
) -> Vec<String> {
    let of_pool = observed.iter().filter(|one| {
        one.address.kind() == machine_kind && one.outputs.text("pool").as_deref() == Some(pool)
    });
    let mut zones: BTreeMap<String, Vec<&Observed>> = BTreeMap::new();
    for machine in of_pool {
        zones.entry(machine.outputs.text("zone").unwrap_or_default()).or_default().push(machine);
    }
    let rank = |machine: &Observed| {
        let node = observed.get(&Address::new("node", machine.address.name()));
        let is_ready = node.is_some_and(|node| node.readiness == Readiness::Ready);
        let takes_pods = node.is_none_or(|node| node.outputs.get("unschedulable").is_none());
        let created = machine.outputs.text("created").unwrap_or_default();
        (is_ready, takes_pods, std::cmp::Reverse(created), machine.address.name().to_owned())
    };
    for machines in zones.values_mut() {
        // The first to go is the last in the list.
        machines.sort_by_key(|machine| std::cmp::Reverse(rank(machine)));
    }
    let mut going = Vec::new();
    for _ in 0..surplus {
        let fullest = zones
            .iter_mut()
            .max_by_key(|(zone, machines)| (machines.len(), std::cmp::Reverse((*zone).clone())));
        let Some(machine) = fullest.and_then(|(_, machines)| machines.pop()) else { break };
        going.push(machine.address.name().to_owned());
    }
    going
}

#[cfg(test)]
mod tests {
    use infra_provider_api::ManagedBy;
    use serde_json::{Value, json};

    use super::*;

    fn one(kind: &str, name: &str, readiness: Readiness, outputs: Value) -> Observed {
        Observed {
            address: Address::new(kind, name),
            id: name.to_owned(),
            spec: json!({}).into(),
            outputs: outputs.into(),
            readiness,
            intent_key: None,
            made_by: ManagedBy::Infra,
        }
    }

    fn cluster(machines: &[(&str, &str, &str)], nodes: &[(&str, bool, bool)]) -> Observations {
        let mut observed = Observations::default();
        let machines = machines.iter().map(|(name, zone, created)| {
            let outputs = json!({"pool": "web", "zone": zone, "created": created});
            one("instance", name, Readiness::Ready, outputs)
        });
        let nodes = nodes.iter().map(|(name, ready, cordoned)| {
            let pending = Readiness::Pending { reason: "NotReady".to_owned() };
            let readiness = if *ready { Readiness::Ready } else { pending };
            let outputs = if *cordoned { json!({"unschedulable": true}) } else { json!({}) };
            one("node", name, readiness, outputs)
        });
        for one in machines.chain(nodes) {
            observed.resources.insert(one.address.clone(), vec![one]);
        }
        observed
    }

    #[test]
    fn the_fullest_zone_gives_up_the_machine_that_is_missed_least() {
        let machines = [
            ("a1", "a", "2026-01-01"),
            ("a2", "a", "2026-01-03"),
            ("a3", "a", "2026-01-02"),
            ("b1", "b", "2026-01-01"),
        ];
        let ready = [("a1", true, false), ("a2", true, false), ("a3", true, false)];
        let all = cluster(&machines, &ready);
        assert_eq!(victims(&all, "instance", "web", 1), ["a2"], "the youngest");
        assert_eq!(victims(&all, "instance", "web", 2), ["a2", "a3"]);
        // One each is left; b1 has no Node, but its zone is not the fullest until then.
        assert_eq!(victims(&all, "instance", "web", 3), ["a2", "a3", "a1"]);
        assert_eq!(victims(&all, "instance", "web", 9).len(), 4);
        assert!(victims(&all, "instance", "other", 1).is_empty());

        let ill = [("a1", false, false), ("a2", true, false), ("a3", true, true)];
        let all = cluster(&machines, &ill);
        assert_eq!(victims(&all, "instance", "web", 2), ["a1", "a3"], "not Ready, then cordoned");
    }
}
