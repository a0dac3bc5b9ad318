//! A cloud.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    Address, CloudError, Cluster, Context, Declared, Diagnostic, Kind, Observed, Owner, RawJson,
};

/// Whose account a run works on; named in the first line of every run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The cloud's id of it.
    pub id: String,
    /// What a person knows it by (e-mail, alias).
    pub name: String,
    /// How many machines it may have; `None` where the cloud does not tell.
    pub machines_max: Option<u32>,
}

/// Something that keeps a resource from being deleted, and that does not pass by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// The resource that can't be deleted.
    pub address: Address,
    /// What is in the way: `load balancer mail-gateway is in it and is not this cluster's`.
    pub message: String,
    /// What lifts it, as an imperative.
    pub hint: String,
    /// What a plan makes of it.
    pub effect: Effect,
}

/// What a plan makes of an obstacle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The plan says so; the deletion is tried and fails.
    Warns,
    /// Things of others would be lost with the resource: it is kept, unless it is named.
    Keeps,
    /// Somebody protected the resource on purpose: nothing at all is deleted.
    Stops,
}

/// A load balancer in front of the cluster, its own or one that Kubernetes made, and the machines
/// it sends traffic to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Its name in the cloud.
    pub balancer: String,
    /// The cloud's ids of its members; where the cloud tells health, of the healthy ones.
    pub machines: Vec<String>,
}

/// A cloud.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Returns the name that `--provider` takes: `do`, `aws`, `gcp`.
    fn name(&self) -> &'static str;

    /// Reads the account that the credentials belong to. It is also the first proof that they work.
    async fn account(&self, cx: &Context) -> Result<Account, CloudError>;

    /// Returns the realm in which a cluster's name is unique: two clusters of one name in one realm
    /// are one cluster. The realm is the account, unless its regions are worlds of their own.
    fn realm(&self, account: &Account) -> String {
        account.id.clone()
    }

    /// Returns the cloud's kinds. Each name is unique among all kinds of a run.
    fn kinds(&self) -> Vec<Arc<dyn Kind>>;

    /// Returns the cloud resources of a cluster. It is pure: no calls, no clock, no randomness.
    ///
    /// # Errors
    /// Returns a diagnostic for each thing that the cluster asks for and this cloud cannot have at
    /// all.
    fn model(&self, cluster: &Cluster, owner: &Owner) -> Result<Vec<Declared>, Vec<Diagnostic>>;

    /// Asks the cloud whether region, sizes, images and limits fit, before anything is created, or, where the
    /// cloud runs the control plane, before the cluster or a pool is changed. Costs a fixed number of calls.
    /// `created` are the resources that are still to be created.
    async fn preflight(
        &self,
        cx: &Context,
        cluster: &Cluster,
        created: &[Address],
    ) -> Result<Vec<Diagnostic>, CloudError>;

    /// Returns what the cluster asks for otherwise than what exists has it, where that never changes: the place
    /// of a control plane, a range of addresses that is in use. It is pure. A plan that deletes nothing else
    /// would fail half-way, or delete what it must not.
    fn fixed(&self, _cluster: &Cluster, _existing: &[&Observed]) -> Vec<Diagnostic> {
        Vec::new()
    }

    /// Returns what is worth knowing before anything of `cluster` is created, and keeps nothing from
    /// it. Costs a fixed number of calls.
    async fn remarks(&self, _cx: &Context, _cluster: &Cluster) -> Result<Vec<String>, CloudError> {
        Ok(Vec::new())
    }

    /// Fills in what infra.toml leaves to the cloud and depends on the account, or on nobody: zones, a
    /// free range of addresses, a name for the bucket. `existing` gives the spec of a resource that exists or is recorded, so that a cluster
    /// keeps what was chosen for it.
    ///
    /// # Errors
    /// Returns an error if the cloud does not answer.
    async fn choose(
        &self,
        _cx: &Context,
        _cluster: &mut Cluster,
        _existing: &[(Address, RawJson)],
    ) -> Result<(), CloudError> {
        Ok(())
    }

    /// Looks for what will keep `going` from being deleted, before anything is. Called only for
    /// plans that delete something, so that other plans cost no call more.
    async fn obstacles(
        &self,
        _cx: &Context,
        _going: &[&Observed],
    ) -> Result<Vec<Obstacle>, CloudError> {
        Ok(Vec::new())
    }

    /// Returns the machine that takes the place of `old`, where the cloud makes the machines of a pool. It has
    /// the same name each time it is asked with the same `key`, which no other replacement has. `None` where
    /// machines are declared one by one.
    fn replacement(&self, _old: &Observed, _key: &str) -> Option<Declared> {
        None
    }

    /// Stops the cloud from adding machines to a pool that is being emptied, where the cloud chooses how many there
    /// are. A pool that is gone, or whose number is fixed, needs nothing.
    ///
    /// # Errors
    /// Returns an error if the cloud refuses or does not answer.
    async fn stop_growth(&self, _cx: &Context, _pool: &Address) -> Result<(), CloudError> {
        Ok(())
    }

    /// Hears by which handles the cluster's volumes are known to the cloud, before the cluster is deleted:
    /// where disks carry no mark, nothing else says whose they are.
    fn tell_volumes(&self, _handles: &[String]) {}

    /// Takes the control plane on the machine with the cloud's id `machine` out of the load balancer of the API
    /// servers, and waits until that has taken notice. A machine that is gone, or in none, needs nothing.
    ///
    /// # Errors
    /// Returns an error if the cloud refuses or does not answer.
    async fn withdraw(&self, _cx: &Context, _machine: &str) -> Result<(), CloudError> {
        Ok(())
    }

    /// Lists the machines that the cluster's load balancers send traffic to. A rotation waits until
    /// the new machine is where the old one is.
    async fn memberships(&self, cx: &Context) -> Result<Vec<Membership>, CloudError>;
}
