//! Looking at everything: the cloud first, because the names of machines tell their generations,
//! then what is local, in the bucket, and behind the API server.

mod apps;
mod managed;
mod own;

use std::{collections::BTreeSet, sync::Arc};

use infra_cloud::{OwnPlane, Plane};
use infra_provider_api::{Address, CloudError, Cluster, Declared, Kind, MachineBoot};

use super::{
    api_address::Endpoint,
    error::{CliError, ExitCode},
    managed::refuse_managed,
    open::Session,
    served::Shared,
};
use crate::{
    cluster::{
        BootstrapData, KUBERNETES_KINDS, KubeAccess, KubeletApprovals, Shrinking, SiteScope, Suites,
    },
    engine::{Kinds, Observations, ObserveOptions, PlanOptions, confirm, observe},
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
    /// What belongs to a control plane on machines of the cluster's own; `None`: the cloud runs it.
    pub own: Option<OwnParts>,
    /// The way to the API server.
    pub kube: Arc<KubeAccess>,
    /// The suites.
    pub suites: Suites,
    /// A line for each thing that could not be checked.
    pub unchecked: Vec<String>,
    /// What is worth saying in a plan.
    pub(super) notes: Vec<String>,
    /// What the environments of the cluster share.
    pub(super) shared: Shared,
    /// Whose certificates of sites a plan is about.
    pub(super) scope: SiteScope,
    /// The volumes of a cluster that is to be deleted, by their handles, where the cloud runs its control
    /// plane.
    pub(super) volumes: BTreeSet<String>,
    /// What is no longer declared here, and that other environments still need.
    pub(super) left_alone: BTreeSet<Address>,
    /// Pools that get smaller only once the cloud has ended what it does to them.
    pub postponed: Vec<Shrinking>,
}

/// What belongs to a control plane on machines of the cluster's own.
pub struct OwnParts {
    /// What nodes are made from.
    pub kits: Arc<BootstrapData>,
    /// What a machine boots with, made when the machine is.
    pub boot: Arc<dyn MachineBoot>,
    /// The requests of kubelets for certificates.
    pub approvals: Arc<KubeletApprovals>,
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
}

impl Observation {
    /// Returns what belongs to a control plane on machines of the cluster's own.
    ///
    /// # Errors
    /// Returns an error if the cloud runs the control plane.
    pub fn own(&self) -> Result<&OwnParts, CliError> {
        self.own.as_ref().ok_or_else(|| no_own_plane(&self.cluster.provider))
    }

    /// Returns true if the data of every control plane is given up.
    pub(super) fn is_given_up(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.given_up)
    }
}

fn no_own_plane(provider: &str) -> CliError {
    CliError::new(
        ExitCode::Invalid,
        format!("the cloud runs the control plane of a cluster on `{provider}`"),
    )
    .hint("this verb is for clusters whose control planes are machines of their own")
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
        let looked = match &self.cloud.plane {
            Plane::Own(plane) => self.look_at_own(plane, purpose, options).await,
            Plane::Managed(plane) => self.look_at_managed(plane, purpose, options).await,
        };
        self.blamed(looked)
    }

    /// Returns the control plane on machines of the cluster's own, for the verb `verb`.
    ///
    /// # Errors
    /// Returns an error if the cloud runs the control plane.
    pub fn own_plane(&self, verb: &str) -> Result<&OwnPlane, CliError> {
        refuse_managed(&self.project, verb)?;
        self.cloud.plane.own().ok_or_else(|| no_own_plane(&self.project.cluster.provider))
    }

    /// Looks at the cloud, and fills in what infra.toml leaves to it.
    async fn look_in_cloud(
        &self,
        purpose: Purpose,
        options: &PlanOptions,
    ) -> Result<(Observations, Cluster), CliError> {
        let cloud_kinds = Kinds::new(self.cloud_kinds(purpose)?).map_err(CliError::local)?;
        let strict = ObserveOptions::default();
        let mut in_cloud = observe(&cloud_kinds, &self.cx, &strict).await?;
        let record = self.store.state();
        confirm(&cloud_kinds, &self.cx, &record, &mut in_cloud, self.grace()).await?;
        drop(record);
        let mut cluster = self.project.cluster.clone();
        self.choose(&mut cluster, &in_cloud, options).await?;
        Ok((in_cloud, cluster))
    }

    /// Looks at what is on this machine and in the cluster: those of `kinds` that there is a way to.
    async fn look_inside(
        &self,
        kinds: Vec<Arc<dyn Kind>>,
        unreachable: Option<CloudError>,
    ) -> Result<Observations, CliError> {
        let lenient = ObserveOptions {
            optional: KUBERNETES_KINDS.iter().map(|kind| (*kind).to_owned()).collect(),
        };
        let seen = kinds
            .into_iter()
            .filter(|kind| unreachable.is_none() || !KUBERNETES_KINDS.contains(&kind.name()));
        let seen = Kinds::new(seen).map_err(CliError::local)?;
        let mut observed = observe(&seen, &self.cx, &lenient).await?;
        if let Some(error) = unreachable {
            let kinds = KUBERNETES_KINDS.iter().map(|kind| ((*kind).to_owned(), error.clone()));
            observed.unreachable.extend(kinds);
        }
        Ok(observed)
    }
}
