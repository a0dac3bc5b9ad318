//! The API's answers, as far as they are read: a field the client does not need is not named, so
//! that its absence or a new form of it breaks nothing.

mod account;
mod dns;
mod droplet;
mod firewall;
mod listed;
mod load_balancer;
mod volume;
mod vpc;

pub(crate) use account::{AccountAnswer, Image, Region, SizeListed, SshKey, SshKeyAnswer, Tag};
pub(crate) use dns::{Domain, Record, RecordAnswer};
pub(crate) use droplet::{Droplet, DropletAnswer};
pub(crate) use firewall::{Firewall, FirewallAnswer, Inbound, Outbound, Sources};
pub(crate) use listed::Listed;
pub(crate) use load_balancer::{LoadBalancer, LoadBalancerAnswer};
pub(crate) use volume::Volume;
pub(crate) use vpc::{Member, Vpc, VpcAnswer};

/// Deserializes a list that the API may also send as `null`.
pub(crate) fn null_as_empty<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::Deserialize<'de>,
{
    let list: Option<Vec<T>> = serde::Deserialize::deserialize(deserializer)?;
    Ok(list.unwrap_or_default())
}
