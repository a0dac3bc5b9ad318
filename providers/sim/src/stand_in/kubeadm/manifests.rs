//! The static pods of a control plane, in short: enough to see what runs and with which settings.

use std::net::IpAddr;

use super::types::{Arg, ClusterConfiguration, HostPathMount};
use crate::stand_in::{Context, Failure};

/// Where static pods are.
pub const FOLDER: &str = "/etc/kubernetes/manifests";

/// The components that a control plane runs as static pods.
pub const COMPONENTS: [&str; 4] =
    ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"];

/// Writes the manifests of a machine's own API server and of what stands beside it.
pub fn write(
    context: &Context,
    cluster: &ClusterConfiguration,
    advertise: IpAddr,
    port: u16,
) -> Result<(), Failure> {
    super::api_server::check(context, cluster)?;
    println!("[control-plane] Using manifest folder \"{FOLDER}\"");
    let args = |own: &[String], extra: &[Arg]| {
        let mut all = own.to_vec();
        all.extend(extra.iter().map(|a| format!("--{}={}", a.name, a.value)));
        all
    };
    let api = args(
        &[
            format!("--advertise-address={advertise}"),
            format!("--secure-port={port}"),
            format!("--service-cluster-ip-range={}", cluster.networking.service_subnet),
            "--client-ca-file=/etc/kubernetes/pki/ca.crt".to_owned(),
            "--tls-cert-file=/etc/kubernetes/pki/apiserver.crt".to_owned(),
            "--tls-private-key-file=/etc/kubernetes/pki/apiserver.key".to_owned(),
        ],
        &cluster.api_server.extra_args,
    );
    let manager = args(
        &[
            format!("--cluster-name={}", cluster.cluster_name),
            format!("--cluster-cidr={}", cluster.networking.pod_subnet),
        ],
        &cluster.controller_manager.extra_args,
    );
    let scheduler = args(&["--leader-elect=true".to_owned()], &cluster.scheduler.extra_args);
    for (name, args) in COMPONENTS.into_iter().zip([api, manager, scheduler]) {
        let image = format!("{}/{name}:{}", cluster.image_repository, cluster.kubernetes_version);
        let mut pod = pod(name, &image, args);
        if name == "kube-apiserver" {
            mounts(&mut pod, &cluster.api_server.extra_volumes);
        }
        put(context, name, &pod)?;
        println!("[control-plane] Creating static Pod manifest for \"{name}\"");
    }
    Ok(())
}

/// Writes the manifest of a machine's own etcd, and its first data.
pub fn write_etcd(
    context: &Context,
    cluster: &ClusterConfiguration,
    advertise: IpAddr,
) -> Result<(), Failure> {
    println!("[etcd] Creating static Pod manifest for local etcd in \"{FOLDER}\"");
    let local = cluster.etcd.as_ref().and_then(|e| e.local.as_ref());
    let mut args = vec![format!("--advertise-client-urls=https://{advertise}:2379")];
    let extra = local.map_or(&[][..], |l| &l.extra_args);
    args.extend(extra.iter().map(|a| format!("--{}={}", a.name, a.value)));
    let image = format!("{}/etcd:3.6.4-0", cluster.image_repository);
    put(context, "etcd", &pod("etcd", &image, args))?;
    context.write("/var/lib/etcd/member/snap/db", "", 0o600)
}

fn pod(name: &str, image: &str, args: Vec<String>) -> serde_json::Value {
    let command = [vec![name.to_owned()], args].concat();
    serde_json::json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "kube-system", "labels": {"component": name, "tier": "control-plane"}},
        "spec": {
            "hostNetwork": true, "priorityClassName": "system-node-critical",
            "containers": [{"name": name, "image": image, "command": command}],
        },
    })
}

fn put(context: &Context, name: &str, pod: &serde_json::Value) -> Result<(), Failure> {
    let text = serde_yaml_ng::to_string(pod).map_err(|e| Failure::new(e.to_string()))?;
    context.write(&format!("{FOLDER}/{name}.yaml"), &text, 0o600)
}

/// Adds the folders of the host that a component sees.
fn mounts(pod: &mut serde_json::Value, volumes: &[HostPathMount]) {
    let volume = |v: &HostPathMount| serde_json::json!({"name": v.name, "hostPath": {"path": v.host_path, "type": v.path_type}});
    let mount = |v: &HostPathMount| serde_json::json!({"name": v.name, "mountPath": v.mount_path, "readOnly": v.read_only});
    pod["spec"]["volumes"] = volumes.iter().map(volume).collect();
    pod["spec"]["containers"][0]["volumeMounts"] = volumes.iter().map(mount).collect();
}
