//! Which suites a project gets.

use std::collections::{BTreeMap, BTreeSet};

use infra_provider_api::{Cluster, Input, Owner, Phase};

use crate::{
    apps::{
        DockerSecret, EnvSecret, FileSecret, ImagePolicy, IngressDefaults, SuiteSource,
        addons::RETIRED,
    },
    clouds::Cloud,
    resources::{SuiteSeed, Suites},
    spec::Project,
};

/// The suites of a project, in the order they are installed, with the phase of each.
pub(super) const ORDER: [(&str, Phase); 4] = [
    ("cni", Phase::Bootstrap),
    ("cloud", Phase::Bootstrap),
    ("ingress", Phase::Apps),
    ("apps", Phase::Apps),
];

/// Returns the suites of a project; `served` are the namespaces of its Ingresses.
pub(super) fn seeds(
    project: &Project,
    cloud: &Cloud,
    owner: &Owner,
    served: &BTreeSet<String>,
) -> Suites {
    let mut suites = Suites::default();
    let addons = project.apps.addons;
    let cluster = &project.cluster;
    let kubernetes = cluster.versions.kubernetes.clone();
    if !project.apps.ingress.keep_retired {
        suites.retire(&RETIRED);
    }
    if addons.cni {
        suites.add(
            "cni",
            SuiteSeed::Addon {
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
    if addons.cloud {
        let addon = (cloud.addon)(cluster, owner);
        suites.add(
            "cloud",
            SuiteSeed::Addon {
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
        let namespaces: Vec<&str> = served.iter().map(String::as_str).collect();
        suites.add(
            "ingress",
            SuiteSeed::Addon {
                addon: "traefik".into(),
                kubernetes,
                variables: [
                    ("LOAD_BALANCER_NAME".to_owned(), Input::Known(name)),
                    ("NAMESPACES".to_owned(), Input::Known(namespaces.join(","))),
                ]
                .into(),
                secrets: Default::default(),
            },
        );
    }
    if let Some(apps) = app_seed(project) {
        suites.add("apps", apps);
    }
    suites
}

/// Returns an address of the machines' own network: the way to it leads over their private interface.
fn machine_address(cluster: &Cluster) -> String {
    let network = cluster.network.machines;
    network.hosts().next().unwrap_or_else(|| network.network()).to_string()
}

/// The suite of an environment.
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

/// The user's own suite in the chosen environment.
pub fn app_seed(project: &Project) -> Option<SuiteSeed> {
    app_source(project, &SuiteOptions::default()).map(|source| SuiteSeed::Folder(Box::new(source)))
}

/// What the user's own suite in the chosen environment is made from.
pub fn app_source(project: &Project, options: &SuiteOptions) -> Option<SuiteSource> {
    let base = project.apps.base.as_ref()?;
    let environment = project.cluster.environment.as_deref();
    let mut variables = project.apps.variables.clone();
    variables.extend(options.variables.clone());
    if let Some(version) = &options.version {
        variables.insert("VERSION".to_owned(), version.clone());
    }
    Some(SuiteSource {
        name: environment.map_or_else(|| "apps".into(), suite_of),
        base: base.clone(),
        overlay: project.apps.overlay.clone(),
        variables,
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
        hide_container_logs: !project.apps.container_logs,
        wait_rules: project.apps.wait_rules.clone(),
        exported: project.apps.exported.clone(),
        version: options.version.clone().or_else(|| project.apps.version.clone()),
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
