//! The API server's address is an identity: kubelets and kube-proxies keep what the cluster was made
//! with. A name in DNS outlives its load balancer; an address does not.

use infra_provider_api::{Address, CloudError, Cluster};

use super::{
    error::{CliError, ExitCode},
    observe::{Observation, Purpose},
    open::Session,
};
use crate::{
    cluster::{ApiServers, KubeAccess, published_endpoint, record_of},
    engine::{Action, Change, Plan},
};

/// Where the nodes of a cluster look for its API server.
#[derive(Clone, Debug)]
pub(super) enum Endpoint {
    /// Under a name in DNS.
    Name(String),
    /// At the address that its load balancer had when the cluster was made.
    Address,
    /// Neither the state nor the cluster tells.
    Unknown(CloudError),
}

impl Endpoint {
    /// Returns what a cluster is made with, as infra.toml says.
    fn asked_for(cluster: &Cluster) -> Self {
        let dns = cluster.dns.as_ref().filter(|dns| dns.is_endpoint);
        dns.map_or(Self::Address, |dns| Self::Name(dns.api_host()))
    }

    /// Returns the name, or `None` for an address. For what is unknown infra.toml stands in; no plan
    /// that depends on it passes.
    pub(super) fn name(&self, cluster: &Cluster) -> Option<String> {
        match self {
            Self::Name(name) => Some(name.clone()),
            Self::Address => None,
            Self::Unknown(_) => match Self::asked_for(cluster) {
                Self::Name(name) => Some(name),
                Self::Address | Self::Unknown(_) => None,
            },
        }
    }
}

/// Returns what a first plan says about a name that nodes of the cluster will look for. Whether the domain
/// leads to the zone is for its registrar to know: resolvers may answer otherwise for a day.
fn delegation_note(cluster: &Cluster, servers: &[&str]) -> Option<String> {
    let Endpoint::Name(name) = Endpoint::asked_for(cluster) else { return None };
    let dns = cluster.dns.as_ref()?;
    let domain = &dns.domain;
    let leads = match (servers, dns.manage_zone) {
        ([], true) => format!(
            "its zone gets name servers of its own when it is made, and nodes join once {domain} is delegated to them; make the zone before, with `manage_zone = false`, to delegate it now"
        ),
        ([], false) => format!("{domain} must be delegated to the name servers of its zone"),
        (servers, _) => format!("{domain} must be delegated to {}", servers.join(", ")),
    };
    Some(format!(
        "nodes look for the API server under {name}: {leads}; `endpoint = \"address\"` under [dns] does without the name"
    ))
}

impl Session {
    /// Finds out where nodes look for the API server. What the cluster was `made` with stays, whatever
    /// infra.toml says later: the state tells it, or, where that is lost or was never written, the
    /// cluster itself.
    pub(super) async fn endpoint(
        &self,
        purpose: Purpose,
        cluster: &Cluster,
        made: bool,
        kube: &KubeAccess,
    ) -> Endpoint {
        if !made {
            return Endpoint::asked_for(cluster);
        }
        if let Some(known) = self.store.state().resources.get(&ApiServers::address()) {
            return known.spec.text("endpoint").map_or(Endpoint::Address, Endpoint::Name);
        }
        if purpose == Purpose::Destroy {
            // Nobody will look for it any more.
            return Endpoint::asked_for(cluster);
        }
        match published_endpoint(kube, &self.stop).await {
            Ok(Some(name)) => Endpoint::Name(name),
            Ok(None) => Endpoint::Address,
            Err(error) => Endpoint::Unknown(error),
        }
    }

    /// Refuses a plan after which nodes would look for the API server in vain, and notes it when its
    /// address changes and they follow.
    ///
    /// # Errors
    /// Returns the reason for which the plan is refused.
    pub(super) fn judge_api_address(
        &self,
        looked: &Observation,
        plan: &mut Plan,
    ) -> Result<(), CliError> {
        let Some(own) = &looked.own else { return Ok(()) };
        let host = &self.cloud.plane.api_host();
        if !own.made || own.given_up || plan.options.destroy {
            let is_begin = |one: &Change| one.address == host.address && one.action.creates();
            let begins = plan.real_changes().any(is_begin);
            // Names of the embedded cloud are answered by itself.
            if begins && !plan.options.destroy && !self.sim {
                plan.notes.extend(delegation_note(&looked.cluster, self.cloud.name_servers));
            }
            return Ok(());
        }
        if let Endpoint::Unknown(error) = &own.endpoint
            && plan.real_changes().any(|change| self.depends_on_endpoint(change))
        {
            return Err(CliError::new(
                ExitCode::State,
                format!(
                    "cannot see whether nodes look for the API server by name or by address: the state does not know it, and {error}"
                ),
            )
            .hint("make the API server reachable, or restore the state, and run the same command again")
            .hint("nothing was changed"));
        }
        let change = plan.real_changes().find(|change| change.address == host.address);
        let moves = change.is_some_and(|change| change.action.creates());
        let Some(name) = own.endpoint.name(&looked.cluster) else {
            let record = self.store.state();
            let recorded = record.resources.get(&host.address);
            let old = recorded.and_then(|one| one.outputs.text(&host.field));
            return if moves { Err(self.bound(looked, old.as_deref())) } else { Ok(()) };
        };
        let leading = record_of(&name);
        let goes = |change: &&Change| change.address == leading && change.action == Action::Delete;
        if plan.real_changes().any(|change| goes(&change)) {
            return Err(CliError::new(
                ExitCode::Invalid,
                format!(
                    "cannot delete {leading}: every node of this cluster looks for the API server under this name"
                ),
            )
            .hint("leave `domain` and `api_name` of [dns] as they were when the cluster was made")
            .hint("nothing was changed"));
        }
        if moves {
            plan.notes.push(format!(
                "the API server gets a new address: {name} will lead there, the kubeconfig is written again, and nodes, which know the name only, find it once it does"
            ));
        }
        Ok(())
    }

    /// Reports whether a change leads nodes to the API server, or puts into the state how they are led.
    fn depends_on_endpoint(&self, change: &Change) -> bool {
        let (address, action) = (&change.address, change.action);
        if *address == ApiServers::address() {
            return true;
        }
        let is_made = action.creates() || action == Action::Update;
        is_made
            && (*address == self.cloud.plane.api_host().address
                || [self.cloud.plane.machine_kind(), "node_bundle"].contains(&address.kind()))
    }

    /// Makes the refusal for a cluster whose nodes keep the address of a load balancer that is
    /// gone.
    fn bound(&self, looked: &Observation, old: Option<&str>) -> CliError {
        let kind = self.cloud.plane.machine_kind();
        let control_planes: Vec<String> = looked
            .cluster
            .nodes()
            .into_iter()
            .filter(|(pool, _)| pool.role == infra_provider_api::Role::ControlPlane)
            .map(|(_, node)| node.name())
            .filter(|name| looked.observed.get(&Address::new(kind, name)).is_some())
            .collect();
        let flags: Vec<String> = control_planes
            .iter()
            .map(|name| format!("--replace {kind}.{name} --confirm-data-loss {name}"))
            .collect();
        let old = old.map(|old| format!(" ({old})")).unwrap_or_default();
        CliError::new(
            ExitCode::Invalid,
            format!(
                "cannot create {} again: every node of this cluster looks for the API server at the address of the one that was there{old}, and a new one has another",
                self.cloud.plane.api_host().address
            ),
        )
        .hint("pods that run keep running; the nodes cannot learn another address, and nothing new reaches them")
        .hint(format!(
            "save what you need, then recreate the cluster, without the data in its etcd: infra apply {}",
            flags.join(" ")
        ))
        .hint("give the next one a [dns] domain: its nodes know the API server by name, and a new load balancer takes over the name")
        .hint("nothing was changed")
    }
}

#[cfg(test)]
mod tests {
    use infra_test_utils::ClusterToml;

    use super::*;

    fn cluster(rest: &str) -> Cluster {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("infra.toml");
        let text = ClusterToml::new("lab").pinned().with(rest).to_string();
        std::fs::write(&file, text).unwrap();
        crate::config::load(&file, &crate::config::Options::default()).unwrap().cluster
    }

    #[test]
    fn a_name_that_nodes_need_must_be_delegated() {
        let named = "[dns]\ndomain = \"example.com\"\n";
        let note = |rest: &str, servers: &[&str]| delegation_note(&cluster(rest), servers);
        let said = note(named, &["ns1.example.net", "ns2.example.net"]).unwrap();
        assert!(said.starts_with("nodes look for the API server under api.example.com: example.com must be delegated to ns1.example.net, ns2.example.net;"), "{said}");
        assert!(note(named, &[]).unwrap().contains("when it is made"));
        let brought = format!("{named}manage_zone = false\n");
        assert!(note(&brought, &[]).unwrap().contains("to the name servers of its zone"));
        assert_eq!(note(&format!("{named}endpoint = \"address\"\n"), &[]), None);
        assert_eq!(note("", &["ns1.example.net"]), None);
    }
}
