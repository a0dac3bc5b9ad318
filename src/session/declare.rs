//! Everything a cluster needs, as one graph: the cloud's resources, and those that belong to no
//! cloud.

use std::collections::{BTreeMap, BTreeSet};

use infra_provider_api::{Address, Cluster, Declared, Input, Phase};
use serde::Serialize;

use super::{error::Failure, open::Session, suites::ORDER};
use crate::apps::addons::RETIRED;
use crate::resources::{
    ApiServerSpec, ApiServers, ArtifactsSpec, CertificateSpec, Certificates, EtcdMemberSpec, Kits,
    NodeBundleSpec, NodeSpec, SuiteSpec, Suites, TurnSpec,
};

/// What declaring needs.
pub(super) struct Declaring<'a> {
    pub(super) session: &'a Session,
    pub(super) cluster: &'a Cluster,
    pub(super) kits: &'a Kits,
    /// Hash over the nodes' downloads.
    pub(super) digest: &'a str,
    /// Machines that exist.
    pub(super) machines: &'a BTreeSet<String>,
    /// What each machine boots with, or has booted with.
    pub(super) revisions: &'a BTreeMap<String, String>,
    pub(super) suites: &'a BTreeMap<String, SuiteSpec>,
    /// Machines that each machine takes the place of.
    pub(super) older: &'a BTreeMap<String, Vec<String>>,
}

fn make<S: Serialize>(address: Address, spec: &S) -> Result<Declared, Failure> {
    Declared::new(address, spec).map_err(Failure::local)
}

fn certificate(name: &str) -> Address {
    Address::new("certificate", name)
}

fn artifacts() -> Address {
    Address::new("artifacts", "kubernetes")
}

pub(super) fn declare(of: &Declaring<'_>) -> Result<Vec<Declared>, Failure> {
    let cloud = &of.session.cloud;
    let mut all = cloud
        .provider
        .model(of.cluster, &of.session.owner)
        .map_err(|problems| Failure::problems(&problems))?;
    let port = of.cluster.api_load_balancer.port;

    let control_planes: BTreeSet<String> = of
        .cluster
        .nodes()
        .into_iter()
        .filter(|(pool, _)| pool.role == infra_provider_api::Role::ControlPlane)
        .map(|(_, node)| node.name())
        .collect();
    for machine in all.iter_mut().filter(|one| one.address.kind() == cloud.machine_kind) {
        machine.unrotated = control_planes.contains(machine.address.name());
    }

    for name in Certificates::NAMES {
        let mut declared = make(certificate(name), &CertificateSpec::valid())?;
        // A new authority would cut off every node and every kubeconfig.
        declared.protect = name.ends_with("ca") || name == "sa";
        all.push(declared);
    }
    let kubeconfig = CertificateSpec {
        server: Some(Input::Ref(cloud.api_host.clone())),
        port: Some(port),
        ..CertificateSpec::valid()
    };
    all.push(make(certificate("kubeconfig"), &kubeconfig)?.after(certificate("admin")));

    let files = ArtifactsSpec {
        bucket: Input::reference(cloud.bucket.clone(), "name"),
        digest: of.digest.to_owned(),
    };
    all.push(make(artifacts(), &files)?);
    nodes(of, &mut all)?;
    suites(of, &mut all)?;

    // What an earlier version installed goes when nothing leads to it any more: the apps have their new
    // class, and DNS the new address.
    let ingress = Suites::address("ingress");
    for declared in &mut all {
        let leads = declared.spec.references().iter().any(|one| one.address == ingress);
        if leads || declared.address == ingress || declared.address == Suites::address("apps") {
            declared.supersedes.extend(RETIRED.map(|(name, _)| Suites::address(name)));
        }
    }

    // What refers to a suite that is switched off (DNS to the ingress) has nothing to point at.
    let there: Vec<Address> = all.iter().map(|declared| declared.address.clone()).collect();
    all.retain(|declared| {
        declared.spec.references().iter().all(|reference| {
            reference.address.kind() != "suite" || there.contains(&reference.address)
        })
    });
    Ok(all)
}

fn nodes(of: &Declaring<'_>, all: &mut Vec<Declared>) -> Result<(), Failure> {
    let cloud = &of.session.cloud;
    let mut before: Option<Address> = None;
    let mut bundled = vec![artifacts()];
    bundled.extend(Certificates::NAMES.map(certificate));
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

        let id = || Some(Input::reference(machine.clone(), "id"));
        let spec = NodeSpec { slot: node.slot.clone(), machine: id() };
        let mut member = make(Address::new("node", &name), &spec)?
            .in_phase(Phase::Bootstrap)
            .after(machine.clone())
            .after(ApiServers::address());
        for suite in ["cni", "cloud"] {
            if of.suites.contains_key(suite) {
                member = member.after(Suites::address(suite));
            }
        }
        if pool.role == infra_provider_api::Role::ControlPlane {
            let spec = EtcdMemberSpec { machine: Some(Input::reference(machine.clone(), "id")) };
            let mut voice = make(Address::new("etcd_member", &name), &spec)?
                .in_phase(Phase::Bootstrap)
                .after(ApiServers::address());
            for suite in ["cni", "cloud"] {
                if of.suites.contains_key(suite) {
                    voice = voice.after(Suites::address(suite));
                }
            }
            let turn = Address::new("turn", &name);
            // The machine that made the cluster had none. Its place may be filled by one that joins.
            let made_it = before.is_none()
                && node.generation == 1
                && (of.machines.contains(&name) || !of.kits.needs_turn(pool, node))
                && !of.session.store.record().resources.contains_key(&turn);
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
                all.push(turn);
            }
            // A node is drained before its etcd ends: its API server ends with that.
            member = member.after(voice.address.clone());
            all.push(voice);
            before = Some(member.address.clone());
        }
        for older in of.older.get(&name).into_iter().flatten() {
            member.supersedes.push(Address::new("node", older));
            member.supersedes.push(Address::new(cloud.machine_kind, older));
        }
        all.push(member);
    }
    Ok(())
}

fn suites(of: &Declaring<'_>, all: &mut Vec<Declared>) -> Result<(), Failure> {
    let cloud = &of.session.cloud;
    let mut server = make(ApiServers::address(), &ApiServerSpec {})?
        .in_phase(Phase::Bootstrap)
        .after(certificate("kubeconfig"));
    // Once the cluster is there, any control plane keeps it up.
    if let Some((pool, node)) = super::look::first_control_plane(of.cluster)
        && !of.kits.needs_turn(pool, node)
    {
        server = server.after(Address::new(cloud.machine_kind, node.name()));
    }
    all.push(server);

    let mut before = ApiServers::address();
    for (name, phase) in ORDER {
        let Some(spec) = of.suites.get(name) else { continue };
        let mut declared = make(Suites::address(name), spec)?.in_phase(phase).after(before.clone());
        if phase == Phase::Apps {
            for (_, node) in of.cluster.nodes() {
                declared = declared.after(Address::new("node", node.name()));
            }
        }
        before = declared.address.clone();
        all.push(declared);
    }
    Ok(())
}
