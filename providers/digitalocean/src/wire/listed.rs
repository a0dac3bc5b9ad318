//! Items of lists, each with what distinguishes it from the others.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Droplet, Firewall, LoadBalancer, Member, Record, SshKey, Tag, Vpc};

/// An item of a list that comes in pages.
pub(crate) trait Listed: DeserializeOwned + Send {
    /// Returns what distinguishes it from the others: its id, or its name where it has none.
    fn key(&self) -> Option<String>;
}

impl Listed for Value {
    fn key(&self) -> Option<String> {
        self.get("id").or_else(|| self.get("name")).map(ToString::to_string)
    }
}

macro_rules! listed {
    ($($item:ty: $key:ident,)*) => {
        $(impl Listed for $item {
            fn key(&self) -> Option<String> {
                Some(self.$key.to_string())
            }
        })*
    };
}

listed! {
    Droplet: id,
    Firewall: id,
    LoadBalancer: id,
    Member: urn,
    Record: id,
    SshKey: id,
    Tag: name,
    Vpc: id,
}
