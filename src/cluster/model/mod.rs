//! The model of what belongs to no cloud: what a cluster needs besides the cloud's resources.
//!
//! It is declared as a cloud's model is, and in the same graph. What the cloud has declared is extended
//! by what only the cluster knows: which machines outlive it, and what is made after what.

mod managed;
mod nodes;
mod sites;
mod suites;
mod victims;

use std::collections::{BTreeMap, BTreeSet};

use infra_cloud::OwnPlane;
use infra_provider_api::{Address, Cluster, Declared, Input, NodeSlot, Pool, Reference, Role};
use infra_ssl::ENCRYPTION_KEYS;
use serde::Serialize;

pub use managed::{ManagedModel, Replacement, Shrinking, postponed, shrinking};
pub use suites::{INGRESS, ORDER};

use super::{
    ArtifactsSpec, BootstrapData, CertificateSpec, Certificates, Handovers, SiteCertificateSpec,
    SuiteSpec, Suites,
};
use crate::apps::{TlsSecret, addons::RETIRED};

type Result<T> = std::result::Result<T, serde_json::Error>;

/// Why a machine is recreated whose cluster is gone. A kubelet registers its node once, when it starts, and
/// it runs the pods of a cluster that nobody knows any more.
const OUTLIVED: &str = "it joined the cluster that is gone";

/// What the model refers to in the cloud's own.
#[derive(Clone, Copy, Debug)]
pub struct CloudPlaces<'a> {
    /// The kind that its machines are.
    pub machine_kind: &'a str,
    /// Where clients reach the API servers.
    pub api_host: &'a Reference,
    /// The cluster's bucket.
    pub bucket: &'a Address,
    /// Machines share a role there, and a machine's files become its own once it exists.
    pub signs_itself: bool,
}

impl<'a> From<&'a OwnPlane> for CloudPlaces<'a> {
    fn from(plane: &'a OwnPlane) -> Self {
        Self {
            machine_kind: plane.machine_kind,
            api_host: &plane.api_host,
            bucket: &plane.bucket,
            signs_itself: plane.platform.signs_itself(),
        }
    }
}

/// The suites, and the certificates of their sites.
#[derive(Clone, Copy, Debug)]
pub struct AppsModel<'a> {
    /// The suites by their names.
    pub suites: &'a BTreeMap<String, SuiteSpec>,
    /// Certificates of sites.
    pub sites: &'a BTreeMap<TlsSecret, SiteCertificateSpec>,
    /// Whether there is, or shall be, an authority for sites.
    pub site_authority: bool,
}

/// What the cluster's resources are declared from.
#[derive(Clone, Copy, Debug)]
pub struct ClusterModel<'a> {
    /// What it refers to in the cloud's own.
    pub cloud: CloudPlaces<'a>,
    /// The cluster, with generations and revisions filled in.
    pub cluster: &'a Cluster,
    /// What machines are made from.
    pub kits: &'a BootstrapData,
    /// Hash over the nodes' downloads.
    pub digest: &'a str,
    /// Machines that exist.
    pub machines: &'a BTreeSet<String>,
    /// What each machine boots with, or has booted with.
    pub revisions: &'a BTreeMap<String, String>,
    /// The suites, and the certificates of their sites.
    pub apps: AppsModel<'a>,
    /// Machines that each machine takes the place of.
    pub older: &'a BTreeMap<String, Vec<String>>,
    /// Slots whose old machine goes before the new one comes.
    pub in_place: &'a BTreeSet<String>,
    /// Machines that joined a cluster which is gone.
    pub outlived: &'a BTreeSet<String>,
    /// Machines that were taken out of the cluster, with the reason to recreate them.
    pub expelled: &'a BTreeMap<String, &'static str>,
    /// Control planes whose data is given up.
    pub given_up: &'a BTreeSet<String>,
    /// Turns that are in the state.
    pub turns: &'a BTreeSet<Address>,
    /// Whether Secrets are encrypted.
    pub encrypts: bool,
    /// Whether the cluster's authority signs what kubelets serve with.
    pub kubelet_serving: bool,
    /// Machines that are asked to be replaced.
    pub replace: &'a [Address],
}

impl ClusterModel<'_> {
    /// Declares what the cluster needs, besides `all`, which the cloud has declared.
    ///
    /// # Errors
    /// Returns an error if a spec cannot be written as JSON.
    pub fn declare(&self, mut all: Vec<Declared>) -> Result<Vec<Declared>> {
        extend_machines(self, &mut all);
        certificates(self, &mut all)?;
        nodes::declare(self, &mut all)?;
        sites::declare(&self.apps, &mut all)?;
        suites::declare(self, &mut all)?;
        supersede_retired(&mut all);
        drop_what_leads_nowhere(&mut all);
        Ok(all)
    }

    /// Returns true if the machine whose place `name` takes goes before `name` comes.
    fn goes_first(&self, name: &str) -> bool {
        self.in_place.contains(&NodeSlot::parse_name(name).0)
    }

    /// Returns what lies in the cluster's folder, but for the kubeconfig.
    fn certificates(&self) -> impl Iterator<Item = &'static str> {
        let keys = self.encrypts.then_some(ENCRYPTION_KEYS);
        Certificates::NAMES.into_iter().chain(keys)
    }
}

/// Returns the control plane that makes the cluster.
pub fn first_control_plane(cluster: &Cluster) -> Option<(&Pool, &NodeSlot)> {
    cluster.nodes().into_iter().find(|(pool, _)| pool.role == Role::ControlPlane)
}

/// Returns the resource that makes `name` lead to the load balancer.
pub fn record_of(name: &str) -> Address {
    Address::new("record", name)
}

fn make<S: Serialize>(address: Address, spec: &S) -> Result<Declared> {
    Declared::new(address, spec)
}

fn certificate(name: &str) -> Address {
    Address::new("certificate", name)
}

fn artifacts() -> Address {
    Address::new("artifacts", "kubernetes")
}

/// Adds to the cloud's machines what they are made after, and what is made or goes with them.
fn extend_machines(of: &ClusterModel<'_>, all: &mut [Declared]) {
    let cloud = &of.cloud;
    let control_planes: BTreeSet<String> = of
        .cluster
        .nodes()
        .into_iter()
        .filter(|(pool, _)| pool.role == Role::ControlPlane)
        .map(|(_, node)| node.name())
        .collect();
    for machine in all.iter_mut().filter(|one| one.address.kind() == cloud.machine_kind) {
        let outlived = of.outlived.contains(machine.address.name());
        let expelled = of.expelled.get(machine.address.name()).copied();
        let why = outlived.then_some(OUTLIVED).or(expelled);
        machine.outlived = why.map(str::to_owned);
        machine.supersedes.retain(|old| !of.outlived.contains(old.name()));
        if of.goes_first(machine.address.name()) {
            machine.supersedes.clear();
            let older = of.older.get(machine.address.name()).into_iter().flatten();
            machine.created_after.extend(older.map(|old| Address::new(cloud.machine_kind, old)));
        }
        if control_planes.contains(machine.address.name()) {
            let before = of.outlived.iter().chain(of.given_up);
            let before = before.map(|name| Address::new(cloud.machine_kind, name));
            machine.created_after.extend(before.filter(|one| *one != machine.address));
        }
        if cloud.signs_itself {
            machine.companions.push(Handovers::address(machine.address.name()));
        }
    }
}

fn certificates(of: &ClusterModel<'_>, all: &mut Vec<Declared>) -> Result<()> {
    let cloud = &of.cloud;
    let site = of.apps.site_authority.then_some(Certificates::SITE);
    for name in of.certificates().chain(site) {
        let mut declared = make(certificate(name), &CertificateSpec::valid())?;
        // A new authority would cut off every node and every kubeconfig; without its keys no Secret can
        // be read.
        declared.protect = name.ends_with("ca") || name == "sa" || name == ENCRYPTION_KEYS;
        all.push(declared);
    }
    let kubeconfig = CertificateSpec {
        server: Some(Input::Ref(cloud.api_host.clone())),
        port: Some(of.cluster.api_load_balancer.port),
        ..CertificateSpec::valid()
    };
    all.push(make(certificate("kubeconfig"), &kubeconfig)?.after(certificate("admin")));

    let files = ArtifactsSpec {
        bucket: Input::reference(cloud.bucket.clone(), "name"),
        digest: of.digest.to_owned(),
    };
    all.push(make(artifacts(), &files)?);
    Ok(())
}

/// What an earlier version installed goes when nothing leads to it any more: the apps have their new
/// class, and DNS the new address.
fn supersede_retired(all: &mut [Declared]) {
    let ingress = Suites::address(INGRESS);
    for declared in all.iter_mut() {
        let leads = declared.spec.references().iter().any(|one| one.address == ingress);
        if leads || declared.address == ingress || declared.address == Suites::address("apps") {
            declared.supersedes.extend(RETIRED.map(|(name, _)| Suites::address(name)));
        }
    }
}

/// What refers to a suite that is switched off (DNS to the ingress) has nothing to point at.
fn drop_what_leads_nowhere(all: &mut Vec<Declared>) {
    let there: Vec<Address> = all.iter().map(|declared| declared.address.clone()).collect();
    all.retain(|declared| {
        declared.spec.references().iter().all(|reference| {
            reference.address.kind() != "suite" || there.contains(&reference.address)
        })
    });
}
