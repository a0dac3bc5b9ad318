//! `args` of Kubernetes' components: flags that are the user's to set.

use std::collections::BTreeMap;

use infra_provisioning::kubeadm::Argument;

use super::Resolver;
use crate::config::raw::RawArgument;

/// A component that takes flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Component {
    ApiServer,
    ControllerManager,
    Scheduler,
    Kubelet,
}

impl Component {
    fn key(self) -> &'static str {
        match self {
            Self::ApiServer => "api_server",
            Self::ControllerManager => "controller_manager",
            Self::Scheduler => "scheduler",
            Self::Kubelet => "kubelet",
        }
    }

    /// Flags that this program or kubeadm sets, each with what to do instead. Where one of them were
    /// another, the component would not start, or would not be part of the cluster.
    fn owned(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::ApiServer => API_SERVER,
            Self::ControllerManager => CONTROLLER_MANAGER,
            Self::Scheduler => SCHEDULER,
            Self::Kubelet => KUBELET,
        }
    }
}

const REMOVE: &str = "remove it; infra sets it from the rest of the file";
const AUDIT: &str = "use the keys of [kubernetes.audit]";
const OIDC: &str = "use the keys of [kubernetes.oidc]";
const PODS: &str = "use the keys of [kubernetes.pod_security]";
const NETWORK: &str = "use the keys of [network]";
const GONE: &str = "remove it; only kubelets have it, and infra sets it there";
const JOIN: &str = "remove it; machines join by it";

/// A name that ends with `*` stands for all that begin so.
const API_SERVER: &[(&str, &str)] = &[
    ("advertise-address", REMOVE),
    ("allow-privileged", PODS),
    ("anonymous-auth", JOIN),
    ("admission-control-config-file", PODS),
    ("audit-log-path", AUDIT),
    ("audit-log-maxage", AUDIT),
    ("audit-log-maxbackup", AUDIT),
    ("audit-log-maxsize", AUDIT),
    ("audit-policy-file", AUDIT),
    ("authentication-config", OIDC),
    ("authorization-config", REMOVE),
    ("authorization-mode", REMOVE),
    ("bind-address", REMOVE),
    ("client-ca-file", REMOVE),
    ("cloud-config", GONE),
    ("cloud-provider", GONE),
    ("enable-bootstrap-token-auth", JOIN),
    ("encryption-provider-config*", "use the keys of [kubernetes.encryption]"),
    ("etcd-*", REMOVE),
    ("kubelet-certificate-authority", "use `serving_certificates` of [kubernetes.kubelet]"),
    ("kubelet-client-*", REMOVE),
    ("oidc-*", OIDC),
    ("proxy-client-*", REMOVE),
    ("requestheader-*", REMOVE),
    ("secure-port", "use `api_port` of [network]"),
    ("service-account-issuer", REMOVE),
    ("service-account-key-file", REMOVE),
    ("service-account-signing-key-file", REMOVE),
    ("service-cluster-ip-range", NETWORK),
    ("tls-cert-file", REMOVE),
    ("tls-private-key-file", REMOVE),
];

const CONTROLLER_MANAGER: &[(&str, &str)] = &[
    ("allocate-node-cidrs", NETWORK),
    ("authentication-kubeconfig", REMOVE),
    ("authorization-kubeconfig", REMOVE),
    ("client-ca-file", REMOVE),
    ("cloud-config", GONE),
    ("cloud-provider", GONE),
    ("cluster-cidr", NETWORK),
    ("cluster-name", REMOVE),
    ("cluster-signing-*", REMOVE),
    ("controllers", JOIN),
    ("kubeconfig", REMOVE),
    ("leader-elect", REMOVE),
    ("node-cidr-mask-size*", NETWORK),
    ("requestheader-*", REMOVE),
    ("root-ca-file", REMOVE),
    ("service-account-private-key-file", REMOVE),
    ("service-cluster-ip-range", NETWORK),
    ("use-service-account-credentials", REMOVE),
];

const SCHEDULER: &[(&str, &str)] = &[
    ("authentication-kubeconfig", REMOVE),
    ("authorization-kubeconfig", REMOVE),
    ("client-ca-file", REMOVE),
    ("config", "remove it; infra brings no file to the scheduler"),
    ("kubeconfig", REMOVE),
    ("leader-elect", REMOVE),
    ("requestheader-*", REMOVE),
];

const POOL: &str = "use the keys of [pools.<name>]";
const KUBELET: &[(&str, &str)] = &[
    ("anonymous-auth", REMOVE),
    ("authorization-mode", REMOVE),
    ("bootstrap-kubeconfig", JOIN),
    ("cert-dir", REMOVE),
    ("cgroup-driver", REMOVE),
    ("client-ca-file", REMOVE),
    ("cloud-config", REMOVE),
    ("cloud-provider", REMOVE),
    ("cluster-dns", NETWORK),
    ("cluster-domain", NETWORK),
    ("config", REMOVE),
    ("config-dir", REMOVE),
    ("container-runtime-endpoint", REMOVE),
    ("hostname-override", REMOVE),
    ("image-service-endpoint", REMOVE),
    ("kubeconfig", REMOVE),
    ("node-ip", REMOVE),
    ("node-labels", POOL),
    ("pod-cidr", NETWORK),
    ("pod-manifest-path", REMOVE),
    ("port", REMOVE),
    ("provider-id", REMOVE),
    ("register-node", REMOVE),
    ("register-with-taints", POOL),
    ("root-dir", REMOVE),
    ("rotate-certificates", REMOVE),
    ("rotate-server-certificates", "use `serving_certificates` of [kubernetes.kubelet]"),
    ("tls-cert-file", REMOVE),
    ("tls-private-key-file", REMOVE),
];

/// Without it a kubelet could change the Nodes and pods of others.
const NODE_RESTRICTION: &str = "NodeRestriction";
const LONGEST: usize = 4096;

impl Resolver<'_> {
    /// Reads the flags of a component, sorted by name.
    pub(super) fn arguments(
        &mut self,
        component: Component,
        raw: &BTreeMap<String, RawArgument>,
    ) -> Vec<Argument> {
        let mut arguments = Vec::with_capacity(raw.len());
        for (name, value) in raw {
            let value = match value {
                RawArgument::Text(text) => text.clone(),
                RawArgument::Switch(on) => on.to_string(),
                RawArgument::Number(number) => number.to_string(),
            };
            let path = ["kubernetes", component.key(), "args", name.as_str()];
            match refusal(component, name, &value) {
                Some((message, hint)) => self.wrong_hint(&path, message, hint),
                None => arguments.push((name.clone(), value)),
            }
        }
        arguments
    }
}

/// Returns why a flag is refused, and what to do.
fn refusal(component: Component, name: &str, value: &str) -> Option<(String, String)> {
    let plain = name.trim_start_matches('-');
    if plain != name {
        let message = format!("`{name}` is written with dashes before it");
        return Some((message, format!("write {plain} = \"…\"")));
    }
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(known) {
        let message = format!("`{name}` is not the name of a flag");
        return Some((message, "write it as its reference does: max-requests-inflight".into()));
    }
    let is_it = |(owned, _): &&(&str, &str)| match owned.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => *owned == name,
    };
    if let Some((_, hint)) = component.owned().iter().find(is_it) {
        return Some((format!("`{name}` is not yours to set"), (*hint).to_owned()));
    }
    if value.len() > LONGEST || value.chars().any(char::is_control) {
        let message = format!("the value of `{name}` has a line break or is too long");
        return Some((message, format!("write it in one line of at most {LONGEST} bytes")));
    }
    if component == Component::ApiServer {
        return plugins(name, value);
    }
    None
}

/// Checks lists of admission plugins: kubeadm's own list is replaced by what is given here.
fn plugins(name: &str, value: &str) -> Option<(String, String)> {
    let has = |plugin: &str| value.split(',').any(|one| one.trim() == plugin);
    match name {
        "enable-admission-plugins" if !has(NODE_RESTRICTION) => Some((
            format!("`{name}` leaves out {NODE_RESTRICTION}, which keeps a node from the others'"),
            format!("write {name} = \"{NODE_RESTRICTION},{value}\""),
        )),
        "disable-admission-plugins" if has(NODE_RESTRICTION) => Some((
            format!(
                "`{name}` switches off {NODE_RESTRICTION}, which keeps a node from the others'"
            ),
            format!("take {NODE_RESTRICTION} out of it"),
        )),
        "disable-admission-plugins" if has("PodSecurity") => Some((
            format!("`{name}` switches off PodSecurity"),
            "write enforce = \"privileged\" under [kubernetes.pod_security]".into(),
        )),
        _ => None,
    }
}
