//! One Service, looked up: its ports, and the pod that answers for it.

use k8s_openapi::{
    api::core::v1::{Pod, Service, ServicePort},
    apimachinery::pkg::util::intstr::IntOrString,
};
use kube::{Api, api::ListParams};

use super::{AppsError, KubeClient, client::is_gone, wait::trouble};

/// A Service as it is in the cluster.
#[derive(Clone, Debug)]
pub(super) struct Backend {
    namespace: String,
    name: String,
    service: Service,
}

/// Where a connection goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The pod.
    pub(super) pod: String,
    /// Its port.
    pub(super) port: u16,
}

impl Backend {
    /// Reads the Service.
    ///
    /// # Errors
    /// Returns [`AppsError::Service`] if there is no such Service, or the error of the call.
    pub(super) async fn get(
        client: &KubeClient,
        namespace: &str,
        name: &str,
    ) -> Result<Self, AppsError> {
        let api: &Api<Service> = &Api::namespaced(client.raw().clone(), namespace);
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        match client.try_call(|| async { api.get(&name).await }).await {
            Ok(service) => Ok(Self { namespace, name, service }),
            Err(error) if is_gone(&error) => Err(AppsError::Service {
                service: format!("{namespace}/{name}"),
                message: "it is not in this cluster".to_owned(),
                hint: "install the suite first: `infra apps apply`".to_owned(),
            }),
            Err(error) => Err(client.explained(&format!("read Service/{namespace}/{name}"), error)),
        }
    }

    fn refused(&self, message: impl Into<String>, hint: &str) -> AppsError {
        AppsError::Service {
            service: format!("{}/{}", self.namespace, self.name),
            message: message.into(),
            hint: hint.to_owned(),
        }
    }

    /// Finds the Service's port with the number `wanted`, or its first port.
    fn service_port(&self, wanted: Option<u16>) -> Result<&ServicePort, AppsError> {
        let ports = self.service.spec.as_ref().and_then(|spec| spec.ports.as_deref());
        let ports = ports.unwrap_or_default();
        let found = match wanted {
            Some(number) => ports.iter().find(|port| port.port == i32::from(number)),
            None => ports.first(),
        };
        found.ok_or_else(|| {
            let known: Vec<String> = ports.iter().map(|port| port.port.to_string()).collect();
            let number = wanted.map_or_else(|| "no port".into(), |port| format!("no port {port}"));
            self.refused(format!("it has {number}"), &format!("its ports: {}", known.join(", ")))
        })
    }

    /// Finds a pod that is ready now, and the port in it that the Service's port leads to.
    ///
    /// # Errors
    /// Returns [`AppsError::Service`] with the reason if there is no such pod, or the error of the
    /// call.
    pub(super) async fn place(
        &self,
        client: &KubeClient,
        wanted: Option<u16>,
    ) -> Result<Place, AppsError> {
        let port = self.service_port(wanted)?;
        let selector = self.service.spec.as_ref().and_then(|spec| spec.selector.as_ref());
        let Some(selector) = selector.filter(|selector| !selector.is_empty()) else {
            return Err(self.refused(
                "it selects no pods, so there is nothing to forward to",
                "choose a Service with a selector",
            ));
        };
        let labels: Vec<String> = selector.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let params = ListParams::default().labels(&labels.join(","));
        let api: &Api<Pod> = &Api::namespaced(client.raw().clone(), &self.namespace);
        let what = format!("list the pods of Service/{}/{}", self.namespace, self.name);
        let pods = client.call(&what, || async { api.list(&params).await }).await?.items;
        let Some(pod) = pods.iter().find(|pod| is_ready(pod)) else {
            let values = pods.iter().filter_map(|pod| serde_json::to_value(pod).ok());
            let reasons: Vec<String> =
                values.filter_map(|pod| trouble(&pod)).map(|found| found.reason).collect();
            let message = match reasons.first() {
                Some(reason) => format!("none of its pods is ready: {reason}"),
                None if pods.is_empty() => "it has no pods".to_owned(),
                None => "none of its pods is ready yet".to_owned(),
            };
            return Err(self.refused(message, "`infra apps status` shows what is missing"));
        };
        let number = target_port(port, pod).ok_or_else(|| {
            self.refused(
                format!("pod {} has no port for {:?}", name_of(pod), port.target_port),
                "put the Service's targetPort right",
            )
        })?;
        Ok(Place { pod: name_of(pod).to_owned(), port: number })
    }
}

fn name_of(pod: &Pod) -> &str {
    pod.metadata.name.as_deref().unwrap_or_default()
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref());
    let mut conditions = conditions.into_iter().flatten();
    pod.metadata.deletion_timestamp.is_none()
        && conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Returns the container port that a Service's port means in this pod.
fn target_port(port: &ServicePort, pod: &Pod) -> Option<u16> {
    let number = match &port.target_port {
        None => port.port,
        Some(IntOrString::Int(number)) => *number,
        Some(IntOrString::String(name)) => {
            let containers = pod.spec.as_ref().map(|spec| spec.containers.as_slice());
            let mut ports = containers.into_iter().flatten().flat_map(|c| c.ports.iter().flatten());
            ports.find(|port| port.name.as_ref() == Some(name))?.container_port
        }
    };
    u16::try_from(number).ok()
}
