//! What all environments of a cluster share: the namespaces that the ingress controller may read, and
//! how an ACME server is asked.

use std::collections::BTreeSet;

use infra_provider_api::{Address, Diagnostic};

use super::{
    error::CliError,
    observe::Purpose,
    open::Session,
    suite_catalog::{SuiteOptions, app_source},
};
use crate::{
    apps::{
        addons::{ALL_NAMESPACES, CERT_MANAGER},
        ingress_namespaces,
    },
    cluster::{INGRESS, Suites},
    config::{self, AcmeConfig, Challenge, Project},
    engine::{Action, Plan},
    state::State,
};

/// What the environments of a cluster share.
#[derive(Default)]
pub(super) struct Shared {
    /// The namespaces that the ingress controller serves.
    pub(super) served: BTreeSet<String>,
    /// How an ACME server is asked, if it is.
    pub(super) acme: Option<AcmeConfig>,
    /// The suites for which an environment could not be read, and why. They stay as they are recorded.
    pub(super) unread: Vec<(Address, CliError)>,
    /// Those of them that are not recorded either, so that nothing is known of them.
    unknown: BTreeSet<Address>,
}

impl Shared {
    /// Reports whether an environment that can't be read may want cert-manager.
    pub(super) fn may_want_cert_manager(&self) -> bool {
        self.acme.is_some() || self.unknown.contains(&Suites::address(CERT_MANAGER))
    }

    /// Refuses a plan that changes a suite of which nothing is known: the ingress controller would lose
    /// the rights by which it serves an app.
    ///
    /// # Errors
    /// Returns why an environment can't be read.
    pub(super) fn require(&self, plan: &Plan) -> Result<(), CliError> {
        let is_changed = |suite: &Address| {
            plan.real_changes().any(|change| {
                change.address == *suite && !matches!(change.action, Action::Adopt | Action::Forget)
            })
        };
        let unread = self.unread.iter().filter(|(suite, _)| self.unknown.contains(suite));
        match unread.into_iter().find(|(suite, _)| is_changed(suite)) {
            Some((_, failure)) => Err(failure.clone()),
            None => Ok(()),
        }
    }

    /// Returns a line for each suite whose environments could not be read.
    pub(super) fn unchecked(&self) -> impl Iterator<Item = String> {
        self.unread.iter().map(|(suite, failure)| {
            let first = failure.message.lines().next().unwrap_or_default();
            format!("cannot check {suite}: {first}")
        })
    }
}

impl Session {
    /// Reads what the environments share. What can't be read stays as it is recorded, unless an apply of
    /// the apps needs it.
    ///
    /// # Errors
    /// Returns an error when an apply needs what can't be read.
    pub(super) fn shared(&self, purpose: Purpose) -> Result<Shared, CliError> {
        let (project, options) = (&self.project, &self.spec);
        let mut shared = Shared::default();
        if purpose.is_everything() {
            shared.acme = acme(project, options).unwrap_or_default();
            return Ok(shared);
        }
        let record = self.store.state();
        match served_namespaces(project, options) {
            Ok(served) => shared.served = served,
            Err(failure) if purpose == Purpose::Apply => return Err(failure),
            Err(failure) => {
                let recorded = recorded_namespaces(&record);
                let named = project.apps.ingress.namespaces.iter().cloned();
                shared.miss(INGRESS, failure, recorded.is_some());
                shared.served = recorded.into_iter().flatten().chain(named).collect();
            }
        }
        match acme(project, options) {
            Ok(acme) => shared.acme = acme,
            Err(failure) if purpose == Purpose::Apply => return Err(failure),
            Err(failure) => {
                shared.acme = recorded_acme(&record);
                shared.miss(CERT_MANAGER, failure, shared.acme.is_some());
            }
        }
        Ok(shared)
    }
}

impl Shared {
    fn miss(&mut self, suite: &str, failure: CliError, is_recorded: bool) {
        let address = Suites::address(suite);
        if !is_recorded {
            self.unknown.insert(address.clone());
        }
        self.unread.push((address, failure));
    }
}

/// Returns a variable that a suite was installed with last.
fn variable(record: &State, suite: &str, name: &str) -> Option<String> {
    let recorded = record.resources.get(&Suites::address(suite))?;
    Some(recorded.spec.get("variables")?.get(name)?.as_str()?.to_owned())
}

fn recorded_namespaces(record: &State) -> Option<BTreeSet<String>> {
    let text = variable(record, INGRESS, NAMESPACES)?;
    Some(text.split(',').filter(|name| !name.is_empty()).map(ToOwned::to_owned).collect())
}

fn recorded_acme(record: &State) -> Option<AcmeConfig> {
    let of = |name: &str| variable(record, CERT_MANAGER, name);
    let challenge = of("CHALLENGE")?;
    Some(AcmeConfig {
        email: of("ACME_EMAIL")?,
        server: of("ACME_SERVER")?,
        challenge: challenge_of(&challenge)?,
        ingress_class: of("INGRESS_CLASS").unwrap_or_default(),
        token: None,
        source: None,
    })
}

/// Reads the name of an issuer's file: DNS's challenge is followed by who serves it, `dns-01-route53`.
fn challenge_of(issuer: &str) -> Option<Challenge> {
    Challenge::ALL.into_iter().find(|known| issuer.starts_with(known.name()))
}

/// The variable of the ingress controller with the namespaces that it serves.
pub(super) const NAMESPACES: &str = "NAMESPACES";

/// Returns the namespaces that the ingress controller of `project` serves: those that infra.toml names,
/// and those in which the suite of any environment has Ingresses. All environments count whichever is
/// chosen, for they share the controller.
///
/// # Errors
/// Returns an error when an environment or its manifests cannot be read: what is not known must not
/// lose its rights.
fn served_namespaces(
    project: &Project,
    options: &config::Options,
) -> Result<BTreeSet<String>, CliError> {
    let named: BTreeSet<String> = project.apps.ingress.namespaces.iter().cloned().collect();
    if !project.apps.addons.ingress || named.contains(ALL_NAMESPACES) {
        return Ok(named);
    }
    let mut served = named;
    served.extend(of(project)?);
    for other in others(project, options)? {
        served.extend(of(&other)?);
        served.extend(other.apps.ingress.namespaces.iter().cloned());
    }
    Ok(served)
}

/// Reads the other environments of the same cluster.
///
/// # Errors
/// Returns an error when one of them cannot be read.
fn others(project: &Project, options: &config::Options) -> Result<Vec<Project>, CliError> {
    let chosen = project.cluster.environment.as_ref();
    let names = project.environments.iter().filter(|name| Some(*name) != chosen);
    let mut all = Vec::new();
    for environment in names {
        let options = config::Options { environment: Some(environment.clone()), ..options.clone() };
        let other = config::load(&project.file, &options)?;
        // An overlay may make a cluster of its own of an environment.
        if other.cluster.name == project.cluster.name {
            all.push(other);
        }
    }
    Ok(all)
}

/// Returns how an ACME server is asked, if any environment of the cluster has its certificates from one:
/// they share cert-manager, so that applying one must not take it away from another.
///
/// # Errors
/// Returns an error when an environment cannot be read, or when two ask in different ways.
pub(super) fn acme(
    project: &Project,
    options: &config::Options,
) -> Result<Option<AcmeConfig>, CliError> {
    let of = |project: &Project| project.tls.as_ref().and_then(|tls| tls.acme.clone());
    let mut found = of(project);
    for other in others(project, options)? {
        let Some(theirs) = of(&other) else { continue };
        let ours = found.get_or_insert_with(|| theirs.clone());
        let same = AcmeConfig { source: ours.source.clone(), ..theirs.clone() } == *ours;
        if !same {
            let name = other.cluster.environment.unwrap_or_default();
            let message = format!("the environment {name} asks an ACME server in another way");
            let help = "environments of a cluster share cert-manager: write [tls.acme] once";
            let found = Diagnostic::new(message).help(help).in_source(theirs.source.as_ref());
            return Err(CliError::refused(&[found]));
        }
    }
    Ok(found)
}

fn of(project: &Project) -> Result<BTreeSet<String>, CliError> {
    match app_source(project, &SuiteOptions::default()) {
        Some(source) => Ok(ingress_namespaces(&source)?),
        None => Ok(BTreeSet::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clouds;

    #[test]
    fn each_issuer_that_can_be_installed_is_read_again() {
        let files = clouds::all()
            .flat_map(|cloud| clouds::addons(cloud.name).files(CERT_MANAGER).unwrap())
            .collect::<Vec<_>>();
        let issuers: Vec<&str> = files
            .iter()
            .filter_map(|(path, _)| path.rsplit_once("/issuer-")?.1.strip_suffix(".yaml"))
            .collect();
        assert!(issuers.len() > 1, "{issuers:?}");
        for issuer in issuers {
            assert!(challenge_of(issuer).is_some(), "{issuer}");
        }
        assert_eq!(challenge_of("tls-alpn-01"), None);
    }
}
