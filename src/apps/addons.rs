//! The suites that are part of the program.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use secrecy::SecretString;

use super::{
    AppsError, Suite, SuiteSource,
    load::{Variables, read},
};

/// One embedded suite: name and files.
struct Addon {
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
}

macro_rules! addon {
    ($name:literal: $($file:literal),+) => {
        Addon {
            name: $name,
            files: &[$((
                concat!("provisioning/addons/", $name, "/", $file),
                include_str!(concat!("../../provisioning/addons/", $name, "/", $file)),
            )),+],
        }
    };
}

const ADDONS: [Addon; 4] = [
    addon!("aws": "cloud-controller-manager.yaml", "storage.yaml", "csi-rbac.yaml",
        "csi-controller.yaml", "csi-node.yaml"),
    addon!("cni": "namespace.yaml", "rbac.yaml", "config.yaml", "daemonset.yaml"),
    addon!("digitalocean": "secret.yaml", "cloud-controller-manager.yaml", "storage.yaml",
        "csi-rbac.yaml", "csi-controller.yaml", "csi-node.yaml"),
    addon!("ingress-nginx": "namespace.yaml", "rbac.yaml", "config.yaml", "controller.yaml", "service.yaml"),
];

/// The names that [`suite`] takes.
pub fn names() -> Vec<&'static str> {
    ADDONS.iter().map(|addon| addon.name).collect()
}

/// An embedded suite, called `addon-<name>`. `cni` takes POD_CIDR; `aws` takes REGION and
/// CLUSTER_ID; `digitalocean` takes REGION,
/// CLUSTER_ID, VPC_ID, DO_TAG, and the secret DO_TOKEN; `ingress-nginx` takes LOAD_BALANCER_NAME.
///
/// # Errors
/// [`AppsError::UnknownAddon`], and [`AppsError::Manifests`] when a variable is missing.
pub fn suite(
    name: &str,
    variables: BTreeMap<String, String>,
    secret_variables: BTreeMap<String, SecretString>,
) -> Result<Suite, AppsError> {
    let Some(addon) = ADDONS.iter().find(|addon| addon.name == name) else {
        let known = names().into_iter().map(ToOwned::to_owned).collect();
        return Err(AppsError::UnknownAddon { name: name.to_owned(), known });
    };
    let source = SuiteSource {
        name: format!("addon-{name}"),
        variables,
        secret_variables,
        ..SuiteSource::default()
    };
    let values = Variables { plain: &source.variables, secret: &source.secret_variables };
    let (mut used, mut problems, mut manifests) = (BTreeSet::new(), Vec::new(), Vec::new());
    for (path, text) in addon.files {
        manifests.extend(read(&PathBuf::from(path), text, &values, &mut used, &mut problems));
    }
    Suite::from_manifests(&source, manifests, used, problems)
}
