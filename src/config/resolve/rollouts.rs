//! How many nodes of a pool are replaced at once.

use std::collections::BTreeMap;

use infra_provider_api::{Pool, Role};

use super::Resolver;
use crate::{
    clouds,
    config::raw::RawBound,
    rotate::{Bound, Rollout},
};

impl Resolver<'_> {
    /// Reads `max_surge` and `max_unavailable` of each pool.
    pub(super) fn rollouts(&mut self, pools: &[Pool]) -> BTreeMap<String, Rollout> {
        let mut all = BTreeMap::new();
        for pool in pools {
            let Some(raw) = self.raw.pools.get(&pool.name) else { continue };
            let rollout = Rollout {
                max_surge: self.bound(&pool.name, "max_surge", raw.max_surge.as_ref()),
                max_unavailable: self.bound(
                    &pool.name,
                    "max_unavailable",
                    raw.max_unavailable.as_ref(),
                ),
            };
            if rollout == Rollout::default() {
                continue;
            }
            let key = if raw.max_surge.is_some() { "max_surge" } else { "max_unavailable" };
            let place = ["pools", pool.name.as_str(), key];
            if pool.role == Role::ControlPlane {
                self.wrong_hint(
                    &place,
                    format!(
                        "`{key}` of the pool `{}`: control planes are replaced one at a time",
                        pool.name
                    ),
                    "leave it out",
                );
            } else if let Err(why) = rollout.at_once(pool.nodes.len()) {
                self.wrong_hint(
                    &place,
                    format!("pool `{}`: {why}", pool.name),
                    "let one of them be 1",
                );
            }
            all.insert(pool.name.clone(), rollout);
        }
        all
    }

    fn bound(&mut self, pool: &str, key: &str, raw: Option<&RawBound>) -> Option<Bound> {
        let text = match raw? {
            RawBound::Nodes(count) => count.to_string(),
            RawBound::Percent(text) => text.clone(),
        };
        match text.parse() {
            Ok(bound) => Some(bound),
            Err(why) => {
                self.wrong(&["pools", pool, key], format!("`{key}` of the pool `{pool}`: {why}"));
                None
            }
        }
    }

    /// Lists the pools whose bounds are of no use on a cloud that makes the machines.
    pub(super) fn unused_rollouts(&self, provider: &str) -> Vec<String> {
        let is_managed = clouds::find(provider).is_some_and(|cloud| cloud.is_managed());
        let pools = self.raw.pools.iter().filter(|(_, raw)| {
            is_managed && (raw.max_surge.is_some() || raw.max_unavailable.is_some())
        });
        pools
            .map(|(name, _)| {
                format!("max_surge and max_unavailable of the pool {name} are of no use here: its pool is replaced as a whole")
            })
            .collect()
    }
}
