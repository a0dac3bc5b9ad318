//! What the cloud's API tells the machines.

use async_trait::async_trait;

use crate::world::Droplet;

/// A change of a droplet's power that was asked for through the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerEvent {
    /// `power_on`.
    On,
    /// `power_off`, `shutdown`: processes stop, the disk stays.
    Off,
    /// `reboot`, `power_cycle`.
    Reboot,
    /// `rebuild`: the disk is emptied, user-data runs again.
    Rebuild,
}

/// The machines behind droplets. Calls return at once; what takes time goes on in the background.
#[async_trait]
pub trait Machines: std::any::Any + Send + Sync {
    /// A droplet was accepted (status `new`): boot it. The implementation sets it `active`.
    async fn created(&self, droplet: &Droplet);
    /// A droplet is gone: stop what runs on it and remove its disk.
    async fn deleted(&self, droplet: &Droplet);
    /// Its power was switched. The API has already recorded the new status.
    async fn power(&self, droplet: &Droplet, event: PowerEvent);
    /// The embedded cloud has started over these droplets: go on with boots, kubelets, API servers.
    async fn restored(&self, droplets: Vec<Droplet>);
    /// How the machine's boot went, for the inventory: `null` when it ran no user-data.
    fn describe(&self, _droplet: u64) -> serde_json::Value {
        serde_json::Value::Null
    }
}
