//! Reading a kubeadm configuration file: documents, versions, what belongs together.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_yaml_ng::Value;

use super::component::check_component;
use super::types::{ClusterConfiguration, InitConfiguration, JoinConfiguration};
use crate::stand_in::Failure;

const GROUP_VERSION: &str = "kubeadm.k8s.io/v1beta4";

/// What `kubeadm init --config` reads.
#[derive(Debug)]
pub struct InitDocuments {
    pub init: InitConfiguration,
    pub cluster: ClusterConfiguration,
    /// `KubeletConfiguration`, as written.
    pub kubelet: Option<Value>,
}

/// What `kubeadm join --config` reads.
#[derive(Debug)]
pub struct JoinDocuments {
    pub join: JoinConfiguration,
}

#[derive(Default)]
struct Found {
    init: Option<Value>,
    cluster: Option<Value>,
    join: Option<Value>,
    kubelet: Option<Value>,
}

/// Parses the file of `kubeadm init`.
pub fn parse_init(text: &str) -> Result<InitDocuments, Failure> {
    let found = split(text)?;
    if found.join.is_some() {
        return Err(Failure::new(
            "invalid configuration: JoinConfiguration is not allowed in a file for \"kubeadm init\"",
        ));
    }
    if found.init.is_none() && found.cluster.is_none() {
        return Err(Failure::new(
            "no InitConfiguration or ClusterConfiguration kind was found in the YAML file",
        ));
    }
    let init: InitConfiguration = typed(found.init, "InitConfiguration")?;
    let mut cluster: ClusterConfiguration = typed(found.cluster, "ClusterConfiguration")?;
    default_cluster(&mut cluster);
    super::validate::init(&init, &cluster)?;
    Ok(InitDocuments { init, cluster, kubelet: found.kubelet })
}

/// Parses the file of `kubeadm join`.
pub fn parse_join(text: &str) -> Result<JoinDocuments, Failure> {
    let found = split(text)?;
    if found.init.is_some() || found.cluster.is_some() {
        return Err(Failure::new(
            "invalid configuration: kinds [InitConfiguration ClusterConfiguration] and JoinConfiguration are mutually exclusive",
        ));
    }
    let Some(join) = found.join else {
        return Err(Failure::new("no JoinConfiguration found in the config file"));
    };
    let join: JoinConfiguration = typed(Some(join), "JoinConfiguration")?;
    super::validate::join(&join)?;
    Ok(JoinDocuments { join })
}

fn default_cluster(cluster: &mut ClusterConfiguration) {
    let set = |field: &mut String, value: &str| {
        if field.is_empty() {
            value.clone_into(field);
        }
    };
    set(&mut cluster.networking.service_subnet, "10.96.0.0/12");
    set(&mut cluster.networking.dns_domain, "cluster.local");
    set(&mut cluster.certificates_dir, "/etc/kubernetes/pki");
    set(&mut cluster.image_repository, "registry.k8s.io");
    set(&mut cluster.cluster_name, "kubernetes");
}

fn split(text: &str) -> Result<Found, Failure> {
    let mut found = Found::default();
    for document in serde_yaml_ng::Deserializer::from_str(text) {
        let value = Value::deserialize(document)
            .map_err(|e| Failure::new(format!("error converting YAML to JSON: yaml: {e}")))?;
        if value.is_null() {
            continue;
        }
        place(&mut found, value)?;
    }
    Ok(found)
}

fn place(found: &mut Found, value: Value) -> Result<(), Failure> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    let (version, kind) = (text("apiVersion").to_owned(), text("kind").to_owned());
    if version.is_empty() || kind.is_empty() {
        return Err(Failure::new(
            "invalid configuration for GroupVersionKind /, Kind=: kind and apiVersion is mandatory information that must be specified",
        ));
    }
    let slot = match (version.as_str(), kind.as_str()) {
        (GROUP_VERSION, "InitConfiguration") => &mut found.init,
        (GROUP_VERSION, "ClusterConfiguration") => &mut found.cluster,
        (GROUP_VERSION, "JoinConfiguration") => &mut found.join,
        ("kubelet.config.k8s.io/v1beta1", "KubeletConfiguration") => {
            check_component(&value, &kind)?;
            &mut found.kubelet
        }
        ("kubeproxy.config.k8s.io/v1alpha1", "KubeProxyConfiguration") => {
            return check_component(&value, &kind);
        }
        (v, _) if v.starts_with("kubeadm.k8s.io/") && v != GROUP_VERSION => {
            return Err(Failure::new(format!(
                "this version of kubeadm only supports deploying clusters with the control plane \
                 configuration \"{GROUP_VERSION}\"; your configuration file uses an old or unknown API spec: \"{v}\" (kind: \"{kind}\")"
            )));
        }
        (v, k) => {
            let (group, version) = v.split_once('/').unwrap_or(("", v));
            return Err(Failure::new(format!(
                "invalid configuration for GroupVersionKind {group}/{version}, Kind={k}: unknown kind"
            )));
        }
    };
    if slot.is_some() {
        return Err(Failure::new(format!(
            "invalid configuration: kind \"{kind}\" is given more than once"
        )));
    }
    *slot = Some(value);
    Ok(())
}

/// Reads a document as its type. Absent documents are all defaults.
fn typed<T: DeserializeOwned + Default>(value: Option<Value>, kind: &str) -> Result<T, Failure> {
    let Some(value) = value else {
        return Ok(T::default());
    };
    serde_yaml_ng::from_value(value).map_err(|e| {
        Failure::new(format!(
            "error unmarshaling configuration schema.GroupVersionKind{{Group:\"kubeadm.k8s.io\", Version:\"v1beta4\", Kind:\"{kind}\"}}: strict decoding error: {e}"
        ))
    })
}
