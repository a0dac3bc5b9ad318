//! Certificates of sites.

use infra_provider_api::{Address, Declared, Phase};

use super::{AppsModel, INGRESS, Result, certificate, make};
use crate::{
    apps::addons::CERT_MANAGER,
    cluster::{ApiServers, Certificates, SiteCertificates, SiteIssuer, Suites},
};

/// Certificates of sites come before the suite whose Ingresses name them, so that no visitor meets the
/// ingress controller's own. Those of an ACME server come last: the server visits the site, which takes
/// the ingress controller and its DNS.
pub(super) fn declare(of: &AppsModel<'_>, all: &mut Vec<Declared>) -> Result<()> {
    for (secret, spec) in of.sites {
        let mut declared = make(SiteCertificates::address(secret), spec)?
            .in_phase(Phase::Apps)
            .after(ApiServers::address());
        match spec.issuer {
            SiteIssuer::Own => declared = declared.after(certificate(Certificates::SITE)),
            SiteIssuer::Acme => declared.depends_on.extend(needs_of_acme(of, all)),
            SiteIssuer::File => {}
        }
        all.push(declared);
    }
    Ok(())
}

fn needs_of_acme(of: &AppsModel<'_>, all: &[Declared]) -> Vec<Address> {
    let ingress = Suites::address(INGRESS);
    let leads = |one: &&Declared| one.spec.references().iter().any(|r| r.address == ingress);
    let mut needs: Vec<Address> = Vec::new();
    if of.suites.contains_key(INGRESS) {
        needs.extend(all.iter().filter(leads).map(|one| one.address.clone()));
    }
    if of.suites.contains_key(CERT_MANAGER) {
        needs.push(Suites::address(CERT_MANAGER));
    }
    needs
}
