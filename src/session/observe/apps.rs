//! What a look finds out about suites and the certificates of their sites: the same on every cloud.

use std::collections::BTreeMap;

use infra_provider_api::{Address, Cluster, Kind, Reference, erase};
use infra_ssl::Validity;
use jiff::Timestamp;

use super::Purpose;
use crate::{
    apps::{Suite, TlsSecret},
    cluster::{
        KubeAccess, SiteCertificateSpec, SiteCertificates, SiteCertificatesInput, SiteScope,
        SuiteKind, SuiteSpec, Suites,
    },
    config::TlsIssuer,
    engine::Observations,
    session::{
        cloud_facts::recorded_sites,
        error::CliError,
        inputs::LoadedSuites,
        open::Session,
        served::Shared,
        site_certificates::{Sites, sites},
        suite_catalog,
    },
};

/// The suites of a look, and the certificates of their sites.
pub(super) struct AppsPart {
    pub(super) shared: Shared,
    pub(super) suites: Suites,
    pub(super) specs: BTreeMap<String, SuiteSpec>,
    pub(super) sites: BTreeMap<TlsSecret, SiteCertificateSpec>,
    pub(super) site_authority: bool,
    pub(super) scope: SiteScope,
    pub(super) unchecked: Vec<String>,
    pub(super) notes: Vec<String>,
    loaded: BTreeMap<String, Suite>,
    certificates: SiteCertificatesInput,
}

impl AppsPart {
    /// Makes the kinds of the suites and the certificates of their sites.
    pub(super) fn kinds(
        &self,
        kube: &std::sync::Arc<KubeAccess>,
        timeout: std::time::Duration,
    ) -> [std::sync::Arc<dyn Kind>; 2] {
        let kube = || std::sync::Arc::clone(kube);
        let suites = SuiteKind::new(kube(), self.suites.clone(), self.loaded.clone(), timeout);
        [
            erase(SiteCertificates::new(kube(), self.certificates.clone())),
            erase(suites.with_sites(self.scope.clone())),
        ]
    }
}

impl Session {
    /// Reads the suites and what they ask for. `in_cloud` has the outputs that their variables come from.
    pub(super) fn read_apps(
        &self,
        purpose: Purpose,
        cluster: &Cluster,
        in_cloud: &Observations,
        validity: Validity,
    ) -> Result<AppsPart, CliError> {
        let shared = self.shared(purpose)?;
        let mut suites = suite_catalog::seeds(&self.project, &self.cloud, &self.owner, &shared);
        if purpose == Purpose::Destroy {
            suites.without_values();
        }
        let outputs = |reference: &Reference| -> Option<String> {
            let observed = in_cloud.get(&reference.address)?;
            observed.outputs.text(&reference.field)
        };
        let LoadedSuites { specs, complete: loaded, mut unchecked } =
            self.load_suites(&suites, &outputs, purpose)?;
        unchecked.extend(shared.unchecked());

        let Sites { specs: mut sites, files, problems, notes } = match purpose {
            Purpose::Destroy => Sites::default(),
            _ => {
                let zone = self.cloud.dns_solver.zone.as_deref();
                sites(&self.project, loaded.get("apps"), zone, Timestamp::now())
            }
        };
        if purpose == Purpose::Apply && !problems.is_empty() {
            return Err(CliError::refused(&problems));
        }
        unchecked.extend(problems.iter().map(|one| one.message.clone()));
        // A suite or a file that can't be read is not one that was deleted.
        let is_read = loaded.contains_key("apps") || !specs.contains_key("apps");
        if self.project.tls.is_some() && !(is_read && problems.is_empty()) {
            let known = recorded_sites(&self.store.state(), cluster.environment.as_deref());
            for (secret, spec) in known {
                sites.entry(secret).or_insert(spec);
            }
        }
        let issuer = self.project.tls.as_ref().and_then(|tls| tls.issuer);
        let site_authority =
            issuer == Some(TlsIssuer::Own) || infra_ssl::has_site_authority(&self.layout.pki);
        let scope = SiteScope {
            environment: cluster.environment.clone(),
            environments: self.project.environments.clone(),
            any_environment: self.project.any_environment,
            declared: sites.keys().map(ToString::to_string).collect(),
        };
        let certificates = SiteCertificatesInput {
            pki: self.layout.pki.clone(),
            validity,
            scope: scope.clone(),
            files,
        };
        Ok(AppsPart {
            shared,
            suites,
            specs,
            sites,
            site_authority,
            scope,
            unchecked,
            notes,
            loaded,
            certificates,
        })
    }

    /// Leaves out of what exists the suites that other environments still need, and notes them.
    pub(super) async fn leave_needed(
        &self,
        purpose: Purpose,
        kube: &KubeAccess,
        apps: &mut AppsPart,
        observed: &mut Observations,
    ) -> Result<std::collections::BTreeSet<Address>, CliError> {
        let left = self.needed_suites(purpose, kube, &apps.suites, &apps.scope, observed).await?;
        for (address, needs) in &left {
            observed.resources.remove(address);
            apps.notes.push(format!("{address} stays: certificates still come from it: {needs}"));
        }
        Ok(left.into_keys().collect())
    }
}
