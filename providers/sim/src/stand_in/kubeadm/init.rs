//! `kubeadm init`: the first control plane of a cluster.

use std::time::Duration;

use http::Method;

use super::discovery::Patience;
use super::documents::{InitDocuments, parse_init};
use super::preflight::{Preflight, known_control_plane};
use super::types::{BootstrapToken, ClusterConfiguration};
use super::{Options, api_server, authority, certs, config_text, kubeconfig, manifests, node};
use crate::stand_in::control::MachineInfo;
use crate::stand_in::kubelet::version;
use crate::stand_in::values::{Version, duration};
use crate::stand_in::{ClusterPlan, Context, Failure, TokenSpec, http as https};

pub fn run(context: &Context, options: &Options) -> Result<(), Failure> {
    let InitDocuments { init, mut cluster, kubelet } = parse_init(&config_text(context, options)?)?;
    let info = context.block_on(context.info())??;
    let wanted = Version::parse(&cluster.kubernetes_version)
        .ok_or_else(|| Failure::new("kubernetesVersion is no version"))?;
    cluster.kubernetes_version = wanted.to_string();
    println!("[init] Using Kubernetes version: {wanted}");
    let port = if init.local_api_endpoint.bind_port == 0 {
        6443
    } else {
        init.local_api_endpoint.bind_port
    };

    let mut preflight = Preflight::new(context, &options.ignore, &init.node_registration);
    preflight.node();
    preflight.size(&info);
    preflight.fresh_control_plane(port);
    let kubeadm = version(context, "kubeadm")?;
    known_control_plane(kubeadm, wanted)?;
    preflight.kubelet(kubeadm, Some(wanted));
    preflight.images(&cluster, &init.node_registration.image_pull_policy);
    preflight.finish()?;

    certs::check_inputs(context)?;
    let spec = node::spec(context, &init.node_registration, true)?;
    let advertise = node::advertise(&init.local_api_endpoint.advertise_address, &info)?;
    let tokens = init.bootstrap_tokens.iter().map(token).collect::<Result<Vec<_>, _>>()?;
    if init.dry_run {
        println!(
            "[dryrun] Finished dry-running successfully. Above are the resources that would be created"
        );
        return Ok(());
    }

    certs::issue_all(context, &cluster, &spec.name, advertise)?;
    let ca = authority::Authority::load(context, "ca")?;
    let local = format!("https://{advertise}:{port}");
    let shared = if cluster.control_plane_endpoint.is_empty() {
        local.clone()
    } else {
        let (host, port) = kubeconfig::host_port(&cluster.control_plane_endpoint, port);
        format!("https://{host}:{port}")
    };
    node::write_kubeconfigs(context, &cluster, &ca, &local, &shared, true)?;
    let leaf = authority::Leaf {
        common_name: &format!("system:node:{}", spec.name),
        organization: Some("system:nodes"),
        ..authority::Leaf::default()
    };
    let (cert, key) = ca.issue(&leaf)?;
    node::write_kubelet_conf(context, &cluster, &local, &ca.cert_pem, &spec.name, (&cert, &key))?;
    manifests::write_etcd(context, &cluster, advertise)?;
    manifests::write(context, &cluster, advertise, port)?;
    let kubelet_config = kubelet_config(kubelet.as_ref(), &cluster)?;
    node::start_kubelet(context, &init.node_registration, &kubelet_config)?;

    println!(
        "[wait-control-plane] Waiting for the kubelet to boot up the control plane as static Pods from directory \"{}\"",
        manifests::FOLDER
    );
    let pod_security = api_server::pod_security(context, &cluster)?;
    let checks_kubelets = api_server::checks_kubelets(&cluster);
    let plan = ClusterPlan {
        config: cluster,
        kubelet_config,
        port,
        advertise,
        node: spec,
        tokens,
        pod_security,
        checks_kubelets,
    };
    let body = serde_json::to_value(&plan).map_err(|e| Failure::new(e.to_string()))?;
    let limit = init.timeouts.control_plane_component_health_check.as_deref().and_then(duration);
    context.block_on(async {
        context.ask::<()>(Method::POST, "/kubeadm/init", Some(body)).await?;
        wait_reachable(context, &shared, &ca.cert_pem, &info, limit).await
    })??;
    finish(&plan);
    Ok(())
}

fn finish(plan: &ClusterPlan) {
    println!(
        "[upload-config] Storing the configuration used in ConfigMap \"kubeadm-config\" in the \"kube-system\" Namespace"
    );
    println!("[mark-control-plane] Marking the node {} as control-plane", plan.node.name);
    for token in &plan.tokens {
        println!("[bootstrap-token] Stored the bootstrap token with the id {}", token.id);
    }
    if !plan.config.dns.disabled {
        println!("[addons] Applied essential addon: CoreDNS");
    }
    if !plan.config.proxy.disabled {
        println!("[addons] Applied essential addon: kube-proxy");
    }
    println!("\nYour Kubernetes control-plane has initialized successfully!");
}

/// Waits until the API server answers where kubeconfigs point: through the load balancer, with a
/// certificate that is valid for that name.
async fn wait_reachable(
    context: &Context,
    server: &str,
    ca_pem: &str,
    info: &MachineInfo,
    limit: Option<Duration>,
) -> Result<(), Failure> {
    let endpoint = server.trim_start_matches("https://");
    let (host, port) = kubeconfig::host_port(endpoint, 6443);
    let patience = Patience::new(limit.unwrap_or(Duration::from_secs(240)), info.speed);
    loop {
        let reason = match context.resolve(&host, port).await {
            Err(refused) => refused.message,
            Ok(address) => {
                let target = https::Target {
                    address,
                    authority: format!("{host}:{port}"),
                    tls: https::trusting(ca_pem, None).map_err(Failure::new)?,
                };
                match https::call(
                    &target,
                    Method::GET,
                    "/readyz",
                    None,
                    None,
                    Duration::from_secs(10),
                )
                .await
                {
                    Ok((status, _)) if status.is_success() => {
                        println!("[control-plane-check] kube-apiserver is healthy");
                        return Ok(());
                    }
                    Ok((status, _)) => format!("/readyz answers {status}"),
                    Err(reason) => reason,
                }
            }
        };
        if !patience.again().await {
            return Err(Failure::new(format!(
                "error execution phase wait-control-plane: the API server can't be reached at {server}: {reason}"
            )));
        }
    }
}

fn token(token: &BootstrapToken) -> Result<TokenSpec, Failure> {
    let (id, secret) = token
        .token
        .split_once('.')
        .ok_or_else(|| Failure::new("bootstrapTokens.token: malformed"))?;
    let ttl = token.ttl.as_deref().and_then(duration).unwrap_or(Duration::from_secs(24 * 3600));
    let expires = match &token.expires {
        Some(at) => Some(at.clone()),
        None if ttl.is_zero() => None,
        None => {
            let at =
                jiff::Timestamp::now() + jiff::SignedDuration::try_from(ttl).unwrap_or_default();
            Some(at.round(jiff::Unit::Second).unwrap_or(at).to_string())
        }
    };
    let or = |list: &[String], default: &[&str]| {
        if list.is_empty() {
            default.iter().map(|s| (*s).to_owned()).collect()
        } else {
            list.to_vec()
        }
    };
    Ok(TokenSpec {
        id: id.to_owned(),
        secret: secret.to_owned(),
        description: token.description.clone(),
        expires,
        usages: or(&token.usages, &["signing", "authentication"]),
        groups: or(&token.groups, &["system:bootstrappers:kubeadm:default-node-token"]),
    })
}

/// Writes the kubelet's configuration: as given, with what kubeadm fills in.
fn kubelet_config(
    given: Option<&serde_yaml_ng::Value>,
    cluster: &ClusterConfiguration,
) -> Result<String, Failure> {
    let mut map = given.and_then(|v| v.as_mapping()).cloned().unwrap_or_default();
    let mut set = |key: &str, value: &str| {
        if !map.contains_key(key) {
            map.insert(key.into(), value.into());
        }
    };
    set("apiVersion", "kubelet.config.k8s.io/v1beta1");
    set("kind", "KubeletConfiguration");
    set("cgroupDriver", "systemd");
    set("clusterDomain", &cluster.networking.dns_domain);
    set("staticPodPath", manifests::FOLDER);
    serde_yaml_ng::to_string(&map).map_err(|e| Failure::new(e.to_string()))
}
