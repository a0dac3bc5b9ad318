//! Pools of machines.

use infra_provider_api::{NodeSlot, Pool, Role, SizeRequest};

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
        let control_planes: usize = pools
            .iter()
            .filter(|pool| pool.role == Role::ControlPlane)
            .map(|pool| pool.nodes.len())
            .sum();
        let asked = self.raw.pools.iter().any(|(name, raw)| {
            raw.role == Some(RawRole::ControlPlane)
                || (raw.role.is_none() && name == "control-plane")
        });
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
        pools.sort_by(|a, b| (a.role, &a.name).cmp(&(b.role, &b.name)));
        pools
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
        if raw.count == 0 || raw.count > NODES_MAX {
            self.wrong(
                &["pools", name, "count"],
                format!("`count` of the pool `{name}` must be from 1 to {NODES_MAX}"),
            );
            return None;
        }
        let role = match raw.role {
            Some(RawRole::ControlPlane) => Role::ControlPlane,
            Some(RawRole::Worker) => Role::Worker,
            None if name == "control-plane" => Role::ControlPlane,
            None => Role::Worker,
        };
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
        let Some(image) = image else {
            let cloud = clouds::find(provider)?;
            self.wrong_hint(
                &["providers", provider],
                format!("`image` is missing for the provider `{provider}`"),
                format!("add image = \"{}\" to [providers.{provider}]", cloud.example_image),
            );
            return None;
        };
        let size_key = if raw.machine_type.is_some() { "type" } else { "vcpus" };
        Some(Pool {
            name: name.to_owned(),
            role,
            size,
            image: image.to_owned(),
            labels: raw.labels.clone(),
            taints: raw.taints.clone(),
            nodes: (1..=raw.count)
                .map(|number| NodeSlot {
                    slot: format!("{name}-{number}"),
                    generation: 1,
                    revision: String::new(),
                })
                .collect(),
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

/// Reports whether two taints have one key and effect, which the API server refuses.
fn same_taint(one: &str, other: &str) -> bool {
    let parts = |text: &str| -> Option<(String, String)> {
        let (pair, effect) = text.rsplit_once(':')?;
        let key = pair.split_once('=').map_or(pair, |(key, _)| key);
        Some((key.to_owned(), effect.to_owned()))
    };
    parts(one).is_some() && parts(one) == parts(other)
}
