//! What both `init` and `join` do to a machine: its node's facts, its kubelet.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::authority::Authority;
use super::kubeconfig;
use super::types::{ClusterConfiguration, NodeRegistration};
use crate::stand_in::control::MachineInfo;
use crate::stand_in::{Context, Failure, NodeSpec, TaintSpec, host, kubelet, systemctl, units};

const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";

/// Returns the node's name: as configured, else the machine's host name.
pub fn name(context: &Context, registration: &NodeRegistration) -> Result<String, Failure> {
    let name =
        if registration.name.is_empty() { context.hostname() } else { registration.name.clone() };
    let valid = !name.is_empty()
        && name.len() <= 253
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
        && name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
        && name.bytes().last().is_some_and(|b| b.is_ascii_alphanumeric());
    if valid {
        return Ok(name);
    }
    Err(Failure::new(format!(
        "nodeRegistration.name: Invalid value: {name:?}: a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.'"
    )))
}

/// Returns the address that other machines reach this one at.
pub fn advertise(configured: &str, info: &MachineInfo) -> Result<IpAddr, Failure> {
    if let Ok(ip) = configured.parse::<IpAddr>() {
        if info.private_ip == Some(ip) || info.public_ip == Some(ip) {
            return Ok(ip);
        }
        return Err(Failure::new(format!(
            "localAPIEndpoint.advertiseAddress: {ip} is no address of this machine"
        )));
    }
    info.private_ip
        .or(info.public_ip)
        .ok_or_else(|| Failure::new("unable to select an IP from default routes"))
}

/// Describes the node as its kubelet will register it.
pub fn spec(
    context: &Context,
    registration: &NodeRegistration,
    control_plane: bool,
) -> Result<NodeSpec, Failure> {
    let version = kubelet::installed(context)?.to_string();
    described(registration, control_plane, name(context, registration)?, version)
}

/// Describes the node as its kubelet will register it, by the name and version that are known.
pub fn described(
    registration: &NodeRegistration,
    control_plane: bool,
    name: String,
    kubelet_version: String,
) -> Result<NodeSpec, Failure> {
    let mut labels = BTreeMap::new();
    let mut external = false;
    let mut taints = match &registration.taints {
        Some(taints) => taints
            .iter()
            .map(|t| TaintSpec {
                key: t.key.clone(),
                value: t.value.clone(),
                effect: t.effect.clone(),
            })
            .collect(),
        None if control_plane => vec![TaintSpec {
            key: CONTROL_PLANE.to_owned(),
            value: String::new(),
            effect: "NoSchedule".to_owned(),
        }],
        None => Vec::new(),
    };
    for arg in &registration.kubelet_extra_args {
        match arg.name.as_str() {
            "node-labels" => add_labels(&mut labels, &arg.value)?,
            "cloud-provider" if arg.value == "external" => external = true,
            "cloud-provider" if !arg.value.is_empty() => {
                return Err(Failure::new(format!(
                    "kubelet: unknown cloud provider \"{}\" (in-tree providers are gone; use \"external\")",
                    arg.value
                )));
            }
            "register-with-taints" => taints.extend(arg.value.split(',').filter_map(parse_taint)),
            "hostname-override" if arg.value != registration.name => {
                return Err(Failure::new(
                    "kubelet: hostname-override differs from nodeRegistration.name",
                ));
            }
            _ => {}
        }
    }
    if control_plane {
        labels.insert(CONTROL_PLANE.to_owned(), String::new());
        labels.insert(
            "node.kubernetes.io/exclude-from-external-load-balancers".to_owned(),
            String::new(),
        );
    }
    let socket = if registration.cri_socket.is_empty() {
        "unix:///var/run/containerd/containerd.sock"
    } else {
        &registration.cri_socket
    };
    let annotations =
        [("kubeadm.alpha.kubernetes.io/cri-socket".to_owned(), socket.to_owned())].into();
    Ok(NodeSpec {
        name,
        labels,
        annotations,
        taints,
        kubelet_version,
        external_cloud_provider: external,
    })
}

/// Adds the labels of `--node-labels`. A kubelet may only give itself certain labels of the
/// kubernetes.io and k8s.io namespaces; others are refused.
fn add_labels(labels: &mut BTreeMap<String, String>, text: &str) -> Result<(), Failure> {
    for pair in text.split(',').filter(|p| !p.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let prefix = key.split_once('/').map_or("", |(p, _)| p);
        let reserved = prefix == "kubernetes.io"
            || prefix == "k8s.io"
            || prefix.ends_with(".kubernetes.io")
            || prefix.ends_with(".k8s.io");
        let allowed = prefix.ends_with("kubelet.kubernetes.io")
            || prefix.ends_with("node.kubernetes.io")
            || matches!(
                key,
                "kubernetes.io/hostname"
                    | "kubernetes.io/arch"
                    | "kubernetes.io/os"
                    | "topology.kubernetes.io/region"
                    | "topology.kubernetes.io/zone"
            );
        if reserved && !allowed {
            return Err(Failure::new(format!(
                "kubelet: unknown 'kubernetes.io' or 'k8s.io' labels specified with --node-labels: [{key}]"
            )));
        }
        labels.insert(key.to_owned(), value.to_owned());
    }
    Ok(())
}

fn parse_taint(text: &str) -> Option<TaintSpec> {
    let (left, effect) = text.rsplit_once(':')?;
    let (key, value) = left.split_once('=').unwrap_or((left, ""));
    Some(TaintSpec { key: key.to_owned(), value: value.to_owned(), effect: effect.to_owned() })
}

/// Writes the kubelet's configuration and starts it, then checks that it can run.
pub fn start_kubelet(
    context: &Context,
    registration: &NodeRegistration,
    kubelet_config: &str,
) -> Result<(), Failure> {
    let args: Vec<String> = registration
        .kubelet_extra_args
        .iter()
        .map(|a| format!("--{}={}", a.name, a.value))
        .collect();
    let flags = format!("KUBELET_KUBEADM_ARGS=\"{}\"\n", args.join(" "));
    println!(
        "[kubelet-start] Writing kubelet environment file with flags to file \"/var/lib/kubelet/kubeadm-flags.env\""
    );
    context.write("/var/lib/kubelet/kubeadm-flags.env", &flags, 0o644)?;
    println!(
        "[kubelet-start] Writing kubelet configuration to file \"/var/lib/kubelet/config.yaml\""
    );
    context.write("/var/lib/kubelet/config.yaml", kubelet_config, 0o644)?;
    println!("[kubelet-start] Starting the kubelet");
    let started = if units::known(context, "kubelet.service") {
        systemctl::start(context, "kubelet.service", "start").map_err(|e| e.message)
    } else {
        Err("no unit kubelet.service is installed".to_owned())
    };
    let unhealthy = |reason: &str| {
        Failure::new(format!(
            "[kubelet-check] Waiting for a healthy kubelet at http://127.0.0.1:10248/healthz. This can take up to 4m0s\n\
             error execution phase kubelet-start: the kubelet is not healthy: {reason}"
        ))
    };
    started.map_err(|reason| unhealthy(&reason))?;
    if !units::text(context, "kubelet.service").contains("/var/lib/kubelet/config.yaml") {
        return Err(unhealthy(
            "neither kubelet.service nor its drop-ins pass --config=/var/lib/kubelet/config.yaml",
        ));
    }
    if host::swap_on(context) && !kubelet_config.contains("failSwapOn: false") {
        return Err(unhealthy("running with swap on is not supported, please disable swap"));
    }
    let runc = ["/usr/local/sbin/runc", "/usr/local/bin/runc", "/usr/sbin/runc", "/usr/bin/runc"];
    if !runc.iter().any(|p| context.exists(p)) {
        return Err(unhealthy(
            "failed to create containerd task: exec: \"runc\": executable file not found in $PATH",
        ));
    }
    println!("[kubelet-check] The kubelet is healthy");
    Ok(())
}

/// Writes `kubelet.conf` for a client certificate.
pub fn write_kubelet_conf(
    context: &Context,
    cluster: &ClusterConfiguration,
    server: &str,
    ca_pem: &str,
    node: &str,
    client: (&str, &str),
) -> Result<(), Failure> {
    let user = format!("system:node:{node}");
    let text = kubeconfig::render(&cluster.cluster_name, server, ca_pem, &user, client.0, client.1);
    context.write("/etc/kubernetes/kubelet.conf", &text, 0o600)
}

/// Writes the kubeconfigs of a control plane, except the kubelet's.
pub fn write_kubeconfigs(
    context: &Context,
    cluster: &ClusterConfiguration,
    ca: &Authority,
    local: &str,
    shared: &str,
    first: bool,
) -> Result<(), Failure> {
    println!("[kubeconfig] Using kubeconfig folder \"/etc/kubernetes\"");
    let admins = Some("kubeadm:cluster-admins");
    let mut files = vec![
        ("admin.conf", "kubernetes-admin", admins, shared),
        ("controller-manager.conf", "system:kube-controller-manager", None, local),
        ("scheduler.conf", "system:kube-scheduler", None, local),
    ];
    if first {
        files.push(("super-admin.conf", "kubernetes-super-admin", Some("system:masters"), shared));
    }
    for (file, user, organization, server) in files {
        let leaf = super::authority::Leaf { common_name: user, organization, ..Default::default() };
        let (cert, key) = ca.issue(&leaf)?;
        let text =
            kubeconfig::render(&cluster.cluster_name, server, &ca.cert_pem, user, &cert, &key);
        context.write(&format!("/etc/kubernetes/{file}"), &text, 0o600)?;
        println!("[kubeconfig] Writing \"{file}\" kubeconfig file");
    }
    Ok(())
}
