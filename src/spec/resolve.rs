//! From what was written to what it means. Every finding is collected, none stops the others.

use std::{
    collections::BTreeMap,
    ops::Range,
    path::{Path, PathBuf},
    time::Duration,
};

use infra_provider_api::{
    Access, Cluster, DnsPlan, FirewallRule, LoadBalancerPlan, Network, NodePlan, Pool, Protocol,
    Role, SizeRequest, Source, SourceRange, SshKey, Versions,
};
use ipnet::Ipv4Net;

use super::{
    diagnostic::{Diagnostic, line_of, nearest},
    load::Options,
    project::{AddonsPlan, AppsPlan, CertificatePlan, DockerSecretPlan, EnvSecretPlan, Project},
    raw::{Raw, RawAccess, RawPool, RawProtocol, RawRole, RawSshKey, RawType},
    tree::Node,
    values,
};

/// The clouds that infra.toml may name.
pub const PROVIDERS: [&str; 3] = ["do", "aws", "gcp"];
const KUBERNETES_DEFAULT: &str = "1.36.2";
const NODES_MAX: u32 = 10_000;
/// The range of pod addresses that every node takes (kube-controller-manager's default).
const NODE_PREFIX: u8 = 24;

/// Whether there is such a cloud and this build has it. If not, that is the one thing to say.
fn known_here(provider: &str) -> bool {
    crate::clouds::NAMES.contains(&provider)
}

/// Resolves a merged file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn resolve(
    raw: &Raw,
    merged: &Node,
    path: &Path,
    text: &str,
    environment: Option<String>,
    environments: Vec<String>,
    options: &Options,
) -> Result<Project, Vec<Diagnostic>> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut resolver = Resolver { raw, merged, path, text, folder, found: Vec::new() };
    let project = resolver.project(environment, environments, options);
    if resolver.found.is_empty() { Ok(project) } else { Err(resolver.found) }
}

struct Resolver<'a> {
    raw: &'a Raw,
    merged: &'a Node,
    path: &'a Path,
    text: &'a str,
    folder: PathBuf,
    found: Vec<Diagnostic>,
}

impl Resolver<'_> {
    fn span(&self, path: &[&str]) -> Range<usize> {
        self.merged.at(path).span.clone()
    }

    fn source(&self, path: &[&str]) -> Option<Source> {
        let line = u32::try_from(line_of(self.text, self.merged.at(path).key.start)).ok()?;
        Some(Source { file: self.path.display().to_string(), line })
    }

    fn wrong(&mut self, path: &[&str], message: impl Into<String>) {
        let span = self.span(path);
        self.found.push(Diagnostic::new(message).at(span));
    }

    fn wrong_hint(&mut self, path: &[&str], message: String, hint: impl Into<String>) {
        let span = self.span(path);
        self.found.push(Diagnostic::new(message).at(span).hint(hint));
    }

    /// The value of a fallible reading, or a stand-in and a finding.
    fn take<T>(&mut self, path: &[&str], result: Result<T, String>, stand_in: T) -> T {
        result.unwrap_or_else(|why| {
            self.wrong(path, why);
            stand_in
        })
    }

    fn project(
        &mut self,
        environment: Option<String>,
        environments: Vec<String>,
        options: &Options,
    ) -> Project {
        let raw = self.raw;
        if let Err(why) = values::label(&raw.cluster.name, 40) {
            let name = &raw.cluster.name;
            let message = format!("the cluster's name `{name}` is refused: {why}");
            match values::near_label(name, 40) {
                Some(near) => {
                    self.wrong_hint(
                        &["cluster", "name"],
                        message,
                        format!("for instance `{near}`"),
                    );
                }
                None => self.wrong(&["cluster", "name"], message),
            }
        }
        let provider = self.provider(options);
        let settings = raw.providers.get(&provider).cloned().unwrap_or_default();
        let region = settings.region.clone().unwrap_or_default();
        // What follows from an unknown provider is not worth a word of its own.
        let known = known_here(&provider);
        if region.is_empty() && known {
            self.wrong_hint(
                &["providers", &provider],
                format!("`region` is missing for the provider `{provider}`"),
                format!("add [providers.{provider}] with region = \"…\""),
            );
        }
        let network = self.network();
        let pools = self.pools(&provider, settings.image.as_deref());
        self.room(&network, pools.iter().map(|pool| pool.nodes.len()).sum());
        let firewall = self.firewall(&network);
        let dns = self.dns();
        let cluster = Cluster {
            name: raw.cluster.name.clone(),
            environment: environment.clone(),
            protected: raw.cluster.protected,
            region_source: self.source(&["providers", &provider, "region"]),
            versions: Versions { kubernetes: self.kubernetes() },
            ssh_keys: self.ssh_keys(),
            api_load_balancer: LoadBalancerPlan { port: raw.network.api_port.unwrap_or(6443) },
            bucket: raw.artifacts.bucket.clone(),
            tags: raw.cluster.tags.clone(),
            provider,
            region,
            network,
            pools,
            firewall,
            dns,
        };
        let apps = self.apps(&cluster, environment.as_deref());
        Project {
            file: self.path.to_owned(),
            certificates: self.certificates(),
            artifact_cache: raw
                .artifacts
                .cache
                .as_ref()
                .map_or_else(|| PathBuf::from(".infra/artifacts"), |cache| self.folder.join(cache)),
            folder: self.folder.clone(),
            cluster,
            apps,
            environments,
        }
    }

    fn provider(&mut self, options: &Options) -> String {
        let written = self.raw.cluster.provider.clone();
        let Some(name) = options.provider.clone().or(written) else {
            self.wrong_hint(
                &["cluster"],
                "no provider is chosen".into(),
                "add provider = \"do\" to [cluster], or give --provider do",
            );
            return String::new();
        };
        if !PROVIDERS.contains(&name.as_str()) {
            let hint = nearest(&name, PROVIDERS).map_or_else(
                || format!("known providers: {}", PROVIDERS.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("there is no provider `{name}`");
            if options.provider.is_some() {
                self.found.push(Diagnostic::new(message).hint(hint));
            } else {
                self.wrong_hint(&["cluster", "provider"], message, hint);
            }
        } else if !crate::clouds::NAMES.contains(&name.as_str()) {
            let message = format!("the provider `{name}` is not part of this build of infra");
            let hint = format!("this build has: {}", crate::clouds::NAMES.join(", "));
            if options.provider.is_some() {
                self.found.push(Diagnostic::new(message).hint(hint));
            } else {
                self.wrong_hint(&["cluster", "provider"], message, hint);
            }
        }
        name
    }

    fn kubernetes(&mut self) -> String {
        let version = self.raw.cluster.kubernetes.clone().unwrap_or(KUBERNETES_DEFAULT.into());
        let parts: Vec<Option<u32>> = version.split('.').map(|part| part.parse().ok()).collect();
        match parts.as_slice() {
            // kubeadm.k8s.io/v1beta4 exists since 1.31.
            [Some(1), Some(minor), Some(_)] if *minor >= 31 => {}
            [Some(1), Some(_), Some(_)] => self.wrong(
                &["cluster", "kubernetes"],
                format!("Kubernetes {version} is too old; 1.31.0 is the oldest that works"),
            ),
            _ => self.wrong(
                &["cluster", "kubernetes"],
                format!("`{version}` is not a Kubernetes version; write it as 1.36.2"),
            ),
        }
        version
    }

    fn cidr(&mut self, key: &str, written: Option<&String>, default: &str) -> Option<Ipv4Net> {
        let text = written.map_or(default, String::as_str);
        let Ok(net) = text.parse::<Ipv4Net>() else {
            self.wrong(
                &["network", key],
                format!("`{text}` is not an address range; write it as {default}"),
            );
            return None;
        };
        if net != net.trunc() {
            self.wrong_hint(
                &["network", key],
                format!("`{text}` has bits set behind its prefix"),
                format!("did you mean {}?", net.trunc()),
            );
        }
        Some(net.trunc())
    }

    fn network(&mut self) -> Network {
        let raw = &self.raw.network;
        let machines = self.cidr("machines", raw.machines.as_ref(), "10.110.0.0/20");
        let pods = self.cidr("pods", raw.pods.as_ref(), "10.244.0.0/16");
        let services = self.cidr("services", raw.services.as_ref(), "10.96.0.0/16");
        let named = [("machines", machines), ("pods", pods), ("services", services)];
        for (at, (name, net)) in named.iter().enumerate() {
            for (other_name, other) in &named[..at] {
                // One that can't be read has been reported.
                let (Some(net), Some(other)) = (net, other) else { continue };
                if net.contains(&other.network()) || other.contains(&net.network()) {
                    // Point at the one that was written, the other is a default.
                    let written = self.merged.at(&["network"]).field(name).is_some();
                    self.wrong_hint(
                        &["network", if written { name } else { other_name }],
                        format!("`{name}` ({net}) and `{other_name}` ({other}) overlap"),
                        "machines, pods and services each need addresses of their own",
                    );
                }
            }
        }
        let [machines, pods, services] = [machines, pods, services].map(Option::unwrap_or_default);
        if pods.prefix_len() > NODE_PREFIX {
            self.wrong(
                &["network", "pods"],
                format!("{pods} is too small: every node takes a /24 out of it"),
            );
        }
        let cluster_domain = raw.cluster_domain.clone().unwrap_or_else(|| "cluster.local".into());
        if let Err(why) = values::domain(&cluster_domain) {
            self.wrong(&["network", "cluster_domain"], format!("`{cluster_domain}`: {why}"));
        }
        Network { machines, pods, services, cluster_domain }
    }

    /// Whether there are addresses for `nodes` machines and their pods. One that is being replaced
    /// stays until its successor is there, so one more has to fit.
    fn room(&mut self, network: &Network, nodes: usize) {
        let places = |net: &Ipv4Net, prefix: u8| {
            1_usize << u32::from(prefix.saturating_sub(net.prefix_len())).min(31)
        };
        let wanted = nodes + 1;
        let prefix_for = |prefix: u8| {
            let bits = usize::BITS - (wanted.max(1) - 1).leading_zeros();
            u32::from(prefix).saturating_sub(bits)
        };
        let (pods, machines) = (network.pods, network.machines);
        if pods.prefix_len() <= NODE_PREFIX && places(&pods, NODE_PREFIX) < wanted {
            self.wrong_hint(
                &["network", "pods"],
                format!(
                    "`pods` ({pods}) has room for {} nodes, a /{NODE_PREFIX} each; {nodes} nodes, and one more while one is replaced, do not fit",
                    places(&pods, NODE_PREFIX)
                ),
                format!("make it a /{} or larger, in [network]", prefix_for(NODE_PREFIX)),
            );
        }
        // The network's own address, the broadcast, the gateway and a little for load balancers.
        let usable = places(&machines, 32).saturating_sub(8);
        if machines.prefix_len() > 0 && usable < wanted {
            self.wrong_hint(
                &["network", "machines"],
                format!("`machines` ({machines}) has no room for {nodes} nodes"),
                format!("make it a /{} or larger, in [network]", prefix_for(32).saturating_sub(1)),
            );
        }
    }

    fn pools(&mut self, provider: &str, image: Option<&str>) -> Vec<Pool> {
        let mut pools = Vec::new();
        for (name, raw) in &self.raw.pools {
            if let Some(pool) = self.pool(name, raw, provider, image) {
                pools.push(pool);
            }
        }
        let control_planes: usize = pools
            .iter()
            .filter(|pool| pool.role == Role::ControlPlane)
            .map(|pool| pool.nodes.len())
            .sum();
        let asked = self.raw.pools.iter().any(|(name, raw)| {
            raw.role == Some(RawRole::ControlPlane)
                || (raw.role.is_none() && name == "control-plane")
        });
        if control_planes == 0 && asked {
            // Its pool has been refused already.
        } else if control_planes == 0 {
            self.wrong_hint(
                &["pools"],
                "there is no control plane".into(),
                "add [pools.control-plane] with count = 1 or 3",
            );
        } else if control_planes.is_multiple_of(2) {
            self.wrong_hint(
                &["pools", "control-plane", "count"],
                format!("{control_planes} control planes: the number must be odd"),
                format!(
                    "etcd needs a majority, so {control_planes} survive no more losses than {}",
                    control_planes - 1
                ),
            );
        }
        pools.sort_by(|a, b| (a.role, &a.name).cmp(&(b.role, &b.name)));
        pools
    }

    fn pool(
        &mut self,
        name: &str,
        raw: &RawPool,
        provider: &str,
        image: Option<&str>,
    ) -> Option<Pool> {
        if let Err(why) = values::label(name, 40) {
            self.wrong(&["pools", name], format!("the pool's name `{name}` is refused: {why}"));
        }
        if raw.count == 0 || raw.count > NODES_MAX {
            self.wrong(
                &["pools", name, "count"],
                format!("`count` of the pool `{name}` must be from 1 to {NODES_MAX}"),
            );
            return None;
        }
        let role = match raw.role {
            Some(RawRole::ControlPlane) => Role::ControlPlane,
            Some(RawRole::Worker) => Role::Worker,
            None if name == "control-plane" => Role::ControlPlane,
            None => Role::Worker,
        };
        let size = self.size(name, raw, provider)?;
        for (at, taint) in raw.taints.iter().enumerate() {
            if let Err(why) = values::taint(taint) {
                self.wrong(&["pools", name, "taints", &at.to_string()], why);
            }
        }
        let Some(image) = image else {
            if !known_here(provider) {
                return None;
            }
            self.wrong_hint(
                &["providers", provider],
                format!("`image` is missing for the provider `{provider}`"),
                format!("add image = \"ubuntu-24-04-x64\" to [providers.{provider}]"),
            );
            return None;
        };
        let size_key = if raw.machine_type.is_some() { "type" } else { "vcpus" };
        Some(Pool {
            name: name.to_owned(),
            role,
            size,
            image: image.to_owned(),
            labels: raw.labels.clone(),
            taints: raw.taints.clone(),
            nodes: (1..=raw.count)
                .map(|number| NodePlan {
                    slot: format!("{name}-{number}"),
                    generation: 1,
                    revision: String::new(),
                })
                .collect(),
            size_source: self.source(&["pools", name, size_key]),
            source: self.source(&["pools", name]),
        })
    }

    fn size(&mut self, name: &str, raw: &RawPool, provider: &str) -> Option<SizeRequest> {
        match (&raw.machine_type, raw.vcpus, &raw.memory) {
            (Some(RawType::One(one)), None, None) => Some(SizeRequest::Type(one.clone())),
            (Some(RawType::Each(each)), None, None) => match each.get(provider) {
                Some(one) => Some(SizeRequest::Type(one.clone())),
                None => {
                    if known_here(provider) {
                        self.wrong_hint(
                            &["pools", name, "type"],
                            format!(
                                "the pool `{name}` names no type for the provider `{provider}`"
                            ),
                            format!("add {provider} = \"…\" to it, or ask for vcpus and memory"),
                        );
                    }
                    None
                }
            },
            (None, Some(vcpus), Some(memory)) => {
                let memory_mib =
                    self.take(&["pools", name, "memory"], values::mebibytes(memory), 1024);
                Some(SizeRequest::Fit { vcpus, memory_mib })
            }
            (Some(_), ..) => {
                self.wrong(
                    &["pools", name, "type"],
                    format!("the pool `{name}` gives both `type` and `vcpus`/`memory`; give one"),
                );
                None
            }
            (None, ..) => {
                self.wrong_hint(
                    &["pools", name],
                    format!("the pool `{name}` does not say how big its machines are"),
                    "give type = \"…\", or both vcpus = 2 and memory = \"4GiB\"",
                );
                None
            }
        }
    }

    /// The rules of the file, and those without which no cluster works: nodes among themselves,
    /// load balancers to the API server and to node ports.
    fn firewall(&mut self, network: &Network) -> Vec<FirewallRule> {
        let within = || vec![SourceRange::Nodes];
        let mut rules = vec![
            FirewallRule {
                to: Access::All,
                protocol: Protocol::Tcp,
                ports: Some((1, 65535)),
                from: within(),
            },
            FirewallRule {
                to: Access::All,
                protocol: Protocol::Udp,
                ports: Some((1, 65535)),
                from: within(),
            },
            FirewallRule { to: Access::All, protocol: Protocol::Icmp, ports: None, from: within() },
            FirewallRule {
                to: Access::ControlPlane,
                protocol: Protocol::Tcp,
                ports: Some((6443, 6443)),
                from: vec![SourceRange::LoadBalancers],
            },
            FirewallRule {
                to: Access::Worker,
                protocol: Protocol::Tcp,
                ports: Some((30000, 32767)),
                // Load balancers made by Kubernetes are not known here; they reach the nodes from
                // inside the machines' network.
                from: vec![SourceRange::Cidr(network.machines.to_string())],
            },
        ];
        for (at, raw) in self.raw.firewall.iter().enumerate() {
            let at = at.to_string();
            let protocol = match raw.protocol {
                None | Some(RawProtocol::Tcp) => Protocol::Tcp,
                Some(RawProtocol::Udp) => Protocol::Udp,
                Some(RawProtocol::Icmp) => Protocol::Icmp,
            };
            let ports = match (&raw.ports, protocol) {
                (None, Protocol::Icmp) => None,
                (Some(_), Protocol::Icmp) => {
                    self.wrong(&["firewall", &at, "ports"], "icmp has no ports");
                    None
                }
                (Some(text), _) => {
                    Some(self.take(&["firewall", &at, "ports"], values::ports(text), (1, 1)))
                }
                (None, _) => {
                    self.wrong(&["firewall", &at], "`ports` is missing");
                    None
                }
            };
            let mut from = Vec::new();
            for (position, text) in raw.from.iter().enumerate() {
                match text.as_str() {
                    "nodes" => from.push(SourceRange::Nodes),
                    "load-balancers" => from.push(SourceRange::LoadBalancers),
                    text if text.parse::<ipnet::IpNet>().is_ok() => {
                        from.push(SourceRange::Cidr(text.to_owned()));
                    }
                    text => self.wrong_hint(
                        &["firewall", &at, "from", &position.to_string()],
                        format!("`{text}` is not an address range"),
                        "write a CIDR (203.0.113.0/24; 0.0.0.0/0 is everybody), or nodes, or load-balancers",
                    ),
                }
            }
            let to = match raw.to {
                None | Some(RawAccess::All) => Access::All,
                Some(RawAccess::ControlPlane) => Access::ControlPlane,
                Some(RawAccess::Worker) => Access::Worker,
            };
            rules.push(FirewallRule { to, protocol, ports, from });
        }
        rules
    }

    fn ssh_keys(&mut self) -> Vec<SshKey> {
        let mut keys = Vec::new();
        for (name, raw) in &self.raw.ssh_keys {
            let key = match raw {
                RawSshKey::Key(key) => key.clone(),
                RawSshKey::File(file) => {
                    let path = self.local(&file.file);
                    match std::fs::read_to_string(&path) {
                        Ok(text) => text,
                        Err(error) => {
                            self.wrong(
                                &["ssh_keys", name],
                                format!("can't read {}: {error}", path.display()),
                            );
                            continue;
                        }
                    }
                }
            };
            let key = key.trim().to_owned();
            match values::ssh_key(&key) {
                Ok(()) => keys.push(SshKey { name: name.clone(), public_key: key }),
                Err(why) => self.wrong(
                    &["ssh_keys", name],
                    format!("the SSH key `{name}` is not a public key in OpenSSH's format: {why}"),
                ),
            }
        }
        keys
    }

    /// A path of the file: relative to its folder, `~/` to the home folder.
    fn local(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), std::env::home_dir()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => self.folder.join(path),
        }
    }

    fn dns(&mut self) -> Option<DnsPlan> {
        let raw = self.raw.dns.as_ref()?;
        if let Err(why) = values::domain(&raw.domain) {
            self.wrong_hint(
                &["dns", "domain"],
                format!("DNS refuses the name `{}`: {why}", raw.domain),
                "write a name whose zone you hold, for instance example.com",
            );
        }
        let ttl_s = raw.ttl.unwrap_or(300);
        if !(30..=86_400).contains(&ttl_s) {
            self.wrong(&["dns", "ttl"], "`ttl` must be from 30 to 86400 seconds");
        }
        let api_name = raw.api_name.clone().unwrap_or_else(|| "api".into());
        if let Err(why) = values::label(&api_name, 63) {
            self.wrong(&["dns", "api_name"], format!("DNS refuses the name `{api_name}`: {why}"));
        }
        Some(DnsPlan {
            domain: raw.domain.clone(),
            ttl_s,
            manage_zone: raw.manage_zone.unwrap_or(true),
            api_name,
            source: self.source(&["dns"]),
        })
    }

    fn certificates(&mut self) -> CertificatePlan {
        let raw = &self.raw.certificates;
        let mut read = |key: &str, written: &Option<String>, default: &str| {
            let text = written.as_deref().unwrap_or(default);
            self.take(&["certificates", key], values::days(text), 1)
        };
        let ca_days = read("ca_validity", &raw.ca_validity, "10y");
        let leaf_days = read("validity", &raw.validity, "1y");
        let renew_before_days = read("renew_before", &raw.renew_before, "60d");
        if renew_before_days >= leaf_days {
            self.wrong(
                &["certificates", "renew_before"],
                format!("`renew_before` ({renew_before_days} days) must be shorter than `validity` ({leaf_days} days)"),
            );
        }
        if leaf_days > ca_days {
            self.wrong(
                &["certificates", "validity"],
                "certificates can't outlive the authority that signs them",
            );
        }
        CertificatePlan { ca_days, leaf_days, renew_before_days }
    }

    fn folder_of(&mut self, key: &str, written: Option<&String>) -> Option<PathBuf> {
        let path = self.local(written?);
        if !path.is_dir() {
            self.wrong(&["apps", key], format!("there is no folder {}", path.display()));
        }
        Some(path)
    }

    fn apps(&mut self, cluster: &Cluster, environment: Option<&str>) -> AppsPlan {
        let raw = self.raw.apps.clone().unwrap_or_default();
        let mut variables: BTreeMap<String, String> = raw.variables.clone();
        if let Some(dns) = &cluster.dns {
            variables.entry("DOMAIN".into()).or_insert_with(|| dns.domain.clone());
        }
        if let Some(environment) = environment {
            variables.entry("ENVIRONMENT".into()).or_insert_with(|| environment.to_owned());
        }
        let timeout = raw.timeout.as_deref().unwrap_or("5m");
        AppsPlan {
            base: self.folder_of("base", raw.base.as_ref()),
            overlay: self.folder_of("overlay", raw.overlay.as_ref()),
            variables,
            env_secret: raw.env_secret.map(|secret| EnvSecretPlan {
                file: self.local(&secret.file),
                keys: secret.keys,
                name: secret.name,
                namespaces: secret.namespaces,
            }),
            docker_secret: raw.docker_secret.map(|secret| DockerSecretPlan {
                file: self.local(secret.file.as_deref().unwrap_or("~/.docker/config.json")),
                name: secret.name,
                namespaces: secret.namespaces,
            }),
            addons: AddonsPlan {
                cni: raw.addons.cni.unwrap_or(true),
                cloud: raw.addons.cloud.unwrap_or(true),
                ingress: raw.addons.ingress.unwrap_or(true),
            },
            timeout: self.take(
                &["apps", "timeout"],
                values::duration(timeout),
                Duration::from_secs(300),
            ),
        }
    }
}
