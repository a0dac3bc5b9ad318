//! The API server, and the suites behind it, one after the other.

use infra_provider_api::{Address, Declared, Phase};

use super::{AppsModel, ClusterModel, Result, certificate, first_control_plane, make};
use crate::{
    apps::addons::CERT_MANAGER,
    cluster::{ApiServerSpec, ApiServers, Handovers, SiteCertificates, SiteIssuer, Suites},
};

/// The suites of a project, in the order they are installed, with the phase of each.
pub const ORDER: [(&str, Phase); 5] = [
    ("cni", Phase::Bootstrap),
    ("cloud", Phase::Bootstrap),
    (INGRESS, Phase::Apps),
    ("apps", Phase::Apps),
    // Last: an ACME server that does not answer must not hold up the apps.
    (CERT_MANAGER, Phase::Apps),
];

/// The suite that installs the ingress controller.
pub const INGRESS: &str = "ingress";

pub(super) fn declare(of: &ClusterModel<'_>, all: &mut Vec<Declared>) -> Result<()> {
    let cloud = &of.cloud;
    let mut server = make(
        ApiServers::address(),
        &ApiServerSpec { endpoint: of.kits.endpoint_name().map(str::to_owned) },
    )?
    .in_phase(Phase::Bootstrap)
    .after(certificate("kubeconfig"));
    // Once the cluster is there, any control plane keeps it up.
    if let Some((pool, node)) = first_control_plane(of.cluster)
        && !of.kits.needs_turn(pool, node)
    {
        server = server.after(Address::new(cloud.machine_kind, node.name()));
        if cloud.signs_itself {
            server = server.after(Handovers::address(&node.name()));
        }
    }
    all.push(server);

    let nodes: Vec<Address> =
        of.cluster.nodes().into_iter().map(|(_, node)| Address::new("node", node.name())).collect();
    declare_suites(&of.apps, &nodes, all)
}

/// Declares the suites, one after the other; those of apps come after `nodes`, on which they run.
pub(super) fn declare_suites(
    of: &AppsModel<'_>,
    nodes: &[Address],
    all: &mut Vec<Declared>,
) -> Result<()> {
    let mut before = ApiServers::address();
    for (name, phase) in ORDER {
        let Some(spec) = of.suites.get(name) else { continue };
        let mut declared = make(Suites::address(name), spec)?.in_phase(phase).after(before.clone());
        if phase == Phase::Apps {
            declared.depends_on.extend(nodes.iter().cloned());
        }
        if name == "apps" {
            let before = of.sites.iter().filter(|(_, spec)| spec.issuer != SiteIssuer::Acme);
            declared.depends_on.extend(before.map(|(secret, _)| SiteCertificates::address(secret)));
        }
        before = declared.address.clone();
        all.push(declared);
    }
    Ok(())
}
