//! A look at a cluster whose control planes are machines of its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use infra_cloud::OwnPlane;
use infra_provider_api::{CloudError, ErrorKind, Kind, MachineBoot, NodeSlot, Place, erase};

use super::{Observation, OwnParts, Purpose};
use crate::{
    cluster::{
        AppsModel, BUCKET_KINDS, BootReports, BootstrapData, BootstrapInput, Certificates,
        CloudPlaces, ClusterKinds, ClusterModel, KubeAccess, KubeletApprovals, KubeletCertificates,
        NodeBundles, SiteCertificates, first_control_plane,
    },
    engine::{Kinds, Observations, ObserveOptions, PlanOptions, observe},
    session::{
        clock,
        cloud_facts::{control_planes, is_given_up, machine_ids, reports},
        encryption::Life,
        error::CliError,
        generations,
        inputs::Downloads,
        open::Session,
        outlived::expelled,
    },
};

impl Session {
    /// Looks at everything, and declares what a cluster needs that runs its control planes itself.
    pub(super) async fn look_at_own(
        &self,
        plane: &OwnPlane,
        purpose: Purpose,
        options: &PlanOptions,
    ) -> Result<Observation, CliError> {
        let (in_cloud, mut cluster) = self.look_in_cloud(purpose, options).await?;
        let generations = self.rotations()?;
        let machine_kind = plane.machine_kind;
        let mut older = generations::fill(&mut cluster, &generations, &in_cloud, machine_kind);

        let Downloads { cache, lock, digest, missing } = self.downloads();
        let bucket_name = self.bucket_name(&plane.bucket, &cluster, &in_cloud)?;
        let bucket = plane.object_store.bucket(bucket_name).map_err(CliError::local)?;
        let endpoint = in_cloud
            .get(&plane.api_host.address)
            .and_then(|balancer| balancer.outputs.text(&plane.api_host.field));
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
            platform: plane.platform,
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
        let boot: Arc<dyn MachineBoot> = Arc::new(bundles.clone());
        let bundle_kind = erase(bundles);
        let used = self.used_bundles(&cluster, &in_cloud).filter(|_| !purpose.is_everything());
        let in_bucket = if let Some(used) = used {
            used
        } else if purpose != Purpose::Destroy && in_cloud.get(&plane.bucket).is_some() {
            let kinds = Kinds::new([Arc::clone(&bundle_kind)]).map_err(CliError::local)?;
            observe(&kinds, &self.cx, &ObserveOptions::default()).await?
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

        let mut apps = self.read_apps(purpose, &cluster, &in_cloud, validity)?;

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
                .with_site(apps.site_authority)
                .kept_by(self.keeper());
        let local = ClusterKinds {
            provider: &self.cloud.provider,
            plane,
            machine,
            in_cloud: &in_cloud,
            machine_ids,
            first,
            older: &older,
            drain: self.drain.get().copied().unwrap_or_default(),
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
            apps: apps.kinds(&kube, self.project.apps.timeout),
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
            _ if made && in_cloud.get(&plane.api_host.address).is_none() => {
                let message = format!("{} is gone", plane.api_host.address);
                Some(CloudError::new(ErrorKind::Unavailable, "reach the API server", message))
            }
            _ if kube.exists() => kube.probe(&self.stop).await.err(),
            _ => None,
        };
        let has_bucket = in_cloud.get(&plane.bucket).is_some();
        let seen: Vec<Arc<dyn Kind>> = local
            .iter()
            .filter(|kind| kind.name() != "node_bundle")
            .filter(|kind| purpose != Purpose::Destroy || kind.name() == "certificate")
            .filter(|kind| kind.name() != "turn" || self.turns_matter(purpose))
            .filter(|kind| kind.name() != SiteCertificates::KIND || self.sites_matter(purpose))
            .filter(|kind| kind.name() != KubeletCertificates::KIND || serving)
            // A bucket of that name that is not the cluster's is not asked for anything.
            .filter(|kind| has_bucket || !BUCKET_KINDS.contains(&kind.name()))
            .cloned()
            .collect();
        let mut observed = self.look_inside(seen, unreachable).await?;
        if purpose == Purpose::Destroy {
            let goes = local.iter().filter(|kind| match kind.place() {
                Place::Bucket => has_bucket,
                Place::Cluster => !machines.is_empty(),
                Place::Cloud | Place::Here => false,
            });
            observed.unseen.extend(goes.map(|kind| kind.name().to_owned()));
        }
        let mut expelled = match purpose {
            Purpose::Orphans | Purpose::Destroy => BTreeMap::new(),
            _ => expelled(&self.store.state(), &in_cloud, &observed, machine_kind),
        };
        if let [only] = &Vec::from_iter(&keeps)[..]
            && let Some(reason) = expelled.remove(*only)
        {
            // etcd's data lies on it.
            apps.notes.push(format!("{only}: {reason}; restart the kubelet on its machine"));
        }
        let left_alone = self.leave_needed(purpose, &kube, &mut apps, &mut observed).await?;
        observed.untagged.extend(in_cloud.untagged);
        observed.foreign.extend(in_cloud.foreign);
        observed.resources.extend(in_cloud.resources);
        observed.resources.extend(in_bucket.resources);

        apps.notes.extend(approvals.remarks());
        let queue = generations.queue().filter(|queue| !queue.left.is_empty());
        apps.notes.extend(queue.map(|queue| {
            let (left, since) = (queue.left.len(), queue.since.strftime("%Y-%m-%d %H:%M:%SZ"));
            let nodes = if left == 1 { "node is" } else { "nodes are" };
            format!("a rotation is under way since {since}: {left} {nodes} left; `infra rotate-node --resume` resumes it")
        }));
        if !purpose.is_everything() {
            apps.notes.extend(self.kubelet_serving_note(initialised, serving));
        }
        let kinds = Kinds::new(self.cloud.provider.kinds().into_iter().chain(local))
            .map_err(CliError::local)?;
        let of_cloud = self
            .cloud
            .provider
            .model(&cluster, &self.owner)
            .map_err(|problems| CliError::refused(&problems))?;
        let model = ClusterModel {
            cloud: CloudPlaces::from(plane),
            cluster: &cluster,
            kits: &kits,
            digest: &digest,
            machines: &machines,
            revisions: &revisions,
            apps: AppsModel {
                suites: &apps.specs,
                sites: &apps.sites,
                site_authority: apps.site_authority,
            },
            older: &older,
            in_place: generations.in_place(),
            outlived: &outlived,
            expelled: &expelled,
            given_up: if given_up { &keeps } else { &nobody },
            turns: &self.turns(),
            encrypts: !encryption.order.is_empty(),
            kubelet_serving: serving,
            replace: &options.replace,
        };
        let declared = model.declare(of_cloud).map_err(CliError::local)?;
        let own = OwnParts {
            kits,
            boot,
            approvals,
            missing,
            made,
            sees_members: purpose != Purpose::Destroy,
            given_up,
            endpoint: leads,
        };
        Ok(Observation {
            cluster,
            declared,
            observed,
            kinds,
            own: Some(own),
            volumes: BTreeSet::new(),
            kube,
            suites: apps.suites,
            unchecked: apps.unchecked,
            notes: apps.notes,
            shared: apps.shared,
            scope: apps.scope,
            left_alone,
            postponed: Vec::new(),
        })
    }
}
