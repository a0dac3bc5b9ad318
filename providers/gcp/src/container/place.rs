//! Paths of clusters and pools, by which Google names them.

use std::fmt;

use google_cloud_container_v1::model::Cluster;

/// Where a cluster is: `projects/P/locations/L/clusters/C`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClusterPath {
    pub(crate) project: String,
    pub(crate) location: String,
    pub(crate) name: String,
}

impl ClusterPath {
    /// Returns the path of a cluster that a list of `project` shows.
    pub(crate) fn of(project: &str, cluster: &Cluster) -> Self {
        Self {
            project: project.to_owned(),
            location: cluster.location.clone(),
            name: cluster.name.clone(),
        }
    }

    /// Reads a path.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        match path.split('/').collect::<Vec<_>>().as_slice() {
            ["projects", project, "locations", location, "clusters", name] => Some(Self {
                project: (*project).to_owned(),
                location: (*location).to_owned(),
                name: (*name).to_owned(),
            }),
            _ => None,
        }
    }

    /// Returns the path of what clusters of the same place are in.
    pub(crate) fn parent(&self) -> String {
        format!("projects/{}/locations/{}", self.project, self.location)
    }

    /// Returns the path of a pool of it.
    pub(crate) fn pool(&self, name: &str) -> PoolPath {
        PoolPath { cluster: self.clone(), name: name.to_owned() }
    }
}

impl fmt::Display for ClusterPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/clusters/{}", self.parent(), self.name)
    }
}

/// Where a pool is: `projects/P/locations/L/clusters/C/nodePools/N`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PoolPath {
    pub(crate) cluster: ClusterPath,
    pub(crate) name: String,
}

impl PoolPath {
    /// Reads a path.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let (cluster, name) = path.split_once("/nodePools/")?;
        let cluster = ClusterPath::parse(cluster)?;
        (!name.is_empty() && !name.contains('/')).then(|| cluster.pool(name))
    }
}

impl fmt::Display for PoolPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/nodePools/{}", self.cluster, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_back() {
        let pool = "projects/example.com:p/locations/europe-west3/clusters/shop/nodePools/worker";
        let read = PoolPath::parse(pool).unwrap();
        assert_eq!((read.name.as_str(), read.cluster.name.as_str()), ("worker", "shop"));
        assert_eq!(read.to_string(), pool);
        assert_eq!(ClusterPath::parse(&read.cluster.to_string()).as_ref(), Some(&read.cluster));
        for wrong in ["", "projects/p/zones/z/clusters/c", "projects/p/locations/l/clusters/c"] {
            assert_eq!(PoolPath::parse(wrong), None, "{wrong}");
        }
    }
}
