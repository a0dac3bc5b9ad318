//! The model of what belongs to no cloud, where the cloud runs the control plane.

use std::collections::BTreeMap;

use infra_cloud::ManagedPlane;
use infra_provider_api::{Address, Cluster, Declared, Input, Phase, Readiness, Reference};
use serde_json::Value;

use super::{AppsModel, Result, certificate, make, sites, suites, victims::victims};
use crate::{
    cluster::{
        ApiServerSpec, ApiServers, CertificateSpec, Certificates, KubeconfigSpec, Kubeconfigs,
        NodeSetSpec, NodeSets, NodeSpec,
    },
    engine::Observations,
};

/// A machine that is being replaced.
#[derive(Clone, Debug)]
pub struct Replacement {
    /// Its name.
    pub old: String,
    /// The machine that takes its place.
    pub machine: Declared,
    /// The name of their pool.
    pub pool: String,
}

/// A pool that shall have fewer machines than it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shrinking {
    /// The pool.
    pub pool: Address,
    /// How many machines it has.
    pub from: u64,
    /// How many it shall have.
    pub to: u64,
}

/// Returns how many machines a pool's spec asks for; `None` where the cloud chooses.
fn count(spec: &infra_provider_api::RawJson) -> Option<u64> {
    spec.get("count")?.as_u64()
}

/// Returns the pools that shall get smaller. The cloud never chooses which machines go. A pool that the cloud is
/// changing has more machines for a while, so it is left alone until that is over.
pub fn shrinking(
    plane: &ManagedPlane,
    of_cloud: &[Declared],
    in_cloud: &Observations,
) -> Vec<Shrinking> {
    let pools = of_cloud.iter().filter(|one| one.address.kind() == plane.pool_kind);
    let shrinking = pools.filter_map(|pool| {
        let to = count(&pool.spec)?;
        let seen = in_cloud.get(&pool.address)?;
        let from = count(&seen.spec)?;
        (to < from && seen.readiness == Readiness::Ready).then(|| Shrinking {
            pool: pool.address.clone(),
            from,
            to,
        })
    });
    shrinking.collect()
}

/// Returns the pools of `asked` that shall get smaller, and keep the machines that they have in `declared`: the cloud
/// is changing them.
pub fn postponed(
    plane: &ManagedPlane,
    asked: &[Declared],
    declared: &[Declared],
    replaced: &[Replacement],
) -> Vec<Shrinking> {
    let pools = asked.iter().filter(|one| one.address.kind() == plane.pool_kind);
    // One of which a machine is replaced has one more for a while.
    let pools = pools.filter(|one| replaced.iter().all(|it| it.pool != one.address.name()));
    let postponed = pools.filter_map(|pool| {
        let keeps = declared.iter().find(|one| one.address == pool.address)?;
        let (from, to) = (count(&keeps.spec)?, count(&pool.spec)?);
        (to < from).then(|| Shrinking { pool: pool.address.clone(), from, to })
    });
    postponed.collect()
}

/// What the cluster's resources are declared from.
pub struct ManagedModel<'a> {
    /// What it refers to in the cloud's own.
    pub plane: &'a ManagedPlane,
    /// The cluster.
    pub cluster: &'a Cluster,
    /// What exists.
    pub observed: &'a Observations,
    /// Pools that get smaller.
    pub shrinking: &'a [Shrinking],
    /// Machines that are being replaced.
    pub replaced: &'a [Replacement],
    /// Pools whose place a pool takes, by its name.
    pub older_pools: &'a BTreeMap<String, Vec<String>>,
    /// The suites, and the certificates of their sites.
    pub apps: AppsModel<'a>,
}

impl ManagedModel<'_> {
    /// Declares what the cluster needs, besides `all`, which the cloud has declared.
    ///
    /// # Errors
    /// Returns an error if a spec cannot be written as JSON.
    pub fn declare(&self, mut all: Vec<Declared>) -> Result<Vec<Declared>> {
        self.adjust_pools(&mut all);
        if self.apps.site_authority {
            let mut site = make(certificate(Certificates::SITE), &CertificateSpec::valid())?;
            site.protect = true;
            all.push(site);
        }
        let output = |field: &str| {
            Input::Ref(Reference { address: self.plane.cluster.clone(), field: field.to_owned() })
        };
        let kubeconfig = KubeconfigSpec {
            state: "valid".to_owned(),
            server: output("host"),
            ca_pem: output("ca_pem"),
        };
        all.push(make(Kubeconfigs::address(), &kubeconfig)?);
        let server = make(ApiServers::address(), &ApiServerSpec::default())?;
        all.push(server.in_phase(Phase::Bootstrap).after(Kubeconfigs::address()));
        let mut nodes = Vec::new();
        for pool in &self.cluster.pools {
            let size = NodeSetSpec { nodes: u32::try_from(pool.nodes.len()).unwrap_or(u32::MAX) };
            let name = pool.generation_name();
            let mut set = make(NodeSets::address(&name), &size)?
                .in_phase(Phase::Bootstrap)
                .after(Address::new(self.plane.pool_kind, &name))
                .after(ApiServers::address());
            // Its Nodes are Ready before those of the pool before it are drained, and that pool goes when it is empty.
            for old in self.older_pools.get(&name).into_iter().flatten() {
                set.supersedes.push(NodeSets::address(old));
                set.supersedes.push(Address::new(self.plane.pool_kind, old));
            }
            set.source = pool.source.clone();
            nodes.push(set.address.clone());
            all.push(set);
        }
        for one in self.replaced {
            self.replace(one, &mut all)?;
        }
        sites::declare(&self.apps, &mut all)?;
        suites::declare_suites(&self.apps, &nodes, &mut all)?;
        super::supersede_retired(&mut all);
        super::drop_what_leads_nowhere(&mut all);
        Ok(all)
    }

    /// Lets a pool keep the number that it has while one of its machines is replaced, or while the cloud changes
    /// it: it has more for a while, and the cloud must not choose which one goes. One that gets smaller gives up
    /// the machines that are chosen here.
    fn adjust_pools(&self, all: &mut [Declared]) {
        for pool in all.iter_mut().filter(|one| one.address.kind() == self.plane.pool_kind) {
            let name = pool.address.name().to_owned();
            let name = name.as_str();
            let of_pool = self.cluster.pools.iter().find(|one| one.generation_name() == name);
            pool.rotated_by = of_pool.map(|one| format!("infra rotate-node --pool {}", one.name));
            let shrinks = self.shrinking.iter().find(|one| one.pool == pool.address);
            let is_replacing = self.replaced.iter().any(|one| one.pool == name);
            let (Some(shrinks), false) = (shrinks, is_replacing) else {
                let has = self.observed.get(&pool.address).and_then(|seen| count(&seen.spec));
                if let (Some(has), Some(asked)) = (has, count(&pool.spec))
                    && (is_replacing || asked < has)
                {
                    let mut spec = pool.spec.value();
                    spec["count"] = Value::from(has);
                    pool.spec = spec.into();
                }
                continue;
            };
            let surplus = usize::try_from(shrinks.from - shrinks.to).unwrap_or(usize::MAX);
            for victim in victims(self.observed, self.plane.machine_kind, name, surplus) {
                pool.supersedes.push(Address::new("node", &victim));
                pool.supersedes.push(Address::new(self.plane.machine_kind, &victim));
            }
        }
    }

    fn replace(&self, one: &Replacement, all: &mut Vec<Declared>) -> Result<()> {
        let name = one.machine.address.name().to_owned();
        let machine = one.machine.clone().after(Address::new(self.plane.pool_kind, &one.pool));
        let id = Some(Input::reference(machine.address.clone(), "id"));
        let spec = NodeSpec { slot: name.clone(), machine: id };
        let mut node = make(Address::new("node", &name), &spec)?
            .in_phase(Phase::Bootstrap)
            .after(machine.address.clone())
            .after(ApiServers::address());
        node.supersedes.push(Address::new("node", &one.old));
        node.supersedes.push(Address::new(self.plane.machine_kind, &one.old));
        all.push(machine);
        all.push(node);
        Ok(())
    }
}
