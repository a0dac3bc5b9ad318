//! The cloud of a lab, as the harness asks it.

use infra_sim::{Fault, FaultApi, FaultEffect, Limits, SetFault, Settings, control::Inventory};
use serde_json::Value;

use super::{Lab, SweepError};

/// Makes a fault of requests that strikes nothing yet.
pub(super) fn fault(api: FaultApi, effect: FaultEffect) -> Fault {
    Fault {
        id: None,
        api: Some(api),
        method: None,
        path_glob: None,
        machine_glob: None,
        effect,
        client_pid: None,
        count: None,
        after: None,
        every: None,
        retry_after_s: None,
        delay_ms: None,
    }
}

/// Makes a fault of the machines that match `glob`.
pub(super) fn machine(glob: &str, effect: FaultEffect) -> Fault {
    let machine_glob = Some(glob.to_owned());
    Fault { api: None, machine_glob, ..fault(FaultApi::Any, effect) }
}

impl Lab {
    pub(super) fn set_fault(&self, fault: &Fault) -> Result<(), SweepError> {
        self.cloud(|control| async move { control.set_fault(fault).await }).map(drop)
    }

    pub(super) fn faults(&self) -> Result<Vec<SetFault>, SweepError> {
        self.cloud(|control| async move { control.faults().await })
    }

    pub(super) fn clear_faults(&self) -> Result<(), SweepError> {
        self.cloud(|control| async move { control.clear_faults().await })
    }

    /// Returns what exists, in short.
    ///
    /// # Errors
    /// Returns an error if the cloud does not answer.
    pub fn shape(&self) -> Result<super::Shape, SweepError> {
        super::check::shape(self, &self.inventory()?)
    }

    /// Returns what exists once the cloud has come to rest, in short.
    ///
    /// # Errors
    /// Returns an error if the cloud does not answer.
    pub fn shape_at_rest(&self) -> Result<super::Shape, SweepError> {
        super::check::at_rest(self)
    }

    /// Lists the machines that exist: ids that order them, and names.
    pub(super) fn machines(&self) -> Result<Vec<(u64, String)>, SweepError> {
        let inventory = self.inventory()?;
        let name = |one: &Value| one["name"].as_str().map(str::to_owned);
        let droplets = inventory.droplets.iter();
        let mut all: Vec<(u64, String)> =
            droplets.filter_map(|one| Some((one["id"].as_u64()?, name(one)?))).collect();
        all.sort();
        let instances = inventory.gcp.get("instances").into_iter().flatten();
        let runs = instances.filter(|one| one["status"] == "RUNNING").filter_map(name);
        all.extend((0..).zip(runs));
        Ok(all)
    }

    pub(super) fn inventory(&self) -> Result<Inventory, SweepError> {
        self.cloud(|control| async move { control.inventory().await })
    }

    /// Lets GKE leave behind what its controllers have made whenever a cluster is deleted, not only now and then.
    ///
    /// # Errors
    /// Returns an error if the cloud does not answer.
    pub fn let_gke_leave(&self) -> Result<(), SweepError> {
        let settings = self.cloud(|control| async move { control.settings().await })?;
        let settings = Settings { gke_leaves: Some(true), ..settings };
        self.cloud(|control| async move { control.set_settings(&settings).await }).map(drop)
    }

    pub(super) fn limits(&self) -> Result<Limits, SweepError> {
        self.cloud(|control| async move { Ok(control.status().await?.limits) })
    }

    pub(super) fn set_limits(&self, limits: &Limits) -> Result<(), SweepError> {
        self.cloud(|control| async move { control.set_limits(limits).await }).map(drop)
    }
}
