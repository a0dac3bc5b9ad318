//! `api_server`: the cluster's API server answers. Creating it means waiting for the first control
//! plane, with what that machine says about its boot.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, Found, ManagedBy, Observed, OnChange, Outputs,
    Place, Readiness, Resource, UpdateRequest, Waits,
};
use serde::{Deserialize, Serialize};

use super::{boot_reports::BootReports, kube_access::KubeAccess};

/// That it answers, and where nodes look for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiServerSpec {
    /// The name under which nodes look for it; `None`: at the address that its load balancer had when
    /// the cluster was made. Every kubelet keeps it from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}

/// The kind.
pub struct ApiServers {
    /// What machines report of their boots; `None`: the cloud runs the control plane.
    boots: Option<Arc<BootReports>>,
    kube: Arc<KubeAccess>,
    /// The machine that makes the cluster.
    first: Option<String>,
}

impl ApiServers {
    /// Makes the kind for the API server behind `kube`, made by the machine `first`.
    pub fn new(boots: Arc<BootReports>, kube: Arc<KubeAccess>, first: Option<String>) -> Self {
        Self { boots: Some(boots), kube, first }
    }

    /// Makes the kind for an API server that the cloud runs.
    pub fn managed(kube: Arc<KubeAccess>) -> Self {
        Self { boots: None, kube, first: None }
    }

    /// Returns the address of the one API server.
    pub fn address() -> Address {
        Address::new("api_server", "main")
    }

    async fn boot_readiness(&self, error: &CloudError) -> Readiness {
        match (&self.first, &self.boots) {
            (Some(name), Some(boots)) => {
                boots.readiness(name, "the API server does not answer yet").await
            }
            _ => Readiness::Pending { reason: error.message.clone() },
        }
    }
}

/// Makes what is observed of it. The session asks where nodes look for it, when it declares it.
fn found(readiness: Readiness, version: Option<String>) -> Found<ApiServerSpec> {
    let mut outputs = Outputs::new();
    if let Some(version) = version {
        outputs.insert("version".into(), version.into());
    }
    Found {
        address: ApiServers::address(),
        id: "main".into(),
        spec: ApiServerSpec::default(),
        outputs: outputs.into(),
        readiness,
        intent_key: None,
        made_by: ManagedBy::Infra,
    }
}

#[async_trait]
impl Resource for ApiServers {
    type Spec = ApiServerSpec;

    fn name(&self) -> &'static str {
        "api_server"
    }

    fn place(&self) -> Place {
        Place::Cluster
    }

    fn on_change(&self, _: &str) -> OnChange {
        OnChange::CreateOnly
    }

    fn waits(&self) -> Waits {
        Waits {
            ready: Duration::from_secs(900),
            poll_min: Duration::from_millis(200),
            poll_max: Duration::from_secs(3),
            ..Waits::default()
        }
    }

    async fn list_owned(&self, _: &Context) -> Result<Vec<Found<ApiServerSpec>>, CloudError> {
        if !self.kube.exists() {
            return Ok(Vec::new());
        }
        let version = self.kube.version().await?;
        Ok(vec![found(Readiness::Ready, Some(version))])
    }

    async fn poll(
        &self,
        _: &Context,
        ids: &[String],
    ) -> Result<Vec<Found<ApiServerSpec>>, CloudError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        Ok(vec![match self.kube.version().await {
            Ok(version) => found(Readiness::Ready, Some(version)),
            Err(error) => found(self.boot_readiness(&error).await, None),
        }])
    }

    async fn create(
        &self,
        _: &Context,
        requests: &[(CreateRequest, ApiServerSpec)],
    ) -> Vec<Result<Found<ApiServerSpec>, CloudError>> {
        let pending = || Readiness::Pending { reason: "waiting for its first answer".into() };
        requests.iter().map(|_| Ok(found(pending(), None))).collect()
    }

    async fn update(
        &self,
        _: &Context,
        request: &UpdateRequest,
        _: ApiServerSpec,
    ) -> Result<Found<ApiServerSpec>, CloudError> {
        Ok(found(request.observed.readiness.clone(), None))
    }

    async fn delete(&self, _: &Context, _: &Observed) -> Result<bool, CloudError> {
        // It goes with its machines.
        Ok(true)
    }
}
