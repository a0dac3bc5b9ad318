//! CoreDNS and kube-proxy, as kubeadm installs them.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value, json};

use crate::Store;
use crate::controllers::error::ControllerError;
use crate::controllers::kinds::{
    CONFIG_MAPS, DAEMON_SETS, DEPLOYMENTS, SERVICE_ACCOUNTS, SERVICES,
};

use super::{ensure, rbac};

const NS: &str = "kube-system";

/// What the add-ons are made of.
#[derive(Debug, Clone)]
pub struct KubeadmAddons {
    /// Such as `v1.34.1`.
    pub kubernetes_version: String,
    /// `imageRepository`, such as `registry.k8s.io`.
    pub image_repository: String,
    /// `networking.serviceSubnet`; its tenth address is that of DNS.
    pub service_cidr: IpNet,
    /// `networking.podSubnet`.
    pub pod_cidr: IpNet,
    /// `networking.dnsDomain`, such as `cluster.local`.
    pub dns_domain: String,
    /// `controlPlaneEndpoint` (`host:port`), which kube-proxy talks to.
    pub endpoint: String,
    /// CoreDNS is skipped (`skipPhases: addon/coredns`).
    pub skip_coredns: bool,
    /// kube-proxy is skipped (`skipPhases: addon/kube-proxy`).
    pub skip_kube_proxy: bool,
}

/// Installs the add-ons; what is there stays as it is.
///
/// # Errors
/// Returns an error if the store cannot be written, or the Service network is too small.
pub fn kubeadm_addons(store: &Store, a: &KubeadmAddons) -> Result<(), ControllerError> {
    if !a.skip_coredns {
        coredns(store, a)?;
    }
    if !a.skip_kube_proxy {
        kube_proxy(store, a)?;
    }
    Ok(())
}

/// Returns the address of the cluster's DNS: the tenth of the Service network.
fn dns_ip(cidr: &IpNet) -> Result<IpAddr, ControllerError> {
    cidr.hosts()
        .nth(9)
        .ok_or_else(|| ControllerError::Invalid(format!("the Service network {cidr} is too small")))
}

fn account(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": NS}})
}

fn coredns(store: &Store, a: &KubeadmAddons) -> Result<(), ControllerError> {
    let ip = dns_ip(&a.service_cidr)?.to_string();
    ensure(store, &SERVICE_ACCOUNTS, account("coredns"))?;
    rbac::coredns(store)?;
    let corefile = format!(
        ".:53 {{\n    errors\n    health {{\n       lameduck 5s\n    }}\n    ready\n    kubernetes {} in-addr.arpa ip6.arpa {{\n       pods insecure\n       fallthrough in-addr.arpa ip6.arpa\n       ttl 30\n    }}\n    prometheus :9153\n    forward . /etc/resolv.conf {{\n       max_concurrent 1000\n    }}\n    cache 30\n    loop\n    reload\n    loadbalance\n}}\n",
        a.dns_domain
    );
    ensure(
        store,
        &CONFIG_MAPS,
        json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "coredns", "namespace": NS}, "data": {"Corefile": corefile}}),
    )?;
    ensure(
        store,
        &SERVICES,
        json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "kube-dns", "namespace": NS,
            "labels": {"k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS"},
            "annotations": {"prometheus.io/port": "9153", "prometheus.io/scrape": "true"}},
        "spec": {"type": "ClusterIP", "clusterIP": ip, "clusterIPs": [ip], "selector": {"k8s-app": "kube-dns"},
            "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "internalTrafficPolicy": "Cluster", "sessionAffinity": "None",
            "ports": [
                {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53},
                {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53},
                {"name": "metrics", "port": 9153, "protocol": "TCP", "targetPort": 9153}]},
        "status": {"loadBalancer": {}}}),
    )?;
    let labels = json!({"k8s-app": "kube-dns"});
    ensure(
        store,
        &DEPLOYMENTS,
        json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "coredns", "namespace": NS, "labels": labels},
        "spec": {"replicas": 2, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
            "selector": {"matchLabels": labels},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": "25%"}},
            "template": {"metadata": {"labels": labels}, "spec": {
                "serviceAccountName": "coredns", "serviceAccount": "coredns",
                "priorityClassName": "system-cluster-critical", "priority": 2_000_000_000,
                "dnsPolicy": "Default", "restartPolicy": "Always", "schedulerName": "default-scheduler",
                "securityContext": {}, "terminationGracePeriodSeconds": 30,
                "nodeSelector": {"kubernetes.io/os": "linux"},
                "tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"},
                    {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}],
                "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100,
                    "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchExpressions": [
                        {"key": "k8s-app", "operator": "In", "values": ["kube-dns"]}]}}}]}},
                "containers": [{"name": "coredns", "image": format!("{}/coredns/coredns:v1.12.1", a.image_repository),
                    "imagePullPolicy": "IfNotPresent", "args": ["-conf", "/etc/coredns/Corefile"],
                    "resources": {"limits": {"memory": "170Mi"}, "requests": {"cpu": "100m", "memory": "70Mi"}},
                    "ports": [{"containerPort": 53, "name": "dns", "protocol": "UDP"},
                        {"containerPort": 53, "name": "dns-tcp", "protocol": "TCP"},
                        {"containerPort": 9153, "name": "metrics", "protocol": "TCP"}],
                    "volumeMounts": [{"name": "config-volume", "mountPath": "/etc/coredns", "readOnly": true}]}],
                "volumes": [{"name": "config-volume", "configMap": {"name": "coredns", "defaultMode": 420,
                    "items": [{"key": "Corefile", "path": "Corefile"}]}}]}}},
        "status": {}}),
    )
}

fn kube_proxy(store: &Store, a: &KubeadmAddons) -> Result<(), ControllerError> {
    let version = format!("v{}", a.kubernetes_version.trim_start_matches('v'));
    ensure(store, &SERVICE_ACCOUNTS, account("kube-proxy"))?;
    rbac::kube_proxy(store)?;
    let config = format!(
        "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nbindAddress: 0.0.0.0\nclusterCIDR: {}\nclientConnection:\n  kubeconfig: /var/lib/kube-proxy/kubeconfig.conf\n",
        a.pod_cidr
    );
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    certificate-authority: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt\n    server: https://{}\n  name: default\ncontexts:\n- context:\n    cluster: default\n    namespace: default\n    user: default\n  name: default\ncurrent-context: default\nusers:\n- name: default\n  user:\n    tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token\n",
        a.endpoint
    );
    let labels = json!({"k8s-app": "kube-proxy"});
    ensure(
        store,
        &CONFIG_MAPS,
        json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "kube-proxy", "namespace": NS, "labels": {"app": "kube-proxy"}},
        "data": {"config.conf": config, "kubeconfig.conf": kubeconfig}}),
    )?;
    ensure(
        store,
        &DAEMON_SETS,
        json!({"apiVersion": "apps/v1", "kind": "DaemonSet",
        "metadata": {"name": "kube-proxy", "namespace": NS, "labels": labels},
        "spec": {"revisionHistoryLimit": 10, "selector": {"matchLabels": labels},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
            "template": {"metadata": {"labels": labels}, "spec": {
                "serviceAccountName": "kube-proxy", "serviceAccount": "kube-proxy",
                "priorityClassName": "system-node-critical", "priority": 2_000_001_000,
                "hostNetwork": true, "dnsPolicy": "ClusterFirst", "restartPolicy": "Always",
                "schedulerName": "default-scheduler", "securityContext": {}, "terminationGracePeriodSeconds": 30,
                "nodeSelector": {"kubernetes.io/os": "linux"}, "tolerations": [{"operator": "Exists"}],
                "containers": [{"name": "kube-proxy", "image": format!("{}/kube-proxy:{version}", a.image_repository),
                    "imagePullPolicy": "IfNotPresent", "resources": {},
                    "command": ["/usr/local/bin/kube-proxy", "--config=/var/lib/kube-proxy/config.conf", "--hostname-override=$(NODE_NAME)"],
                    "env": [{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "spec.nodeName"}}}],
                    "securityContext": {"privileged": true},
                    "volumeMounts": [{"name": "kube-proxy", "mountPath": "/var/lib/kube-proxy"}]}],
                "volumes": [{"name": "kube-proxy", "configMap": {"name": "kube-proxy", "defaultMode": 420}}]}}},
        "status": {}}),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dns_has_the_tenth_address() {
        assert_eq!(dns_ip(&"10.96.0.0/12".parse().unwrap()).unwrap().to_string(), "10.96.0.10");
        assert!(dns_ip(&"10.96.0.0/29".parse().unwrap()).is_err());
    }
}
