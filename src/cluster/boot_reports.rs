//! What machines that are not in the cluster yet say about their boot.

use std::{collections::BTreeMap, sync::Arc};

use futures::{StreamExt, TryStreamExt, stream};
use infra_provider_api::{CloudError, Context, ErrorKind, Kind, RawJson, Readiness};
use infra_provisioning::node::{NodeKitError, read_boot_status, report_of_call, report_of_machine};
use serde::Serialize;

use super::{bootstrap_data::BootstrapData, errors::of_kit};

/// How many reports are read at the same time.
const AT_ONCE: usize = 16;

/// A boot that failed, as the node reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BootFailure {
    /// The node.
    pub node: String,
    /// The stage at which it failed.
    pub stage: String,
    /// Why: `failed at containerd: checksum mismatch`.
    pub reason: String,
    /// What to do.
    pub hint: String,
}

/// Returns the object that the machine `name` reports to: its own where it reports as itself, else that
/// of the call with `key`, which created it. `None` if nobody knows: the cluster itself decides about
/// such a machine.
pub fn report_of(name: &str, outputs: &RawJson, key: Option<&str>) -> Option<String> {
    match outputs.text("arn") {
        Some(arn) => Some(report_of_machine(&arn)),
        None => key.map(|key| report_of_call(name, key)),
    }
}

/// The reports of booting machines.
pub struct BootReports {
    kits: Arc<BootstrapData>,
    /// The objects to which the machines report that existed when the run began. Those of machines
    /// which the run itself creates come first.
    reports: BTreeMap<String, String>,
    /// The kind of the machines, to see one that broke down before it could report.
    machine: Option<Arc<dyn Kind>>,
}

impl BootReports {
    /// Makes the reports of machines of the kind `machine`; `reports` are the objects to which
    /// those that exist report, by name.
    pub fn new(
        kits: Arc<BootstrapData>,
        reports: BTreeMap<String, String>,
        machine: Option<Arc<dyn Kind>>,
    ) -> Self {
        Self { kits, reports, machine }
    }

    /// Returns how far the machine `name` is; `booted` says what is awaited after its last stage.
    pub async fn readiness(&self, name: &str, booted: &str) -> Readiness {
        let pending = |reason: String| Readiness::Pending { reason };
        let known = || self.reports.get(name).cloned();
        let Some(report) = self.kits.report_of(name).or_else(known) else {
            return pending(format!("waiting for {name} to join"));
        };
        match read_boot_status(self.kits.bucket(), name, &report).await {
            Ok(Some(status)) if status.is_failed() => self.failed(name, &status.reason()),
            Ok(Some(status)) if status.is_done() => pending(format!("booted, {booted}")),
            Ok(Some(status)) => pending(format!("booting: {}", status.stage)),
            // A report that can't be read is no reason to give up: the cluster itself decides.
            Ok(None) | Err(_) => pending(format!("waiting for {name} to report")),
        }
    }

    /// Returns true if the machine `name` reports that it has joined a cluster.
    ///
    /// # Errors
    /// Returns an error if the report cannot be read.
    pub async fn has_joined(&self, name: &str) -> Result<bool, CloudError> {
        let Some(report) = self.reports.get(name) else { return Ok(false) };
        match read_boot_status(self.kits.bucket(), name, report).await {
            Ok(report) => Ok(report.is_some_and(|status| status.has_joined())),
            // With the bucket went the reports.
            Err(error) => match of_kit(&format!("read the boot report of {name}"), &error) {
                error if error.kind == ErrorKind::NotFound => Ok(false),
                error => Err(error),
            },
        }
    }

    /// Reports a boot that failed as failed for good: waiting helps nothing, a new machine may.
    pub fn failed(&self, name: &str, why: &str) -> Readiness {
        Readiness::Failed { reason: format!("{name}: {why}"), help: Some(self.advice(name)) }
    }

    /// Says what to do about the machine `name` whose boot failed.
    fn advice(&self, name: &str) -> String {
        let logs = format!("`infra logs {name}` shows its boot");
        if self.kits.holds_all_data(name) {
            return format!(
                "it is the only control plane, and etcd's data lies on it: look at its console in the cloud; {logs}"
            );
        }
        let machine = self.machine.as_ref().map_or("", |kind| kind.name());
        format!("{logs}; `infra apply --replace {machine}.{name}` recreates the machine")
    }

    /// Reads which of the machines `names` report that their boot failed.
    ///
    /// # Errors
    /// Returns an error if the reports cannot be read.
    pub async fn failures(&self, names: Vec<String>) -> Result<Vec<BootFailure>, CloudError> {
        let reports = names.into_iter().filter_map(|name| Some((self.reports.get(&name)?, name)));
        let read = reports.map(|(report, name)| async move {
            let report = read_boot_status(self.kits.bucket(), &name, report).await;
            Ok::<_, NodeKitError>((name, report?))
        });
        let read: Vec<_> = stream::iter(read)
            .buffered(AT_ONCE)
            .try_collect()
            .await
            .map_err(|error| of_kit("read the boot reports", &error))?;
        let failed = read.into_iter().filter_map(|(name, report)| {
            let report = report.filter(|report| report.is_failed())?;
            let (reason, hint) = (report.reason(), self.advice(&name));
            Some(BootFailure { node: name, stage: report.stage, reason, hint })
        });
        Ok(failed.collect())
    }

    /// Lists machines that broke down, by name, and why.
    pub async fn broken(&self, cx: &Context) -> BTreeMap<String, String> {
        let Some(kind) = &self.machine else { return BTreeMap::new() };
        // What can't be seen now is looked at again: a failed look is no answer about a machine.
        let machines = kind.list_owned(cx).await.unwrap_or_default();
        machines
            .into_iter()
            .filter_map(|machine| match machine.readiness {
                Readiness::Failed { reason, help } => {
                    let help = help.map(|help| format!("; {help}")).unwrap_or_default();
                    let why = format!("its machine failed: {reason}{help}");
                    Some((machine.address.name().to_owned(), why))
                }
                Readiness::Ready | Readiness::Pending { .. } => None,
            })
            .collect()
    }
}
