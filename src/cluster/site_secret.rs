//! How the certificate of a site stands in its Secret, and how that is read back.

use std::collections::BTreeMap;

use infra_provider_api::Owner;
use infra_ssl::{Authority, CertificateFacts, Validity, certificate_facts, chain_digest};
use jiff::Timestamp;
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::api::ObjectMeta;
use secrecy::SecretString;

use super::site_certificate::{SiteCertificateSpec, SiteIssuer};
use crate::apps::TlsSecret;

/// Label with the cluster whose certificate it is: ownership is equality with its UUID.
const OWNER: &str = "infra.dev/site-certificate";
pub(super) const ENVIRONMENT: &str = "infra.dev/environment";
/// Annotation with who issues the certificate.
pub(super) const ISSUER: &str = "infra.dev/tls-issuer";
const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "infra");

const CERT: &str = "tls.crt";
const KEY: &str = "tls.key";
const CA: &str = "ca.crt";

/// A Secret that this cluster's `infra` has made.
pub(super) struct SiteSecret {
    pub(super) place: TlsSecret,
    pub(super) uid: String,
    pub(super) environment: Option<String>,
    issuer: SiteIssuer,
    cert: Option<String>,
    key: Option<SecretString>,
    facts: Option<CertificateFacts>,
    object: Secret,
}

/// What is written into a Secret.
pub(super) struct Data<'a> {
    pub(super) chain_pem: &'a str,
    pub(super) key_pem: &'a str,
    pub(super) ca_pem: Option<&'a str>,
}

/// Returns the label selector of all that `owner` has made.
pub(super) fn selector(owner: &Owner) -> String {
    format!("{OWNER}={}", owner.uuid)
}

/// Reports whether `labels` say that `owner` made it.
pub(super) fn is_owned(labels: &BTreeMap<String, String>, owner: &Owner) -> bool {
    labels.get(OWNER) == Some(&owner.uuid.to_string())
}

/// Returns the labels of what `owner` makes.
pub(super) fn labels(spec: &SiteCertificateSpec, owner: &Owner) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::from([
        (OWNER.to_owned(), owner.uuid.to_string()),
        (MANAGED_BY.0.to_owned(), MANAGED_BY.1.to_owned()),
    ]);
    if let Some(environment) = &spec.environment {
        labels.insert(ENVIRONMENT.to_owned(), environment.clone());
    }
    labels
}

/// Returns an issuer's name in the annotation.
pub(super) fn issuer_name(issuer: SiteIssuer) -> &'static str {
    match issuer {
        SiteIssuer::Own => "own",
        SiteIssuer::File => "file",
        SiteIssuer::Acme => "acme",
    }
}

/// Returns a Secret that is not there yet.
pub(super) fn new(
    place: &TlsSecret,
    spec: &SiteCertificateSpec,
    owner: &Owner,
    data: Data<'_>,
) -> Secret {
    let metadata = ObjectMeta {
        name: Some(place.name.clone()),
        namespace: Some(place.namespace.clone()),
        ..ObjectMeta::default()
    };
    let mut secret =
        Secret { metadata, type_: Some("kubernetes.io/tls".to_owned()), ..Secret::default() };
    fill(&mut secret, spec, owner, data);
    secret
}

fn fill(secret: &mut Secret, spec: &SiteCertificateSpec, owner: &Owner, data: Data<'_>) {
    let own = secret.metadata.labels.get_or_insert_default();
    own.remove(ENVIRONMENT);
    own.extend(labels(spec, owner));
    let issuer = issuer_name(spec.issuer);
    let annotations = secret.metadata.annotations.get_or_insert_default();
    annotations.insert(ISSUER.to_owned(), issuer.to_owned());
    let bytes = |text: &str| ByteString(text.as_bytes().to_vec());
    let mut all = BTreeMap::from([
        (CERT.to_owned(), bytes(data.chain_pem)),
        (KEY.to_owned(), bytes(data.key_pem)),
    ]);
    if let Some(ca) = data.ca_pem {
        all.insert(CA.to_owned(), bytes(ca));
    }
    secret.data = Some(all);
}

impl SiteSecret {
    /// Reads a Secret; `None` if `owner` did not make it.
    pub(super) fn read(mut object: Secret, owner: &Owner) -> Option<Self> {
        let labels = object.metadata.labels.as_ref()?;
        if !is_owned(labels, owner) {
            return None;
        }
        let environment = labels.get(ENVIRONMENT).cloned();
        let annotations = object.metadata.annotations.as_ref();
        let issuer = match annotations.and_then(|all| all.get(ISSUER)).map(String::as_str) {
            Some("file") => SiteIssuer::File,
            Some("acme") => SiteIssuer::Acme,
            _ => SiteIssuer::Own,
        };
        let data = object.data.take().unwrap_or_default();
        let text =
            |key: &str| data.get(key).and_then(|bytes| String::from_utf8(bytes.0.clone()).ok());
        let cert = text(CERT);
        let place = TlsSecret {
            namespace: object.metadata.namespace.clone()?,
            name: object.metadata.name.clone()?,
        };
        Some(Self {
            place,
            uid: object.metadata.uid.clone()?,
            environment,
            issuer,
            facts: cert.as_deref().and_then(|cert| certificate_facts(cert).ok()),
            cert,
            key: text(KEY).map(SecretString::from),
            object,
        })
    }

    /// Returns the same Secret with another content, for a replacement.
    pub(super) fn changed(
        self,
        spec: &SiteCertificateSpec,
        owner: &Owner,
        data: Data<'_>,
    ) -> Secret {
        let mut secret = self.object;
        fill(&mut secret, spec, owner, data);
        secret
    }

    /// Returns when its certificate ends.
    pub(super) fn not_after(&self) -> Option<Timestamp> {
        self.facts.as_ref().map(|facts| facts.not_after)
    }

    /// Returns what it is now, in the form of what is declared.
    pub(super) fn spec(
        &self,
        authority: Option<&Authority>,
        validity: &Validity,
        now: Timestamp,
    ) -> SiteCertificateSpec {
        let names = self.facts.as_ref().map(|facts| facts.names.clone()).unwrap_or_default();
        let fault = match (self.issuer, authority) {
            (SiteIssuer::Own, Some(authority)) => {
                let (cert, key) = (self.cert.clone(), self.key.clone());
                infra_ssl::site_leaf_fault(authority, &names, cert, key, validity, now)
            }
            (SiteIssuer::Own, None) => Some("its authority is not here".to_owned()),
            (SiteIssuer::File, _) => self.file_fault(),
            // With one, that is what counts.
            (SiteIssuer::Acme, _) => Some("it has no Certificate".to_owned()),
        };
        let chain = match self.issuer {
            SiteIssuer::Own | SiteIssuer::Acme => None,
            SiteIssuer::File => self.cert.as_deref().and_then(|cert| chain_digest(cert).ok()),
        };
        SiteCertificateSpec {
            issuer: self.issuer,
            hosts: names.texts(),
            chain,
            state: fault.unwrap_or_else(|| "valid".to_owned()),
            environment: self.environment.clone(),
        }
    }

    /// Returns what is wrong with a chain and a key that were brought. Their end is not among it:
    /// making the Secret again would change nothing.
    fn file_fault(&self) -> Option<String> {
        let (Some(cert), Some(key)) = (self.cert.clone(), self.key.clone()) else {
            return Some("its certificate or key is missing".to_owned());
        };
        let fault = infra_ssl::Brought::read(cert, key).err()?;
        Some(fault.to_string())
    }
}
