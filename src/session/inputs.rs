//! What is needed to make something, and not to look at it or to delete it: the nodes' downloads
//! and the manifests. Where they are absent or broken, only a plan that needs them is refused.

use std::{collections::BTreeMap, path::PathBuf};

use infra_provider_api::Reference;
use infra_provisioning::artifacts::{Arch, LOCK_VERSION, Lock};

use super::{error::CliError, observe::Purpose, open::Session, plan::Planned};
use crate::{
    apps::{Suite, check_classes},
    cluster::{SuiteSpec, Suites, lock_digest},
    engine::Action,
};

/// The nodes' downloads, as far as this machine has them.
pub(super) struct Downloads {
    /// The folder they are in.
    pub(super) cache: PathBuf,
    /// The list of them; empty when there is none.
    pub(super) lock: Lock,
    /// Hash over them, or that of the last sync when there is no list.
    pub(super) digest: String,
    /// Why there is no list.
    pub(super) missing: Option<CliError>,
}

/// The suites that a plan is made with.
#[derive(Default)]
pub(super) struct LoadedSuites {
    /// What is declared of each.
    pub(super) specs: BTreeMap<String, SuiteSpec>,
    /// Those whose variables are all known.
    pub(super) complete: BTreeMap<String, Suite>,
    /// A line for each that could not be loaded.
    pub(super) unchecked: Vec<String>,
}

impl Purpose {
    /// Reports whether manifests are needed: nothing else sends them.
    fn needs_manifests(self) -> bool {
        matches!(self, Self::Apply)
    }
}

impl Session {
    /// Reads the list of downloads. Without one, what the last sync recorded stands in for it.
    pub(super) fn downloads(&self) -> Downloads {
        match self.artifacts() {
            Ok((cache, lock)) => {
                Downloads { cache, digest: lock_digest(&lock), lock, missing: None }
            }
            Err(failure) => {
                let record = self.store.state();
                let kinds = record.resources.values();
                let mut synced = kinds.filter(|one| one.address.kind() == "artifacts");
                let digest = synced.find_map(|one| one.spec.text("digest")).unwrap_or_default();
                let lock = Lock {
                    version: LOCK_VERSION,
                    kubernetes: self.project.cluster.versions.kubernetes.clone(),
                    arch: Arch::Amd64,
                    pause: String::new(),
                    stand_ins: false,
                    artifacts: Vec::new(),
                };
                let cache = self.project.artifact_cache.clone();
                Downloads { cache, lock, digest, missing: Some(failure) }
            }
        }
    }

    /// Loads the suites.
    ///
    /// # Errors
    /// Returns what is wrong with the manifests, where `purpose` needs them.
    pub(super) fn load_suites(
        &self,
        suites: &Suites,
        outputs: &dyn Fn(&Reference) -> Option<String>,
        purpose: Purpose,
    ) -> Result<LoadedSuites, CliError> {
        let mut loaded = LoadedSuites::default();
        for (name, _) in suites.iter() {
            let declared = suites.declare(name, outputs).and_then(|declared| {
                if let Some((_, suite, _)) = &declared
                    && name == "apps"
                    && self.project.apps.addons.ingress
                {
                    check_classes(suite, &self.project.apps.ingress.other_classes)?;
                }
                Ok(declared)
            });
            match declared {
                Ok(Some((spec, suite, complete))) => {
                    loaded.specs.insert(name.clone(), spec);
                    if complete {
                        loaded.complete.insert(name.clone(), suite);
                    }
                }
                Ok(None) => {}
                Err(error) if purpose.needs_manifests() => return Err(error.into()),
                Err(error) => {
                    let failure = CliError::from(error);
                    let first = failure.message.lines().next().unwrap_or_default().to_owned();
                    loaded.unchecked.push(format!("cannot check suite.{name}: {first}"));
                    // Manifests that can't be read are not manifests that were deleted.
                    let record = self.store.state();
                    let known = record.resources.get(&Suites::address(name));
                    let spec = known.and_then(|one| serde_json::from_value(one.spec.value()).ok());
                    loaded.specs.extend(spec.map(|spec: SuiteSpec| (name.clone(), spec)));
                }
            }
        }
        Ok(loaded)
    }

    /// Refuses a plan that makes something from downloads which this machine does not have.
    ///
    /// # Errors
    /// Returns why there are none.
    pub(super) fn require_downloads(&self, mut planned: Planned) -> Result<Planned, CliError> {
        let missing = planned.looked.own.as_mut().and_then(|own| own.missing.take());
        let Some(missing) = missing else { return Ok(planned) };
        let kinds = [self.cloud.plane.machine_kind(), "node_bundle", "artifacts"];
        let needs = planned.plan.changes.iter().any(|change| {
            let makes = change.action.creates() || change.action == Action::Update;
            // Tags of machines change without what they booted with.
            let is_tags = change.action == Action::Update
                && change.address.kind() == self.cloud.plane.machine_kind();
            makes && !is_tags && kinds.contains(&change.address.kind())
        });
        if needs {
            return Err(missing);
        }
        let text = format!("cannot check the nodes' downloads: {}", missing.message);
        planned.looked.unchecked.push(text);
        Ok(planned)
    }
}
