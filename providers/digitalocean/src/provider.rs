//! DigitalOcean as a [`Provider`].

use std::sync::Arc;

use async_trait::async_trait;
use infra_provider_api::{
    Account, Address, CloudError, Cluster, Context, Declared, Diagnostic, Kind, Membership,
    Observed, Obstacle, Owner, Provider, RawJson, erase,
};

use crate::{
    Connection, ObjectStore, Scope,
    choose::{choose, range_problem},
    client::Client,
    model, preflight,
    resources::{
        Api, ApiAccesses, Buckets, Domains, Droplets, Firewalls, KubernetesLoadBalancers,
        LoadBalancers, Records, SshKeys, Volumes, Vpcs, memberships, obstacles, withdraw,
        zone_problem,
    },
    wire::AccountAnswer,
};

/// One account of DigitalOcean, for one cluster. Cheap to clone; all clones share the account's
/// rate limit.
#[derive(Clone)]
pub struct DigitalOcean {
    api: Arc<Api>,
}

impl DigitalOcean {
    /// Makes the provider for the cluster that `scope` was taken from. It makes no call.
    ///
    /// # Errors
    /// Returns `Local` if the extra certificates cannot be read.
    pub fn new(connection: Connection, scope: Scope) -> Result<Self, CloudError> {
        let client = Client::new(&connection)?;
        Ok(Self {
            api: Arc::new(Api { client, scope, connection, balancer_gate: Default::default() }),
        })
    }

    /// Returns the store that keeps the cluster's objects, and the keys for it.
    ///
    /// # Errors
    /// Returns `Unauthorized` if `SPACES_ACCESS_KEY_ID` and `SPACES_SECRET_ACCESS_KEY` are not set.
    pub fn object_store(&self) -> Result<ObjectStore, CloudError> {
        ObjectStore::new(&self.api.connection, &self.api.scope.region)
    }
}

#[async_trait]
impl Provider for DigitalOcean {
    fn name(&self) -> &'static str {
        "do"
    }

    async fn account(&self, cx: &Context) -> Result<Account, CloudError> {
        let answer: AccountAnswer =
            self.api.client.get(cx, "ask for the account", &["account"], &[]).await?;
        let account = answer.account;
        let team = account.team.map(|team| team.name).filter(|team| !team.is_empty());
        let name = match team {
            Some(team) => format!("{} ({team})", account.email),
            None => account.email,
        };
        let machines_max = (account.droplet_limit > 0).then_some(account.droplet_limit);
        Ok(Account { id: account.uuid, name, machines_max })
    }

    fn kinds(&self) -> Vec<Arc<dyn Kind>> {
        let api = || Arc::clone(&self.api);
        vec![
            erase(Vpcs(api())),
            erase(SshKeys(api())),
            erase(Firewalls(api())),
            erase(LoadBalancers(api())),
            erase(Buckets::new(api())),
            erase(Droplets::new(api())),
            erase(ApiAccesses::new(api())),
            erase(Domains(api())),
            erase(Records(api())),
            erase(Volumes(api())),
            erase(KubernetesLoadBalancers(api())),
        ]
    }

    fn model(&self, cluster: &Cluster, owner: &Owner) -> Result<Vec<Declared>, Vec<Diagnostic>> {
        model::model(cluster, owner)
    }

    async fn preflight(
        &self,
        cx: &Context,
        cluster: &Cluster,
        created: &[Address],
    ) -> Result<Vec<Diagnostic>, CloudError> {
        let machines_new = created.iter().filter(|one| one.kind() == "droplet").count();
        let (mut problems, zone, range) = futures::try_join!(
            preflight::preflight(&self.api.client, cx, cluster, machines_new),
            zone_problem(&self.api, cx, cluster, created),
            range_problem(&self.api, cx, cluster),
        )?;
        problems.extend(zone.into_iter().chain(range));
        Ok(problems)
    }

    async fn choose(
        &self,
        cx: &Context,
        cluster: &mut Cluster,
        existing: &[(Address, RawJson)],
    ) -> Result<(), CloudError> {
        choose(&self.api, cx, cluster, existing).await
    }

    async fn obstacles(
        &self,
        cx: &Context,
        going: &[&Observed],
    ) -> Result<Vec<Obstacle>, CloudError> {
        obstacles(&self.api, cx, going).await
    }

    async fn withdraw(&self, cx: &Context, machine: &str) -> Result<(), CloudError> {
        withdraw(&self.api, cx, machine).await
    }

    async fn memberships(&self, cx: &Context) -> Result<Vec<Membership>, CloudError> {
        memberships(&self.api, cx).await
    }
}
