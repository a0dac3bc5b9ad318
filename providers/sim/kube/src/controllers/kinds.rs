//! The kinds the controllers read and write, each as the store knows it.

use std::sync::LazyLock;

use crate::Resource;

macro_rules! kinds {
    ($($name:ident = $group:literal, $version:literal, $plural:literal;)*) => {
        $(
            #[doc = concat!("`", $plural, "` of `", $group, "/", $version, "`.")]
            pub static $name: LazyLock<Resource> =
                LazyLock::new(|| Resource::new($group, $version, $plural));
        )*
    };
}

kinds! {
    PODS = "", "v1", "pods";
    NODES = "", "v1", "nodes";
    SERVICES = "", "v1", "services";
    ENDPOINTS = "", "v1", "endpoints";
    NAMESPACES = "", "v1", "namespaces";
    SECRETS = "", "v1", "secrets";
    CONFIG_MAPS = "", "v1", "configmaps";
    SERVICE_ACCOUNTS = "", "v1", "serviceaccounts";
    EVENTS = "", "v1", "events";
    QUOTAS = "", "v1", "resourcequotas";
    CLAIMS = "", "v1", "persistentvolumeclaims";
    VOLUMES = "", "v1", "persistentvolumes";
    LEASES = "coordination.k8s.io", "v1", "leases";
    DEPLOYMENTS = "apps", "v1", "deployments";
    REPLICA_SETS = "apps", "v1", "replicasets";
    STATEFUL_SETS = "apps", "v1", "statefulsets";
    DAEMON_SETS = "apps", "v1", "daemonsets";
    CONTROLLER_REVISIONS = "apps", "v1", "controllerrevisions";
    JOBS = "batch", "v1", "jobs";
    CRON_JOBS = "batch", "v1", "cronjobs";
    BUDGETS = "policy", "v1", "poddisruptionbudgets";
    ENDPOINT_SLICES = "discovery.k8s.io", "v1", "endpointslices";
    INGRESSES = "networking.k8s.io", "v1", "ingresses";
    INGRESS_CLASSES = "networking.k8s.io", "v1", "ingressclasses";
    STORAGE_CLASSES = "storage.k8s.io", "v1", "storageclasses";
    VOLUME_ATTACHMENTS = "storage.k8s.io", "v1", "volumeattachments";
    CSI_NODES = "storage.k8s.io", "v1", "csinodes";
    ROLES = "rbac.authorization.k8s.io", "v1", "roles";
    ROLE_BINDINGS = "rbac.authorization.k8s.io", "v1", "rolebindings";
    CLUSTER_ROLES = "rbac.authorization.k8s.io", "v1", "clusterroles";
    CERTIFICATE_SIGNING_REQUESTS = "certificates.k8s.io", "v1", "certificatesigningrequests";
    CERTIFICATES = "cert-manager.io", "v1", "certificates";
    CLUSTER_ISSUERS = "cert-manager.io", "v1", "clusterissuers";
    CERTIFICATE_REQUESTS = "cert-manager.io", "v1", "certificaterequests";
    ISSUERS = "cert-manager.io", "v1", "issuers";
    ORDERS = "acme.cert-manager.io", "v1", "orders";
    CHALLENGES = "acme.cert-manager.io", "v1", "challenges";
    CLUSTER_ROLE_BINDINGS = "rbac.authorization.k8s.io", "v1", "clusterrolebindings";
}
