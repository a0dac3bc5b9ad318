//! Manifests of Google Cloud: the issuer for its DNS. GKE brings its own controllers and volume driver.

use infra_provider_api::{CloudManifests, embedded_files};

/// What Google Cloud adds to a cluster's manifests. The issuer takes PROJECT, HOSTED_ZONE and the secret
/// DNS_KEY.
pub static MANIFESTS: CloudManifests = CloudManifests {
    // GKE runs them, so there is no addon of that name.
    addon: "gcp",
    files: &[],
    issuers: embedded_files!("providers/gcp/addon" in "../../..": "issuer-dns-01-clouddns.yaml"),
    ingress_annotations: &[],
    versions: include_str!("../addon/versions.toml"),
};
