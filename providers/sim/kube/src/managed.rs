//! A cluster whose control plane the cloud runs: its controllers are built in, with a credential that
//! nobody has to install, and accounts of the cloud are its users.

use std::sync::Arc;

/// What a cloud brings along for a cluster whose control plane it runs.
#[derive(Clone)]
pub struct Managed {
    /// The credential of the built-in controllers at the cloud.
    pub token: String,
    /// The provisioner of the built-in volume driver.
    pub volume_driver: String,
    /// The label of a Node that says in which zone its volumes are.
    pub zone_label: String,
    /// Tells the users of the cloud's own tokens.
    pub accounts: Arc<dyn Accounts>,
}

/// The accounts of a cloud, whose tokens its clusters accept.
pub trait Accounts: Send + Sync {
    /// Returns the account of a token, or nothing if it is not one of the cloud's.
    fn account(&self, token: &str) -> Option<Account>;
}

/// A user of the cloud, as a cluster sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name, such as a mail address.
    pub name: String,
    /// Its groups.
    pub groups: Vec<String>,
}
