//! Which certificates the sites of a project get: pure, but for the files that are brought.

use std::collections::{BTreeMap, BTreeSet};

use infra_provider_api::{Diagnostic, Source};
use infra_ssl::{Brought, Names};
use jiff::{SignedDuration, Timestamp};

use super::{error::CliError, observe::Observation, open::Session};
use crate::{
    apps::{Suite, TlsSecret, TlsSecrets, wanted_tls_secrets},
    cluster::{
        BroughtFiles, SiteCertificateSpec, SiteCertificates, SiteIssuer, foreign, is_foreign,
    },
    config::{Challenge, Project, TlsConfig, TlsFile, TlsIssuer, TlsTarget},
    engine::{Action, Plan},
};

/// The certificates that a project asks for.
#[derive(Debug, Default)]
pub(super) struct Sites {
    /// What is declared of each.
    pub(super) specs: BTreeMap<TlsSecret, SiteCertificateSpec>,
    /// The files of those that are brought, by the name in their address.
    pub(super) files: BTreeMap<String, BroughtFiles>,
    /// What is wrong with files and hosts.
    pub(super) problems: Vec<Diagnostic>,
    /// What is worth saying in a plan.
    pub(super) notes: Vec<String>,
}

/// Returns what `project` declares; `suite` is its own suite, where it has one that can be read. `zone` is
/// the only domain in which challenges can be answered by DNS, where there is one.
pub(super) fn sites(
    project: &Project,
    suite: Option<&Suite>,
    zone: Option<&str>,
    now: Timestamp,
) -> Sites {
    let mut sites = Sites::default();
    let Some(tls) = &project.tls else { return sites };
    let wanted = suite.map(wanted_tls_secrets).unwrap_or_default();
    let environment = project.cluster.environment.clone();
    let mut brought = BTreeMap::new();
    for file in &tls.files {
        for secret in sites.targets(file, &wanted, suite.is_some()) {
            // One that names the Secret goes before one that names a host.
            let exact = matches!(file.target, TlsTarget::Secret { .. });
            if exact || !brought.contains_key(&secret) {
                brought.insert(secret, file);
            }
        }
    }
    let renew = i64::from(project.certificates.renew_before_days);
    for (secret, file) in &brought {
        let hosts = wanted.get(secret);
        let spec = sites.of_file(secret, file, hosts, environment.as_deref(), renew, now);
        if let Some(spec) = spec {
            sites.specs.insert(secret.clone(), spec);
        }
    }
    if let Some(issuer) = tls.issuer {
        let wildcards = tls.acme.as_ref().is_none_or(|acme| acme.challenge == Challenge::Dns01);
        let issuer = match issuer {
            TlsIssuer::Own => SiteIssuer::Own,
            TlsIssuer::Acme => SiteIssuer::Acme,
        };
        for (secret, hosts) in wanted.iter().filter(|(secret, _)| !brought.contains_key(secret)) {
            if !wildcards && let Some(wildcard) = hosts.iter().find(|host| host.starts_with("*.")) {
                let message =
                    format!("http-01 certifies no wildcard such as {wildcard} ({secret})");
                let help = "write challenge = \"dns-01\", or bring a certificate";
                let source = tls.acme.as_ref().and_then(|acme| acme.source.as_ref());
                sites.problems.push(Diagnostic::new(message).help(help).in_source(source));
                continue;
            }
            let acme = tls.acme.as_ref().filter(|acme| acme.challenge == Challenge::Dns01);
            if let Some((acme, zone)) = acme.zip(zone)
                && let Some(host) = hosts.iter().find(|host| !is_in_zone(host, zone))
            {
                let message = format!(
                    "dns-01 certifies no host outside of {zone} here, such as {host} ({secret})"
                );
                let help = "write challenge = \"http-01\", or bring a certificate";
                let source = acme.source.as_ref();
                sites.problems.push(Diagnostic::new(message).help(help).in_source(source));
                continue;
            }
            match Names::parse(hosts) {
                Ok(names) => {
                    let spec = SiteCertificateSpec {
                        issuer,
                        hosts: names.texts(),
                        chain: None,
                        state: "valid".into(),
                        environment: environment.clone(),
                    };
                    sites.specs.insert(secret.clone(), spec);
                }
                Err(why) => sites.problems.push(Diagnostic::new(format!(
                    "cannot issue a certificate for the Secret {secret}: {why}"
                ))),
            }
        }
    }
    sites.leave_out(tls);
    sites
}

/// Returns true if the challenge of `host` is a record of the domain `zone`.
fn is_in_zone(host: &str, zone: &str) -> bool {
    host == zone || host.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'))
}

/// Checks the certificates that `project` brings as files against each other, the hosts of `suite` and
/// the clock.
///
/// # Errors
/// Returns an error with each that cannot be used, and its place in infra.toml.
pub fn check_site_certificates(project: &Project, suite: Option<&Suite>) -> Result<(), CliError> {
    let problems = sites(project, suite, None, Timestamp::now()).problems;
    if problems.is_empty() { Ok(()) } else { Err(CliError::refused(&problems)) }
}

impl Sites {
    /// Returns the Secrets that a file is for.
    fn targets(&mut self, file: &TlsFile, wanted: &TlsSecrets, is_read: bool) -> Vec<TlsSecret> {
        let host = match &file.target {
            TlsTarget::Secret { namespace, name } => {
                return vec![TlsSecret { namespace: namespace.clone(), name: name.clone() }];
            }
            TlsTarget::Host(host) => host,
        };
        let with_host = wanted.iter().filter(|(_, hosts)| hosts.contains(host));
        let secrets: Vec<TlsSecret> = with_host.map(|(secret, _)| secret.clone()).collect();
        if secrets.is_empty() && is_read {
            let message = format!("no Ingress of the suite serves {host} with TLS");
            let help = "write a host of the suite, or `secret` and `namespace`";
            let found = Diagnostic::new(message).help(help);
            self.problems.push(found.in_source(file.cert_source.as_ref()));
        }
        secrets
    }

    fn wrong(&mut self, source: Option<&Source>, message: String) {
        let help = "bring another file, or let [tls] issuer make the certificate";
        self.problems.push(Diagnostic::new(message).help(help).in_source(source));
    }

    fn of_file(
        &mut self,
        secret: &TlsSecret,
        file: &TlsFile,
        hosts: Option<&BTreeSet<String>>,
        environment: Option<&str>,
        renew_days: i64,
        now: Timestamp,
    ) -> Option<SiteCertificateSpec> {
        let files = BroughtFiles { cert: file.cert.clone(), key: file.key.clone() };
        let brought = match files.read() {
            Ok(brought) => brought,
            Err((is_key, why)) => {
                let source = if is_key { &file.key_source } else { &file.cert_source };
                self.wrong(source.as_ref(), why);
                return None;
            }
        };
        let hosts = hosts.into_iter().flatten().map(String::as_str);
        for why in brought.faults(hosts, now) {
            let message = format!("cannot use {}: {why}", file.cert.display());
            self.wrong(file.cert_source.as_ref(), message);
        }
        self.note_end(secret, &brought, renew_days, now);
        self.files.insert(secret.to_string(), files);
        Some(SiteCertificateSpec {
            issuer: SiteIssuer::File,
            hosts: brought.facts.names.texts(),
            chain: Some(brought.digest),
            state: "valid".into(),
            environment: environment.map(str::to_owned),
        })
    }

    fn note_end(&mut self, secret: &TlsSecret, brought: &Brought, renew: i64, now: Timestamp) {
        let left = brought.facts.not_after.duration_since(now);
        let days = left.as_secs().div_euclid(infra_ssl::DAY_SECONDS);
        if left > SignedDuration::ZERO && days < renew {
            let end = brought.facts.not_after.strftime("%Y-%m-%d");
            self.notes.push(format!(
                "the certificate of the Secret {secret} was brought as a file and ends on {end}, in \
                 {days} days; bring a newer one"
            ));
        }
    }

    fn leave_out(&mut self, tls: &TlsConfig) {
        for (namespace, name) in &tls.exclude {
            let secret = TlsSecret { namespace: namespace.clone(), name: name.clone() };
            self.specs.remove(&secret);
            self.files.remove(&secret.to_string());
        }
    }
}

impl Session {
    /// Refuses a plan that would make a Secret which somebody else has made.
    ///
    /// # Errors
    /// Returns an error that names each such Secret.
    pub(super) async fn check_site_secrets(
        &self,
        looked: &Observation,
        plan: &Plan,
    ) -> Result<(), CliError> {
        if !looked.kube.exists() || looked.observed.unreachable.contains_key(SiteCertificates::KIND)
        {
            return Ok(());
        }
        let mut refused = Vec::new();
        for change in plan.changes.iter().filter(|change| change.action == Action::Create) {
            if change.address.kind() != SiteCertificates::KIND {
                continue;
            }
            let Some(secret) = SiteCertificates::secret(&change.address) else { continue };
            if is_foreign(&looked.kube, &self.owner, &secret).await? {
                let error = foreign(&format!("make {}", change.address), &secret);
                let message = format!("cannot make {}: {}", change.address, error.message);
                let mut found = Diagnostic::new(message);
                found.help = error.hint;
                refused.push(found);
            }
        }
        if refused.is_empty() { Ok(()) } else { Err(CliError::refused(&refused)) }
    }
}
