//! Emptying a pool whose machines the cloud makes: all its Nodes are cordoned before the first pod leaves, so that
//! none moves from one to the next, and then drained side by side.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{StreamExt, stream};
use infra_provider_api::{Address, CloudError, Context, Progress, Provider, Readiness};
use k8s_openapi::api::core::v1::Node;
use kube::Client;

use super::{kube_access::KubeAccess, node::readiness, node_set::pool_of, pool_node::list};
use crate::rotate::{DrainOptions, cordon, drain};

/// How many Nodes are drained side by side. The budgets of pods say how many of an app leave at once.
const DRAINS: usize = 16;

/// How pools are emptied.
pub(super) struct PoolDrain {
    kube: Arc<KubeAccess>,
    provider: Arc<dyn Provider>,
    pool_kind: &'static str,
    label: &'static str,
    options: DrainOptions,
}

impl PoolDrain {
    /// Makes it for the pools behind `kube`, of the kind `pool_kind` of `provider`, whose names Nodes have in `label`.
    pub(super) fn new(
        kube: Arc<KubeAccess>,
        provider: Arc<dyn Provider>,
        pool_kind: &'static str,
        label: &'static str,
        options: DrainOptions,
    ) -> Self {
        Self { kube, provider, pool_kind, label, options }
    }

    /// Returns the label that names a Node's pool.
    pub(super) fn label(&self) -> &'static str {
        self.label
    }

    /// Empties the pool that `set` is the Nodes of.
    ///
    /// # Errors
    /// Returns an error if the cloud or the API server refuses or cannot be reached, if a drain passes its deadline,
    /// or if the user stops.
    pub(super) async fn run(&self, cx: &Context, set: &Address) -> Result<(), CloudError> {
        let pool = Address::new(self.pool_kind, set.name());
        self.provider.stop_growth(cx, &pool).await?;
        let client = self.kube.client().await?;
        let drains = Arc::new(Drains::new(cx, set));
        let told = Context { progress: drains.clone(), ..cx.clone() };
        loop {
            // A machine that the cloud was adding may have joined since the last look.
            let mut nodes = self.nodes(set.name()).await?;
            nodes.retain(|name| !drains.is_done(name));
            if nodes.is_empty() {
                return Ok(());
            }
            for name in &nodes {
                cordon(client.raw(), name, cx).await?;
            }
            drains.expect(&nodes);
            self.drain(client.raw(), &nodes, &told, &drains).await?;
        }
    }

    /// Lists the names of a pool's Nodes that pods can leave. Nothing leaves one that is dead: its pods are given up
    /// with its machine.
    async fn nodes(&self, pool: &str) -> Result<Vec<String>, CloudError> {
        let all = list(&self.kube).await?;
        let can_be_left = |node: &&Node| {
            pool_of(node, self.label).as_deref() == Some(pool)
                && readiness(node) == Readiness::Ready
        };
        Ok(all.iter().filter(can_be_left).filter_map(|node| node.metadata.name.clone()).collect())
    }

    /// Drains Nodes side by side. One that does not get empty does not hold up the others; its error comes after
    /// them.
    async fn drain(
        &self,
        client: &Client,
        names: &[String],
        cx: &Context,
        drains: &Drains,
    ) -> Result<(), CloudError> {
        let count = u32::try_from(names.len()).unwrap_or(u32::MAX);
        // A budget may let the pods of one Node go only after those of another.
        let deadline = self.options.deadline.saturating_mul(count);
        let options = &DrainOptions { deadline, ..self.options };
        let mut each = Vec::with_capacity(names.len());
        for name in names {
            each.push(async move {
                drain(client, name, options, cx).await?;
                drains.done(name);
                Ok(())
            });
        }
        let results: Vec<Result<(), CloudError>> =
            stream::iter(each).buffer_unordered(DRAINS).collect().await;
        results.into_iter().collect()
    }
}

/// Tells in one line how far the drains of a pool's Nodes are.
struct Drains {
    outer: Arc<dyn Progress>,
    set: Address,
    nodes: Mutex<BTreeMap<String, Option<String>>>,
}

impl Drains {
    fn new(cx: &Context, set: &Address) -> Self {
        let nodes = Mutex::new(BTreeMap::new());
        Self { outer: Arc::clone(&cx.progress), set: set.clone(), nodes }
    }

    fn nodes(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Option<String>>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds Nodes that are drained next.
    fn expect(&self, names: &[String]) {
        self.nodes().extend(names.iter().map(|name| (name.clone(), Some(String::new()))));
    }

    fn done(&self, name: &str) {
        self.nodes().insert(name.to_owned(), None);
        self.tell();
    }

    fn is_done(&self, name: &str) -> bool {
        self.nodes().get(name).is_some_and(Option::is_none)
    }

    fn tell(&self) {
        let text = {
            let nodes = self.nodes();
            let done = nodes.values().filter(|waits| waits.is_none()).count();
            let waits = nodes.values().flatten().find(|waits| !waits.is_empty());
            let waits = waits.map(|waits| format!("; {waits}")).unwrap_or_default();
            format!("{done} of {} Nodes are drained{waits}", nodes.len())
        };
        self.outer.waiting(Some(&self.set), &text);
    }
}

impl Progress for Drains {
    fn waiting(&self, address: Option<&Address>, reason: &str) {
        if let Some(address) = address {
            self.nodes().insert(address.name().to_owned(), Some(reason.to_owned()));
        }
        self.tell();
    }

    fn bytes(&self, address: Option<&Address>, done: u64, total: u64) {
        self.outer.bytes(address, done, total);
    }
}

#[cfg(test)]
mod tests {
    use infra_provider_api::Owner;

    use super::*;

    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>);

    impl Progress for Heard {
        fn waiting(&self, address: Option<&Address>, reason: &str) {
            let address = address.map(ToString::to_string).unwrap_or_default();
            self.0.lock().unwrap().push(format!("{address}: {reason}"));
        }

        fn bytes(&self, _: Option<&Address>, _: u64, _: u64) {}
    }

    #[test]
    fn one_line_tells_of_all_nodes() {
        let heard = Arc::new(Heard::default());
        let owner = Owner { cluster: "shop".to_owned(), uuid: Default::default() };
        let cx = Context { progress: heard.clone(), ..Context::quiet(owner) };
        let drains = Drains::new(&cx, &Address::new("node_set", "web"));
        drains.expect(&["a".to_owned(), "b".to_owned()]);
        drains.waiting(Some(&Address::new("node", "b")), "1 pod is leaving b");
        drains.done("a");
        assert!(drains.is_done("a") && !drains.is_done("b"));
        drains.done("b");
        let expected = [
            "node_set.web: 0 of 2 Nodes are drained; 1 pod is leaving b",
            "node_set.web: 1 of 2 Nodes are drained; 1 pod is leaving b",
            "node_set.web: 2 of 2 Nodes are drained",
        ];
        assert_eq!(*heard.0.lock().unwrap(), expected);
    }
}
