//! Whether a machine takes over the traffic of the one it replaces.

use std::{collections::BTreeMap, sync::Arc};

use infra_provider_api::{CloudError, Context, Found, Kind, Membership, Provider, Readiness};

use super::node::NodeSpec;

/// Asks the cloud's load balancers about machines that take the place of others.
pub struct Traffic {
    provider: Arc<dyn Provider>,
    machine: Option<Arc<dyn Kind>>,
    /// New machine to the machines whose place it takes.
    older: BTreeMap<String, Vec<String>>,
}

impl Traffic {
    /// Makes the traffic of the machines of the kind `machine`.
    pub fn new(
        provider: Arc<dyn Provider>,
        machine: Option<Arc<dyn Kind>>,
        older: BTreeMap<String, Vec<String>>,
    ) -> Self {
        Self { provider, machine, older }
    }

    /// Returns true if `name` takes the place of another machine at all.
    pub fn replaces(&self, name: &str) -> bool {
        self.older.get(name).is_some_and(|older| !older.is_empty())
    }

    /// Keeps Nodes pending that take the place of others until the traffic reaches them, too: only then are the
    /// others drained.
    pub(super) async fn hold_back(&self, cx: &Context, nodes: &mut [Found<NodeSpec>]) {
        let waits =
            |node: &Found<NodeSpec>| node.readiness == Readiness::Ready && self.replaces(&node.id);
        let names: Vec<String> =
            nodes.iter().filter(|node| waits(node)).map(|node| node.id.clone()).collect();
        if names.is_empty() {
            return;
        }
        let awaited = self.awaited(cx, &names).await;
        for node in nodes.iter_mut().filter(|node| names.contains(&node.id)) {
            let reason = match awaited.as_ref().map(|awaited| awaited.get(&node.id)) {
                Ok(None) => continue,
                Ok(Some(missing)) if missing.is_empty() => continue,
                Ok(Some(missing)) => {
                    format!("Ready, not yet behind the load balancer {}", missing.join(", "))
                }
                Err(error) => format!("Ready; its load balancers can't be seen: {error}"),
            };
            node.readiness = Readiness::Pending { reason };
        }
    }

    /// Lists, for each of `names`, the load balancers that send traffic to a machine it replaces
    /// and none to it yet. It makes two listings, however many machines there are.
    ///
    /// # Errors
    /// Returns an error if the cloud refuses or cannot be reached.
    pub async fn awaited(
        &self,
        cx: &Context,
        names: &[String],
    ) -> Result<BTreeMap<String, Vec<String>>, CloudError> {
        let Some(machine) = &self.machine else { return Ok(BTreeMap::new()) };
        let (machines, memberships) =
            futures::try_join!(machine.list_owned(cx), self.provider.memberships(cx))?;
        let ids: BTreeMap<&str, &str> =
            machines.iter().map(|machine| (machine.address.name(), machine.id.as_str())).collect();
        let missing = |name: &String| {
            let older = self.older.get(name).into_iter().flatten();
            let older: Vec<&str> =
                older.filter_map(|older| ids.get(older.as_str()).copied()).collect();
            missing_from(&memberships, ids.get(name.as_str()).copied(), &older)
        };
        Ok(names.iter().map(|name| (name.clone(), missing(name))).collect())
    }
}

/// Lists the load balancers that have one of `older` as a member, and not `new`. It is pure.
fn missing_from(memberships: &[Membership], new: Option<&str>, older: &[&str]) -> Vec<String> {
    let has = |one: &Membership, id: &str| one.machines.iter().any(|machine| machine == id);
    memberships
        .iter()
        .filter(|one| older.iter().any(|id| has(one, id)))
        .filter(|one| new.is_none_or(|id| !has(one, id)))
        .map(|one| one.balancer.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn balancer(name: &str, machines: &[&str]) -> Membership {
        let machines = machines.iter().map(|id| (*id).to_owned()).collect();
        Membership { balancer: name.to_owned(), machines }
    }

    #[test]
    fn only_the_load_balancers_of_the_old_machine_are_waited_for() {
        let all = [
            balancer("api", &["1", "2"]),
            balancer("ingress", &["3", "4"]),
            balancer("shop", &["3", "4", "5"]),
        ];
        assert_eq!(missing_from(&all, Some("5"), &["3"]), ["ingress"]);
        assert_eq!(missing_from(&all, Some("5"), &["9"]), Vec::<String>::new());
        assert_eq!(missing_from(&all, Some("4"), &["3"]), Vec::<String>::new());
        // A machine that can't be found is in none.
        assert_eq!(missing_from(&all, None, &["3"]), ["ingress", "shop"]);
        // The old one has left already.
        assert_eq!(missing_from(&all, Some("5"), &[]), Vec::<String>::new());
    }
}
