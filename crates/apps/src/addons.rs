//! The suites that are part of the program.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use infra_provider_api::{CloudManifests, EmbeddedFile, embedded_files};
use infra_versions::{Versions, VersionsError, minor_of, versions};
use secrecy::SecretString;

use super::{
    AppsError, ConditionIs, Suite, SuiteSource, Until, WaitRule,
    load::{Manifest, Variables, read},
};

/// The file that is read once for each namespace of the variable NAMESPACES.
const IN_NAMESPACE: &str = "rights-in-namespace.yaml";
/// The file that is read instead when NAMESPACES is `*`.
const EVERYWHERE: &str = "rights-everywhere.yaml";
/// What the clouds' annotations of the ingress controller's Service come after.
const ANNOTATIONS: &str = "@CLOUD_ANNOTATIONS@";
/// Every namespace.
pub const ALL_NAMESPACES: &str = "*";

/// The addons that belong to no cloud: name and files.
const COMMON: [(&str, &[EmbeddedFile]); 3] = [
    (
        CERT_MANAGER,
        embedded_files!("provisioning/addons/cert-manager" in "../../..":
            "namespace.yaml", "definitions.yaml", "rights.yaml", "controller.yaml", "issuer-http-01.yaml"),
    ),
    (
        "cni",
        embedded_files!("provisioning/addons/cni" in "../../..":
            "namespace.yaml", "rbac.yaml", "config.yaml", "daemonset.yaml", "network-policies.yaml"),
    ),
    (
        "traefik",
        embedded_files!("provisioning/addons/traefik" in "../../..":
            "namespace.yaml", "class.yaml", "rights.yaml", "rights-in-namespace.yaml",
            "rights-everywhere.yaml", "controller.yaml", "service.yaml"),
    ),
];

/// The suite that installs cert-manager.
pub const CERT_MANAGER: &str = "cert-manager";

/// Suites that an earlier version of this program installed: the name in their address, and in the
/// cluster.
pub const RETIRED: [(&str, &str); 1] = [("ingress-nginx", "addon-ingress-nginx")];

/// The addons of this program: those of every cluster, and those of its clouds.
#[derive(Clone, Debug)]
pub struct Addons {
    clouds: Vec<&'static CloudManifests>,
}

impl Addons {
    /// Makes the list, with what `clouds` bring.
    pub fn new(clouds: impl IntoIterator<Item = &'static CloudManifests>) -> Self {
        Self { clouds: clouds.into_iter().collect() }
    }

    /// Returns the names that [`Self::suite`] takes.
    pub fn names(&self) -> Vec<&'static str> {
        let common = COMMON.iter().map(|(name, _)| *name);
        let mut names: Vec<_> = common.chain(self.clouds.iter().map(|own| own.addon)).collect();
        names.sort_unstable();
        names
    }

    /// Returns the manifests of an addon, as they are written: path and text.
    pub fn files(&self, name: &str) -> Option<Vec<EmbeddedFile>> {
        if let Some(own) = self.clouds.iter().find(|own| own.addon == name) {
            return Some(own.files.to_vec());
        }
        let (_, common) = COMMON.iter().find(|(known, _)| *known == name)?;
        let mut files = common.to_vec();
        if name == CERT_MANAGER {
            files.extend(self.clouds.iter().flat_map(|own| own.issuers));
        }
        Some(files)
    }

    /// Adds the clouds' annotations to the manifest that has the place for them.
    fn annotated(&self, text: &str) -> String {
        let all = self.clouds.iter().flat_map(|own| own.ingress_annotations);
        let lines = all.map(|(name, value)| format!("\n    {name}: \"{value}\""));
        text.replace(ANNOTATIONS, &lines.collect::<String>())
    }

    /// Returns the image of each variable, for a Kubernetes minor version.
    fn images(&self, minor: &str) -> Result<BTreeMap<String, String>, VersionsError> {
        let mut images = versions()?.images(minor);
        for own in &self.clouds {
            images.extend(Versions::parse(own.versions)?.images(minor));
        }
        Ok(images)
    }

    /// Loads an embedded suite, called `addon-<name>`, with the images for a Kubernetes version.
    ///
    /// - `cni` takes POD_CIDR and MACHINE_ADDRESS, an address of the machines' own network.
    /// - `cert-manager` takes CHALLENGE, ACME_EMAIL, ACME_SERVER; with `http-01` INGRESS_CLASS; with a
    ///   challenge of a cloud's DNS what that cloud's issuer takes.
    /// - `traefik` takes LOAD_BALANCER_NAME and NAMESPACES: the namespaces it serves, with commas, or
    ///   `*`.
    /// - A cloud's addon takes what the cloud's [`CloudManifests`] say.
    ///
    /// # Errors
    /// Returns [`AppsError::UnknownAddon`] if there is no such suite, and [`AppsError::Manifests`] if a
    /// variable is missing.
    pub fn suite(
        &self,
        name: &str,
        kubernetes: &str,
        mut variables: BTreeMap<String, String>,
        secret_variables: BTreeMap<String, SecretString>,
    ) -> Result<Suite, AppsError> {
        let Some(files) = self.files(name) else {
            let known = self.names().into_iter().map(ToOwned::to_owned).collect();
            return Err(AppsError::UnknownAddon { name: name.to_owned(), known });
        };
        let damaged = |error: VersionsError| AppsError::File {
            path: "provisioning/data/versions.toml".into(),
            source: std::io::Error::other(error),
        };
        let minor = minor_of(kubernetes).map_err(damaged)?;
        variables.extend(self.images(&minor).map_err(damaged)?);
        let mut ensured = BTreeSet::new();
        if let Some(namespaces) = variables.get("NAMESPACES") {
            let watched = Watched::of(namespaces);
            variables.extend(watched.variables());
            ensured = watched.elsewhere();
        }
        let source = SuiteSource {
            name: format!("addon-{name}"),
            variables,
            secret_variables,
            ensured_namespaces: ensured,
            wait_rules: wait_rules(name),
            ..SuiteSource::default()
        };
        let (mut used, mut problems, mut manifests) = (BTreeSet::new(), Vec::new(), Vec::new());
        let mut take =
            |path: &str, text: &str, plain: &BTreeMap<String, String>| -> Vec<Manifest> {
                let values = Variables { plain, secret: &source.secret_variables };
                read(&PathBuf::from(path), text, &values, &mut used, &mut problems)
            };
        let watched = source.variables.get("NAMESPACES").map(|text| Watched::of(text));
        for (path, text) in files {
            let text = &self.annotated(text);
            let is = |file: &str| path.ends_with(file);
            match &watched {
                Some(Watched::Named(namespaces)) if is(IN_NAMESPACE) => {
                    for namespace in namespaces {
                        let mut plain = source.variables.clone();
                        plain.insert("NAMESPACE".to_owned(), namespace.clone());
                        manifests.extend(take(path, text, &plain));
                    }
                }
                Some(Watched::Named(_)) if is(EVERYWHERE) => {}
                Some(Watched::All) if is(IN_NAMESPACE) => {}
                _ if is_other_issuer(path, &source.variables) => {}
                _ => manifests.extend(take(path, text, &source.variables)),
            }
        }
        Suite::from_manifests(&source, manifests, used, problems)
    }
}

/// Returns true for the file of an issuer that answers in another way than CHALLENGE.
fn is_other_issuer(path: &str, variables: &BTreeMap<String, String>) -> bool {
    let challenge = path.rsplit_once("/issuer-").and_then(|(_, file)| file.strip_suffix(".yaml"));
    challenge.is_some_and(|challenge| variables.get("CHALLENGE").is_none_or(|own| own != challenge))
}

/// Returns when the objects of an addon are ready that no convention tells of.
fn wait_rules(name: &str) -> Vec<WaitRule> {
    let mut rules = Vec::new();
    if name == CERT_MANAGER {
        // Nothing has a status before the controller's first pod runs.
        rules.push(WaitRule {
            kind: "ClusterIssuer.cert-manager.io".to_owned(),
            until: Until::Condition(ConditionIs {
                name: "Ready".to_owned(),
                status: "True".to_owned(),
            }),
            failed: None,
        });
    }
    rules
}

/// The namespaces that the ingress controller serves.
enum Watched {
    All,
    Named(BTreeSet<String>),
}

/// The namespace that the ingress controller itself is in.
const OWN: &str = "traefik";

impl Watched {
    fn of(text: &str) -> Self {
        let named = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        let mut all: BTreeSet<String> = named.map(ToOwned::to_owned).collect();
        if all.contains(ALL_NAMESPACES) {
            return Self::All;
        }
        // The address that Ingresses get is read from its own Service.
        all.insert(OWN.to_owned());
        Self::Named(all)
    }

    /// Returns the namespaces that must be there and belong to others.
    fn elsewhere(&self) -> BTreeSet<String> {
        match self {
            Self::All => BTreeSet::new(),
            Self::Named(all) => all.iter().filter(|name| *name != OWN).cloned().collect(),
        }
    }

    /// Returns what the Deployment says of them.
    fn variables(&self) -> [(String, String); 2] {
        let (watched, rights) = match self {
            Self::All => (
                "--providers.kubernetesingress=true".to_owned(),
                "ClusterRoleBinding/traefik-everywhere".to_owned(),
            ),
            Self::Named(all) => {
                let names: Vec<&str> = all.iter().map(String::as_str).collect();
                let rights: Vec<String> =
                    names.iter().map(|name| format!("RoleBinding/{name}/traefik")).collect();
                let names = names.join(",");
                (format!("--providers.kubernetesingress.namespaces={names}"), rights.join(","))
            }
        };
        [("WATCHED".to_owned(), watched), ("RIGHTS".to_owned(), rights)]
    }
}
