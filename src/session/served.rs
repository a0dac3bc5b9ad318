//! Which namespaces the ingress controller may read.

use std::collections::BTreeSet;

use super::{error::Failure, suites::SuiteOptions, suites::app_source};
use crate::{
    apps::{addons::ALL_NAMESPACES, ingress_namespaces},
    spec::{self, Project},
};

/// Returns the namespaces that the ingress controller of `project` serves: those that infra.toml names,
/// and those in which the suite of any environment has Ingresses. All environments count whichever is
/// chosen, for they share the controller.
///
/// # Errors
/// Returns an error when an environment or its manifests cannot be read: what is not known must not
/// lose its rights.
pub(super) fn served_namespaces(
    project: &Project,
    options: &spec::Options,
) -> Result<BTreeSet<String>, Failure> {
    let named: BTreeSet<String> = project.apps.ingress.namespaces.iter().cloned().collect();
    if !project.apps.addons.ingress || named.contains(ALL_NAMESPACES) {
        return Ok(named);
    }
    let mut served = named;
    let chosen = project.cluster.environment.as_ref();
    let mut others: Vec<&String> =
        project.environments.iter().filter(|name| Some(*name) != chosen).collect();
    others.dedup();
    served.extend(of(project)?);
    for environment in others {
        let options = spec::Options { environment: Some(environment.clone()), ..options.clone() };
        let other = spec::load(&project.file, &options)?;
        // An overlay may make a cluster of its own of an environment.
        if other.cluster.name == project.cluster.name {
            served.extend(of(&other)?);
            served.extend(other.apps.ingress.namespaces.iter().cloned());
        }
    }
    Ok(served)
}

fn of(project: &Project) -> Result<BTreeSet<String>, Failure> {
    match app_source(project, &SuiteOptions::default()) {
        Some(source) => Ok(ingress_namespaces(&source)?),
        None => Ok(BTreeSet::new()),
    }
}
