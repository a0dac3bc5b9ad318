//! The app suite.

use std::{path::PathBuf, time::Duration};

use infra_provider_api::Cluster;

use super::{Resolver, variables::Variables};
use crate::apps::addons::ALL_NAMESPACES;
use crate::config::{
    project::{
        AddonsConfig, AppsConfig, DockerSecretConfig, EnvSecretConfig, FROM_GIT, FileSecretConfig,
        IngressConfig, OpenConfig,
    },
    raw::{RawFileSecret, RawOpen},
    values,
};

impl Resolver<'_> {
    /// Returns the path of a file that is read; `-` is standard input.
    fn input(&self, path: &str) -> PathBuf {
        if path == "-" { PathBuf::from(path) } else { self.local(path) }
    }

    fn file_secret(&self, raw: RawFileSecret) -> FileSecretConfig {
        let file = |(key, path): (String, String)| (key, self.input(&path));
        FileSecretConfig {
            name: raw.name,
            secret_type: raw.secret_type.unwrap_or_else(|| "Opaque".into()),
            files: raw.files.into_iter().map(file).collect(),
            namespaces: raw.namespaces,
            hashed: raw.hashed,
        }
    }

    fn open(
        &mut self,
        name: &str,
        raw: &RawOpen,
        environment: Option<&str>,
    ) -> Option<(String, OpenConfig)> {
        let target = raw.service.replace("${ENVIRONMENT}", environment.unwrap_or_default());
        let Some((namespace, service)) = target.split_once('/') else {
            self.wrong_hint(
                &["apps", "open", name, "service"],
                format!("`{}` does not name a Service", raw.service),
                "write namespace/name",
            );
            return None;
        };
        let plan = OpenConfig {
            namespace: namespace.to_owned(),
            service: service.to_owned(),
            port: raw.port,
            path: raw.path.clone().unwrap_or_else(|| "/".into()),
        };
        Some((name.to_owned(), plan))
    }

    fn folder_of(&mut self, key: &str, written: Option<&String>) -> Option<PathBuf> {
        let path = self.local(written?);
        if !path.is_dir() {
            self.wrong(&["apps", key], format!("there is no folder {}", path.display()));
        }
        Some(path)
    }

    fn ingress_namespaces(&mut self, written: Vec<String>) -> Vec<String> {
        for name in written.iter().filter(|name| *name != ALL_NAMESPACES) {
            if let Err(why) = values::label(name, 63) {
                let message = format!("`{name}` is not the name of a namespace: {why}");
                let hint = "write names, or \"*\" for every namespace".to_owned();
                self.wrong_hint(&["apps", "ingress", "namespaces"], message, hint);
            }
        }
        written
    }

    pub(super) fn apps(&mut self, cluster: &Cluster, environment: Option<&str>) -> AppsConfig {
        let raw = self.raw.apps.clone().unwrap_or_default();
        let Variables { mut variables, mut origins, environment_variables } =
            self.variables(&raw.variables);
        let mut given = |name: &str, value: &str, origin: &str| {
            variables.entry(name.to_owned()).or_insert_with(|| {
                origins.insert(name.to_owned(), origin.to_owned());
                value.to_owned()
            });
        };
        if let Some(dns) = &cluster.dns {
            given("DOMAIN", &dns.domain, "[dns]");
        }
        if let Some(environment) = environment {
            given("ENVIRONMENT", environment, "the environment that is chosen");
        }
        if let Some(version) = raw.version.as_ref().filter(|version| *version != FROM_GIT) {
            given("VERSION", version, "[apps] version");
        }
        let timeout = raw.timeout.as_deref().unwrap_or("5m");
        let open = raw.open.iter().filter_map(|(name, open)| self.open(name, open, environment));
        let open = open.collect();
        let wait_rules = self.wait_rules(&raw.wait);
        AppsConfig {
            base: self.folder_of("base", raw.base.as_ref()),
            overlay: self.folder_of("overlay", raw.overlay.as_ref()),
            variables,
            origins,
            environment_variables,
            exported: raw.exported,
            create_namespaces: raw.create_namespaces,
            verbatim: raw.verbatim.clone(),
            version: raw.version,
            promote_from: raw.promote_from,
            versioned_images: raw.images.versioned,
            require_digest: raw.images.require_digest,
            ingress: IngressConfig {
                class: raw.ingress.class.unwrap_or_else(|| crate::apps::ADDON_CLASS.into()),
                namespaces: self.ingress_namespaces(raw.ingress.namespaces),
                other_classes: raw.ingress.other_classes,
                keep_retired: raw.ingress.keep_retired.unwrap_or(false),
                issuer: raw.ingress.issuer,
                tls: raw.ingress.tls.unwrap_or(true),
            },
            file_secrets: raw
                .file_secret
                .into_iter()
                .map(|secret| self.file_secret(secret))
                .collect(),
            open,
            env_secret: raw.env_secret.map(|secret| EnvSecretConfig {
                file: self.input(&secret.file),
                keys: secret.keys,
                name: secret.name,
                namespaces: secret.namespaces,
                hashed: secret.hashed,
            }),
            docker_secret: raw.docker_secret.map(|secret| DockerSecretConfig {
                file: self.input(secret.file.as_deref().unwrap_or("~/.docker/config.json")),
                name: secret.name,
                namespaces: secret.namespaces,
                registries: secret.registries,
            }),
            addons: AddonsConfig {
                cni: raw.addons.cni.unwrap_or(true),
                cloud: raw.addons.cloud.unwrap_or(true),
                ingress: raw.addons.ingress.unwrap_or(true),
            },
            remote_bases: raw.remote_bases,
            kustomize_limit: self.take(
                &["apps", "kustomize_timeout"],
                values::duration(raw.kustomize_timeout.as_deref().unwrap_or("1m")),
                Duration::from_secs(60),
            ),
            container_logs: raw.container_logs.unwrap_or(true),
            wait_rules,
            timeout: self.take(
                &["apps", "timeout"],
                values::duration(timeout),
                Duration::from_secs(300),
            ),
        }
    }
}
