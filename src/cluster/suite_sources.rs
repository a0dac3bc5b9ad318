//! Which suites a cluster gets: the addons, and the app suite of the chosen environment.

use std::collections::BTreeMap;

use infra_provider_api::{Address, Input, KNOWN_AFTER_APPLY, Reference};
use secrecy::SecretString;

use super::app_suite::SuiteSpec;
use crate::{
    apps::{AppsError, Suite, SuiteSource},
    clouds,
};

/// What a suite is loaded from, once its variables are known.
#[derive(Clone, Debug)]
pub enum SuiteSeed {
    /// One that is part of the program.
    Addon {
        /// Its name there.
        addon: String,
        /// The cluster's cloud, which brings a part of some.
        provider: String,
        /// The Kubernetes version that its images are chosen for.
        kubernetes: String,
        /// Its variables; some come from the cloud.
        variables: BTreeMap<String, Input<String>>,
        /// Secret ones.
        secrets: BTreeMap<String, SecretString>,
    },
    /// The user's own.
    Folder(Box<SuiteSource>),
}

impl SuiteSeed {
    /// Returns the suite's name in the cluster, which also names its inventory.
    pub fn suite_name(&self) -> String {
        match self {
            Self::Addon { addon, .. } => format!("addon-{addon}"),
            Self::Folder(source) => source.name.clone(),
        }
    }

    /// Returns the variables that come from the cloud or are given.
    pub fn variables(&self) -> BTreeMap<String, Input<String>> {
        match self {
            Self::Addon { variables, .. } => variables.clone(),
            Self::Folder(_) => BTreeMap::new(),
        }
    }

    /// Loads the suite with `variables`, all of them known.
    ///
    /// # Errors
    /// Returns the problems of the manifests.
    pub fn load(&self, variables: &BTreeMap<String, String>) -> Result<Suite, AppsError> {
        match self {
            Self::Addon { addon, provider, kubernetes, secrets, .. } => clouds::addons(provider)
                .suite(addon, kubernetes, variables.clone(), secrets.clone()),
            Self::Folder(source) => Suite::load(source),
        }
    }
}

/// The suites of a run, by the name in their address.
#[derive(Clone, Debug, Default)]
pub struct Suites {
    seeds: BTreeMap<String, SuiteSeed>,
    /// What an earlier version installed: the name in its address, and in the cluster.
    retired: BTreeMap<String, String>,
}

impl Suites {
    /// Adds one as `suite.<name>`.
    pub fn add(&mut self, name: &str, seed: SuiteSeed) {
        self.seeds.insert(name.to_owned(), seed);
    }

    /// Notes suites that are no longer installed, so that they are found and deleted.
    pub fn retire(&mut self, suites: &[(&str, &str)]) {
        let owned = suites.iter().map(|(name, suite)| ((*name).to_owned(), (*suite).to_owned()));
        self.retired.extend(owned);
    }

    /// Returns every suite that is no longer installed: the name in its address, and in the cluster.
    pub fn retired(&self) -> impl Iterator<Item = (&String, &String)> {
        self.retired.iter()
    }

    /// Returns true for a suite that is no longer installed.
    pub fn is_retired(&self, name: &str) -> bool {
        self.retired.contains_key(name)
    }

    /// Returns the name in the cluster of `suite.<name>`.
    pub fn name_in_cluster(&self, name: &str) -> String {
        match (self.seeds.get(name), self.retired.get(name)) {
            (Some(seed), _) => seed.suite_name(),
            (None, Some(suite)) => suite.clone(),
            (None, None) => name.to_owned(),
        }
    }

    /// Lets suites be loaded whose secrets and version are not there: nothing is rolled out.
    pub fn without_values(&mut self) {
        for seed in self.seeds.values_mut() {
            if let SuiteSeed::Folder(source) = seed {
                source.exported_optional = true;
            }
        }
    }

    /// Returns the seed of `suite.<name>`.
    pub fn get(&self, name: &str) -> Option<&SuiteSeed> {
        self.seeds.get(name)
    }

    /// Iterates over all names with their seeds.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &SuiteSeed)> {
        self.seeds.iter()
    }

    /// Returns the address of `suite.<name>`.
    pub fn address(name: &str) -> Address {
        Address::new("suite", name)
    }

    /// Returns the declared spec of `suite.<name>`, the suite itself, and true if all variables are
    /// known. Until a variable is known, a marker stands for it, so that broken manifests are found
    /// before anything is created.
    ///
    /// # Errors
    /// Returns the problems of the manifests.
    pub fn declare(
        &self,
        name: &str,
        outputs: &dyn Fn(&Reference) -> Option<String>,
    ) -> Result<Option<(SuiteSpec, Suite, bool)>, AppsError> {
        let Some(seed) = self.get(name) else { return Ok(None) };
        let variables = seed.variables();
        let mut known = BTreeMap::new();
        let mut complete = true;
        for (key, input) in &variables {
            let value = match input {
                Input::Known(value) => Some(value.clone()),
                Input::Ref(reference) => outputs(reference),
            };
            complete &= value.is_some();
            known.insert(key.clone(), value.unwrap_or_else(|| "known-after-apply".into()));
        }
        let suite = seed.load(&known)?;
        let spec = SuiteSpec {
            digest: if complete { suite.digest() } else { KNOWN_AFTER_APPLY.into() },
            objects: suite.objects().len(),
            variables,
        };
        Ok(Some((spec, suite, complete)))
    }
}
