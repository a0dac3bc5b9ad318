//! Registry of clouds: one line a cloud. All else about a cloud is in its crate.

use infra_cloud::{CloudEntry, CloudEnv, ConnectedCloud, StateStores};
use infra_provider_api::{CloudError, Cluster, ErrorKind};

use crate::apps::addons::Addons;

/// Makes the registry. A line is the name of a cloud, which is that of its cargo feature, and its crate.
macro_rules! registry {
    ($($name:literal => $crate_name:ident;)+) => {
        /// The clouds that infra.toml may name, in this build or in another one.
        pub const KNOWN: &[&str] = &[$($name),+];

        static CLOUDS: &[&CloudEntry] = &[$(
            #[cfg(feature = $name)]
            &$crate_name::CLOUD,
        )+];
    };
}

registry! {
    "do" => infra_digitalocean;
    "aws" => infra_aws;
    "gcp" => infra_gcp;
}

/// Returns the clouds of this build.
pub fn all() -> impl Iterator<Item = &'static CloudEntry> {
    CLOUDS.iter().copied()
}

/// Returns the cloud of that name, if it is part of this build.
pub fn find(name: &str) -> Option<&'static CloudEntry> {
    all().find(|cloud| cloud.name == name)
}

/// Lists the names of the clouds of this build, in the order of the alphabet.
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = all().map(|cloud| cloud.name).collect();
    names.sort_unstable();
    names
}

/// Says what to do where a cloud is not part of this build.
pub fn other_builds() -> String {
    format!(
        "this build has: {}; `cargo build --release` makes one with all clouds",
        names().join(", ")
    )
}

/// Returns the addons of a cluster on the cloud `provider`. Of no other: what is installed must not hang on
/// what else a build can do.
pub fn addons(provider: &str) -> Addons {
    Addons::new(find(provider).map(|cloud| cloud.manifests))
}

/// Connects to the cloud that `cluster` names. Makes no call. A region that infra.toml leaves open is
/// filled in from where the cloud's own tools take it.
///
/// # Errors
/// Returns an error if credentials are missing or contradictory, or if the cloud is not part of
/// this build.
pub async fn connect(
    cluster: &mut Cluster,
    cloud_env: &CloudEnv,
) -> Result<ConnectedCloud, CloudError> {
    let Some(cloud) = find(&cluster.provider) else {
        let message = format!("the provider `{}` is not part of this build", cluster.provider);
        return Err(CloudError::new(ErrorKind::Invalid, "choose the provider", message)
            .with_hint(other_builds()));
    };
    (cloud.connect)(cluster, cloud_env).await
}

/// Returns who opens the store of the state at `endpoint`, for a cluster on the cloud `provider`.
/// An endpoint belongs to the cloud whose domain it has, else to the one that opens stores of others.
/// Without an endpoint the store is the provider's own. `None` means a store of nobody's.
pub fn state_stores(
    endpoint: Option<&str>,
    provider: &str,
    cloud_env: &CloudEnv,
) -> Option<&'static StateStores> {
    let stores = || all().filter_map(|cloud| cloud.state_stores.as_ref());
    // The embedded cloud has one store only, wherever infra.toml leads.
    // Nothing else may be asked there, not even in a build that has no cloud to imitate.
    if cloud_env.only {
        return stores().find(|one| one.embedded);
    }
    let own = match endpoint {
        Some(url) => stores().find(|one| one.domain.is_some_and(|domain| url.contains(domain))),
        None => find(provider).and_then(|cloud| cloud.state_stores.as_ref()),
    };
    own.or_else(|| stores().find(|one| one.of_others))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_registry_has_the_name_of_its_cloud() {
        for cloud in all() {
            assert!(KNOWN.contains(&cloud.name), "{}", cloud.name);
        }
    }

    #[cfg(all(feature = "do", feature = "aws"))]
    #[test]
    fn a_cluster_gets_the_addons_of_its_own_cloud_alone() {
        let variables = [("LOAD_BALANCER_NAME", "lab-ingress"), ("NAMESPACES", "shop")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let text = |provider: &str| {
            let suite = addons(provider).suite(
                "traefik",
                "1.36.2",
                variables.clone().into(),
                Default::default(),
            );
            suite
                .unwrap()
                .objects()
                .iter()
                .map(|object| object.value.to_string())
                .collect::<String>()
        };
        for (provider, own, other) in [
            ("do", "do-loadbalancer-name", "aws-load-balancer"),
            ("aws", "aws-load-balancer", "do-loadbalancer-name"),
        ] {
            assert!(text(provider).contains(own), "{provider}");
            assert!(!text(provider).contains(other), "{provider}");
            let names = addons(provider).names();
            assert_eq!(names.len(), addons("none").names().len() + 1, "{provider}: {names:?}");
        }
    }

    #[cfg(all(feature = "do", feature = "aws"))]
    #[test]
    fn a_store_is_opened_by_the_cloud_whose_it_is() {
        let real = CloudEnv::default();
        let embedded = CloudEnv { only: true, ..CloudEnv::default() };
        let domain = |endpoint, provider, env: &CloudEnv| {
            state_stores(endpoint, provider, env).and_then(|one| one.domain)
        };
        let spaces = Some("digitaloceanspaces.com");
        let minio = Some("https://minio.example.com");
        assert_eq!(domain(None, "do", &real), spaces);
        assert_eq!(domain(Some("https://fra1.digitaloceanspaces.com"), "aws", &real), spaces);
        assert_eq!(domain(minio, "do", &embedded), spaces);
        for (endpoint, provider) in [(None, "aws"), (minio, "do"), (minio, "aws"), (None, "gcp")] {
            let stores = state_stores(endpoint, provider, &real).unwrap();
            assert!(stores.of_others, "{endpoint:?} {provider}");
        }
    }
}
