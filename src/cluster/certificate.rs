//! `certificate`: the cluster's PKI and kubeconfig, in `ssl/<cluster>/` on this machine.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, Found, Input, ManagedBy, Observed, OnChange,
    Outputs, Place, Readiness, Resource, UpdateRequest,
};
use infra_ssl::{ENCRYPTION_KEYS, EncryptionStart, PkiSpec, Validity, Verdict};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::errors::{local, of_pki};
use crate::state::Persister;

/// One thing in the PKI folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateSpec {
    /// `valid`, or why it must be recreated: `expires in 12 days`.
    pub state: String,
    /// The API server's address, for the kubeconfig.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<Input<String>>,
    /// Its port, for the kubeconfig.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

impl CertificateSpec {
    /// Returns the spec that is declared: the certificates exist and are not about to end.
    pub fn valid() -> Self {
        Self { state: "valid".into(), server: None, port: None }
    }
}

/// What fails if a file of the PKI cannot be used.
pub const READ_CERTIFICATES: &str = "read the cluster's certificates";

/// The kind.
pub struct Certificates {
    folder: PathBuf,
    cluster: String,
    validity: Validity,
    encryption: Option<EncryptionStart>,
    /// Whether there is, or shall be, an authority for sites.
    site: bool,
    /// There is nothing else: the cloud runs the control plane.
    sites_only: bool,
    // `infra_ssl::ensure` looks after the whole folder; two at once would make things twice.
    busy: Mutex<()>,
    keeper: Option<Arc<dyn Persister>>,
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificates").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Certificates {
    /// Makes the kind for the PKI of `cluster` in `folder`.
    pub fn new(folder: PathBuf, cluster: String, validity: Validity) -> Self {
        Self {
            folder,
            cluster,
            validity,
            encryption: None,
            site: false,
            sites_only: false,
            busy: Mutex::new(()),
            keeper: None,
        }
    }

    /// Sets how encryption keys are begun.
    #[must_use]
    pub fn with_encryption(mut self, start: Option<EncryptionStart>) -> Self {
        self.encryption = start;
        self
    }

    /// Adds an authority for sites, or leaves it out. One that is there is never left out.
    #[must_use]
    pub fn with_site(mut self, site: bool) -> Self {
        self.site = site;
        self
    }

    /// Leaves out all but the authority for sites: the cloud has the others of its own.
    #[must_use]
    pub fn of_sites_only(mut self) -> Self {
        self.sites_only = true;
        self
    }

    /// Sends what is made to `keeper`, before anything that needs it is begun.
    #[must_use]
    pub fn kept_by(mut self, keeper: Option<Arc<dyn Persister>>) -> Self {
        self.keeper = keeper;
        self
    }

    async fn keep(&self) -> Result<(), CloudError> {
        match &self.keeper {
            Some(keeper) => keeper.persist().await,
            None => Ok(()),
        }
    }

    /// The name of the authority for sites, which only some clusters have.
    pub const SITE: &'static str = "site-ca";

    /// The names of what is declared of every cluster; the kubeconfig is apart, it needs the API
    /// server's address.
    pub const NAMES: [&'static str; 6] =
        ["ca", "etcd-ca", "front-proxy-ca", "sa", "admin", "bootstrap.secret"];

    fn spec(&self) -> PkiSpec {
        PkiSpec::new(&self.cluster)
            .with_validity(self.validity)
            .with_encryption(self.encryption)
            .with_site(self.site)
            .with_sites_only(self.sites_only)
    }

    fn path(&self, name: &str) -> PathBuf {
        match name {
            "kubeconfig" | "bootstrap.secret" | ENCRYPTION_KEYS => self.folder.join(name),
            "sa" => self.folder.join("sa.pub"),
            _ => self.folder.join(format!("{name}.crt")),
        }
    }

    /// Reads the server that the kubeconfig points at, as `(host, port)`.
    fn kubeconfig_server(&self) -> Option<(String, u16)> {
        #[derive(Deserialize)]
        struct Config {
            clusters: Vec<Named>,
        }
        #[derive(Deserialize)]
        struct Named {
            cluster: Cluster,
        }
        #[derive(Deserialize)]
        struct Cluster {
            server: url::Url,
        }
        let text = std::fs::read_to_string(self.path("kubeconfig")).ok()?;
        let config: Config = serde_yaml_ng::from_str(&text).ok()?;
        let server = &config.clusters.first()?.cluster.server;
        Some((server.host_str()?.to_owned(), server.port_or_known_default()?))
    }

    fn ensure(&self, name: &str, spec: &CertificateSpec) -> Result<(), CloudError> {
        let operation = format!("make certificate.{name}");
        let _one_at_a_time = self.busy.lock().map_err(|error| local(&operation, error))?;
        let mut pki = self.spec();
        let (known, port) = (spec.server.as_ref().and_then(Input::known), spec.port);
        if let (Some(host), Some(port)) = (known, port) {
            pki = pki.with_server(format!("https://{host}:{port}"));
        } else if let Some((host, port)) = self.kubeconfig_server() {
            // A renewed administrator's certificate must reach the kubeconfig too.
            pki = pki.with_server(format!("https://{host}:{port}"));
        }
        infra_ssl::ensure(&self.folder, &pki, Timestamp::now())
            .map_err(|error| of_pki(&operation, &error))?;
        Ok(())
    }

    fn found(&self, name: &str, state: String) -> Found<CertificateSpec> {
        let path = self.path(name);
        let mut spec = CertificateSpec { state, server: None, port: None };
        if name == "kubeconfig"
            && let Some((host, port)) = self.kubeconfig_server()
        {
            spec.server = Some(Input::Known(host));
            spec.port = Some(port);
        }
        let outputs = Outputs::from([("path".to_owned(), path.display().to_string().into())]);
        Found {
            address: Address::new("certificate", name),
            id: name.to_owned(),
            spec,
            outputs: outputs.into(),
            readiness: Readiness::Ready,
            intent_key: None,
            made_by: ManagedBy::Infra,
        }
    }
}

#[async_trait]
impl Resource for Certificates {
    type Spec = CertificateSpec;

    fn name(&self) -> &'static str {
        "certificate"
    }

    fn place(&self) -> Place {
        Place::Here
    }

    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::Update
    }

    async fn list_owned(&self, _: &Context) -> Result<Vec<Found<CertificateSpec>>, CloudError> {
        if !self.folder.exists() {
            return Ok(Vec::new());
        }
        let mut pki = self.spec();
        if let Some((host, port)) = self.kubeconfig_server() {
            pki = pki.with_server(format!("https://{host}:{port}"));
        }
        let now = Timestamp::now();
        let operation = READ_CERTIFICATES;
        let planned: BTreeMap<String, String> = infra_ssl::plan(&self.folder, &pki, now)
            .map_err(|error| of_pki(operation, &error))?
            .into_iter()
            .map(|change| (change.name, change.reason))
            .collect();
        let status = infra_ssl::status(&self.folder, &pki, now)
            .map_err(|error| of_pki(operation, &error))?;
        let mut found: Vec<_> = status
            .into_iter()
            .filter(|one| one.verdict != Verdict::Missing)
            .map(|one| {
                let state = planned.get(&one.name).cloned().unwrap_or_else(|| "valid".into());
                self.found(&one.name, state)
            })
            .collect();
        let listed =
            |found: &[Found<CertificateSpec>], name: &str| found.iter().any(|one| one.id == name);
        for name in ["bootstrap.secret", ENCRYPTION_KEYS] {
            if !listed(&found, name) && self.path(name).exists() {
                let state = planned.get(name).cloned().unwrap_or("valid".into());
                found.push(self.found(name, state));
            }
        }
        for authority in infra_ssl::unfinished(&self.folder) {
            found.push(self.found(authority.stem(), "was not finished".into()));
        }
        Ok(found)
    }

    async fn create(
        &self,
        _: &Context,
        requests: &[(CreateRequest, CertificateSpec)],
    ) -> Vec<Result<Found<CertificateSpec>, CloudError>> {
        let mut made = Vec::with_capacity(requests.len());
        for (request, spec) in requests {
            let name = request.address.name();
            let kept = match self.ensure(name, spec) {
                Ok(()) => self.keep().await,
                Err(error) => Err(error),
            };
            made.push(kept.map(|()| self.found(name, "valid".into())));
        }
        made
    }

    async fn update(
        &self,
        _: &Context,
        request: &UpdateRequest,
        spec: CertificateSpec,
    ) -> Result<Found<CertificateSpec>, CloudError> {
        let name = request.observed.address.name();
        self.ensure(name, &spec)?;
        self.keep().await?;
        Ok(self.found(name, "valid".into()))
    }

    async fn delete(&self, _: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let name = observed.address.name();
        let operation = format!("delete certificate.{name}");
        {
            let _one_at_a_time = self.busy.lock().map_err(|error| local(&operation, error))?;
            let removed = infra_ssl::remove(&self.folder, name)
                .map_err(|error| of_pki(&operation, &error))?;
            if let Some(keeper) = &self.keeper {
                keeper.removed(&removed);
            }
        }
        self.keep().await?;
        Ok(true)
    }

    fn delete_warning(&self, observed: &Observed) -> Option<String> {
        if observed.id == ENCRYPTION_KEYS {
            return Some("nothing can read the Secrets of this cluster without it".to_owned());
        }
        observed
            .id
            .ends_with("ca")
            .then(|| "its key is deleted; nothing it signed can be renewed".to_owned())
    }
}
