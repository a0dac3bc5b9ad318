//! A look at a cluster whose control plane the cloud runs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use infra_cloud::ManagedPlane;
use infra_provider_api::{Address, CloudError, Kind, Place};

use super::{Observation, Purpose};
use crate::{
    cluster::{
        AppsModel, Certificates, KubeAccess, Kubeconfigs, ManagedKinds, ManagedModel, Replacement,
        Shrinking, SiteCertificates, postponed, shrinking,
    },
    engine::{Kinds, Observations, ObserveOptions, PlanOptions, observe},
    rotate::Generations,
    session::{clock, error::CliError, generations::fill_pools, kube_exec, open::Session},
};

impl Session {
    /// Looks at everything, and declares what a cluster needs whose control plane the cloud runs.
    pub(super) async fn look_at_managed(
        &self,
        plane: &ManagedPlane,
        purpose: Purpose,
        options: &PlanOptions,
    ) -> Result<Observation, CliError> {
        let kubeconfig = Kubeconfigs::new(
            self.layout.kubeconfig(),
            self.project.cluster.name.clone(),
            kube_exec::of_project(&self.project, self.sim),
            self.keeper(),
        );
        let record = self.store.state();
        if self.remote.is_some()
            && let Some(known) = record.resources.get(&Kubeconfigs::address())
        {
            kubeconfig.restore(&known.spec)?;
        }
        let kube = KubeAccess::new(self.layout.kubeconfig()).with_tokens(Arc::clone(&plane.token));
        let kube = Arc::new(kube);
        let generations = self.rotations()?;
        let (volumes, unread) = match purpose {
            Purpose::Destroy => self.volumes(&kube, &generations).await,
            _ => Default::default(),
        };
        let (mut in_cloud, mut cluster) = self.look_in_cloud(purpose, options).await?;
        let older_pools = fill_pools(&mut cluster, &generations, &in_cloud, plane.pool_kind);
        let validity = clock::validity(&self.project);
        let mut apps = self.read_apps(purpose, &cluster, &in_cloud, validity)?;
        let of_cloud = self
            .cloud
            .provider
            .model(&cluster, &self.owner)
            .map_err(|problems| CliError::refused(&problems))?;

        let shrinking = shrinking(plane, &of_cloud, &in_cloud);
        let replaces = !generations.machines().is_empty() || !shrinking.is_empty();
        if replaces && purpose != Purpose::Destroy {
            self.look_at_machines(plane, &mut in_cloud).await?;
        }
        let replaced = self.replaced(plane, &generations, &in_cloud);
        let older: BTreeMap<String, Vec<String>> = replaced
            .iter()
            .map(|one| (one.machine.address.name().to_owned(), vec![one.old.clone()]))
            .collect();

        let certificates =
            Certificates::new(self.layout.pki.clone(), cluster.name.clone(), validity)
                .with_site(apps.site_authority)
                .of_sites_only()
                .kept_by(self.keeper());
        let local = ManagedKinds {
            provider: &self.cloud.provider,
            plane,
            kube: Arc::clone(&kube),
            certificates,
            kubeconfig,
            pools: &cluster.pools,
            own_pools: in_cloud
                .iter()
                .filter(|one| one.address.kind() == plane.pool_kind)
                .map(|one| one.address.name().to_owned())
                .collect(),
            older,
            drain: self.drain.get().copied().unwrap_or_default(),
            apps: apps.kinds(&kube, self.project.apps.timeout),
        }
        .make();

        let exists =
            in_cloud.get(&plane.cluster).is_some() || in_cloud.untagged.contains(&plane.cluster);
        let unreachable = match purpose {
            Purpose::Destroy => None,
            _ if exists && kube.exists() => kube.probe(&self.stop).await.err(),
            _ => None,
        };
        // What was in a cluster that is gone went with it. It is not taken as recorded: it is made again with
        // the cluster, in the same run.
        let looks_inside = exists && purpose != Purpose::Destroy;
        let seen: Vec<Arc<dyn Kind>> = local
            .iter()
            .filter(|kind| looks_inside || kind.place() == Place::Here)
            .filter(|kind| kind.name() != SiteCertificates::KIND || self.sites_matter(purpose))
            .cloned()
            .collect();
        let mut observed = self.look_inside(seen, unreachable).await?;
        if purpose == Purpose::Destroy && exists {
            let goes = local.iter().filter(|kind| kind.place() == Place::Cluster);
            observed.unseen.extend(goes.map(|kind| kind.name().to_owned()));
        }
        let left_alone = self.leave_needed(purpose, &kube, &mut apps, &mut observed).await?;
        observed.untagged.extend(in_cloud.untagged);
        observed.foreign.extend(in_cloud.foreign);
        observed.resources.extend(in_cloud.resources);

        if !purpose.is_everything() {
            apps.notes.extend(self.project.ignored.iter().cloned());
        }
        if let Some(error) = unread.filter(|_| exists) {
            apps.notes.push(format!(
                "the cluster's volumes can't be seen, so disks that carry no mark of it will stay: {error}"
            ));
        }
        let kinds = Kinds::new(self.cloud.provider.kinds().into_iter().chain(local))
            .map_err(CliError::local)?;
        let model = ManagedModel {
            plane,
            cluster: &cluster,
            observed: &observed,
            shrinking: &shrinking,
            replaced: &replaced,
            older_pools: &older_pools,
            apps: AppsModel {
                suites: &apps.specs,
                sites: &apps.sites,
                site_authority: apps.site_authority,
            },
        };
        let declared = model.declare(of_cloud.clone()).map_err(CliError::local)?;
        let postponed = match purpose {
            Purpose::Destroy => Vec::new(),
            _ => postponed(plane, &of_cloud, &declared, &replaced),
        };
        apps.notes.extend(postponed.iter().map(|one| {
            let Shrinking { pool, from, to } = one;
            format!("{pool} keeps its {from} machines while the cloud changes it, and gets {to} after that")
        }));
        Ok(Observation {
            cluster,
            declared,
            observed,
            kinds,
            own: None,
            volumes,
            kube,
            suites: apps.suites,
            unchecked: apps.unchecked,
            notes: apps.notes,
            shared: apps.shared,
            scope: apps.scope,
            left_alone,
            postponed,
        })
    }

    /// Adds the machines of the pools to what exists. They are asked for only if one is replaced, or a pool
    /// gets smaller: otherwise a plan has nothing to say about them.
    async fn look_at_machines(
        &self,
        plane: &ManagedPlane,
        in_cloud: &mut Observations,
    ) -> Result<(), CliError> {
        let is_seen = in_cloud.resources.keys().any(|one| one.kind() == plane.machine_kind);
        if is_seen {
            return Ok(());
        }
        let kinds = self.cloud.provider.kinds().into_iter();
        let machines = kinds.filter(|kind| kind.name() == plane.machine_kind);
        let kinds = Kinds::new(machines).map_err(CliError::local)?;
        let machines = observe(&kinds, &self.cx, &ObserveOptions::default()).await?;
        in_cloud.resources.extend(machines.resources);
        Ok(())
    }

    /// Returns what takes the place of machines that are being replaced and still exist.
    fn replaced(
        &self,
        plane: &ManagedPlane,
        generations: &Generations,
        in_cloud: &Observations,
    ) -> Vec<Replacement> {
        let of = |(old, number): (&String, &u64)| {
            let address = Address::new(plane.machine_kind, old);
            let observed = in_cloud.get(&address)?;
            let machine = self.replacement(observed, *number)?;
            let pool = observed.outputs.text("pool").unwrap_or_default();
            Some(Replacement { old: old.clone(), machine, pool })
        };
        generations.machines().iter().filter_map(of).collect()
    }

    /// Finds out which volumes the cluster has, and tells the cloud: once the cluster is gone, nobody can say
    /// whose disks they are. An API server that does not answer has told before, or nobody knows.
    async fn volumes(
        &self,
        kube: &KubeAccess,
        generations: &Generations,
    ) -> (BTreeSet<String>, Option<CloudError>) {
        let mut all = generations.volumes().clone();
        let read = match kube.exists() {
            true => kube.volume_handles().await,
            false => Ok(Vec::new()),
        };
        let (handles, unread) = match read {
            Ok(handles) => (handles, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        all.extend(handles);
        self.cloud.provider.tell_volumes(&all.iter().cloned().collect::<Vec<_>>());
        (all, unread)
    }

    /// Remembers the volumes of a cluster that is about to be deleted, for a destroy that is interrupted. The
    /// lock must be held.
    ///
    /// # Errors
    /// Returns an error if they cannot be written.
    pub async fn remember_volumes(&self, looked: &Observation) -> Result<(), CliError> {
        let mut generations = self.rotations()?;
        if !generations.add_volumes(&looked.volumes) {
            return Ok(());
        }
        self.keep_rotations(&generations).await
    }
}
