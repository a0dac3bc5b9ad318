//! Which requests of kubelets for serving certificates are approved. Nothing here asks anybody: what a
//! machine is comes from the cloud, never from its own Node.

use std::{collections::BTreeSet, net::IpAddr};

use infra_ssl::{Names, RequestFacts, request_facts};
use jiff::Timestamp;
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;

/// The signer of kubelets' serving certificates. kube-controller-manager signs for it what is approved.
pub(super) const SIGNER: &str = "kubernetes.io/kubelet-serving";
const USER: &str = "system:node:";
const GROUP: &str = "system:nodes";
const USAGES: [&str; 2] = ["digital signature", "server auth"];
/// Kubelets with a key of RSA ask for it, too.
const RSA_USAGE: &str = "key encipherment";

/// How far a request is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nobody has decided.
    Pending,
    /// It is approved, and not signed yet.
    Approved,
    /// It is signed; its certificate, PEM.
    Issued(String),
    /// It was denied, or could not be signed.
    Ended,
}

/// A request for a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KubeletRequest {
    /// Its name.
    pub(super) name: String,
    /// What tells it from a later one of its name.
    pub(super) uid: String,
    /// When it was made.
    pub(super) created: Timestamp,
    /// Who asked, as the API server authenticated it.
    pub(super) username: String,
    /// The groups of who asked.
    pub(super) groups: Vec<String>,
    /// Who shall sign.
    pub(super) signer: String,
    /// What the certificate shall be used for.
    pub(super) usages: Vec<String>,
    /// The request itself, PEM.
    pub(super) request_pem: String,
    /// How far it is.
    pub(super) stage: Stage,
}

impl KubeletRequest {
    /// Reads a request as the API server has it.
    pub(super) fn of(csr: CertificateSigningRequest) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap_or_default();
        let status = csr.status.unwrap_or_default();
        let conditions = status.conditions.unwrap_or_default();
        let has = |kind: &str| conditions.iter().any(|one| one.type_ == kind);
        let certificate = status.certificate.map(|bytes| text(bytes.0));
        let stage = match certificate.filter(|pem| !pem.is_empty()) {
            _ if has("Denied") || has("Failed") => Stage::Ended,
            Some(pem) => Stage::Issued(pem),
            None if has("Approved") => Stage::Approved,
            None => Stage::Pending,
        };
        let created = csr.metadata.creation_timestamp.map(|at| at.0);
        Self {
            name: csr.metadata.name.unwrap_or_default(),
            uid: csr.metadata.uid.unwrap_or_default(),
            created: created.unwrap_or(Timestamp::UNIX_EPOCH),
            username: csr.spec.username.unwrap_or_default(),
            groups: csr.spec.groups.unwrap_or_default(),
            signer: csr.spec.signer_name,
            usages: csr.spec.usages.unwrap_or_default(),
            request_pem: text(csr.spec.request.0),
            stage,
        }
    }

    /// Returns the name of the node that asked, if a node did.
    pub(super) fn node(&self) -> Option<&str> {
        self.username.strip_prefix(USER).filter(|node| !node.is_empty())
    }
}

/// What the cloud says of a node's machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Machine {
    /// The node's name.
    pub(super) node: String,
    /// The machine's addresses.
    pub(super) addresses: BTreeSet<IpAddr>,
    /// The names that the cloud gave to it.
    pub(super) names: BTreeSet<String>,
}

/// Checks that a request asks for the serving certificate of `machine`, and for nothing else.
///
/// # Errors
/// Returns what it asks for instead.
pub(super) fn judge(request: &KubeletRequest, machine: &Machine) -> Result<(), String> {
    let node = &machine.node;
    if request.signer != SIGNER {
        return Err(format!("it is for the signer {}", request.signer));
    }
    let user = format!("{USER}{node}");
    if request.username != user {
        return Err(format!("{} asks, not {user}", request.username));
    }
    if !request.groups.iter().any(|group| group == GROUP) {
        return Err(format!("who asks is not in the group {GROUP}"));
    }
    let facts = request_facts(&request.request_pem).map_err(|error| error.to_string())?;
    if facts.common_names != [user.as_str()] {
        return Err(format!("it is for {:?}, not for {user:?}", facts.common_names.join(", ")));
    }
    if facts.organizations != [GROUP] {
        return Err(format!("its organization is {:?}", facts.organizations.join(", ")));
    }
    if let Some(other) = facts.further_subject.first() {
        return Err(format!("its subject has the attribute {other:?}"));
    }
    usages(&request.usages, &facts)?;
    if let Some(other) = facts.other_names.first() {
        return Err(format!("it asks for the name {other:?}"));
    }
    let names = &facts.names;
    if names.is_empty() {
        return Err("it asks for no name and no address".to_owned());
    }
    for name in &names.dns {
        if name != node && !machine.names.contains(name) {
            return Err(format!("it asks for the name {name:?}, which is not {node}'s"));
        }
    }
    for ip in &names.ips {
        if !machine.addresses.contains(ip) {
            return Err(format!("it asks for the address {ip}, which is not {node}'s"));
        }
    }
    Ok(())
}

/// Checks the usages: exactly those of a server, and what goes with its sort of key.
fn usages(asked: &[String], facts: &RequestFacts) -> Result<(), String> {
    let asked: BTreeSet<&str> = asked.iter().map(String::as_str).collect();
    if let Some(missing) = USAGES.iter().find(|usage| !asked.contains(*usage)) {
        return Err(format!("it does not ask for the usage {missing:?}"));
    }
    let is_fine = |usage: &&&str| USAGES.contains(*usage) || facts.is_rsa && **usage == RSA_USAGE;
    match asked.iter().find(|usage| !is_fine(usage)) {
        Some(other) => Err(format!("it asks for the usage {other:?}")),
        None => Ok(()),
    }
}

/// What is to be done with the requests of one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Decision {
    /// The request that is approved.
    pub(super) approve: Option<String>,
    /// The requests that are denied, each with the reason.
    pub(super) deny: Vec<(String, String)>,
}

/// Decides about the requests of the node on `machine`: the newest one that is right is approved, and
/// those that ask for anything else are denied. Older ones that are right are left to expire, for the
/// kubelet no longer waits for them.
pub(super) fn decide(requests: &[&KubeletRequest], machine: &Machine) -> Decision {
    let decided = |one: &&&KubeletRequest| matches!(one.stage, Stage::Approved | Stage::Issued(_));
    let newest = requests.iter().filter(decided).map(|one| one.created).max();
    let mut decision = Decision::default();
    let mut best: Option<(&Timestamp, &str)> = None;
    for request in requests.iter().filter(|one| one.stage == Stage::Pending) {
        match judge(request, machine) {
            Err(why) => decision.deny.push((request.name.clone(), why)),
            Ok(()) if newest.is_some_and(|newest| request.created < newest) => {}
            Ok(()) => best = best.max(Some((&request.created, &request.name))),
        }
    }
    decision.approve = best.map(|(_, name)| name.to_owned());
    decision
}

/// Returns the certificates that were signed for the requests of one node, PEM.
pub(super) fn issued<'a>(requests: &[&'a KubeletRequest]) -> impl Iterator<Item = &'a str> {
    requests.iter().filter_map(|one| match &one.stage {
        Stage::Issued(pem) => Some(pem.as_str()),
        _ => None,
    })
}

/// Returns the first of `wanted` that a certificate with these names is not valid for.
pub(super) fn lacking<'a>(names: &Names, wanted: &'a [String]) -> Option<&'a str> {
    let is_there = |one: &&String| match one.parse::<IpAddr>() {
        Ok(ip) => names.ips.contains(&ip),
        Err(_) => names.covers(one),
    };
    wanted.iter().find(|one| !is_there(one)).map(String::as_str)
}

#[cfg(test)]
#[path = "kubelet_request_tests.rs"]
mod tests;
