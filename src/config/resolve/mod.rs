//! From what was written to what it means. Every finding is collected, none stops the others.

mod api_access;
mod apps;
mod arguments;
mod firewall;
mod kubernetes;
mod names;
mod network;
mod pools;
mod rollouts;
mod secrets;
mod state;
mod tls;
mod variables;
mod waits;

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use infra_cloud::ProviderSettings;
use infra_provider_api::{Cluster, Diagnostic, Placement, Pool, Source, Versions, line_of};

use crate::{clouds, state::home::Home};

use super::{load::Options, project::Project, raw::Raw, tree::Node, values};

const KUBERNETES_DEFAULT: &str = "1.36.2";

/// Returns true if there is such a cloud and this build has it. If not, that is the one thing to
/// say.
fn known_here(provider: &str) -> bool {
    clouds::find(provider).is_some()
}

/// Resolves a merged file.
///
/// # Errors
/// Returns everything that is wrong with it.
pub fn resolve(
    raw: &Raw,
    merged: &Node,
    path: &Path,
    text: &str,
    environment: Option<String>,
    environments: Vec<String>,
    options: &Options,
) -> Result<Project, Vec<Diagnostic>> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut resolver = Resolver { raw, merged, path, text, folder, found: Vec::new() };
    let project = resolver.project(environment, environments, options);
    if resolver.found.is_empty() { Ok(project) } else { Err(resolver.found) }
}

struct Resolver<'a> {
    raw: &'a Raw,
    merged: &'a Node,
    path: &'a Path,
    text: &'a str,
    folder: PathBuf,
    found: Vec<Diagnostic>,
}

impl Resolver<'_> {
    fn span(&self, path: &[&str]) -> Range<usize> {
        self.merged.at(path).span.clone()
    }

    fn source(&self, path: &[&str]) -> Option<Source> {
        let node = self.merged.at(path);
        let line = u32::try_from(line_of(self.text, node.key.start)).ok()?;
        Some(Source { file: self.path.display().to_string(), line, span: self.mark(node) })
    }

    /// Returns the bytes to mark for a value: its own, or those of its key where the value is a table
    /// or a text of many lines. The file as a whole has none.
    fn mark(&self, node: &Node) -> Option<Range<usize>> {
        if std::ptr::eq(node, self.merged) {
            return None;
        }
        let is_short = |span: &Range<usize>| {
            self.text.get(span.clone()).is_some_and(|text| !text.contains('\n'))
        };
        if node.span.start > node.key.start && is_short(&node.span) {
            return Some(node.span.clone());
        }
        let first = self.text.get(node.key.clone())?.lines().next()?;
        Some(node.key.start..node.key.start + first.len())
    }

    fn wrong(&mut self, path: &[&str], message: impl Into<String>) {
        let span = self.span(path);
        self.found.push(Diagnostic::new(message).at(span));
    }

    fn wrong_hint(&mut self, path: &[&str], message: String, hint: impl Into<String>) {
        let span = self.span(path);
        self.found.push(Diagnostic::new(message).at(span).help(hint));
    }

    /// Takes the value of a fallible reading, or a stand-in and a finding.
    fn take<T>(&mut self, path: &[&str], result: Result<T, String>, stand_in: T) -> T {
        result.unwrap_or_else(|why| {
            self.wrong(path, why);
            stand_in
        })
    }

    fn project(
        &mut self,
        environment: Option<String>,
        environments: Vec<String>,
        options: &Options,
    ) -> Project {
        let raw = self.raw;
        if let Err(why) = values::label(&raw.cluster.name, 40) {
            let name = &raw.cluster.name;
            let message = format!("the cluster's name `{name}` is refused: {why}");
            match values::near_label(name, 40) {
                Some(near) => {
                    self.wrong_hint(
                        &["cluster", "name"],
                        message,
                        format!("for instance `{near}`"),
                    );
                }
                None => self.wrong(&["cluster", "name"], message),
            }
        }
        let named = self.found.len();
        let provider = self.provider(options);
        let settings = self.settings(&provider);
        let region = settings.region.clone().unwrap_or_default();
        // What follows from an unknown provider is not worth a word of its own.
        let known = known_here(&provider);
        let elsewhere = clouds::find(&provider).is_some_and(|cloud| cloud.knows_region);
        if region.is_empty() && known && !elsewhere {
            self.wrong_hint(
                &["providers", &provider],
                format!("`region` is missing for the provider `{provider}`"),
                format!("add [providers.{provider}] with region = \"…\""),
            );
        }
        let placement = self.placement(&provider, &settings);
        let cluster_token = self.cluster_token(&provider, &settings);
        let network = self.network();
        let pools = self.pools(&provider, settings.image.as_deref());
        self.room(&network, pools.iter().map(Pool::nodes_max).sum());
        let rollouts = self.rollouts(&pools);
        let firewall = self.firewall(&network);
        let api_load_balancer = self.api_load_balancer(&provider);
        let dns = self.dns();
        let cluster = Cluster {
            name: raw.cluster.name.clone(),
            environment: environment.clone(),
            protected: raw.cluster.protected,
            region_source: self.source(&["providers", &provider, "region"]),
            account: settings.account.clone(),
            placement,
            managed: settings.managed.clone(),
            versions: Versions {
                kubernetes: self.kubernetes(),
                source: self.source(&["cluster", "kubernetes"]),
            },
            ssh_keys: self.ssh_keys(),
            api_load_balancer,
            bucket: raw.artifacts.bucket.clone(),
            tags: raw.cluster.tags.clone(),
            provider,
            region,
            network,
            pools,
            firewall,
            dns,
        };
        let mut ignored = self.ignored(&cluster.provider);
        ignored.extend(self.unused_rollouts(&cluster.provider));
        let kubernetes = self.kubernetes_config();
        let certificates = self.certificates();
        if options.apps_only {
            self.found.truncate(named);
        }
        let tls = self.tls(&cluster.provider);
        let mut apps = self.apps(&cluster, environment.as_deref());
        apps.remote_bases.extend(options.remote_bases.iter().cloned());
        let home = Home::of(self.path, options.state_dir.as_deref(), Some(&cluster.name));
        Project {
            file: self.path.to_owned(),
            kubernetes,
            rollouts,
            certificates,
            tls,
            cluster_token,
            state: self.state(),
            artifact_cache: raw
                .artifacts
                .cache
                .as_ref()
                .map_or_else(|| home.artifacts(), |cache| self.folder.join(cache)),
            home,
            folder: self.folder.clone(),
            cluster,
            apps,
            ignored,
            environments,
            any_environment: raw.cluster.any_environment,
        }
    }

    /// Reads the table of a cloud. What is wrong with it was found by its schema.
    fn settings(&mut self, provider: &str) -> ProviderSettings {
        let table = self.raw.providers.get(provider).cloned();
        let read =
            clouds::find(provider).zip(table).map(|(cloud, table)| (cloud.settings.read)(table));
        read.transpose()
            .unwrap_or_else(|error| {
                self.wrong(&["providers", provider], error.to_string());
                None
            })
            .unwrap_or_default()
    }

    fn placement(&mut self, provider: &str, settings: &ProviderSettings) -> Placement {
        let disk = settings.disk.as_deref().map(|text| {
            let mib = self.take(&["providers", provider, "disk"], values::mebibytes(text), 1024);
            mib.div_ceil(1024)
        });
        Placement {
            zones: settings.zones.clone(),
            private: settings.private,
            disk_gib: disk,
            source: self.source(&["providers", provider]),
        }
    }

    fn provider(&mut self, options: &Options) -> String {
        let written = self.raw.cluster.provider.clone();
        let Some(name) = options.provider.clone().or(written) else {
            self.wrong_hint(
                &["cluster"],
                "no provider is chosen".into(),
                format!(
                    "add provider = \"{example}\" to [cluster], or give --provider {example}",
                    example = clouds::KNOWN[0]
                ),
            );
            return String::new();
        };
        if !clouds::KNOWN.contains(&name.as_str()) {
            let hint = infra_provider_api::nearest(&name, clouds::KNOWN.iter().copied())
                .map_or_else(
                    || format!("known providers: {}", clouds::KNOWN.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
            let message = format!("there is no provider `{name}`");
            if options.provider.is_some() {
                self.found.push(Diagnostic::new(message).help(hint));
            } else {
                self.wrong_hint(&["cluster", "provider"], message, hint);
            }
        } else if !known_here(&name) {
            let message = format!("the provider `{name}` is not part of this build of infra");
            let hint = clouds::other_builds();
            if options.provider.is_some() {
                self.found.push(Diagnostic::new(message).help(hint));
            } else {
                self.wrong_hint(&["cluster", "provider"], message, hint);
            }
        }
        name
    }

    fn kubernetes(&mut self) -> String {
        let version = self.raw.cluster.kubernetes.clone().unwrap_or(KUBERNETES_DEFAULT.into());
        let parts: Vec<Option<u32>> = version.split('.').map(|part| part.parse().ok()).collect();
        match parts.as_slice() {
            // kubeadm.k8s.io/v1beta4 exists since 1.31.
            [Some(1), Some(minor), Some(_)] if *minor >= 31 => {}
            [Some(1), Some(_), Some(_)] => self.wrong(
                &["cluster", "kubernetes"],
                format!("Kubernetes {version} is too old; 1.31.0 is the oldest that works"),
            ),
            _ => self.wrong(
                &["cluster", "kubernetes"],
                format!("`{version}` is not a Kubernetes version; write it as 1.36.2"),
            ),
        }
        version
    }

    /// Resolves a path of the file: relative to its folder, `~/` to the home folder.
    fn local(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), std::env::home_dir()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => self.folder.join(path),
        }
    }
}
