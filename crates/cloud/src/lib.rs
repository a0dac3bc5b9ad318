//! Clouds: what the crate of a cloud hands to the rest of the program.
//!
//! Each cloud exports one [`CloudEntry`], and the registry of the program has one line for it. The
//! entry says what can be said without an account, and connects. A [`ConnectedCloud`] is the
//! provider with all that is around it: who runs the control plane ([`Plane`]), and with it the object store,
//! the platform of the machines and the controllers that Kubernetes needs there.

mod connected;
mod entry;
mod env;
mod plane;
mod settings;
mod state_store;

pub use connected::{AddonCredentials, ConnectedCloud, DnsSolver};
pub use entry::{CloudEntry, Connect, DnsCredentials, Image, KubeTokens};
pub use env::CloudEnv;
pub use plane::{CloudAddon, MakeAddon, ManagedPlane, OwnPlane, Plane};
pub use settings::{ProviderSettings, RawSecretVariable, SettingsType};
pub use state_store::{OpenStore, StatePlace, StateStoreError, StateStores, endpoint_of, s3_store};
