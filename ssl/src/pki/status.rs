//! The list behind `infra certs`.

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde::Serialize;

use crate::error::Result;
use crate::files;
use crate::inspect::{CertificateFacts, certificate_facts};
use crate::key::PrivateKey;
use crate::kubeconfig::Kubeconfig;
use crate::pki::assess::verdict;
use crate::pki::folder::{Pair, read_secret};
use crate::pki::{PkiLayout, PkiSpec};
use crate::validity::{Validity, days_left};

/// The state of one certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing to do.
    Valid,
    /// Inside its renewal period.
    RenewSoon,
    /// Past its end.
    Expired,
    /// Not begun: some clock is wrong.
    NotYetValid,
    /// Not there, or not readable as a certificate.
    Missing,
    /// The key next to it is missing or another's.
    KeyMismatch,
    /// Its authority did not sign it.
    WrongIssuer,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Verdict::Valid => "valid",
            Verdict::RenewSoon => "renew soon",
            Verdict::Expired => "expired",
            Verdict::NotYetValid => "not yet valid",
            Verdict::Missing => "missing",
            Verdict::KeyMismatch => "key mismatch",
            Verdict::WrongIssuer => "wrong issuer",
        })
    }
}

/// One line of `infra certs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateStatus {
    /// `ca`, `etcd-ca`, `front-proxy-ca`, `sa`, `admin`, `kubeconfig`, or an extra leaf's.
    pub name: String,
    /// The file judged.
    pub path: PathBuf,
    /// Distinguished name; empty when missing, or for a bare key.
    pub subject: String,
    /// The issuer's.
    pub issuer: String,
    /// Begin; `None` when missing, or for a bare key (it has no end).
    pub not_before: Option<Timestamp>,
    /// End.
    pub not_after: Option<Timestamp>,
    /// Whole days to the end, negative when past.
    pub days_left: Option<i64>,
    /// The judgement.
    pub verdict: Verdict,
}

/// Says which clock is wrong when certificates have not begun at `now`; they are named.
pub fn clock_warning(all: &[CertificateStatus], now: Timestamp) -> Option<String> {
    let early: Vec<_> = all.iter().filter(|one| one.verdict == Verdict::NotYetValid).collect();
    let begin = early.iter().filter_map(|one| one.not_before).max()?;
    let ahead = SignedDuration::from_secs(begin.duration_since(now).as_secs());
    let names: Vec<&str> = early.iter().map(|one| one.name.as_str()).collect();
    Some(format!(
        "not yet valid: {}, until {begin} ({ahead:#} from now); the clock of this machine, {}, is \
         behind, or that of the machine which made them was ahead",
        names.join(", "),
        now.strftime("%Y-%m-%d %H:%M:%SZ"),
    ))
}

/// Judges everything in the folder at `now`. Damage is a verdict, not an error.
///
/// # Errors
/// Returns an error only if a file is there and cannot be read from disk.
pub fn status(dir: &Path, spec: &PkiSpec, now: Timestamp) -> Result<Vec<CertificateStatus>> {
    let layout = PkiLayout::new(dir);
    let mut out = Vec::new();
    let mut authorities = Vec::new();
    for name in spec.authorities() {
        let pair = Pair::read(&layout, name.stem())?;
        let facts = pair.facts().ok().flatten();
        out.push(judge(name.stem(), &pair, facts.as_ref(), &spec.validity, now));
        authorities.push((name, facts));
    }
    out.push(service_account(&layout)?);
    for leaf in spec.leaves() {
        let pair = Pair::read(&layout, &leaf.stem)?;
        let authority = authorities.iter().find_map(|(n, f)| (*n == leaf.authority).then_some(f));
        let authority = authority.and_then(Option::as_ref);
        out.push(judge(&leaf.stem, &pair, authority, &spec.validity, now));
    }
    let kubernetes = authorities.first().and_then(|(_, f)| f.as_ref());
    out.push(kubeconfig(&layout, kubernetes, &spec.validity, now)?);
    Ok(out)
}

fn judge(
    name: &str,
    pair: &Pair,
    authority: Option<&CertificateFacts>,
    validity: &Validity,
    now: Timestamp,
) -> CertificateStatus {
    let Ok(Some(facts)) = pair.facts() else {
        return missing(name, pair.cert_path.clone());
    };
    let key = pair.private_key().ok().flatten().map(|k| k.public_der());
    let verdict = verdict(&facts, key.as_deref(), authority, validity, now);
    describe(name, pair.cert_path.clone(), &facts, verdict, now)
}

fn describe(
    name: &str,
    path: PathBuf,
    facts: &CertificateFacts,
    verdict: Verdict,
    now: Timestamp,
) -> CertificateStatus {
    CertificateStatus {
        name: name.into(),
        path,
        subject: facts.subject.clone(),
        issuer: facts.issuer.clone(),
        not_before: Some(facts.not_before),
        not_after: Some(facts.not_after),
        days_left: Some(days_left(now, facts.not_after)),
        verdict,
    }
}

fn missing(name: &str, path: PathBuf) -> CertificateStatus {
    CertificateStatus {
        name: name.into(),
        path,
        subject: String::new(),
        issuer: String::new(),
        not_before: None,
        not_after: None,
        days_left: None,
        verdict: Verdict::Missing,
    }
}

fn service_account(layout: &PkiLayout) -> Result<CertificateStatus> {
    let path = layout.sa_key();
    let mut line = missing("sa", path.clone());
    let key = read_secret(&path)?.and_then(|k| PrivateKey::from_pem(&k).ok());
    let public = files::read_optional(&layout.sa_pub())?.and_then(|p| pem::parse(p).ok());
    line.verdict = match (key, public) {
        (Some(k), Some(p)) if k.public_der() == p.contents() => Verdict::Valid,
        (None, None) => Verdict::Missing,
        _ => Verdict::KeyMismatch,
    };
    Ok(line)
}

fn kubeconfig(
    layout: &PkiLayout,
    authority: Option<&CertificateFacts>,
    validity: &Validity,
    now: Timestamp,
) -> Result<CertificateStatus> {
    let path = layout.kubeconfig();
    let credentials =
        read_secret(&path)?.and_then(|t| Kubeconfig::credentials_in(t.expose_secret()));
    let Some(credentials) = credentials else {
        return Ok(missing("kubeconfig", path));
    };
    let Ok(facts) = certificate_facts(&credentials.cert_pem) else {
        return Ok(missing("kubeconfig", path));
    };
    let key = PrivateKey::from_pem(&credentials.key_pem).ok().map(|k| k.public_der());
    let verdict = verdict(&facts, key.as_deref(), authority, validity, now);
    Ok(describe("kubeconfig", path, &facts, verdict, now))
}
