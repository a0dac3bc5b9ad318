//! The app suite.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use infra_provider_api::Cluster;

use super::Resolver;
use crate::spec::{
    project::{AddonsPlan, AppsPlan, DockerSecretPlan, EnvSecretPlan},
    values,
};

impl Resolver<'_> {
    fn folder_of(&mut self, key: &str, written: Option<&String>) -> Option<PathBuf> {
        let path = self.local(written?);
        if !path.is_dir() {
            self.wrong(&["apps", key], format!("there is no folder {}", path.display()));
        }
        Some(path)
    }

    pub(super) fn apps(&mut self, cluster: &Cluster, environment: Option<&str>) -> AppsPlan {
        let raw = self.raw.apps.clone().unwrap_or_default();
        let mut variables: BTreeMap<String, String> = raw.variables.clone();
        if let Some(dns) = &cluster.dns {
            variables.entry("DOMAIN".into()).or_insert_with(|| dns.domain.clone());
        }
        if let Some(environment) = environment {
            variables.entry("ENVIRONMENT".into()).or_insert_with(|| environment.to_owned());
        }
        let timeout = raw.timeout.as_deref().unwrap_or("5m");
        AppsPlan {
            base: self.folder_of("base", raw.base.as_ref()),
            overlay: self.folder_of("overlay", raw.overlay.as_ref()),
            variables,
            env_secret: raw.env_secret.map(|secret| EnvSecretPlan {
                file: self.local(&secret.file),
                keys: secret.keys,
                name: secret.name,
                namespaces: secret.namespaces,
            }),
            docker_secret: raw.docker_secret.map(|secret| DockerSecretPlan {
                file: self.local(secret.file.as_deref().unwrap_or("~/.docker/config.json")),
                name: secret.name,
                namespaces: secret.namespaces,
            }),
            addons: AddonsPlan {
                cni: raw.addons.cni.unwrap_or(true),
                cloud: raw.addons.cloud.unwrap_or(true),
                ingress: raw.addons.ingress.unwrap_or(true),
            },
            timeout: self.take(
                &["apps", "timeout"],
                values::duration(timeout),
                Duration::from_secs(300),
            ),
        }
    }
}
