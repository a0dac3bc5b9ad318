//! Manifests of AWS: the cloud controller manager, the volume driver, the issuer for its DNS.

use infra_provider_api::{CloudManifests, embedded_files};

/// What AWS adds to a cluster's manifests. The addon takes REGION and CLUSTER_ID; the issuer takes REGION,
/// HOSTED_ZONE and the secrets DNS_ACCESS_KEY_ID and DNS_SECRET_ACCESS_KEY.
pub static MANIFESTS: CloudManifests = CloudManifests {
    addon: "aws",
    files: embedded_files!("providers/aws/addon" in "../../..":
        "cloud-controller-manager.yaml",
        "storage.yaml",
        "csi-rbac.yaml",
        "csi-controller.yaml",
        "csi-node.yaml",
    ),
    issuers: embedded_files!("providers/aws/addon" in "../../..": "issuer-dns-01-route53.yaml"),
    ingress_annotations: &[("service.beta.kubernetes.io/aws-load-balancer-type", "nlb")],
    versions: include_str!("../addon/versions.toml"),
};
