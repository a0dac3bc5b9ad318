//! Everything a cluster needs, as one graph: the cloud's resources, and those that belong to no
//! cloud.

use std::collections::{BTreeMap, BTreeSet};

use infra_provider_api::{API_ACCESS, Address, Cluster, Declared, Input, Phase};
use infra_ssl::ENCRYPTION_KEYS;
use serde::Serialize;

use super::{api_address, error::Failure, open::Session, outlived, suite_catalog::ORDER};
use crate::apps::{
    TlsSecret,
    addons::{CERT_MANAGER, RETIRED},
};
use crate::cluster::{
    ApiServerSpec, ApiServers, ArtifactsSpec, BootstrapData, CertificateSpec, Certificates,
    EtcdMemberSpec, HandoverSpec, Handovers, KubeletCertificateSpec, KubeletCertificates,
    NodeBundleSpec, NodeSpec, SiteCertificateSpec, SiteCertificates, SiteIssuer, SuiteSpec, Suites,
    TurnSpec,
};

/// What declaring needs.
pub(super) struct Declaring<'a> {
    pub(super) session: &'a Session,
    pub(super) cluster: &'a Cluster,
    pub(super) kits: &'a BootstrapData,
    /// Hash over the nodes' downloads.
    pub(super) digest: &'a str,
    /// Machines that exist.
    pub(super) machines: &'a BTreeSet<String>,
    /// What each machine boots with, or has booted with.
    pub(super) revisions: &'a BTreeMap<String, String>,
    pub(super) suites: &'a BTreeMap<String, SuiteSpec>,
    /// Certificates of sites.
    pub(super) sites: &'a BTreeMap<TlsSecret, SiteCertificateSpec>,
    /// Whether there is, or shall be, an authority for sites.
    pub(super) site_authority: bool,
    /// Machines that each machine takes the place of.
    pub(super) older: &'a BTreeMap<String, Vec<String>>,
    /// Machines that joined a cluster which is gone.
    pub(super) outlived: &'a BTreeSet<String>,
    /// Control planes whose data is given up.
    pub(super) given_up: &'a BTreeSet<String>,
    /// Whether Secrets are encrypted.
    pub(super) encrypts: bool,
    /// Whether the cluster's authority signs what kubelets serve with.
    pub(super) kubelet_serving: bool,
    /// Machines that are asked to be replaced.
    pub(super) replace: &'a [Address],
}

impl Declaring<'_> {
    /// What lies in the cluster's folder, but for the kubeconfig.
    fn certificates(&self) -> impl Iterator<Item = &'static str> {
        let keys = self.encrypts.then_some(ENCRYPTION_KEYS);
        Certificates::NAMES.into_iter().chain(keys)
    }
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
        .map_err(|problems| Failure::refused(&problems))?;
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
        let outlived = of.outlived.contains(machine.address.name());
        machine.outlived = outlived.then(|| outlived::REASON.to_owned());
        machine.supersedes.retain(|old| !of.outlived.contains(old.name()));
        if control_planes.contains(machine.address.name()) {
            let before = of.outlived.iter().chain(of.given_up);
            let before = before.map(|name| Address::new(cloud.machine_kind, name));
            machine.created_after.extend(before.filter(|one| *one != machine.address));
        }
        if cloud.platform.signs_itself() {
            machine.companions.push(Handovers::address(machine.address.name()));
        }
    }

    let site = of.site_authority.then_some(Certificates::SITE);
    for name in of.certificates().chain(site) {
        let mut declared = make(certificate(name), &CertificateSpec::valid())?;
        // A new authority would cut off every node and every kubeconfig; without its keys no Secret can
        // be read.
        declared.protect = name.ends_with("ca") || name == "sa" || name == ENCRYPTION_KEYS;
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
    sites(of, &mut all)?;
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
    let accesses = all.iter().filter(|one| one.address.kind() == API_ACCESS);
    let accesses: BTreeSet<Address> = accesses.map(|one| one.address.clone()).collect();
    let mut before: Option<Address> = None;
    let mut bundled = vec![artifacts()];
    bundled.extend(of.certificates().map(certificate));
    // A machine that asks for a name before it exists gets the negative answer for long.
    let leading = of.kits.endpoint_name().map(api_address::record_of);
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
        let is_handed_over = cloud.platform.signs_itself();
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
            if of.suites.contains_key(suite) {
                member = member.after(Suites::address(suite));
            }
        }
        if pool.role == infra_provider_api::Role::ControlPlane {
            let spec = EtcdMemberSpec { machine: Some(Input::reference(machine.clone(), "id")) };
            let mut voice = make(Address::new("etcd_member", &name), &spec)?
                .in_phase(Phase::Bootstrap)
                .after(ApiServers::address());
            if is_handed_over {
                voice = voice.after(handover.clone());
            }
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
                // Its successor joins, and waits for its turn like any other.
                && !(of.kits.is_initialised() && of.replace.contains(&machine))
                && !of.session.store.state().resources.contains_key(&turn);
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
            all.push(voice);
            before = Some(member.address.clone());
        }
        for older in of.older.get(&name).into_iter().flatten() {
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

/// Certificates of sites come before the suite whose Ingresses name them, so that no visitor meets the
/// ingress controller's own. Those of an ACME server come last: the server visits the site, which takes
/// the ingress controller and its DNS.
fn sites(of: &Declaring<'_>, all: &mut Vec<Declared>) -> Result<(), Failure> {
    for (secret, spec) in of.sites {
        let mut declared = make(SiteCertificates::address(secret), spec)?
            .in_phase(Phase::Apps)
            .after(ApiServers::address());
        match spec.issuer {
            SiteIssuer::Own => declared = declared.after(certificate(Certificates::SITE)),
            SiteIssuer::Acme => declared.depends_on.extend(needs_of_acme(of, all)),
            SiteIssuer::File => {}
        }
        all.push(declared);
    }
    Ok(())
}

fn needs_of_acme(of: &Declaring<'_>, all: &[Declared]) -> Vec<Address> {
    let ingress = Suites::address("ingress");
    let leads = |one: &&Declared| one.spec.references().iter().any(|r| r.address == ingress);
    let mut needs: Vec<Address> = Vec::new();
    if of.suites.contains_key("ingress") {
        needs.extend(all.iter().filter(leads).map(|one| one.address.clone()));
    }
    if of.suites.contains_key(CERT_MANAGER) {
        needs.push(Suites::address(CERT_MANAGER));
    }
    needs
}

fn suites(of: &Declaring<'_>, all: &mut Vec<Declared>) -> Result<(), Failure> {
    let cloud = &of.session.cloud;
    let mut server = make(
        ApiServers::address(),
        &ApiServerSpec { endpoint: of.kits.endpoint_name().map(str::to_owned) },
    )?
    .in_phase(Phase::Bootstrap)
    .after(certificate("kubeconfig"));
    // Once the cluster is there, any control plane keeps it up.
    if let Some((pool, node)) = super::observe::first_control_plane(of.cluster)
        && !of.kits.needs_turn(pool, node)
    {
        server = server.after(Address::new(cloud.machine_kind, node.name()));
        if cloud.platform.signs_itself() {
            server = server.after(Handovers::address(&node.name()));
        }
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
        if name == "apps" {
            let before = of.sites.iter().filter(|(_, spec)| spec.issuer != SiteIssuer::Acme);
            declared.depends_on.extend(before.map(|(secret, _)| SiteCertificates::address(secret)));
        }
        before = declared.address.clone();
        all.push(declared);
    }
    Ok(())
}
