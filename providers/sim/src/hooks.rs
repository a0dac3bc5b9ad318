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

/// The machines behind droplets. Calls return at once; slow work continues in the background.
#[async_trait]
pub trait Machines: std::any::Any + Send + Sync {
    /// Boots a droplet that was accepted (status `new`). The implementation sets it `active`.
    async fn created(&self, droplet: &Droplet);
    /// Stops what runs on a droplet that is gone, and removes its disk.
    async fn deleted(&self, droplet: &Droplet);
    /// Follows a switch of its power. The API has already recorded the new status.
    async fn power(&self, droplet: &Droplet, event: PowerEvent);
    /// Continues boots, kubelets and API servers of these droplets after the embedded cloud was started
    /// again.
    async fn restored(&self, droplets: Vec<Droplet>);
    /// Describes the machine's boot for the inventory: `null` if it ran no user-data.
    fn describe(&self, _droplet: u64) -> serde_json::Value {
        serde_json::Value::Null
    }
}
