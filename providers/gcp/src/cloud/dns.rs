//! DNS of Google Cloud, as cert-manager uses it.

use std::collections::BTreeMap;

use infra_cloud::{CloudEnv, DnsSolver};
use infra_provider_api::{Address, CloudError, Cluster, ErrorKind, Input};
use secrecy::SecretString;
use serde::Deserialize;

use crate::Connection;

/// The variable with the key that cert-manager changes records with, unless infra.toml names another.
pub(super) const DNS_KEY: &str = "GOOGLE_DNS_KEY";

/// A key of a service account, of which only whose it is is read.
#[derive(Deserialize)]
struct Key {
    #[serde(rename = "type")]
    kind: String,
    client_email: String,
}

/// Returns how cert-manager changes records. Its key lies in the cluster, so the operator's own is refused.
pub(super) fn dns_solver(cluster: &Cluster, connection: &Connection, env: &CloudEnv) -> DnsSolver {
    let key = key(&connection.who, env);
    let missing = key.as_ref().err().cloned();
    let domain = cluster.dns.as_ref().filter(|dns| dns.manage_zone).map(|dns| dns.domain.clone());
    let zone =
        domain.as_ref().map(|domain| Input::reference(Address::new("managed_zone", domain), "id"));
    DnsSolver {
        challenge: "dns-01-clouddns",
        // The key may change whatever its account may.
        zone: None,
        variables: BTreeMap::from([
            ("PROJECT".to_owned(), Input::Known(connection.project.clone())),
            ("HOSTED_ZONE".to_owned(), zone.unwrap_or(Input::Known(String::new()))),
        ]),
        secrets: BTreeMap::from([("DNS_KEY".to_owned(), key.unwrap_or_default())]),
        missing,
    }
}

/// Reads the key.
fn key(who: &str, env: &CloudEnv) -> Result<SecretString, CloudError> {
    let named = env.dns_token.as_deref().filter(|_| !env.only);
    let variable = named.unwrap_or(DNS_KEY);
    let missing = |reason: String| {
        let error = CloudError::new(ErrorKind::Unauthorized, "read the key for DNS", reason);
        Err(error.with_hint(format!(
            "export {variable} with the JSON key of a service account that has the role \
             roles/dns.admin and no other"
        )))
    };
    let Some(text) = env.filled(variable) else { return missing(format!("{variable} is not set")) };
    match serde_json::from_str::<Key>(&text) {
        Ok(key) if key.kind != "service_account" => {
            missing(format!("{variable} is not the key of a service account"))
        }
        Ok(key) if key.client_email == who => {
            missing(format!("{variable} is your own key, and would lie in the cluster"))
        }
        Ok(_) => Ok(SecretString::from(text)),
        // What stands there may be a secret, so it is not repeated.
        Err(_) => missing(format!("{variable} does not hold a key as JSON")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(value: Option<&str>) -> Option<String> {
        let mut env = CloudEnv { only: true, ..CloudEnv::default() };
        if let Some(value) = value {
            env.variables.insert(DNS_KEY.to_owned(), value.to_owned());
        }
        key("me@p.iam.gserviceaccount.com", &env).err().map(|error| error.message)
    }

    #[test]
    fn only_a_key_of_its_own_gets_into_the_cluster() {
        let of =
            |kind: &str, email: &str| format!(r#"{{"type": "{kind}", "client_email": "{email}"}}"#);
        assert_eq!(reason(Some(&of("service_account", "dns@p.iam.gserviceaccount.com"))), None);
        for (value, words) in [
            (None, "is not set"),
            (Some(of("service_account", "me@p.iam.gserviceaccount.com")), "your own key"),
            (Some(of("authorized_user", "dns@example.com")), "not the key of a service account"),
            (Some("ya29.secret".to_owned()), "does not hold a key"),
        ] {
            let reason = reason(value.as_deref()).unwrap();
            assert!(reason.contains(words) && !reason.contains("ya29"), "{reason}");
        }
    }
}
