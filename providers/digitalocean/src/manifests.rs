//! Manifests of DigitalOcean: the cloud controller manager, the volume driver, the issuer for its DNS.

use infra_provider_api::{CloudManifests, embedded_files};

/// What DigitalOcean adds to a cluster's manifests. The addon takes REGION, CLUSTER_ID, VPC_ID, DO_TAG and the
/// secret DO_TOKEN; the issuer takes the secret DNS_TOKEN.
pub static MANIFESTS: CloudManifests = CloudManifests {
    addon: "digitalocean",
    files: embedded_files!("providers/digitalocean/addon" in "../../..":
        "secret.yaml",
        "cloud-controller-manager.yaml",
        "storage.yaml",
        "csi-rbac.yaml",
        "csi-controller.yaml",
        "csi-node.yaml",
    ),
    issuers: embedded_files!("providers/digitalocean/addon" in "../../..":
        "issuer-dns-01-digitalocean.yaml",
    ),
    // Empty: the cloud controller chooses a name.
    ingress_annotations: &[(
        "service.beta.kubernetes.io/do-loadbalancer-name",
        "${LOAD_BALANCER_NAME:-}",
    )],
    versions: include_str!("../addon/versions.toml"),
};
