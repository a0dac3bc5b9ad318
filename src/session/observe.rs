//! Looking at everything: the cloud first, because the names of machines tell their generations,
//! then what is local, in the bucket, and behind the API server.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use infra_provider_api::{
    Address, CloudError, Cluster, Declared, ErrorKind, Kind, NodeSlot, Place, Reference, erase,
};
use jiff::Timestamp;

use super::{
    api_address::Endpoint,
    clock,
    cloud_facts::{control_planes, is_given_up, machine_ids, recorded_sites, reports},
    encryption::Life,
    error::CliError,
    generations,
    inputs::{Downloads, LoadedSuites},
    open::Session,
    outlived::expelled,
    served::Shared,
    site_certificates::{Sites, sites},
    suite_catalog,
};
use crate::{
    cluster::{
        BUCKET_KINDS, BootReports, BootstrapData, BootstrapInput, Certificates, CloudPlaces,
        ClusterKinds, ClusterModel, KUBERNETES_KINDS, KubeAccess, KubeletApprovals,
        KubeletCertificates, NodeBundles, SiteCertificates, SiteCertificatesInput, SiteScope,
        Suites, first_control_plane,
    },
    config::TlsIssuer,
    engine::{Kinds, Observations, ObserveOptions, PlanOptions, confirm, observe},
    rotate::Generations,
};

/// Everything a plan is made from.
pub struct Observation {
    /// The cluster, with generations and revisions filled in.
    pub cluster: Cluster,
    /// What is declared.
    pub declared: Vec<Declared>,
    /// What exists.
    pub observed: Observations,
    /// Every kind.
    pub kinds: Kinds,
    /// What nodes are made from.
    pub kits: Arc<BootstrapData>,
    /// What a machine boots with, made when the machine is.
    pub boot: Arc<dyn infra_provider_api::MachineBoot>,
    /// The way to the API server.
    pub kube: Arc<KubeAccess>,
    /// The requests of kubelets for certificates.
    pub approvals: Arc<KubeletApprovals>,
    /// The suites.
    pub suites: Suites,
    /// A line for each thing that could not be checked.
    pub unchecked: Vec<String>,
    /// What is worth saying in a plan.
    pub(super) notes: Vec<String>,
    /// Why the nodes' downloads are not there; a plan that needs them is refused with it.
    pub(super) missing: Option<CliError>,
    /// Some control plane has made the cluster: its etcd holds data.
    pub made: bool,
    /// etcd's members are among what exists, unless they can't be reached.
    pub sees_members: bool,
    /// The user gives up the data of every control plane: the cluster is made again.
    pub given_up: bool,
    /// Where nodes look for the API server.
    pub(super) endpoint: Endpoint,
    /// What the environments of the cluster share.
    pub(super) shared: Shared,
    /// Whose certificates of sites a plan is about.
    pub(super) scope: SiteScope,
    /// What is no longer declared here, and that other environments still need.
    pub(super) left_alone: BTreeSet<Address>,
}

/// What a look is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Planning an apply.
    Apply,
    /// Planning an apply that leaves the apps as they are.
    Nodes,
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
    /// Returns true if even kinds are looked at that are neither declared nor recorded.
    pub(super) fn is_everything(self) -> bool {
        matches!(self, Self::Orphans | Self::Destroy)
    }
}

impl Session {
    /// Looks at everything and declares what the file asks for.
    ///
    /// # Errors
    /// Returns an error if a kind cannot be listed, or if a declaration is wrong.
    pub async fn observe(&self, purpose: Purpose) -> Result<Observation, CliError> {
        self.look_for(purpose, &PlanOptions::default()).await
    }

    /// Looks at everything as [`Self::observe`] does, for a plan with these options.
    pub(super) async fn look_for(
        &self,
        purpose: Purpose,
        options: &PlanOptions,
    ) -> Result<Observation, CliError> {
        self.blamed(self.look_around(purpose, options).await)
    }

    async fn look_around(
        &self,
        purpose: Purpose,
        options: &PlanOptions,
    ) -> Result<Observation, CliError> {
        let cloud_kinds = Kinds::new(self.cloud_kinds(purpose)?).map_err(CliError::local)?;
        let strict = ObserveOptions::default();
        let mut in_cloud = observe(&cloud_kinds, &self.cx, &strict).await?;
        let record = self.store.state();
        confirm(&cloud_kinds, &self.cx, &record, &mut in_cloud, self.grace()).await?;
        drop(record);
        let mut cluster = self.project.cluster.clone();
        self.choose(&mut cluster, &in_cloud, options).await?;
        let generations = Generations::read(&self.layout.state)?;
        let machine_kind = self.cloud.machine_kind;
        let mut older = generations::fill(&mut cluster, &generations, &in_cloud, machine_kind);

        let Downloads { cache, lock, digest, missing } = self.downloads();
        let bucket_name = self.bucket_name(&cluster, &in_cloud)?;
        let bucket = self.cloud.object_store.bucket(bucket_name).map_err(CliError::local)?;
        let endpoint = in_cloud
            .get(&self.cloud.api_host.address)
            .and_then(|balancer| balancer.outputs.text(&self.cloud.api_host.field));
        let kube = Arc::new(KubeAccess::new(self.layout.kubeconfig()));
        let machines: BTreeSet<String> = in_cloud
            .resources
            .keys()
            .filter(|address| address.kind() == machine_kind)
            .map(|address| address.name().to_owned())
            .collect();
        let keeps = control_planes(&cluster, &in_cloud, machine_kind);
        let made = !keeps.is_empty() && self.is_initialised(&kube).await;
        let given_up = made && is_given_up(&cluster, &keeps, machine_kind, options);
        let initialised = made && !given_up;
        let validity = clock::validity(&self.project);
        let leads = self.endpoint(purpose, &cluster, initialised, &kube).await;
        let is_gone = given_up || keeps.is_empty();
        let nobody = BTreeSet::new();
        // What others take the place of belongs to the cluster that is gone: nothing waits until they have
        // its traffic, and it need not be drained.
        let superseded: Vec<String> = match is_gone {
            true => std::mem::take(&mut older).into_values().flatten().collect(),
            false => Vec::new(),
        };
        let life = match made {
            _ if is_gone => Life::Anew,
            true => Life::Runs,
            false => Life::New,
        };
        let encryption = self.encryption(purpose, life, &kube).await?;
        let mut settings = self.project.kubernetes.settings.clone();
        settings.encryption.clone_from(&encryption.order);
        let serving = self.kubelet_serving(purpose, initialised, &kube).await?;
        settings.kubelet_serving = serving;
        let kits = Arc::new(BootstrapData::new(BootstrapInput {
            cluster: cluster.clone(),
            pki: self.layout.pki.clone(),
            lock: lock.clone(),
            bucket: bucket.clone(),
            platform: self.cloud.platform,
            external_cloud: self.project.apps.addons.cloud,
            settings,
            kubelet: self.project.kubernetes.kubelet.clone(),
            initialised,
            name: leads.name(&cluster),
            endpoint,
        }));
        for pool in &mut cluster.pools {
            let revision = |node: &NodeSlot| {
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
            let kinds = Kinds::new([Arc::clone(&bundle_kind)]).map_err(CliError::local)?;
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

        let shared = self.shared(purpose)?;
        let mut suites = suite_catalog::seeds(&self.project, &self.cloud, &self.owner, &shared);
        if purpose == Purpose::Destroy {
            suites.without_values();
        }
        let outputs = |reference: &Reference| -> Option<String> {
            let observed = in_cloud.get(&reference.address)?;
            observed.outputs.text(&reference.field)
        };
        let LoadedSuites { specs: suite_specs, complete: loaded, mut unchecked } =
            self.load_suites(&suites, &outputs, purpose)?;
        unchecked.extend(shared.unchecked());

        let Sites { specs: mut sites, files, problems, mut notes } = match purpose {
            Purpose::Destroy => Sites::default(),
            _ => {
                let zone = self.cloud.dns_solver.zone.as_deref();
                sites(&self.project, loaded.get("apps"), zone, Timestamp::now())
            }
        };
        if purpose == Purpose::Apply && !problems.is_empty() {
            return Err(CliError::refused(&problems));
        }
        unchecked.extend(problems.iter().map(|one| one.message.clone()));
        // A suite or a file that can't be read is not one that was deleted.
        let is_read = loaded.contains_key("apps") || !suite_specs.contains_key("apps");
        if self.project.tls.is_some() && !(is_read && problems.is_empty()) {
            let known = recorded_sites(&self.store.state(), cluster.environment.as_deref());
            for (secret, spec) in known {
                sites.entry(secret).or_insert(spec);
            }
        }
        let issuer = self.project.tls.as_ref().and_then(|tls| tls.issuer);
        let site_authority =
            issuer == Some(TlsIssuer::Own) || infra_ssl::has_site_authority(&self.layout.pki);
        let scope = SiteScope {
            environment: cluster.environment.clone(),
            environments: self.project.environments.clone(),
            any_environment: self.project.any_environment,
            declared: sites.keys().map(ToString::to_string).collect(),
        };
        let site_certificates = SiteCertificatesInput {
            pki: self.layout.pki.clone(),
            validity,
            scope: scope.clone(),
            files,
        };

        let first = first_control_plane(&cluster).map(|(_, node)| node.name());
        let machine =
            self.cloud.provider.kinds().into_iter().find(|kind| kind.name() == machine_kind);
        let machine_ids = machine_ids(&in_cloud, machine_kind);
        let boots = Arc::new(BootReports::new(
            Arc::clone(&kits),
            reports(&in_cloud, machine_kind),
            machine.clone(),
        ));
        let outlived = match purpose {
            Purpose::Apply | Purpose::Infra | Purpose::Nodes => {
                let mut outlived = self.outlived(&cluster, &machines, &boots, is_gone).await?;
                outlived.extend(superseded);
                outlived
            }
            Purpose::Show | Purpose::Orphans | Purpose::Destroy => BTreeSet::new(),
        };
        let exist = in_cloud.iter().filter(|one| one.address.kind() == machine_kind);
        let approvals = Arc::new(KubeletApprovals::new(Arc::clone(&kube), machine.clone(), exist));
        let certificates =
            Certificates::new(self.layout.pki.clone(), cluster.name.clone(), validity)
                .with_encryption(encryption.start)
                .with_site(site_authority)
                .kept_by(self.keeper());
        let local = ClusterKinds {
            cloud: &self.cloud,
            machine,
            in_cloud: &in_cloud,
            machine_ids,
            first,
            older: &older,
            certificates,
            pki: self.layout.pki.clone(),
            bucket,
            cache,
            lock,
            digest: digest.clone(),
            kits: Arc::clone(&kits),
            bundles: bundle_kind,
            boots,
            kube: Arc::clone(&kube),
            approvals: Arc::clone(&approvals),
            kubelet_serving: serving,
            site_certificates,
            scope: scope.clone(),
            suites: suites.clone(),
            loaded,
            timeout: self.project.apps.timeout,
        }
        .make();
        // One short question first: an API server that does not answer would otherwise hold up
        // every kind that lives in it for as long as its calls are tried again.
        let unreachable = match purpose {
            _ if given_up => Some(CloudError::new(
                ErrorKind::Unavailable,
                "look into the cluster",
                "its data is given up, and it is made again",
            )),
            Purpose::Destroy => None,
            _ if made && in_cloud.get(&self.cloud.api_host.address).is_none() => {
                let message = format!("{} is gone", self.cloud.api_host.address);
                Some(CloudError::new(ErrorKind::Unavailable, "reach the API server", message))
            }
            _ if kube.exists() => kube.probe(&self.stop).await.err(),
            _ => None,
        };
        let has_bucket = in_cloud.get(&self.cloud.bucket).is_some();
        let seen: Vec<Arc<dyn Kind>> = local
            .iter()
            .filter(|kind| unreachable.is_none() || !KUBERNETES_KINDS.contains(&kind.name()))
            .filter(|kind| kind.name() != "node_bundle")
            .filter(|kind| purpose != Purpose::Destroy || kind.name() == "certificate")
            .filter(|kind| kind.name() != "turn" || self.turns_matter(purpose))
            .filter(|kind| kind.name() != SiteCertificates::KIND || self.sites_matter(purpose))
            .filter(|kind| kind.name() != KubeletCertificates::KIND || serving)
            // A bucket of that name that is not the cluster's is not asked for anything.
            .filter(|kind| has_bucket || !BUCKET_KINDS.contains(&kind.name()))
            .cloned()
            .collect();
        let lenient = ObserveOptions {
            optional: KUBERNETES_KINDS.iter().map(|kind| (*kind).to_owned()).collect(),
        };
        let seen = Kinds::new(seen).map_err(CliError::local)?;
        let mut observed = observe(&seen, &self.cx, &lenient).await?;
        if purpose == Purpose::Destroy {
            let goes = local.iter().filter(|kind| match kind.place() {
                Place::Bucket => has_bucket,
                Place::Cluster => !machines.is_empty(),
                Place::Cloud | Place::Here => false,
            });
            observed.unseen.extend(goes.map(|kind| kind.name().to_owned()));
        }
        if let Some(error) = unreachable {
            let kinds = KUBERNETES_KINDS.iter().map(|kind| ((*kind).to_owned(), error.clone()));
            observed.unreachable.extend(kinds);
        }
        let mut expelled = match purpose {
            Purpose::Orphans | Purpose::Destroy => BTreeMap::new(),
            _ => expelled(&self.store.state(), &in_cloud, &observed, machine_kind),
        };
        if let [only] = &Vec::from_iter(&keeps)[..]
            && let Some(reason) = expelled.remove(*only)
        {
            // etcd's data lies on it.
            notes.push(format!("{only}: {reason}; restart the kubelet on its machine"));
        }
        let left_alone = self.needed_suites(purpose, &kube, &suites, &scope, &observed).await?;
        for (address, needs) in &left_alone {
            observed.resources.remove(address);
            notes.push(format!("{address} stays: certificates still come from it: {needs}"));
        }
        observed.untagged.extend(in_cloud.untagged);
        observed.foreign.extend(in_cloud.foreign);
        observed.resources.extend(in_cloud.resources);
        observed.resources.extend(in_bucket.resources);

        notes.extend(approvals.remarks());
        if !purpose.is_everything() {
            notes.extend(self.kubelet_serving_note(initialised, serving));
        }
        let kinds = Kinds::new(self.cloud.provider.kinds().into_iter().chain(local))
            .map_err(CliError::local)?;
        let of_cloud = self
            .cloud
            .provider
            .model(&cluster, &self.owner)
            .map_err(|problems| CliError::refused(&problems))?;
        let model = ClusterModel {
            cloud: CloudPlaces::from(&self.cloud),
            cluster: &cluster,
            kits: &kits,
            digest: &digest,
            machines: &machines,
            revisions: &revisions,
            suites: &suite_specs,
            sites: &sites,
            site_authority,
            older: &older,
            outlived: &outlived,
            expelled: &expelled,
            given_up: if given_up { &keeps } else { &nobody },
            turns: &self.turns(),
            encrypts: !encryption.order.is_empty(),
            kubelet_serving: serving,
            replace: &options.replace,
        };
        let declared = model.declare(of_cloud).map_err(CliError::local)?;
        let sees_members = purpose != Purpose::Destroy;
        Ok(Observation {
            cluster,
            declared,
            observed,
            kinds,
            kits,
            boot,
            kube,
            approvals,
            suites,
            unchecked,
            notes,
            missing,
            made,
            sees_members,
            given_up,
            endpoint: leads,
            shared,
            scope,
            left_alone: left_alone.into_keys().collect(),
        })
    }
}
