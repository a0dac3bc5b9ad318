//! Quotas of the region, against what is to be made.

use std::collections::BTreeMap;

use infra_provider_api::{Cluster, Diagnostic, Pool, Source};

use crate::{
    offer::{MachineTypes, Region},
    sizes::{DISK_GIB, Sizes, disk_type, family},
};

/// What is to be made: how much of each quota, and the pool that needs most of it.
#[derive(Debug, Default)]
pub(crate) struct Needs(BTreeMap<String, Need>);

#[derive(Debug, Default)]
struct Need {
    total: f64,
    most: f64,
    source: Option<Source>,
}

/// A quota that is too small.
#[derive(Debug)]
pub(crate) struct Short {
    metric: String,
    needed: f64,
    limit: f64,
    usage: f64,
    source: Option<Source>,
}

impl Short {
    /// Says what is short of what.
    pub(crate) fn text(&self) -> String {
        let Self { metric, needed, limit, usage, .. } = self;
        format!(
            "they need {needed} of the quota {metric}, which is {limit}, and {usage} are in use"
        )
    }

    /// Makes a finding of it.
    pub(crate) fn problem(self) -> Diagnostic {
        let text = self.text();
        let message =
            format!("the new nodes do not fit, with one more of each pool for upgrades: {text}");
        Diagnostic::new(message)
            .help(
                "ask for a higher quota at https://console.cloud.google.com/iam-admin/quotas, or declare \
                 fewer or smaller nodes, or `disk` under [providers.gcp]",
            )
            .in_source(self.source.as_ref())
    }
}

impl Needs {
    /// Sums up what the pools need that `nodes` gives a number for.
    pub(crate) fn of(
        cluster: &Cluster,
        types: &MachineTypes,
        sizes: &Sizes,
        nodes: impl Fn(&Pool) -> Option<usize>,
    ) -> Self {
        let mut needs = Self::default();
        let disk = f64::from(cluster.placement.disk_gib.unwrap_or(DISK_GIB));
        for pool in &cluster.pools {
            let (Some(count), Some(name)) = (nodes(pool), sizes.name(&pool.size)) else { continue };
            let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
            let listed =
                || sizes.sizes.iter().find(|size| size.name == name).map(|size| size.vcpus);
            let cpus = types.cpus(&name).or_else(listed).unwrap_or_default();
            let cpus = count * f64::from(cpus);
            if pool.spot {
                needs.add("PREEMPTIBLE_CPUS", cpus, pool);
            } else {
                needs.add(&format!("{}_CPUS", family(&name).to_uppercase()), cpus, pool);
            }
            let disks = match disk_type(&name) {
                "hyperdisk-balanced" => "HDB_TOTAL_GB",
                _ => "SSD_TOTAL_GB",
            };
            needs.add(disks, count * disk, pool);
            if !cluster.placement.private {
                needs.add("IN_USE_ADDRESSES", count, pool);
            }
        }
        needs
    }

    fn add(&mut self, metric: &str, amount: f64, pool: &Pool) {
        let need = self.0.entry(metric.to_owned()).or_default();
        need.total += amount;
        if amount > need.most {
            need.most = amount;
            need.source = pool.size_place().cloned();
        }
    }

    /// Returns the quotas of a region that are too small.
    pub(crate) fn short(self, region: &Region) -> Vec<Short> {
        // Quotas of nothing are those that the project was never asked about: they are left to Google.
        let find = |metric: &str| {
            region.quotas.iter().find(|quota| quota.metric == metric && quota.limit > 0.0)
        };
        // Families without a quota of their own count for the one of all processors.
        let mut needs: BTreeMap<&str, Need> = BTreeMap::new();
        for (metric, need) in &self.0 {
            let is_own = !metric.ends_with("CPUS") || find(metric).is_some();
            let entry = needs.entry(if is_own { metric } else { "CPUS" }).or_default();
            entry.total += need.total;
            if need.most > entry.most {
                entry.most = need.most;
                entry.source.clone_from(&need.source);
            }
        }
        let short = |(metric, need): (&str, Need)| {
            let quota = find(metric)?;
            (quota.usage + need.total > quota.limit).then(|| Short {
                metric: metric.to_owned(),
                needed: need.total,
                limit: quota.limit,
                usage: quota.usage,
                source: need.source,
            })
        };
        needs.into_iter().filter_map(short).collect()
    }
}
