//! Google Cloud as a [`Provider`].

use std::sync::Arc;

use async_trait::async_trait;
use infra_provider_api::{
    Account, Address, CloudError, Cluster, Context, Declared, Diagnostic, ErrorKind, Kind,
    Membership, Observed, Obstacle, Owner, Provider, RawJson, erase,
};
use serde::Deserialize;

use crate::{
    Connection, Scope, choose, fixed, model, preflight, remarks,
    resources::{
        Api, GkeClusters, Instances, NodePools, memberships, obstacles, replacement,
        surrounding_kinds, zone_problem,
    },
};

/// One project of Google Cloud, for one cluster. Cheap to clone; all clones share the client.
#[derive(Clone)]
pub struct Gcp {
    api: Arc<Api>,
}

impl Gcp {
    /// Makes the provider for the cluster that `scope` was taken from. It makes no call.
    ///
    /// # Errors
    /// Returns `Local` if the extra certificates cannot be read.
    pub fn new(connection: Connection, scope: Scope) -> Result<Self, CloudError> {
        Ok(Self { api: Api::new(connection, scope)? })
    }

    /// Takes the handles of the cluster's volumes, `projects/P/zones/Z/disks/D`, from where Kubernetes keeps
    /// them. They tell for certain which disks are the cluster's.
    pub fn learn_volumes(&self, handles: impl IntoIterator<Item = String>) {
        self.api.learn_volumes(handles);
    }
}

/// A project, of which nothing is read but that it is there.
#[derive(Deserialize)]
struct Project {}

#[async_trait]
impl Provider for Gcp {
    fn name(&self) -> &'static str {
        "gcp"
    }

    async fn account(&self, cx: &Context) -> Result<Account, CloudError> {
        let Connection { project, who, .. } = &self.api.connection;
        let url = self.api.client.compute(&[]);
        let answer = self.api.client.get::<Project>(cx, "ask for the project", &url).await;
        answer.map_err(|error| explained(error, project))?;
        let name = format!("{project} ({who})");
        Ok(Account { id: project.clone(), name, machines_max: None })
    }

    fn kinds(&self) -> Vec<Arc<dyn Kind>> {
        let api = || Arc::clone(&self.api);
        let mut kinds = surrounding_kinds(&self.api);
        kinds.push(erase(GkeClusters(api())));
        kinds.push(erase(NodePools(api())));
        kinds.push(erase(Instances(api())));
        kinds
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

    fn fixed(&self, cluster: &Cluster, existing: &[&Observed]) -> Vec<Diagnostic> {
        fixed::fixed(cluster, existing)
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
        choose::choose(&self.api, cx, cluster, existing).await
    }

    async fn obstacles(
        &self,
        cx: &Context,
        going: &[&Observed],
    ) -> Result<Vec<Obstacle>, CloudError> {
        obstacles(&self.api, cx, going).await
    }

    fn replacement(&self, old: &Observed, key: &str) -> Option<Declared> {
        replacement(old, key)
    }

    async fn stop_growth(&self, cx: &Context, pool: &Address) -> Result<(), CloudError> {
        NodePools(Arc::clone(&self.api)).stop_growth(cx, pool).await
    }

    fn tell_volumes(&self, handles: &[String]) {
        self.api.learn_volumes(handles.iter().cloned());
    }

    async fn memberships(&self, cx: &Context) -> Result<Vec<Membership>, CloudError> {
        memberships(&self.api, cx).await
    }
}

/// Explains why the project can't be read. In a new project none of the APIs is switched on, and to learn of
/// them one by one takes a run each.
fn explained(error: CloudError, project: &str) -> CloudError {
    let says = |words: &str| error.hint.as_ref().is_some_and(|hint| hint.contains(words));
    match error.kind {
        ErrorKind::Forbidden if says("gcloud services enable") => error.with_hint(format!(
            "run `gcloud services enable compute.googleapis.com container.googleapis.com \
             --project {project}`, and wait a few minutes"
        )),
        ErrorKind::NotFound => {
            let message =
                format!("there is no project `{project}`, or it is not open to this login");
            CloudError { message, ..error }
                .with_hint("write the project's id as `account` under [providers.gcp]; `gcloud projects list` shows it")
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_project_is_told_all_its_apis_at_once() {
        let disabled = CloudError::new(ErrorKind::Forbidden, "x", "disabled").with_hint(
            "run `gcloud services enable compute.googleapis.com`, and wait a few minutes",
        );
        let hint = explained(disabled, "shop").hint.unwrap();
        assert!(hint.contains("compute.googleapis.com container.googleapis.com"), "{hint}");
        let other = CloudError::new(ErrorKind::Forbidden, "x", "no").with_hint("give a role");
        assert_eq!(explained(other, "shop").hint.as_deref(), Some("give a role"));
        let missing = explained(CloudError::new(ErrorKind::NotFound, "x", "no"), "shop");
        assert!(missing.message.contains("no project `shop`"));
    }
}
