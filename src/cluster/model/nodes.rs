//! What is declared for each node, in the order in which it joins.

use std::collections::BTreeSet;

use infra_provider_api::{API_ACCESS, Address, Declared, Input, Phase, Role};

use super::{ClusterModel, Result, artifacts, certificate, make, record_of};
use crate::cluster::{
    ApiServers, EtcdMemberSpec, HandoverSpec, Handovers, KubeletCertificateSpec,
    KubeletCertificates, NodeBundleSpec, NodeSpec, Suites, TurnSpec,
};

pub(super) fn declare(of: &ClusterModel<'_>, all: &mut Vec<Declared>) -> Result<()> {
    let cloud = &of.cloud;
    let accesses = all.iter().filter(|one| one.address.kind() == API_ACCESS);
    let accesses: BTreeSet<Address> = accesses.map(|one| one.address.clone()).collect();
    let mut before: Option<Address> = None;
    let mut bundled = vec![artifacts()];
    bundled.extend(of.certificates().map(certificate));
    // A machine that asks for a name before it exists gets the negative answer for long.
    let leading = of.kits.endpoint_name().map(record_of);
    bundled.extend(leading.filter(|record| all.iter().any(|one| one.address == *record)));
    for (pool, node) in of.cluster.nodes() {
        let name = node.name();
        let machine = Address::new(cloud.machine_kind, &name);
        let bundle_spec = NodeBundleSpec {
            revision: of.revisions.get(&name).cloned().unwrap_or_default(),
            api: Some(Input::Ref(cloud.api_host.clone())),
        };
        let mut bundle = make(Address::new("node_bundle", &name), &bundle_spec)?;
        bundle.depends_on.clone_from(&bundled);
        all.push(bundle);

        // Where machines share a role, a machine's files become its own once it exists.
        let handover = Handovers::address(&name);
        let is_handed_over = cloud.signs_itself;
        if is_handed_over {
            let spec = HandoverSpec { machine: Input::reference(machine.clone(), "arn") };
            all.push(make(handover.clone(), &spec)?.after(cloud.bucket.clone()));
        }

        let id = || Some(Input::reference(machine.clone(), "id"));
        let spec = NodeSpec { slot: node.slot.clone(), machine: id() };
        let mut member = make(Address::new("node", &name), &spec)?
            .in_phase(Phase::Bootstrap)
            .after(machine.clone())
            .after(ApiServers::address());
        if is_handed_over {
            member = member.after(handover.clone());
        }
        let mut serving =
            make(KubeletCertificates::address(&name), &KubeletCertificateSpec::valid(id()))?
                .in_phase(Phase::Bootstrap)
                .after(ApiServers::address());
        if is_handed_over {
            serving = serving.after(handover.clone());
        }
        // A kubelet that no longer reaches the API server can't end its pods: drained first.
        let access = Address::new(API_ACCESS, &name);
        if accesses.contains(&access) {
            member = member.after(access.clone());
            serving = serving.after(access);
        }
        for suite in ["cni", "cloud"] {
            if of.apps.suites.contains_key(suite) {
                member = member.after(Suites::address(suite));
            }
        }
        if pool.role == Role::ControlPlane {
            let spec = EtcdMemberSpec { machine: Some(Input::reference(machine.clone(), "id")) };
            let mut voice = make(Address::new("etcd_member", &name), &spec)?
                .in_phase(Phase::Bootstrap)
                .after(ApiServers::address());
            if is_handed_over {
                voice = voice.after(handover.clone());
            }
            for suite in ["cni", "cloud"] {
                if of.apps.suites.contains_key(suite) {
                    voice = voice.after(Suites::address(suite));
                }
            }
            let turn = Address::new("turn", &name);
            // The machine that made the cluster had none. Its place may be filled by one that joins.
            let made_it = before.is_none()
                && node.generation == 1
                && (of.machines.contains(&name) || !of.kits.needs_turn(pool, node))
                // Its successor joins, and waits for its turn like any other.
                && !(of.kits.is_initialised() && of.replace.contains(&machine))
                && !of.turns.contains(&turn);
            if !made_it {
                let mut turn = make(turn, &TurnSpec { machine: id() })?
                    .in_phase(Phase::Bootstrap)
                    .after(ApiServers::address())
                    .after(cloud.bucket.clone());
                if let Some(before) = before.take() {
                    turn = turn.after(before);
                }
                member = member.after(turn.address.clone());
                voice = voice.after(turn.address.clone());
                serving = serving.after(turn.address.clone());
                all.push(turn);
            }
            // etcd is reached through the kubelet of its machine.
            if of.kubelet_serving {
                voice = voice.after(serving.address.clone());
            }
            // A node is drained before its etcd ends: its API server ends with that.
            member = member.after(voice.address.clone());
            // Whose place it takes leaves etcd once this one votes.
            for older in of.older.get(&name).into_iter().flatten() {
                let old_voice = Address::new("etcd_member", older);
                member.supersedes.push(old_voice.clone());
                voice.supersedes.push(old_voice);
                voice.supersedes.push(Address::new(cloud.machine_kind, older));
            }
            all.push(voice);
            before = Some(member.address.clone());
        }
        let older = of.older.get(&name).into_iter().flatten();
        for older in older.filter(|_| !of.goes_first(&name)) {
            member.supersedes.push(Address::new("node", older));
            member.supersedes.push(Address::new(cloud.machine_kind, older));
        }
        if of.kubelet_serving {
            member = member.after(serving.address.clone());
            all.push(serving);
        }
        all.push(member);
    }
    Ok(())
}
