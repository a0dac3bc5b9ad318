//! What GKE puts into a new cluster: name service, storage classes, and little else.

use infra_sim_kube::controllers::{self, KubeadmAddons};
use infra_sim_kube::{Cluster, Resource, StoreError};
use serde_json::{Value, json};

/// The provisioner of the classes.
pub const VOLUME_DRIVER: &str = "pd.csi.storage.gke.io";
/// The label of nodes that says in which zone their volumes are.
pub const ZONE_LABEL: &str = "topology.gke.io/zone";

/// Installs what is missing; what is there stays as it is.
///
/// # Errors
/// Returns a sentence if the store refuses.
pub fn install(cluster: &Cluster, endpoint: &str) -> Result<(), String> {
    let options = cluster.options();
    let addons = KubeadmAddons {
        kubernetes_version: options.kubernetes_version.clone(),
        image_repository: "gke.gcr.io".to_owned(),
        service_cidr: options.service_cidr,
        pod_cidr: options.pod_cidr,
        dns_domain: "cluster.local".to_owned(),
        endpoint: endpoint.to_owned(),
        skip_coredns: false,
        // Its work is done by the network of GKE's nodes.
        skip_kube_proxy: true,
    };
    controllers::kubeadm_addons(cluster.store(), &addons).map_err(|e| e.to_string())?;
    let classes = Resource::new("storage.k8s.io", "v1", "storageclasses");
    for class in [
        class("standard-rwo", "pd-balanced", true),
        class("standard", "pd-standard", false),
        class("premium-rwo", "pd-ssd", false),
    ] {
        put(cluster, &classes, class)?;
    }
    let drivers = Resource::new("storage.k8s.io", "v1", "csidrivers");
    put(
        cluster,
        &drivers,
        json!({"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver",
            "metadata": {"name": VOLUME_DRIVER}, "spec": {"attachRequired": true, "podInfoOnMount": false}}),
    )
}

fn class(name: &str, disk: &str, is_default: bool) -> Value {
    json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": name, "labels": {"addonmanager.kubernetes.io/mode": "EnsureExists",
                "k8s-app": "gcp-compute-persistent-disk-csi-driver"},
            "annotations": {"storageclass.kubernetes.io/is-default-class": is_default.to_string()}},
        "provisioner": VOLUME_DRIVER, "parameters": {"type": disk},
        "allowVolumeExpansion": true, "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
    })
}

fn put(cluster: &Cluster, resource: &Resource, object: Value) -> Result<(), String> {
    match cluster.store().create(resource, object) {
        Ok(_) | Err(StoreError::AlreadyExists { .. }) => Ok(()),
        Err(e) => Err(e.to_string()),
    }
}
