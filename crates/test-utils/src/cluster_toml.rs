//! The infra.toml of a small cluster on DigitalOcean.

use std::fmt;

/// The version of Kubernetes that [`ClusterToml::pinned`] names.
pub const KUBERNETES: &str = "1.36.2";

/// A range of pods that is beside the other ranges of [`ClusterToml::pod_range`], with room for a
/// thousand nodes.
pub const POD_RANGE: &str = "10.200.0.0/13";

const SIZE: &str = "type = \"s-2vcpu-4gb\"";

/// Writes the infra.toml of a small cluster: a pool `control-plane` and a pool `worker`, with one machine
/// each unless more are asked for. Snapshots show lines of the text with their numbers, so a change
/// of its form shows in them.
#[derive(Clone, Debug)]
pub struct ClusterToml {
    name: String,
    is_pinned: bool,
    pod_range: Option<String>,
    control_planes: (usize, String),
    workers: Option<(usize, String)>,
    more: String,
}

impl ClusterToml {
    /// Describes a cluster called `name`.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            is_pinned: false,
            pod_range: None,
            control_planes: (1, SIZE.to_owned()),
            workers: Some((1, SIZE.to_owned())),
            more: String::new(),
        }
    }

    /// Names the version of Kubernetes, so that a newer default changes no test.
    #[must_use]
    pub fn pinned(mut self) -> Self {
        self.is_pinned = true;
        self
    }

    /// Names the ranges of addresses, with this one for pods.
    #[must_use]
    pub fn pod_range(mut self, range: &str) -> Self {
        self.pod_range = Some(range.to_owned());
        self
    }

    /// Asks for `count` control planes.
    #[must_use]
    pub fn control_planes(mut self, count: usize) -> Self {
        self.control_planes.0 = count;
        self
    }

    /// Asks for control planes of another size, as lines of the pool's table.
    #[must_use]
    pub fn control_plane_size(mut self, lines: &str) -> Self {
        self.control_planes.1 = lines.to_owned();
        self
    }

    /// Asks for `count` workers.
    #[must_use]
    pub fn workers(mut self, count: usize) -> Self {
        self.workers = Some((count, SIZE.to_owned()));
        self
    }

    /// Asks for `count` workers of another size, as lines of the pool's table.
    #[must_use]
    pub fn sized_workers(mut self, count: usize, lines: &str) -> Self {
        self.workers = Some((count, lines.to_owned()));
        self
    }

    /// Leaves out the pool of workers.
    #[must_use]
    pub fn without_workers(mut self) -> Self {
        self.workers = None;
        self
    }

    /// Adds `tables` at the end, after an empty line.
    #[must_use]
    pub fn with(mut self, tables: &str) -> Self {
        self.more.push('\n');
        self.more.push_str(tables.trim_start_matches('\n'));
        self
    }
}

impl fmt::Display for ClusterToml {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "[cluster]\nname = \"{}\"\nprovider = \"do\"", self.name)?;
        if self.is_pinned {
            writeln!(f, "kubernetes = \"{KUBERNETES}\"")?;
        }
        if let Some(pods) = &self.pod_range {
            writeln!(f, "\n[network]\nmachines = \"10.110.0.0/16\"\npods = \"{pods}\"")?;
            writeln!(f, "services = \"10.96.0.0/16\"")?;
        }
        writeln!(f, "\n[providers.do]\nregion = \"fra1\"\nimage = \"ubuntu-24-04-x64\"")?;
        let pools =
            [("control-plane", Some(&self.control_planes)), ("worker", self.workers.as_ref())];
        for (pool, machines) in pools {
            if let Some((count, size)) = machines {
                writeln!(f, "\n[pools.{pool}]\ncount = {count}\n{size}")?;
            }
        }
        f.write_str(&self.more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_stand_apart_and_only_what_is_asked_for_is_there() {
        let plain = "[cluster]\nname = \"a\"\nprovider = \"do\"\n\n[providers.do]\nregion = \"fra1\"\n\
                     image = \"ubuntu-24-04-x64\"\n\n[pools.control-plane]\ncount = 1\n\
                     type = \"s-2vcpu-4gb\"\n";
        let file = ClusterToml::new("a").without_workers();
        assert_eq!(file.to_string(), plain);
        assert_eq!(file.with("\n[dns]\n").to_string(), format!("{plain}\n[dns]\n"));
        let full =
            ClusterToml::new("a").pinned().pod_range(POD_RANGE).sized_workers(2, "vcpus = 2");
        let full = full.to_string();
        for part in
            ["\nkubernetes = \"1.36.2\"\n\n[network]\n", "[pools.worker]\ncount = 2\nvcpus = 2\n"]
        {
            assert!(full.contains(part), "{part:?} is not in\n{full}");
        }
    }
}
