//! A cloud.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{CloudError, Cluster, Context, Declared, Kind, Owner, Source};

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

/// Something in infra.toml that this cloud can't do. Found before anything is created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong: `region "fra9" does not exist`.
    pub message: String,
    /// What to do: `did you mean "fra1"?`.
    pub hint: Option<String>,
    /// Where it was asked for.
    pub source: Option<Source>,
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
    /// What `--provider` takes: `do`, `aws`, `gcp`.
    fn name(&self) -> &'static str;

    /// Who we are there. Also the first proof that the credentials work.
    async fn account(&self, cx: &Context) -> Result<Account, CloudError>;

    /// Within what a cluster's name is unique: two clusters of one name in one realm are the same
    /// cluster. An account, unless its regions are worlds of their own.
    fn realm(&self, account: &Account) -> String {
        account.id.clone()
    }

    /// Its kinds. Each name is unique among all kinds of a run.
    fn kinds(&self) -> Vec<Arc<dyn Kind>>;

    /// The cloud resources of a cluster. Pure: no calls, no clock, no randomness.
    ///
    /// # Errors
    /// What the cluster asks for and this cloud can't have at all.
    fn model(&self, cluster: &Cluster, owner: &Owner) -> Result<Vec<Declared>, Vec<Problem>>;

    /// Asks the cloud whether region, sizes, images and limits fit, before anything is created.
    /// Costs a fixed number of calls. `machines_new` are still to be created.
    async fn check(
        &self,
        cx: &Context,
        cluster: &Cluster,
        machines_new: usize,
    ) -> Result<Vec<Problem>, CloudError>;

    /// Which machines the cluster's load balancers send traffic to. A rotation waits until the new
    /// machine is where the old one is.
    async fn memberships(&self, cx: &Context) -> Result<Vec<Membership>, CloudError>;
}
