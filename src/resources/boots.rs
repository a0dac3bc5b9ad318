//! What machines that are not in the cluster yet say about their boot.

use std::{collections::BTreeMap, sync::Arc};

use infra_provider_api::{Context, Kind, Readiness};
use infra_provisioning::node::read_boot_status;

use super::kits::Kits;

/// The reports of booting machines.
pub struct Boots {
    kits: Arc<Kits>,
    /// The keys under which the machines report that existed when the run began. Those of machines
    /// which the run itself creates come first.
    keys: BTreeMap<String, String>,
    /// The kind of the machines, to see one that broke down before it could report.
    machine: Option<Arc<dyn Kind>>,
}

impl Boots {
    /// Of machines of the kind `machine`; `keys` are those of the machines that exist, by name.
    pub fn new(
        kits: Arc<Kits>,
        keys: BTreeMap<String, String>,
        machine: Option<Arc<dyn Kind>>,
    ) -> Self {
        Self { kits, keys, machine }
    }

    /// How far the machine `name` is; `booted` is what is awaited after its last stage.
    pub async fn readiness(&self, name: &str, booted: &str) -> Readiness {
        let pending = |reason: String| Readiness::Pending { reason };
        let Some(key) = self.kits.key_of(name).or_else(|| self.keys.get(name).cloned()) else {
            return pending(format!("waiting for {name} to join"));
        };
        match read_boot_status(self.kits.bucket(), name, &key).await {
            Ok(Some(status)) if status.is_failed() => self.failed(name, &status.reason()),
            Ok(Some(status)) if status.is_done() => pending(format!("booted, {booted}")),
            Ok(Some(status)) => pending(format!("booting: {}", status.stage)),
            // A report that can't be read is no reason to give up: the cluster itself decides.
            Ok(None) | Err(_) => pending(format!("waiting for {name} to report")),
        }
    }

    /// A boot that failed stays failed: waiting helps nothing, a new machine may.
    pub fn failed(&self, name: &str, why: &str) -> Readiness {
        if self.kits.holds_all_data(name) {
            return Readiness::Failed {
                reason: format!(
                    "{name}: {why} (it is the only control plane, and etcd's data lies on it: look at its console in \
                     the cloud; `infra logs {name}` shows its boot)"
                ),
            };
        }
        let machine = self.machine.as_ref().map_or("", |kind| kind.name());
        Readiness::Failed {
            reason: format!(
                "{name}: {why} (`infra logs {name}` shows its boot; `infra apply --replace {machine}.{name}` makes the machine anew)"
            ),
        }
    }

    /// Machines that broke down, by name, and why.
    pub async fn broken(&self, cx: &Context) -> BTreeMap<String, String> {
        let Some(kind) = &self.machine else { return BTreeMap::new() };
        // What can't be seen now is looked at again: a failed look is no answer about a machine.
        let machines = kind.list_owned(cx).await.unwrap_or_default();
        machines
            .into_iter()
            .filter_map(|machine| match machine.readiness {
                Readiness::Failed { reason } => Some((
                    machine.address.name().to_owned(),
                    format!("its machine failed: {reason}"),
                )),
                Readiness::Ready | Readiness::Pending { .. } => None,
            })
            .collect()
    }
}
