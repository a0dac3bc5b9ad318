//! Credentials of what runs in the cluster: they are not the operator's, wherever that can be had.

use std::collections::BTreeMap;

use infra_cloud::{AddonCredentials, CloudEnv, DnsSolver};
use infra_provider_api::{CloudError, ErrorKind};
use secrecy::{ExposeSecret, SecretString};

/// The variable with the cluster's own token, unless infra.toml names another.
pub(super) const CLUSTER_TOKEN: &str = "DIGITALOCEAN_CLUSTER_TOKEN";

/// Returns the token that the controllers in the cluster get. Only without any of the cluster's own
/// it is the operator's, who may do far more than they need.
pub(super) fn cluster_token(
    operators: &SecretString,
    env: &CloudEnv,
) -> (SecretString, AddonCredentials) {
    // The embedded cloud has one by the usual name, and nothing else of the environment counts there.
    let named = env.cluster_token.as_deref().filter(|_| !env.only);
    let variable = named.unwrap_or(CLUSTER_TOKEN);
    let value = env.get(variable).map(|value| value.trim().to_owned());
    let missing = |reason: String| {
        let error = CloudError::new(ErrorKind::Unauthorized, "read the cluster's token", reason);
        let hint = format!("export {variable}; docs/security.md names the scopes it needs");
        (SecretString::default(), AddonCredentials::Missing(error.with_hint(hint)))
    };
    match value.filter(|value| !value.is_empty()) {
        Some(value) if !value.bytes().all(|byte| byte.is_ascii_graphic()) => {
            missing(format!("{variable} holds characters that no token has"))
        }
        Some(value) if value == operators.expose_secret() => {
            let note = format!(
                "{variable} is your own DigitalOcean token, and the cluster's controllers get it: make one with fewer scopes (docs/security.md)"
            );
            (operators.clone(), AddonCredentials::Operators(note))
        }
        Some(value) => (SecretString::from(value), AddonCredentials::Own),
        None if named.is_some() => missing(format!("{variable} is not set")),
        None => {
            let note = format!(
                "the cluster's controllers get your own DigitalOcean token: make one with fewer scopes (docs/security.md) and export it as {variable}"
            );
            (operators.clone(), AddonCredentials::Operators(note))
        }
    }
}

/// The variable with the token for challenges by DNS, unless infra.toml names another.
pub(super) const DNS_TOKEN: &str = "DIGITALOCEAN_DNS_TOKEN";

/// Returns the token that cert-manager changes records with. It lies in the cluster, so the operator's
/// own is refused.
pub(super) fn dns_token(
    operators: &SecretString,
    env: &CloudEnv,
) -> Result<SecretString, CloudError> {
    let named = env.dns_token.as_deref().filter(|_| !env.only);
    let variable = named.unwrap_or(DNS_TOKEN);
    let missing = |reason: String| {
        let error = CloudError::new(ErrorKind::Unauthorized, "read the token for DNS", reason);
        let hint = format!("export {variable}; docs/security.md names the scopes it needs");
        Err(error.with_hint(hint))
    };
    let value = env.get(variable).map(|value| value.trim().to_owned());
    match value.filter(|value| !value.is_empty()) {
        None => missing(format!("{variable} is not set")),
        Some(value) if !value.bytes().all(|byte| byte.is_ascii_graphic()) => {
            missing(format!("{variable} holds characters that no token has"))
        }
        Some(value) if value == operators.expose_secret() => {
            missing(format!("{variable} is your own token, and would lie in the cluster"))
        }
        Some(value) => Ok(SecretString::from(value)),
    }
}

/// Returns how cert-manager changes records with `token`.
pub(super) fn dns_solver(token: Result<SecretString, CloudError>) -> DnsSolver {
    let missing = token.as_ref().err().cloned();
    DnsSolver {
        challenge: "dns-01-digitalocean",
        zone: None,
        variables: BTreeMap::new(),
        secrets: BTreeMap::from([("DNS_TOKEN".to_owned(), token.unwrap_or_default())]),
        missing,
    }
}
