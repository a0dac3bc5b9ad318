//! The kinds of a run, by name.

use std::{collections::BTreeMap, fmt, sync::Arc};

use infra_provider_api::Kind;

/// The kinds of a run, by name. Cheap to clone.
#[derive(Clone, Default)]
pub struct Kinds {
    by_name: Arc<BTreeMap<&'static str, Arc<dyn Kind>>>,
}

/// Two kinds have one name, so an address would mean two things.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("two kinds are called `{name}`")]
pub struct KindsError {
    /// The name.
    pub name: String,
}

impl Kinds {
    /// Makes a registry of `kinds`.
    ///
    /// # Errors
    /// Returns an error if two of them have the same name.
    pub fn new(kinds: impl IntoIterator<Item = Arc<dyn Kind>>) -> Result<Self, KindsError> {
        let mut by_name = BTreeMap::new();
        for kind in kinds {
            let name = kind.name();
            if by_name.insert(name, kind).is_some() {
                return Err(KindsError { name: name.to_owned() });
            }
        }
        Ok(Self { by_name: Arc::new(by_name) })
    }

    /// Returns the kind called `name`.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Kind>> {
        self.by_name.get(name)
    }

    /// Iterates over all kinds, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Kind>> {
        self.by_name.values()
    }

    /// Iterates over all names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.by_name.keys().copied()
    }
}

impl fmt::Debug for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}
