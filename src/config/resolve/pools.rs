//! Pools of machines.

use infra_cloud::Image;
use infra_provider_api::{NodeSlot, Pool, PoolBounds, Role, SizeRequest};

use super::{Resolver, known_here};
use crate::{
    clouds,
    config::{
        raw::{RawPool, RawRole, RawType},
        values,
    },
};

const NODES_MAX: u32 = 10_000;

impl Resolver<'_> {
    pub(super) fn pools(&mut self, provider: &str, image: Option<&str>) -> Vec<Pool> {
        let mut pools = Vec::new();
        for (name, raw) in &self.raw.pools {
            if let Some(pool) = self.pool(name, raw, provider, image) {
                pools.push(pool);
            }
        }
        if is_managed(provider) {
            return self.worker_pools(pools);
        }
        pools.sort_by(|a, b| (a.role, &a.name).cmp(&(b.role, &b.name)));
        if !has_own_planes(provider) {
            return pools;
        }
        let control_planes: usize = pools
            .iter()
            .filter(|pool| pool.role == Role::ControlPlane)
            .map(|pool| pool.nodes.len())
            .sum();
        let asked =
            self.raw.pools.iter().any(|(name, raw)| role_of(name, raw) == Role::ControlPlane);
        if control_planes == 0 && asked {
            // Its pool has been refused already.
        } else if control_planes == 0 {
            self.wrong_hint(
                &["pools"],
                "there is no control plane".into(),
                "add [pools.control-plane] with count = 1 or 3",
            );
        } else if control_planes.is_multiple_of(2) {
            self.wrong_hint(
                &["pools", "control-plane", "count"],
                format!("{control_planes} control planes: the number must be odd"),
                format!(
                    "etcd needs a majority, so {control_planes} survive no more losses than {}",
                    control_planes - 1
                ),
            );
        }
        pools
    }

    /// Leaves out the pools of control planes, which the file has for other clouds.
    fn worker_pools(&mut self, mut pools: Vec<Pool>) -> Vec<Pool> {
        pools.retain(|pool| pool.role == Role::Worker);
        pools.sort_by(|a, b| a.name.cmp(&b.name));
        let asked = self.raw.pools.iter().any(|(name, raw)| role_of(name, raw) == Role::Worker);
        if pools.is_empty() && !asked {
            self.wrong_hint(
                &["pools"],
                "there is no pool of workers".into(),
                "add [pools.worker]: the cloud runs the control plane, and the apps need machines",
            );
        }
        pools
    }

    /// Lists what the file says that a cloud has no use for which runs the control plane.
    pub(super) fn ignored(&self, provider: &str) -> Vec<String> {
        let Some(cloud) = clouds::find(provider).filter(|cloud| cloud.is_managed()) else {
            return Vec::new();
        };
        let pools =
            self.raw.pools.iter().filter(|(name, raw)| role_of(name, raw) == Role::ControlPlane);
        let mut tables: Vec<String> = pools.map(|(name, _)| format!("[pools.{name}]")).collect();
        for (table, key) in [("ssh_keys", None), ("kubernetes", None), ("artifacts", None)] {
            let node = self.merged.at(&[table]);
            if !std::ptr::eq(node, self.merged) && key.is_none_or(|key| node.field(key).is_some()) {
                tables.push(format!("[{table}]"));
            }
        }
        match &tables[..] {
            [] => Vec::new(),
            all => vec![format!(
                "{} of infra.toml {} of no use here: {} runs the control plane and makes the machines",
                all.join(", "),
                if all.len() == 1 { "is" } else { "are" },
                cloud.title,
            )],
        }
    }

    /// Reads how many nodes a pool has: a number, or bounds between which the cloud chooses.
    fn count(
        &mut self,
        name: &str,
        raw: &RawPool,
        provider: &str,
    ) -> Option<(u32, Option<PoolBounds>)> {
        let (min, max) = match (raw.count, raw.min, raw.max) {
            (Some(count), None, None) => {
                if count == 0 || count > NODES_MAX {
                    self.wrong(
                        &["pools", name, "count"],
                        format!("`count` of the pool `{name}` must be from 1 to {NODES_MAX}"),
                    );
                    return None;
                }
                return Some((count, None));
            }
            (None, None, None) => {
                self.wrong_hint(
                    &["pools", name],
                    format!("the pool `{name}` does not say how many nodes it has"),
                    "give count = 2; or, where the cloud runs the control plane, both min = 1 and max = 5",
                );
                return None;
            }
            (None, Some(min), Some(max)) => (min, max),
            (Some(_), ..) => {
                let key = if raw.min.is_some() { "min" } else { "max" };
                self.wrong_hint(
                    &["pools", name, key],
                    format!("the pool `{name}` gives both `count` and `{key}`"),
                    "give `count`, or both `min` and `max`",
                );
                return None;
            }
            (None, ..) => {
                let (key, other) = if raw.min.is_some() { ("min", "max") } else { ("max", "min") };
                self.wrong_hint(
                    &["pools", name, key],
                    format!("the pool `{name}` gives `{key}` without `{other}`"),
                    format!("add {other} = …"),
                );
                return None;
            }
        };
        if has_own_planes(provider) {
            self.wrong_hint(
                &["pools", name, "min"],
                format!("`{provider}` has no autoscaler for the pool `{name}`"),
                "give `count`; `min` and `max` are for clouds that run the control plane",
            );
            return None;
        }
        if min > max {
            self.wrong_hint(
                &["pools", name, "min"],
                format!("`min` ({min}) of the pool `{name}` is more than its `max` ({max})"),
                "exchange them, or raise `max`",
            );
            return None;
        }
        if max == 0 || max > NODES_MAX {
            self.wrong(
                &["pools", name, "max"],
                format!("`max` of the pool `{name}` must be from 1 to {NODES_MAX}"),
            );
            return None;
        }
        Some((min, Some(PoolBounds { min, max })))
    }

    fn pool(
        &mut self,
        name: &str,
        raw: &RawPool,
        provider: &str,
        image: Option<&str>,
    ) -> Option<Pool> {
        if let Err(why) = values::label(name, 40) {
            self.wrong(&["pools", name], format!("the pool's name `{name}` is refused: {why}"));
        }
        let role = role_of(name, raw);
        // It is of no use there, so what is wrong with it is not worth a word.
        if role == Role::ControlPlane && is_managed(provider) {
            return None;
        }
        let (count, bounds) = self.count(name, raw, provider)?;
        if raw.spot && has_own_planes(provider) {
            self.wrong(
                &["pools", name, "spot"],
                format!("`spot` of the pool `{name}`: `{provider}` has no such machines here"),
            );
        }
        let size = self.size(name, raw, provider)?;
        for (key, value) in &raw.labels {
            if let Err(why) = values::node_label(key, value) {
                self.wrong(
                    &["pools", name, "labels", key],
                    format!("the label `{key}` of the pool `{name}` is refused: {why}"),
                );
            }
        }
        for (at, taint) in raw.taints.iter().enumerate() {
            if let Err(why) = values::taint(taint) {
                self.wrong(&["pools", name, "taints", &at.to_string()], why);
            }
            let alike = |other: &String| same_taint(other, taint);
            if raw.taints[..at].iter().any(alike) {
                self.wrong(
                    &["pools", name, "taints", &at.to_string()],
                    format!(
                        "`{taint}`: the pool `{name}` has a taint with this key and effect already"
                    ),
                );
            }
        }
        let image = match (image, clouds::find(provider)?.image) {
            (Some(image), _) | (None, Image::Optional(image)) => image,
            (None, Image::Named(example)) => {
                self.wrong_hint(
                    &["providers", provider],
                    format!("`image` is missing for the provider `{provider}`"),
                    format!("add image = \"{example}\" to [providers.{provider}]"),
                );
                return None;
            }
        };
        let size_key = if raw.machine_type.is_some() { "type" } else { "vcpus" };
        Some(Pool {
            name: name.to_owned(),
            role,
            size,
            image: image.to_owned(),
            labels: raw.labels.clone(),
            taints: raw.taints.clone(),
            nodes: (1..=count)
                .map(|number| NodeSlot {
                    slot: format!("{name}-{number}"),
                    generation: 1,
                    revision: String::new(),
                })
                .collect(),
            generation: 1,
            bounds,
            spot: raw.spot,
            size_source: self.source(&["pools", name, size_key]),
            source: self.source(&["pools", name]),
        })
    }

    fn size(&mut self, name: &str, raw: &RawPool, provider: &str) -> Option<SizeRequest> {
        match (&raw.machine_type, raw.vcpus, &raw.memory) {
            (Some(RawType::One(one)), None, None) => Some(SizeRequest::Type(one.clone())),
            (Some(RawType::Each(each)), None, None) => match each.get(provider) {
                Some(one) => Some(SizeRequest::Type(one.clone())),
                None => {
                    if known_here(provider) {
                        self.wrong_hint(
                            &["pools", name, "type"],
                            format!(
                                "the pool `{name}` names no type for the provider `{provider}`"
                            ),
                            format!("add {provider} = \"…\" to it, or ask for vcpus and memory"),
                        );
                    }
                    None
                }
            },
            (None, Some(vcpus), Some(memory)) => {
                let memory_mib =
                    self.take(&["pools", name, "memory"], values::mebibytes(memory), 1024);
                Some(SizeRequest::Fit { vcpus, memory_mib })
            }
            (Some(_), ..) => {
                self.wrong(
                    &["pools", name, "type"],
                    format!("the pool `{name}` gives both `type` and `vcpus`/`memory`; give one"),
                );
                None
            }
            (None, ..) => {
                self.wrong_hint(
                    &["pools", name],
                    format!("the pool `{name}` does not say how big its machines are"),
                    "give type = \"…\", or both vcpus = 2 and memory = \"4GiB\"",
                );
                None
            }
        }
    }
}

/// Reports whether machines of a cluster's own run its control plane on the cloud `provider`. Of a cloud that is
/// not part of this build nobody can say, so it is neither this nor managed.
fn has_own_planes(provider: &str) -> bool {
    clouds::find(provider).is_some_and(|cloud| !cloud.is_managed())
}

/// Reports whether the cloud `provider` runs control planes.
pub(super) fn is_managed(provider: &str) -> bool {
    clouds::find(provider).is_some_and(|cloud| cloud.is_managed())
}

fn role_of(name: &str, raw: &RawPool) -> Role {
    match raw.role {
        Some(RawRole::ControlPlane) => Role::ControlPlane,
        Some(RawRole::Worker) => Role::Worker,
        None if name == "control-plane" => Role::ControlPlane,
        None => Role::Worker,
    }
}

/// Reports whether two taints have one key and effect, which the API server refuses.
fn same_taint(one: &str, other: &str) -> bool {
    let parts = |text: &str| -> Option<(String, String)> {
        let (pair, effect) = text.rsplit_once(':')?;
        let key = pair.split_once('=').map_or(pair, |(key, _)| key);
        Some((key.to_owned(), effect.to_owned()))
    };
    parts(one).is_some() && parts(one) == parts(other)
}
