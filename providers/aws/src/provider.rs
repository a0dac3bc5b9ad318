//! AWS as a [`Provider`].

use std::sync::Arc;

use async_trait::async_trait;
use infra_provider_api::{
    Account, Address, CloudError, Cluster, Context, Declared, Diagnostic, ErrorKind, Kind,
    Membership, Observed, Obstacle, Owner, Provider, RawJson, erase,
};

use crate::{
    Connection, Scope, model, preflight, remarks,
    resources::{
        Api, ApiAccesses, Buckets, ElasticIps, HostedZones, IamRoles, Images, InstanceProfiles,
        Instances, InternetGateways, KeyPairs, KubernetesLoadBalancers, KubernetesSecurityGroups,
        Listeners, LoadBalancers, NatGateways, Records, RouteTables, SecurityGroups, Subnets,
        TargetGroups, Targets, UnbatchedResource, Volumes, Vpcs, memberships, obstacles,
        zone_problem,
    },
};

/// One account and region of AWS, for one cluster. Cheap to clone; all clones share the pace.
#[derive(Clone)]
pub struct Aws {
    api: Arc<Api>,
}

impl Aws {
    /// Makes the provider for the cluster that `scope` was taken from. It makes no call.
    pub fn new(connection: Connection, scope: Scope) -> Self {
        Self { api: Api::new(connection, scope) }
    }
}

#[async_trait]
impl Provider for Aws {
    fn name(&self) -> &'static str {
        "aws"
    }

    async fn account(&self, cx: &Context) -> Result<Account, CloudError> {
        let operation = "ask AWS who we are";
        self.api.connection.log_in().await?;
        let region = &self.api.scope.region;
        let call = || self.api.sts.get_caller_identity().send();
        // What is probably mistyped is not tried again and again.
        let answer = if crate::regions::names().any(|name| name == region) {
            self.api.read(cx, operation, call).await
        } else {
            self.api.effect(operation, call()).await
        };
        let answer = answer.map_err(|error| unreachable(error, region))?;
        let id = answer.account().unwrap_or_default().to_owned();
        self.api.owner.set(&id);
        let who = answer.arn().and_then(|arn| arn.rsplit(':').next());
        let name = match who {
            Some(who) => format!("{id} ({who})"),
            None => id.clone(),
        };
        Ok(Account { id, name, machines_max: None })
    }

    /// Regions know nothing of each other but IAM and DNS, in which a cluster's name in two regions
    /// would be the same twice.
    fn realm(&self, account: &Account) -> String {
        format!("{}/{}", account.id, self.api.scope.region)
    }

    fn kinds(&self) -> Vec<Arc<dyn Kind>> {
        let api = || Arc::clone(&self.api);
        vec![
            erase(UnbatchedResource(Vpcs(api()))),
            erase(UnbatchedResource(Subnets(api()))),
            erase(UnbatchedResource(InternetGateways(api()))),
            erase(UnbatchedResource(ElasticIps(api()))),
            erase(UnbatchedResource(NatGateways(api()))),
            erase(UnbatchedResource(RouteTables(api()))),
            erase(UnbatchedResource(SecurityGroups(api()))),
            erase(UnbatchedResource(KeyPairs(api()))),
            erase(UnbatchedResource(Buckets(api()))),
            erase(UnbatchedResource(IamRoles(api()))),
            erase(UnbatchedResource(InstanceProfiles(api()))),
            erase(UnbatchedResource(LoadBalancers(api()))),
            erase(UnbatchedResource(TargetGroups(api()))),
            erase(UnbatchedResource(Listeners(api()))),
            erase(UnbatchedResource(Images(api()))),
            erase(Instances::new(api())),
            erase(UnbatchedResource(ApiAccesses(api()))),
            erase(UnbatchedResource(Targets(api()))),
            erase(UnbatchedResource(HostedZones(api()))),
            erase(UnbatchedResource(Records(api()))),
            erase(UnbatchedResource(Volumes(api()))),
            erase(UnbatchedResource(KubernetesLoadBalancers(api()))),
            erase(UnbatchedResource(KubernetesSecurityGroups(api()))),
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
        let (mut problems, zone) = futures::try_join!(
            preflight::preflight(&self.api, cx, cluster, created),
            zone_problem(&self.api, cx, cluster, created),
        )?;
        problems.extend(zone);
        Ok(problems)
    }

    async fn remarks(&self, cx: &Context, cluster: &Cluster) -> Result<Vec<String>, CloudError> {
        remarks::remarks(&self.api, cx, cluster).await
    }

    async fn choose(
        &self,
        cx: &Context,
        cluster: &mut Cluster,
        existing: &[(Address, RawJson)],
    ) -> Result<(), CloudError> {
        crate::choose::choose(&self.api, cx, cluster, existing).await
    }

    async fn obstacles(
        &self,
        cx: &Context,
        going: &[&Observed],
    ) -> Result<Vec<Obstacle>, CloudError> {
        obstacles(&self.api, cx, going).await
    }

    async fn withdraw(&self, cx: &Context, machine: &str) -> Result<(), CloudError> {
        Targets(Arc::clone(&self.api)).withdraw(cx, machine).await
    }

    async fn memberships(&self, cx: &Context) -> Result<Vec<Membership>, CloudError> {
        memberships(&self.api, cx).await
    }
}

/// Explains an unreachable region that this build does not know. A region that does not exist has
/// no name in DNS, and nothing else shows that it is wrong.
fn unreachable(error: CloudError, region: &str) -> CloudError {
    let absent = error.kind == ErrorKind::Unavailable;
    if !absent || crate::regions::names().any(|name| name == region) {
        return error;
    }
    let near = infra_provider_api::nearest(region, crate::regions::names());
    let hint = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`region` under [providers.aws] takes a name such as eu-central-1".to_owned(),
    };
    let message = format!("nothing answers for the region `{region}`: {}", error.message);
    CloudError { kind: ErrorKind::Invalid, message, ..error }.with_hint(hint)
}
