//! `site_certificate`: a TLS Secret that an Ingress names, with a certificate of the cluster's own
//! authority or one that is brought as files. The private key is made in memory and goes to the API
//! server only: no plan, record or log holds it.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, ErrorKind, Found, ManagedBy, Observed, OnChange,
    Outputs, Owner, Place, Readiness, Resource, UpdateRequest, Waits,
};
use infra_ssl::{Authority, LeafRequest, Names, Validity};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::{
    Api,
    api::{DeleteParams, ListParams, ObjectMeta, PostParams, Preconditions},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{
    acme_certificate::{self, AcmeCertificate},
    errors::local,
    kube_access::{KubeAccess, of_kube},
    site_scope::SiteScope,
    site_secret::{self, SiteSecret},
};
use crate::apps::{FIELD_MANAGER, TlsSecret};

/// Who issues a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SiteIssuer {
    /// The cluster's own authority for sites.
    Own,
    /// Somebody else: it is brought as files.
    File,
    /// An ACME server, asked by cert-manager.
    Acme,
}

/// One TLS Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteCertificateSpec {
    /// Who issues the certificate.
    pub issuer: SiteIssuer,
    /// The names in it, sorted.
    pub hosts: Vec<String>,
    /// SHA-256 over the chain that is brought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<String>,
    /// `valid`, or why it must be issued again: `it ends in 12 days`.
    pub state: String,
    /// The environment whose suite asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
}

/// The files of a certificate that is brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BroughtFiles {
    /// The certificate and its chain.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// What the kind is made from.
#[derive(Clone, Debug)]
pub struct SiteCertificatesInput {
    /// The folder with the authority for sites.
    pub pki: PathBuf,
    /// How long certificates last.
    pub validity: Validity,
    /// Whose certificates they are.
    pub scope: SiteScope,
    /// Files that are brought, by the name in the address.
    pub files: BTreeMap<String, BroughtFiles>,
}

/// The kind.
#[derive(Debug)]
pub struct SiteCertificates {
    kube: Arc<KubeAccess>,
    input: SiteCertificatesInput,
}

/// What a Secret gets.
struct Content {
    chain_pem: String,
    key_pem: SecretString,
    /// The authority, for those who want to trust it.
    ca_pem: Option<String>,
}

impl SiteCertificates {
    /// The kind's name.
    pub const KIND: &'static str = "site_certificate";

    fn is_ours(&self, environment: Option<&String>, place: &TlsSecret) -> bool {
        self.input.scope.covers(environment.map(String::as_str), place)
    }

    /// Makes the kind of the certificates behind `kube`.
    pub fn new(kube: Arc<KubeAccess>, input: SiteCertificatesInput) -> Self {
        Self { kube, input }
    }

    /// Returns the address of a Secret's certificate.
    pub fn address(secret: &TlsSecret) -> Address {
        Address::new(Self::KIND, secret.to_string())
    }

    /// Returns the Secret that an address is about.
    pub fn secret(address: &Address) -> Option<TlsSecret> {
        let (namespace, name) = address.name().split_once('/')?;
        Some(TlsSecret { namespace: namespace.to_owned(), name: name.to_owned() })
    }

    fn authority(&self) -> Result<Option<Authority>, CloudError> {
        infra_ssl::site_authority(&self.input.pki)
            .map_err(|error| local("read the authority for sites", error))
    }

    async fn api(&self, namespace: &str) -> Result<Api<Secret>, CloudError> {
        Ok(Api::namespaced(self.kube.client().await?.raw().clone(), namespace))
    }

    fn found(
        &self,
        secret: &SiteSecret,
        authority: Option<&Authority>,
    ) -> Found<SiteCertificateSpec> {
        let spec = secret.spec(authority, &self.input.validity, Timestamp::now());
        let mut outputs = Outputs::new();
        if let Some(end) = secret.not_after() {
            outputs.insert("not_after".into(), end.to_string().into());
        }
        Found {
            address: Self::address(&secret.place),
            id: secret.place.to_string(),
            spec,
            outputs: outputs.into(),
            readiness: Readiness::Ready,
            intent_key: None,
            made_by: ManagedBy::Infra,
        }
    }

    fn found_acme(&self, certificate: &AcmeCertificate) -> Found<SiteCertificateSpec> {
        let mut outputs = Outputs::new();
        if let Some(end) = &certificate.not_after {
            outputs.insert("not_after".into(), end.clone().into());
        }
        Found {
            address: Self::address(&certificate.place),
            id: certificate.place.to_string(),
            spec: certificate.spec(),
            outputs: outputs.into(),
            readiness: certificate.readiness.clone(),
            intent_key: None,
            made_by: ManagedBy::Infra,
        }
    }

    /// Issues a certificate, or reads the one that is brought.
    fn content(
        &self,
        operation: &str,
        name: &str,
        spec: &SiteCertificateSpec,
    ) -> Result<Content, CloudError> {
        match spec.issuer {
            SiteIssuer::Own => {
                let authority = self.authority()?.ok_or_else(|| {
                    local(operation, "there is no authority for sites (certificate.site-ca) yet")
                })?;
                let names = Names::parse(&spec.hosts).map_err(|error| local(operation, error))?;
                let issued = authority
                    .issue(&LeafRequest::site(names), &self.input.validity, Timestamp::now())
                    .map_err(|error| local(operation, error))?;
                Ok(Content {
                    chain_pem: issued.cert_pem,
                    key_pem: issued.key.pem().clone(),
                    ca_pem: Some(authority.cert_pem().to_owned()),
                })
            }
            SiteIssuer::Acme => Err(local(operation, "cert-manager makes it")),
            SiteIssuer::File => {
                let files =
                    self.input.files.get(name).ok_or_else(|| {
                        local(operation, "infra.toml names no files for it any more")
                    })?;
                let brought = files.read().map_err(|(_, why)| local(operation, why))?;
                if spec.chain.as_deref() != Some(&brought.digest) {
                    let why = format!("{} has changed since it was planned", files.cert.display());
                    let mut error = local(operation, why);
                    error.hint = Some("run the same command again".into());
                    return Err(error);
                }
                Ok(Content { chain_pem: brought.chain_pem, key_pem: brought.key_pem, ca_pem: None })
            }
        }
    }

    /// Creates the namespace if it is not there: the suite that declares it takes it over as it is.
    async fn ensure_namespace(&self, operation: &str, name: &str) -> Result<(), CloudError> {
        let api: Api<Namespace> = Api::all(self.kube.client().await?.raw().clone());
        let failed = |error: kube::Error| of_kube(operation, &error);
        if api.get_opt(name).await.map_err(failed)?.is_some() {
            return Ok(());
        }
        let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
        let namespace = Namespace { metadata, ..Namespace::default() };
        match api.create(&params(), &namespace).await {
            Ok(_) => Ok(()),
            // Somebody else was faster.
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    /// Returns the Secret at `place`, if it is ours.
    ///
    /// # Errors
    /// Returns an error if somebody else made it: it is never touched.
    async fn own(
        &self,
        cx: &Context,
        operation: &str,
        place: &TlsSecret,
    ) -> Result<Option<SiteSecret>, CloudError> {
        let api = self.api(&place.namespace).await?;
        let found = api.get_opt(&place.name).await.map_err(|error| of_kube(operation, &error))?;
        let Some(found) = found else { return Ok(None) };
        match SiteSecret::read(found, &cx.owner) {
            Some(own) => Ok(Some(own)),
            None => Err(foreign(operation, place)),
        }
    }

    async fn make(
        &self,
        cx: &Context,
        address: &Address,
        spec: &SiteCertificateSpec,
    ) -> Result<Found<SiteCertificateSpec>, CloudError> {
        let operation = format!("make {address}");
        let place = Self::secret(address)
            .ok_or_else(|| local(&operation, "its name is not namespace/secret"))?;
        self.ensure_namespace(&operation, &place.namespace).await?;
        let client = self.kube.client().await?.raw().clone();
        let authority = self.authority()?;
        let mut there = self.own(cx, &operation, &place).await?;
        if spec.issuer == SiteIssuer::Acme {
            let made =
                acme_certificate::apply(&client, &operation, &place, spec, &cx.owner).await?;
            return Ok(self.found_acme(&made));
        }
        // One that cert-manager made before would be renewed by it.
        acme_certificate::delete(&client, &operation, &place, &cx.owner).await?;
        if let Some(own) = &there {
            let found = self.found(own, authority.as_ref());
            // A create whose answer was lost, made again.
            if found.spec == *spec {
                return Ok(found);
            }
        }
        let content = self.content(&operation, address.name(), spec)?;
        let api = self.api(&place.namespace).await?;
        let failed = |error: kube::Error| of_kube(&operation, &error);
        let made = match there.take() {
            None => {
                let secret = site_secret::new(&place, spec, &cx.owner, content.data());
                api.create(&params(), &secret).await.map_err(failed)?
            }
            Some(own) => {
                // With its resourceVersion: what somebody changes meanwhile is not lost.
                let secret = own.changed(spec, &cx.owner, content.data());
                api.replace(&place.name, &params(), &secret).await.map_err(failed)?
            }
        };
        let made = SiteSecret::read(made, &cx.owner)
            .ok_or_else(|| local(&operation, "the API server took its labels away"))?;
        Ok(self.found(&made, self.authority()?.as_ref()))
    }
}

impl Content {
    fn data(&self) -> site_secret::Data<'_> {
        site_secret::Data {
            chain_pem: &self.chain_pem,
            key_pem: self.key_pem.expose_secret(),
            ca_pem: self.ca_pem.as_deref(),
        }
    }
}

impl BroughtFiles {
    /// Reads the files; the error tells whether the key is at fault.
    ///
    /// # Errors
    /// Returns an error if one of them cannot be read, or if they do not belong together.
    pub fn read(&self) -> Result<infra_ssl::Brought, (bool, String)> {
        let read = |path: &PathBuf, is_key: bool| {
            std::fs::read_to_string(path)
                .map_err(|error| (is_key, format!("cannot read {}: {error}", path.display())))
        };
        let chain = read(&self.cert, false)?;
        let key = SecretString::from(read(&self.key, true)?);
        infra_ssl::Brought::read(chain, key).map_err(|error| match error {
            infra_ssl::BroughtError::Certificate(why) => {
                (false, format!("cannot use {}: {why}", self.cert.display()))
            }
            infra_ssl::BroughtError::Key(why) => {
                (true, format!("cannot use {}: {why}", self.key.display()))
            }
        })
    }
}

fn params() -> PostParams {
    PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() }
}

/// Returns the refusal to touch a Secret that somebody else made.
pub fn foreign(operation: &str, place: &TlsSecret) -> CloudError {
    let message = format!("the Secret {place} is there, and infra did not make it");
    let mut error = CloudError::new(ErrorKind::Invalid, operation, message);
    error.hint = Some(format!(
        "add exclude = [\"{place}\"] to [tls] if something else makes it, or delete it: \
         kubectl -n {} delete secret {}",
        place.namespace, place.name
    ));
    error
}

#[async_trait]
impl Resource for SiteCertificates {
    type Spec = SiteCertificateSpec;

    fn name(&self) -> &'static str {
        Self::KIND
    }

    fn place(&self) -> Place {
        Place::Cluster
    }

    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::Update
    }

    fn waits(&self) -> Waits {
        // An ACME server takes a minute or two; whoever must change DNS first sees why it waits.
        Waits {
            ready: Duration::from_secs(300),
            poll_max: Duration::from_secs(3),
            ..Waits::default()
        }
    }

    async fn list_owned(
        &self,
        cx: &Context,
    ) -> Result<Vec<Found<SiteCertificateSpec>>, CloudError> {
        if !self.kube.exists() {
            return Ok(Vec::new());
        }
        let api: Api<Secret> = Api::all(self.kube.client().await?.raw().clone());
        let params = ListParams::default().labels(&site_secret::selector(&cx.owner));
        let listed = api
            .list(&params)
            .await
            .map_err(|error| of_kube("list the certificates of sites", &error))?;
        let authority = self.authority()?;
        let all = listed.items.into_iter().filter_map(|one| SiteSecret::read(one, &cx.owner));
        let ours = all.filter(|one| self.is_ours(one.environment.as_ref(), &one.place));
        let client = self.kube.client().await?.raw().clone();
        let asked = acme_certificate::list(&client, &cx.owner).await?;
        let mut found: Vec<_> = asked
            .iter()
            .filter(|one| self.is_ours(one.environment.as_ref(), &one.place))
            .map(|one| self.found_acme(one))
            .collect();
        let others = ours.filter(|secret| asked.iter().all(|one| one.place != secret.place));
        found.extend(others.map(|secret| self.found(&secret, authority.as_ref())));
        Ok(found)
    }

    async fn create(
        &self,
        cx: &Context,
        requests: &[(CreateRequest, SiteCertificateSpec)],
    ) -> Vec<Result<Found<SiteCertificateSpec>, CloudError>> {
        let mut made = Vec::with_capacity(requests.len());
        for (request, spec) in requests {
            made.push(self.make(cx, &request.address, spec).await);
        }
        made
    }

    async fn update(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        spec: SiteCertificateSpec,
    ) -> Result<Found<SiteCertificateSpec>, CloudError> {
        self.make(cx, &request.observed.address, &spec).await
    }

    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("delete {}", observed.address);
        let Some(place) = Self::secret(&observed.address) else { return Ok(true) };
        let client = self.kube.client().await?.raw().clone();
        acme_certificate::delete(&client, &operation, &place, &cx.owner).await?;
        let api = self.api(&place.namespace).await?;
        let failed = |error: kube::Error| of_kube(&operation, &error);
        let there = api.get_opt(&place.name).await.map_err(failed)?;
        // One that somebody else has made under this name since is theirs.
        let Some(own) = there.and_then(|one| SiteSecret::read(one, &cx.owner)) else {
            return Ok(true);
        };
        let preconditions = Preconditions { uid: Some(own.uid.clone()), resource_version: None };
        let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        match api.delete(&place.name, &params).await {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(true),
            Err(error) => Err(failed(error)),
        }
    }
}

/// Reports whether somebody else has made the Secret that `address` is about.
///
/// # Errors
/// Returns an error if it cannot be read.
pub async fn is_foreign(
    kube: &KubeAccess,
    owner: &Owner,
    place: &TlsSecret,
) -> Result<bool, CloudError> {
    let api: Api<Secret> = Api::namespaced(kube.client().await?.raw().clone(), &place.namespace);
    let found = api
        .get_opt(&place.name)
        .await
        .map_err(|error| of_kube(&format!("read Secret/{place}"), &error))?;
    Ok(found.is_some_and(|found| SiteSecret::read(found, owner).is_none()))
}
