//! Looking at everything: the cloud first, because the names of machines tell their generations,
//! then what is local, in the bucket, and behind the API server.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use infra_provider_api::{
    Address, CloudError, Cluster, Declared, ErrorKind, Kind, NodePlan, Pool, Reference, Role, erase,
};
use serde_json::Value;

use super::{
    clock,
    declare::{self, Declaring},
    error::Failure,
    generations,
    inputs::{Downloads, LoadedSuites},
    open::Session,
    served::served_namespaces,
    suites,
};
use crate::{
    engine::{Kinds, Observations, ObserveOptions, PlanOptions, confirm, observe},
    etcd::EtcdAccess,
    resources::{
        ApiServers, Artifacts, BUCKET_KINDS, Boots, Certificates, EtcdMembers, JoinSecrets,
        KUBERNETES_KINDS, Kits, KitsInput, KubeAccess, Machines, NodeBundles, Nodes, SuiteKind,
        Suites, Traffic, Turns,
    },
    rotate::{DrainOptions, Generations},
};

/// Everything a plan is made from.
pub struct Looked {
    /// The cluster, with generations and revisions filled in.
    pub cluster: Cluster,
    /// What is declared.
    pub declared: Vec<Declared>,
    /// What exists.
    pub observed: Observations,
    /// Every kind.
    pub kinds: Kinds,
    /// What nodes are made from.
    pub kits: Arc<Kits>,
    /// What a machine boots with, made when the machine is.
    pub boot: Arc<dyn infra_provider_api::MachineBoot>,
    /// The way to the API server.
    pub kube: Arc<KubeAccess>,
    /// The suites.
    pub suites: Suites,
    /// A line for each thing that could not be checked.
    pub unchecked: Vec<String>,
    /// Why the nodes' downloads are not there; a plan that needs them is refused with it.
    pub(super) missing: Option<Failure>,
    /// Some control plane has made the cluster: its etcd holds data.
    pub made: bool,
    /// etcd's members are among what exists, unless they can't be reached.
    pub sees_members: bool,
    /// The user gives up the data of every control plane: the cluster is made again.
    pub given_up: bool,
}

/// What a look is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Planning an apply.
    Apply,
    /// Showing what there is.
    Show,
    /// Planning an apply that ends before the nodes join.
    Infra,
    /// Finding what nobody asked for, too.
    Orphans,
    /// Planning a destroy: what goes with its machines or its bucket is not looked at.
    Destroy,
}

impl Purpose {
    /// Whether even kinds are looked at that are neither declared nor recorded.
    pub(super) fn is_everything(self) -> bool {
        matches!(self, Self::Orphans | Self::Destroy)
    }
}

impl Session {
    /// Looks at everything and declares what the file asks for.
    ///
    /// # Errors
    /// A kind can't be listed; what is declared is wrong.
    pub async fn look(&self, purpose: Purpose) -> Result<Looked, Failure> {
        self.look_for(purpose, &PlanOptions::default()).await
    }

    /// The same for a plan with these options.
    pub(super) async fn look_for(
        &self,
        purpose: Purpose,
        options: &PlanOptions,
    ) -> Result<Looked, Failure> {
        self.blamed(self.look_around(purpose, options).await)
    }

    async fn look_around(
        &self,
        purpose: Purpose,
        options: &PlanOptions,
    ) -> Result<Looked, Failure> {
        let cloud_kinds = Kinds::new(self.cloud_kinds(purpose)?).map_err(Failure::local)?;
        let strict = ObserveOptions::default();
        let mut in_cloud = observe(&cloud_kinds, &self.cx, &strict).await?;
        let record = self.store.record();
        confirm(&cloud_kinds, &self.cx, &record, &mut in_cloud, self.grace()).await?;
        drop(record);
        let mut cluster = self.project.cluster.clone();
        self.choose(&mut cluster, &in_cloud).await?;
        let generations = Generations::read(&self.places.record)?;
        let machine_kind = self.cloud.machine_kind;
        let older = generations::fill(&mut cluster, &generations, &in_cloud, machine_kind);

        let Downloads { cache, lock, digest, missing } = self.downloads();
        let bucket_name = self.bucket_name(&cluster, &in_cloud)?;
        let bucket = self.cloud.object_store.bucket(bucket_name).map_err(Failure::local)?;
        let endpoint = in_cloud
            .get(&self.cloud.api_host.address)
            .and_then(|balancer| balancer.outputs.text(&self.cloud.api_host.field));
        let kube = Arc::new(KubeAccess::new(self.places.kubeconfig()));
        let machines: BTreeSet<String> = in_cloud
            .resources
            .keys()
            .filter(|address| address.kind() == machine_kind)
            .map(|address| address.name().to_owned())
            .collect();
        let made = self.is_initialised(&cluster, &kube, &machines).await;
        let given_up = made && is_given_up(&cluster, &machines, machine_kind, options);
        let initialised = made && !given_up;
        let validity = clock::validity(&self.project);
        let kits = Arc::new(Kits::new(KitsInput {
            cluster: cluster.clone(),
            pki: self.places.pki.clone(),
            lock: lock.clone(),
            bucket: bucket.clone(),
            platform: self.cloud.platform,
            external_cloud: self.project.apps.addons.cloud,
            initialised,
            endpoint,
        }));
        for pool in &mut cluster.pools {
            let revision = |node: &NodePlan| {
                // Without the downloads, what a machine booted with is all that is known.
                let machine = infra_provider_api::Address::new(machine_kind, node.name());
                let booted = missing.as_ref().and_then(|_| in_cloud.get(&machine));
                booted
                    .and_then(|machine| machine.spec.text("revision"))
                    .unwrap_or_else(|| kits.revision(pool, node))
            };
            let revisions: Vec<String> = pool.nodes.iter().map(revision).collect();
            for (node, revision) in pool.nodes.iter_mut().zip(revisions) {
                node.revision = revision;
            }
        }

        // A machine that runs keeps its bundle; a newer revision is taken up by rotating.
        let bundles = NodeBundles::new(Arc::clone(&kits), Arc::clone(&kube), initialised);
        let boot: Arc<dyn infra_provider_api::MachineBoot> = Arc::new(bundles.clone());
        let bundle_kind = erase(bundles);
        let used = self.used_bundles(&cluster, &in_cloud).filter(|_| !purpose.is_everything());
        let in_bucket = if let Some(used) = used {
            used
        } else if purpose != Purpose::Destroy && in_cloud.get(&self.cloud.bucket).is_some() {
            let kinds = Kinds::new([Arc::clone(&bundle_kind)]).map_err(Failure::local)?;
            observe(&kinds, &self.cx, &strict).await?
        } else {
            Observations::default()
        };
        let booted = |name: &str| -> Option<String> {
            let bundle = infra_provider_api::Address::new("node_bundle", name);
            machines.contains(name).then_some(())?;
            in_bucket.get(&bundle)?.spec.text("revision")
        };
        let revisions: BTreeMap<String, String> = cluster
            .nodes()
            .into_iter()
            .map(|(_, node)| {
                (node.name(), booted(&node.name()).unwrap_or_else(|| node.revision.clone()))
            })
            .collect();

        let served = match purpose {
            Purpose::Apply => served_namespaces(&self.project, &self.spec)?,
            // A suite that can't be read is told of when it is loaded.
            Purpose::Infra | Purpose::Show => {
                served_namespaces(&self.project, &self.spec).unwrap_or_default()
            }
            Purpose::Orphans | Purpose::Destroy => Default::default(),
        };
        let mut suites = suites::seeds(&self.project, &self.cloud, &self.owner, &served);
        if purpose == Purpose::Destroy {
            suites.without_values();
        }
        let outputs = |reference: &Reference| -> Option<String> {
            let observed = in_cloud.get(&reference.address)?;
            observed.outputs.text(&reference.field)
        };
        let LoadedSuites { specs: suite_specs, complete: loaded, unchecked } =
            self.load_suites(&suites, &outputs, purpose)?;

        let first = first_control_plane(&cluster).map(|(_, node)| node.name());
        let machine =
            self.cloud.provider.kinds().into_iter().find(|kind| kind.name() == machine_kind);
        let machine_ids = machine_ids(&in_cloud, machine_kind);
        let boots = Arc::new(Boots::new(
            Arc::clone(&kits),
            report_keys(&in_cloud, machine_kind),
            machine.clone(),
        ));
        let local: Vec<Arc<dyn Kind>> = vec![
            erase(
                Certificates::new(self.places.pki.clone(), cluster.name.clone(), validity)
                    .kept_by(self.keeper()),
            ),
            erase(Artifacts::new(bucket.clone(), cache, lock, digest.clone())),
            bundle_kind,
            erase(Turns::new(bucket, machine_ids.clone())),
            erase(ApiServers::new(Arc::clone(&boots), Arc::clone(&kube), first)),
            erase(EtcdMembers::new(
                Arc::new(EtcdAccess::new(Arc::clone(&kube), self.places.pki.clone())),
                Arc::clone(&boots),
                Machines::of(&in_cloud, machine_kind),
            )),
            erase(
                Nodes::new(
                    boots,
                    Arc::clone(&kube),
                    DrainOptions::default(),
                    Traffic::new(Arc::clone(&self.cloud.provider), machine.clone(), older.clone()),
                    machine,
                    machine_ids.clone(),
                )
                .with_secrets(JoinSecrets::new(kits.bucket().clone(), Arc::clone(&kube))),
            ),
            erase(SuiteKind::new(
                Arc::clone(&kube),
                suites.clone(),
                loaded,
                self.project.apps.timeout,
            )),
        ];
        // One short question first: an API server that does not answer would otherwise hold up
        // every kind that lives in it for as long as its calls are tried again.
        let unreachable = match purpose {
            _ if given_up => Some(CloudError::new(
                ErrorKind::Unavailable,
                "look into the cluster",
                "its data is given up, and it is made again",
            )),
            Purpose::Apply | Purpose::Show | Purpose::Infra | Purpose::Orphans if kube.exists() => {
                kube.probe(&self.stop).await.err()
            }
            _ => None,
        };
        let has_bucket = in_cloud.get(&self.cloud.bucket).is_some();
        let seen: Vec<Arc<dyn Kind>> = local
            .iter()
            .filter(|kind| unreachable.is_none() || !KUBERNETES_KINDS.contains(&kind.name()))
            .filter(|kind| kind.name() != "node_bundle")
            .filter(|kind| purpose != Purpose::Destroy || kind.name() == "certificate")
            .filter(|kind| kind.name() != "turn" || self.turns_matter(purpose))
            // A bucket of that name that is not the cluster's is not asked for anything.
            .filter(|kind| has_bucket || !BUCKET_KINDS.contains(&kind.name()))
            .cloned()
            .collect();
        let lenient = ObserveOptions {
            optional: KUBERNETES_KINDS.iter().map(|kind| (*kind).to_owned()).collect(),
        };
        let seen = Kinds::new(seen).map_err(Failure::local)?;
        let mut observed = observe(&seen, &self.cx, &lenient).await?;
        if let Some(error) = unreachable {
            let kinds = KUBERNETES_KINDS.iter().map(|kind| ((*kind).to_owned(), error.clone()));
            observed.unreachable.extend(kinds);
        }
        observed.untagged.extend(in_cloud.untagged);
        observed.foreign.extend(in_cloud.foreign);
        observed.resources.extend(in_cloud.resources);
        observed.resources.extend(in_bucket.resources);

        let kinds = Kinds::new(self.cloud.provider.kinds().into_iter().chain(local))
            .map_err(Failure::local)?;
        let declared = declare::declare(&Declaring {
            session: self,
            cluster: &cluster,
            kits: &kits,
            digest: &digest,
            machines: &machines,
            revisions: &revisions,
            suites: &suite_specs,
            older: &older,
        })?;
        let sees_members = purpose != Purpose::Destroy;
        Ok(Looked {
            cluster,
            declared,
            observed,
            kinds,
            kits,
            boot,
            kube,
            suites,
            unchecked,
            missing,
            made,
            sees_members,
            given_up,
        })
    }

    /// Fills in what infra.toml leaves to the cloud: as it was chosen before, as long as that exists or
    /// is recorded.
    async fn choose(&self, cluster: &mut Cluster, in_cloud: &Observations) -> Result<(), Failure> {
        let record = self.store.record();
        let recorded = record.resources.values();
        let recorded = recorded.filter(|one| in_cloud.get(&one.address).is_none());
        let existing: Vec<_> = in_cloud
            .iter()
            .map(|one| (one.address.clone(), one.spec.clone()))
            .chain(recorded.map(|one| (one.address.clone(), one.spec.clone())))
            .collect();
        self.cloud.provider.choose(&self.cx, cluster, &existing).await?;
        Ok(())
    }

    /// The bucket's name: that of the one there is, else that of the model.
    fn bucket_name(&self, cluster: &Cluster, in_cloud: &Observations) -> Result<String, Failure> {
        if let Some(bucket) = in_cloud.get(&self.cloud.bucket)
            && let Some(name) = bucket.outputs.text("name")
        {
            return Ok(name);
        }
        let declared = self
            .cloud
            .provider
            .model(cluster, &self.owner)
            .map_err(|problems| Failure::problems(&problems))?;
        declared
            .iter()
            .find(|one| one.address == self.cloud.bucket)
            .and_then(|one| one.spec.text("name"))
            .ok_or_else(|| Failure::local("the cloud's model has no bucket"))
    }

    /// Whether some control plane has made the cluster: the record says so, or the API server
    /// itself. Then no machine may make it again.
    async fn is_initialised(
        &self,
        cluster: &Cluster,
        kube: &KubeAccess,
        machines: &BTreeSet<String>,
    ) -> bool {
        // Without any control plane left there is nothing to join: the cluster is made anew.
        let control_plane = cluster.nodes().into_iter().any(|(pool, node)| {
            pool.role == Role::ControlPlane
                && machines.iter().any(|name| NodePlan::parse_name(name).0 == node.slot)
        });
        if !control_plane {
            return false;
        }
        let recorded = self
            .store
            .record()
            .resources
            .values()
            .any(|resource| resource.address.kind() == "api_server" && resource.ready);
        if recorded {
            return true;
        }
        if !kube.exists() {
            return false;
        }
        kube.probe(&self.stop).await.is_ok() || kube.is_there(&self.stop).await
    }
}

/// The control plane that makes the cluster.
pub(super) fn first_control_plane(cluster: &Cluster) -> Option<(&Pool, &NodePlan)> {
    cluster.nodes().into_iter().find(|(pool, _)| pool.role == Role::ControlPlane)
}

/// The keys under which the machines that exist report. One that does not tell the key of its create
/// never reports to anybody's knowledge; the cluster itself decides about it.
fn report_keys(in_cloud: &Observations, machine_kind: &str) -> BTreeMap<String, String> {
    let machines = in_cloud.iter().filter(|machine| machine.address.kind() == machine_kind);
    machines
        .filter_map(|one| Some((one.address.name().to_owned(), one.intent_key.clone()?)))
        .collect()
}

/// Returns true if each control plane that exists is to be replaced, and its name was typed as one
/// whose data may be lost.
fn is_given_up(
    cluster: &Cluster,
    machines: &BTreeSet<String>,
    machine_kind: &str,
    options: &PlanOptions,
) -> bool {
    let mut existing = cluster
        .nodes()
        .into_iter()
        .filter(|(pool, node)| pool.role == Role::ControlPlane && machines.contains(&node.name()))
        .map(|(_, node)| node.name());
    existing.all(|name| {
        options.replace.contains(&Address::new(machine_kind, &name))
            && options.may_lose.contains(&name)
    })
}

fn machine_ids(in_cloud: &Observations, machine_kind: &str) -> BTreeMap<String, Value> {
    let machines = in_cloud.iter().filter(|machine| machine.address.kind() == machine_kind);
    machines
        .filter_map(|one| Some((one.address.name().to_owned(), one.outputs.get("id")?)))
        .collect()
}
