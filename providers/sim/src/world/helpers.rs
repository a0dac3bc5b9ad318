//! What the machines need of the world.

use std::sync::Arc;

use super::rows::{ActionStatus, Droplet, DropletStatus};
use super::store::World;

impl World {
    /// Finds a droplet by id.
    pub fn droplet(&self, id: u64) -> Option<Arc<Droplet>> {
        self.read(|s| s.droplets.get(id).cloned())
    }

    /// Returns a droplet's user-data.
    pub fn user_data(&self, id: u64) -> Option<String> {
        self.read(|s| s.user_data.get(id).map(|u| u.text.clone()))
    }

    /// Sets a droplet's status; `active` also completes its `create` and power actions. `false` when it is gone.
    pub fn set_droplet_status(&self, id: u64, status: DropletStatus) -> bool {
        self.write(|s| {
            if !s.droplets.modify(id, |d| {
                d.status = status;
                d.locked = false;
            }) {
                return false;
            }
            let open: Vec<u64> = s
                .actions
                .by_group(id)
                .filter(|a| a.resource_type == "droplet")
                .map(|a| a.id)
                .collect();
            for action in open {
                s.actions.modify(action, |a| {
                    a.status = ActionStatus::Completed;
                    a.completed_at = Some(jiff::Timestamp::now());
                });
            }
            true
        })
    }
}
