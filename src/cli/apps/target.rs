//! Which suite, and which cluster.

use std::{collections::BTreeMap, path::PathBuf};

use clap::Args;
use tokio_util::sync::CancellationToken;

use crate::{
    apps::{ClusterRef, KubeClient, Suite, SuiteSource},
    cli::{confirm::Consent, global::Global, run::listen},
    config::FROM_GIT,
    session::{CliError, ExitCode, SuiteOptions, app_source, kube_tokens, sim},
    state::ClusterLayout,
};

/// Which suite.
#[derive(Clone, Debug, Args)]
pub struct SuiteArgs {
    /// A folder of manifests (or of a kustomization); then no infra.toml is needed.
    #[arg(long, value_name = "DIR")]
    base: Option<PathBuf>,
    /// A folder merged over it.
    #[arg(long, value_name = "DIR", requires = "base")]
    overlay: Option<PathBuf>,
    /// The suite's name in the cluster. Default: `apps`, or `apps-ENV`.
    #[arg(long, value_name = "NAME")]
    suite: Option<String>,
    /// The namespace of objects that name none.
    #[arg(long, short, value_name = "NAME", requires = "base")]
    namespace: Option<String>,
    /// A value for ${NAME}, over those of infra.toml; may be given more than once.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
    /// Leave ${…} untouched in this file or folder (relative to --base or --overlay)
    ///
    /// Use it for manifests of other projects; `.` means all. May be given more than once.
    #[arg(long, value_name = "PATH")]
    verbatim: Vec<PathBuf>,
    /// The version that is rolled out: the value of ${VERSION}, and the tag that versioned images
    /// must have. `git` is the tag of the commit that is checked out.
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
}

/// Which cluster.
#[derive(Clone, Debug, Args)]
pub struct ClusterArgs {
    /// The kubeconfig. Default: that of infra.toml's cluster when there is one, else kubectl's.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The context in it. Default: its current one.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

/// A suite that is to be worked on.
pub(super) struct Chosen {
    pub(super) source: SuiteSource,
    /// The cluster's name in infra.toml.
    pub(super) cluster: Option<String>,
    pub(super) environment: Option<String>,
    pub(super) protected: bool,
    pub(super) timeout: std::time::Duration,
}

impl SuiteArgs {
    /// Finds the suite that is meant. It reads infra.toml unless --base is given.
    pub(super) fn choose(&self, global: &Global) -> Result<Chosen, CliError> {
        let given: BTreeMap<String, String> = self.set.iter().cloned().collect();
        let options = SuiteOptions { version: self.version.clone(), variables: given };
        let Some(base) = &self.base else {
            let project = global.apps_project()?;
            let Some(mut source) = app_source(&project, &options) else {
                return Err(CliError::new(ExitCode::Invalid, "infra.toml has no [apps] base")
                    .hint("add `base = \"apps\"` to [apps], or give --base DIR"));
            };
            if let Some(name) = &self.suite {
                source.name.clone_from(name);
            }
            source.verbatim.extend(self.verbatim.iter().cloned());
            return Ok(Chosen {
                source,
                cluster: Some(project.cluster.name.clone()),
                environment: project.cluster.environment.clone(),
                protected: project.cluster.protected,
                timeout: project.apps.timeout,
            });
        };
        let environment = global.env.clone();
        let mut variables = options.variables;
        if let Some(name) = &environment {
            variables.entry("ENVIRONMENT".to_owned()).or_insert_with(|| name.clone());
        }
        let from_git = self.version.as_deref() == Some(FROM_GIT);
        let version = self.version.clone().filter(|_| !from_git);
        let mut origins: BTreeMap<String, String> =
            variables.keys().map(|name| (name.clone(), "the command line".to_owned())).collect();
        if let Some(version) = &version {
            variables.insert("VERSION".to_owned(), version.clone());
            origins.insert("VERSION".to_owned(), "--version".to_owned());
        }
        let fallback = environment.as_ref().map_or("apps".into(), |name| format!("apps-{name}"));
        let source = SuiteSource {
            name: self.suite.clone().unwrap_or(fallback),
            base: base.clone(),
            overlay: self.overlay.clone(),
            namespace: self.namespace.clone(),
            variables,
            origins,
            version_from_git: from_git.then(|| base.clone()),
            remote_bases: global.allow_remote_bases.clone(),
            verbatim: self.verbatim.clone(),
            ..SuiteSource::default()
        };
        let timeout = std::time::Duration::from_secs(300);
        Ok(Chosen { source, cluster: None, environment, protected: false, timeout })
    }
}

impl Chosen {
    /// Loads it, and says which variables nothing uses.
    pub(super) fn load(&self, global: &Global) -> Result<Suite, CliError> {
        let suite = Suite::load(&self.source)?;
        if !global.json
            && global.is_verbose()
            && let Some(line) = self.source.origins_line()
        {
            eprintln!("{line}");
        }
        if !global.json {
            for name in suite.unused_variables() {
                // These are given to every suite.
                if !["DOMAIN", "ENVIRONMENT", "VERSION"].contains(&name.as_str()) {
                    eprintln!("note: the variable `{name}` is given, but no manifest uses it");
                }
            }
            for note in suite.notes() {
                eprintln!("note: {note}");
            }
            for kind in suite.unused_wait_rules() {
                eprintln!("note: [[apps.wait]] names {kind}, but the suite has no such object");
            }
        }
        Ok(suite)
    }

    /// Returns the flags about asking for confirmation.
    pub(super) fn consent<'a>(&'a self, yes: bool, name: Option<&'a str>) -> Consent<'a> {
        let own = self.environment.as_deref().or(self.cluster.as_deref());
        Consent { yes, name, protected: own.filter(|_| self.protected), stop: None }
    }
}

/// A suite with its cluster; the first line has been printed, Ctrl-C is listened to.
pub(super) struct Opened {
    pub(super) client: KubeClient,
    pub(super) stop: CancellationToken,
}

/// The cluster that is meant.
pub(in crate::cli) struct Connected {
    pub(in crate::cli) client: KubeClient,
    /// Its entry in the kubeconfig.
    pub(in crate::cli) at: ClusterRef,
    /// Whether it is infra.toml's own.
    is_own: bool,
}

impl Connected {
    /// Returns the cluster's name: infra.toml's own, else the kubeconfig's.
    pub(in crate::cli) fn cluster<'a>(&'a self, project: Option<&'a str>) -> &'a str {
        project.filter(|_| self.is_own).unwrap_or(&self.at.cluster)
    }

    /// Describes in one line what a verb is about.
    pub(in crate::cli) fn line(
        &self,
        verb: &str,
        project: Option<&str>,
        environment: Option<&str>,
        suite: Option<&str>,
    ) -> String {
        let cluster = self.cluster(project);
        let mut parts = vec![format!("infra {verb}"), format!("cluster {cluster}")];
        parts.extend(project.filter(|name| *name != cluster).map(|name| format!("project {name}")));
        parts.extend(environment.map(|name| format!("environment {name}")));
        parts.extend(suite.map(|name| format!("suite {name}")));
        parts.push(format!("context {} of {}", self.at.context, self.at.origin));
        parts.push(self.client.server().to_owned());
        parts.join(" · ")
    }
}

impl ClusterArgs {
    /// Connects to the cluster that is meant. Nothing is sent.
    pub(in crate::cli) async fn connect(
        &self,
        global: &Global,
        cluster: Option<&str>,
    ) -> Result<Connected, CliError> {
        let home = global.home(cluster);
        if let Some(name) = cluster.filter(|_| global.sim || self.kubeconfig.is_none())
            && let Some(note) = home.check(name)?
        {
            eprintln!("{note}");
        }
        if global.sim {
            sim::start(&home.sim(), global.sim_speed, None).await?;
        }
        let own = cluster
            .map(|name| ClusterLayout::of(&home, name).kubeconfig())
            .filter(|path| path.exists());
        let path = self.kubeconfig.clone().or_else(|| own.clone());
        if path.is_none() && global.sim {
            return Err(CliError::new(ExitCode::Failed, "the cluster is not there yet")
                .hint("`infra apply --sim` makes it"));
        }
        let context = self.context.as_deref();
        let is_own = path.is_some() && path == own;
        // Without infra.toml there is no cluster of its own.
        let tokens = match is_own.then(|| global.apps_project()).transpose()? {
            Some(project) => {
                kube_tokens(&project.cluster.provider, &global.session(), &home).await?
            }
            None => None,
        };
        let (client, at) = match &path {
            Some(path) if is_own => match &tokens {
                Some(tokens) => KubeClient::from_own_with_tokens(path, context, tokens).await?,
                None => KubeClient::from_own(path, context).await?,
            },
            Some(path) => KubeClient::from_file_named(path, context).await?,
            None => KubeClient::from_environment(context).await?,
        };
        Ok(Connected { client, at, is_own })
    }

    /// Connects, and says what the verb is about. Nothing is sent.
    pub(super) async fn open(
        &self,
        global: &Global,
        chosen: &Chosen,
        verb: &str,
    ) -> Result<Opened, CliError> {
        let connected = self.connect(global, chosen.cluster.as_deref()).await?;
        if !global.json {
            let environment = chosen.environment.as_deref();
            let suite = Some(chosen.source.name.as_str());
            let line = connected.line(verb, chosen.cluster.as_deref(), environment, suite);
            eprintln!("{line}");
        }
        let stop = CancellationToken::new();
        listen(stop.clone(), CancellationToken::new());
        Ok(Opened { client: connected.client, stop })
    }
}
