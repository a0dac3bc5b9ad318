use std::fmt;

/// A kind of objects by its group, version and plural name. The store keeps one set of objects for
/// all versions of a group: the version only matters to those who speak of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Resource {
    /// API group, empty for the core.
    pub group: String,
    /// API version, such as `v1`.
    pub version: String,
    /// Lower-case plural, such as `deployments`.
    pub plural: String,
}

impl Resource {
    /// Makes a kind: `Resource::new("apps", "v1", "deployments")`; the core group is `""`.
    pub fn new(group: &str, version: &str, plural: &str) -> Self {
        Self { group: group.into(), version: version.into(), plural: plural.into() }
    }

    /// Makes a kind of the core group, version v1.
    pub fn core(plural: &str) -> Self {
        Self::new("", "v1", plural)
    }

    /// Returns `v1` or `apps/v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// Returns `pods` or `deployments.apps`, as error messages name it.
    pub fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.plural.clone()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }

    /// Returns true if both are the same kind, in any version.
    pub fn same_kind(&self, other: &Resource) -> bool {
        self.plural == other.plural && self.group == other.group
    }

    pub(crate) fn key(&self) -> KindKey {
        KindKey { group: self.group.clone(), plural: self.plural.clone() }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.qualified())
    }
}

/// What the store keeps objects under.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct KindKey {
    pub(crate) group: String,
    pub(crate) plural: String,
}
