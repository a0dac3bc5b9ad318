//! Which suites a project gets.

use std::collections::BTreeMap;

use infra_cloud::ConnectedCloud;
use infra_provider_api::{Cluster, Input, Owner};

use super::served::{NAMESPACES, Shared};
use crate::{
    apps::{
        DockerSecret, EnvSecret, FileSecret, ImagePolicy, IngressDefaults, SuiteSource,
        addons::{CERT_MANAGER, RETIRED},
    },
    cluster::{INGRESS, SuiteSeed, Suites},
    config::{AcmeConfig, Challenge, FROM_GIT, Project},
};

/// Returns the suites of a project, with what its environments share.
pub(super) fn seeds(
    project: &Project,
    cloud: &ConnectedCloud,
    owner: &Owner,
    shared: &Shared,
) -> Suites {
    let mut suites = Suites::default();
    let addons = project.apps.addons;
    let cluster = &project.cluster;
    let kubernetes = cluster.versions.kubernetes.clone();
    if !project.apps.ingress.keep_retired {
        suites.retire(&RETIRED);
    }
    let plane = cloud.plane.own();
    // A cloud that runs the control plane brings these itself.
    if addons.cni && plane.is_some() {
        suites.add(
            "cni",
            SuiteSeed::Addon {
                provider: cluster.provider.clone(),
                addon: "cni".into(),
                kubernetes: kubernetes.clone(),
                variables: [
                    ("POD_CIDR".to_owned(), Input::Known(cluster.network.pods.to_string())),
                    ("MACHINE_ADDRESS".to_owned(), Input::Known(machine_address(cluster))),
                ]
                .into(),
                secrets: Default::default(),
            },
        );
    }
    if let Some(plane) = plane.filter(|_| addons.cloud) {
        let addon = (plane.addon)(cluster, owner);
        suites.add(
            "cloud",
            SuiteSeed::Addon {
                provider: cluster.provider.clone(),
                addon: addon.addon.into(),
                kubernetes: kubernetes.clone(),
                variables: addon.variables,
                secrets: addon.secrets,
            },
        );
    }
    if addons.ingress {
        // Not `Owner::exact_name`: that pattern marks what this tool made itself. Nor the name that an
        // earlier ingress controller's load balancer has: a cloud controller takes one over by name.
        let name = format!("{}-web-ingress-{}", owner.cluster, owner.short());
        let namespaces: Vec<&str> = shared.served.iter().map(String::as_str).collect();
        suites.add(
            INGRESS,
            SuiteSeed::Addon {
                provider: cluster.provider.clone(),
                addon: "traefik".into(),
                kubernetes,
                variables: [
                    ("LOAD_BALANCER_NAME".to_owned(), Input::Known(name)),
                    (NAMESPACES.to_owned(), Input::Known(namespaces.join(","))),
                ]
                .into(),
                secrets: Default::default(),
            },
        );
    }
    match &shared.acme {
        Some(acme) => {
            suites.add(CERT_MANAGER, cert_manager(acme, cloud, cluster));
        }
        // Where no environment wants it any more, it goes.
        None if !shared.may_want_cert_manager() => {
            suites.retire(&[(CERT_MANAGER, "addon-cert-manager")]);
        }
        None => {}
    }
    if let Some(apps) = app_seed(project) {
        suites.add("apps", apps);
    }
    suites
}

fn cert_manager(acme: &AcmeConfig, cloud: &ConnectedCloud, cluster: &Cluster) -> SuiteSeed {
    let known = |name: &str, value: &str| (name.to_owned(), Input::Known(value.to_owned()));
    let mut variables =
        BTreeMap::from([known("ACME_EMAIL", &acme.email), known("ACME_SERVER", &acme.server)]);
    let mut secrets = BTreeMap::new();
    match acme.challenge {
        Challenge::Http01 => variables.extend([
            known("CHALLENGE", acme.challenge.name()),
            known("INGRESS_CLASS", &acme.ingress_class),
        ]),
        Challenge::Dns01 => {
            // Where there are no credentials, the plan says so before anything is sent.
            let solver = &cloud.dns_solver;
            variables.extend([known("CHALLENGE", solver.challenge)]);
            variables.extend(solver.variables.clone());
            secrets.extend(solver.secrets.clone());
        }
    }
    SuiteSeed::Addon {
        provider: cluster.provider.clone(),
        addon: CERT_MANAGER.into(),
        kubernetes: cluster.versions.kubernetes.clone(),
        variables,
        secrets,
    }
}

/// Returns an address of the machines' own network: the way to it leads over their private interface.
fn machine_address(cluster: &Cluster) -> String {
    let network = cluster.network.machines;
    network.hosts().next().unwrap_or_else(|| network.network()).to_string()
}

/// Returns the name of an environment's suite.
fn suite_of(environment: &str) -> String {
    format!("apps-{environment}")
}

/// What the command line adds to the suite of infra.toml.
#[derive(Clone, Debug, Default)]
pub struct SuiteOptions {
    /// `--version`.
    pub version: Option<String>,
    /// `--set`.
    pub variables: BTreeMap<String, String>,
}

/// Returns the user's own suite in the chosen environment.
pub fn app_seed(project: &Project) -> Option<SuiteSeed> {
    app_source(project, &SuiteOptions::default()).map(|source| SuiteSeed::Folder(Box::new(source)))
}

/// Returns each variable with its value, and where that comes from. The command line goes before
/// the environment, and that before the file.
fn variables(
    project: &Project,
    options: &SuiteOptions,
) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let mut variables = project.apps.variables.clone();
    let mut origins = project.apps.origins.clone();
    let mut set = |name: &str, value: &str, origin: &str| {
        variables.insert(name.to_owned(), value.to_owned());
        origins.insert(name.to_owned(), origin.to_owned());
    };
    for (name, default) in &project.apps.environment_variables {
        match (std::env::var(name), default) {
            (Ok(value), _) if !value.is_empty() => set(name, &value, "the environment"),
            (_, Some(default)) => set(name, default, "its default in infra.toml"),
            // It has the value that every suite gets, or none.
            (_, None) => {}
        }
    }
    for (name, value) in &options.variables {
        set(name, value, "--set");
    }
    match options.version.as_deref() {
        Some(FROM_GIT) => drop(variables.remove("VERSION").and(origins.remove("VERSION"))),
        Some(version) => set("VERSION", version, "--version"),
        None => {}
    }
    (variables, origins)
}

/// Returns the source of the user's own suite in the chosen environment.
pub fn app_source(project: &Project, options: &SuiteOptions) -> Option<SuiteSource> {
    let base = project.apps.base.as_ref()?;
    let environment = project.cluster.environment.as_deref();
    let (variables, origins) = variables(project, options);
    let version = options.version.clone().or_else(|| project.apps.version.clone());
    let from_git = version.as_deref() == Some(FROM_GIT);
    Some(SuiteSource {
        name: environment.map_or_else(|| "apps".into(), suite_of),
        base: base.clone(),
        overlay: project.apps.overlay.clone(),
        variables,
        origins,
        env_secrets: project
            .apps
            .env_secret
            .iter()
            .map(|secret| EnvSecret {
                file: secret.file.clone(),
                keys: secret.keys.clone(),
                secret: secret.name.clone(),
                namespaces: secret.namespaces.clone(),
                hashed: secret.hashed,
            })
            .collect(),
        file_secrets: project
            .apps
            .file_secrets
            .iter()
            .map(|secret| FileSecret {
                secret: secret.name.clone(),
                secret_type: secret.secret_type.clone(),
                files: secret.files.clone(),
                namespaces: secret.namespaces.clone(),
                hashed: secret.hashed,
            })
            .collect(),
        project: Some(project.cluster.name.clone()),
        create_namespaces: project.apps.create_namespaces,
        verbatim: project.apps.verbatim.iter().map(Into::into).collect(),
        remote_bases: project.apps.remote_bases.clone(),
        kustomize_limit: Some(project.apps.kustomize_limit),
        hide_container_logs: !project.apps.container_logs,
        wait_rules: project.apps.wait_rules.clone(),
        exported: project.apps.exported.clone(),
        version: version.filter(|_| !from_git),
        version_from_git: from_git.then(|| project.folder.clone()),
        promote_from: project.apps.promote_from.as_deref().map(suite_of),
        images: ImagePolicy {
            versioned: project.apps.versioned_images.clone(),
            require_digest: project.apps.require_digest,
            allow_latest: false,
        },
        ingress: IngressDefaults {
            class: project.apps.ingress.class.clone(),
            issuer: project.apps.ingress.issuer.clone(),
            tls: project.apps.ingress.tls,
        },
        docker_secrets: project
            .apps
            .docker_secret
            .iter()
            .map(|secret| DockerSecret {
                file: secret.file.clone(),
                registries: secret.registries.clone(),
                secret: secret.name.clone(),
                namespaces: secret.namespaces.clone(),
            })
            .collect(),
        ..SuiteSource::default()
    })
}
