//! `kubeadm join`: a worker, or a further control plane.

use std::net::IpAddr;
use std::time::Duration;

use http::{Method, StatusCode};

use super::discovery::{Found, Patience, find};
use super::documents::parse_join;
use super::preflight::{Preflight, known_control_plane};
use super::types::{ClusterConfiguration, JoinConfiguration, JoinControlPlane};
use super::{Options, authority, certs, config_text, manifests, node};
use crate::stand_in::control::{Joined, MachineInfo, MemberState, Refused};
use crate::stand_in::kubelet::version;
use crate::stand_in::values::{Version, duration};
use crate::stand_in::{Context, Failure, JoinRequest, NodeSpec};

pub fn run(context: &Context, options: &Options) -> Result<(), Failure> {
    let join = parse_join(&config_text(context, options)?)?.join;
    let info = context.block_on(context.info())??;
    let plane = join.control_plane.as_ref();
    let kubeadm = version(context, "kubeadm")?;
    let mut preflight = Preflight::new(context, &options.ignore, &join.node_registration);
    preflight.node();
    preflight.kubelet(kubeadm, None);
    preflight.fresh_node(plane.is_none());
    if let Some(plane) = plane {
        preflight.size(&info);
        preflight.fresh_control_plane(port(plane));
    }
    preflight.finish()?;
    let Some(discovery) = &join.discovery.bootstrap_token else {
        return Err(Failure::new("discovery: bootstrapToken must be set"));
    };

    let limit = timeout(join.timeouts.discovery.as_deref(), 300);
    let (found, cluster, kubelet_config) = context.block_on(async {
        let found = find(context, discovery, limit, info.speed).await?;
        println!("[preflight] Reading configuration from the \"kubeadm-config\" ConfigMap in namespace \"kube-system\"...");
        let text = found.config("kubeadm-config", "ClusterConfiguration").await?;
        let cluster: ClusterConfiguration = serde_yaml_ng::from_str(&text)
            .map_err(|e| Failure::new(format!("failed to decode cluster configuration data: {e}")))?;
        let kubelet_config = found.config("kubelet-config", "kubelet").await?;
        Ok::<_, Failure>((found, cluster, kubelet_config))
    })??;

    let wanted = Version::parse(&cluster.kubernetes_version)
        .ok_or_else(|| Failure::new("the cluster's kubernetesVersion is no version"))?;
    known_control_plane(kubeadm, wanted).map_err(|failure| {
        let what = "error execution phase preflight: unable to fetch the kubeadm-config ConfigMap";
        Failure::new(format!("{what}: {}", failure.message))
    })?;
    let mut preflight = Preflight::new(context, &options.ignore, &join.node_registration);
    if plane.is_some() {
        preflight.images(&cluster, &join.node_registration.image_pull_policy);
    }
    preflight.finish()?;
    let spec = node::spec(context, &join.node_registration, plane.is_some())?;
    if join.dry_run {
        println!("[dryrun] Finished dry-running successfully");
        return Ok(());
    }
    let shared = format!("https://{}:{}", found.cluster.host, found.cluster.port);
    // A control plane's kubelet talks to the API server beside it (ControlPlaneKubeletLocalMode).
    let mut asked = shared.clone();
    let address = match plane {
        Some(plane) => {
            let (port, ip) =
                prepare_control_plane(context, &cluster, &spec, plane, &info, &shared, &found)?;
            asked = format!("https://{ip}:{port}");
            Some((port, ip))
        }
        None => {
            context.write("/etc/kubernetes/pki/ca.crt", &found.cluster.ca_pem, 0o644)?;
            None
        }
    };
    let (csr_pem, key_pem) = certs::kubelet_request(&spec.name)?;
    let (ca_sha256, name) = (found.ca_sha256()?, spec.name.clone());
    // The kubelet starts before its node exists: it is the one that registers it.
    node::start_kubelet(context, &join.node_registration, &kubelet_config)?;
    println!("[kubelet-start] Waiting for the kubelet to perform the TLS Bootstrap");
    let request = JoinRequest { ca_sha256, node: spec, csr_pem, control_plane: address };
    let joined = context.block_on(send(context, &join, &info, &request))??;
    node::write_kubelet_conf(
        context,
        &cluster,
        &asked,
        &found.cluster.ca_pem,
        &name,
        (&joined.kubelet_certificate_pem, &key_pem),
    )?;
    if plane.is_some() {
        etcd_and_promotion(context, &join, &cluster, &info, &request)?;
        println!(
            "\nThis node has joined the cluster and a new control plane instance was created:"
        );
    } else {
        println!("\nThis node has joined the cluster:");
    }
    println!("* Certificate signing request was sent to apiserver and approval was received.");
    Ok(())
}

fn port(plane: &JoinControlPlane) -> u16 {
    match plane.local_api_endpoint.bind_port {
        0 => 6443,
        port => port,
    }
}

fn timeout(value: Option<&str>, default_s: u64) -> Duration {
    value.and_then(duration).unwrap_or(Duration::from_secs(default_s))
}

/// Prepares a joining control plane: certificates and kubeconfigs. The authorities have to be there
/// already, and be the cluster's own.
fn prepare_control_plane(
    context: &Context,
    cluster: &ClusterConfiguration,
    spec: &NodeSpec,
    plane: &JoinControlPlane,
    info: &MachineInfo,
    shared: &str,
    found: &Found,
) -> Result<(u16, IpAddr), Failure> {
    certs::check_inputs(context).map_err(|e| {
        Failure::new(format!(
            "error execution phase preflight:\nOne or more conditions for hosting a new control plane instance is not satisfied.\n\n{e}"
        ))
    })?;
    let ca = authority::Authority::load(context, "ca")?;
    if super::discovery::ca_sha256(&ca.cert_pem)? != found.ca_sha256()? {
        return Err(Failure::new(
            "error execution phase certs: /etc/kubernetes/pki/ca.crt is not the cluster's certificate authority",
        ));
    }
    let advertise = node::advertise(&plane.local_api_endpoint.advertise_address, info)?;
    let port = port(plane);
    certs::issue_all(context, cluster, &spec.name, advertise)?;
    let local = format!("https://{advertise}:{port}");
    node::write_kubeconfigs(context, cluster, &ca, &local, shared, false)?;
    // The API server is there before its etcd is: it starts once that runs.
    manifests::write(context, cluster, advertise, port)?;
    Ok((port, advertise))
}

/// Asks to become a member. While another member is a learner, etcd takes no further one: kubeadm
/// tries again until its time for etcd calls is over.
async fn send(
    context: &Context,
    join: &JoinConfiguration,
    info: &MachineInfo,
    request: &JoinRequest,
) -> Result<Joined, Failure> {
    let body = serde_json::to_value(request).map_err(|e| Failure::new(e.to_string()))?;
    let limit = if request.control_plane.is_some() {
        timeout(join.timeouts.etcd_api_call.as_deref(), 120)
    } else {
        timeout(join.timeouts.tls_bootstrap.as_deref(), 300)
    };
    let patience = Patience::new(limit, info.speed);
    let mut said = false;
    loop {
        let answer: Result<Joined, Refused> =
            context.ask(Method::POST, "/kubeadm/join", Some(body.clone())).await;
        match answer {
            Ok(joined) => return Ok(joined),
            Err(refused) => {
                let retry = matches!(
                    refused.status,
                    None | Some(StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS)
                );
                if retry && !said {
                    println!(
                        "[etcd] Failed to add the member, will try again: {}",
                        refused.message
                    );
                    said = true;
                }
                if !retry || !patience.again().await {
                    let phase = if refused.message.starts_with("etcd cluster is not healthy") {
                        "check-etcd"
                    } else if request.control_plane.is_some() {
                        "control-plane-join/etcd"
                    } else {
                        "kubelet-start"
                    };
                    return Err(Failure::new(format!(
                        "error execution phase {phase}: {}",
                        refused.message
                    )));
                }
            }
        }
    }
}

/// Writes etcd's static pod and waits until its member was promoted from learner to voter.
fn etcd_and_promotion(
    context: &Context,
    join: &JoinConfiguration,
    cluster: &ClusterConfiguration,
    info: &MachineInfo,
    request: &JoinRequest,
) -> Result<(), Failure> {
    let Some((_, advertise)) = request.control_plane else {
        return Ok(());
    };
    manifests::write_etcd(context, cluster, advertise)?;
    println!("[etcd] Announced new etcd member joining to the existing etcd cluster");
    println!("[etcd] Waiting for the new etcd member to be promoted from learner to voting member");
    context.block_on(async {
        let patience = Patience::new(timeout(join.timeouts.etcd_api_call.as_deref(), 120), info.speed);
        loop {
            let member: MemberState = context.ask(Method::GET, "/etcd", None).await?;
            match member.state.as_str() {
                "voter" => return Ok(()),
                "none" => return Err(Failure::new("error execution phase control-plane-join/etcd: the member was removed")),
                _ => {}
            }
            if !patience.again().await {
                return Err(Failure::new(
                    "error execution phase control-plane-join/etcd: etcdserver: can only promote a learner member which is in sync with leader",
                ));
            }
        }
    })??;
    println!("[mark-control-plane] Marking the node {} as control-plane", request.node.name);
    Ok(())
}
