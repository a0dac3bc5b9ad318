//! DNS of AWS, as cert-manager uses it.

use std::collections::BTreeMap;

use infra_cloud::{CloudEnv, DnsSolver};
use infra_provider_api::{Address, CloudError, Cluster, ErrorKind, Input};
use secrecy::{ExposeSecret, SecretString};

use crate::Connection;

/// The variables with the keys that cert-manager changes records with.
pub(super) const DNS_KEYS: [&str; 2] = ["AWS_DNS_ACCESS_KEY_ID", "AWS_DNS_SECRET_ACCESS_KEY"];
/// What the manifests call them.
const IN_MANIFESTS: [&str; 2] = ["DNS_ACCESS_KEY_ID", "DNS_SECRET_ACCESS_KEY"];

/// Returns how cert-manager changes records. Its keys lie in the cluster, so the operator's own are
/// refused, and so are those that end in some hours.
pub(super) async fn dns_solver(
    cluster: &Cluster,
    connection: &Connection,
    env: &CloudEnv,
) -> DnsSolver {
    let mut secrets = BTreeMap::new();
    let mut reason = None;
    for (name, variable) in IN_MANIFESTS.into_iter().zip(DNS_KEYS) {
        let value = env.get(variable).unwrap_or_default().trim().to_owned();
        if value.is_empty() {
            reason = reason.or(Some(format!("{variable} is not set")));
        } else if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
            reason = reason.or(Some(format!("{variable} holds characters that no key has")));
        }
        secrets.insert(name.to_owned(), SecretString::from(value));
    }
    let id = secrets.get("DNS_ACCESS_KEY_ID").map(|id| id.expose_secret().to_owned());
    let id = id.unwrap_or_default();
    // Keys of a session come with a token that cert-manager has no place for.
    if reason.is_none() && id.starts_with("ASIA") {
        reason = Some("AWS_DNS_ACCESS_KEY_ID is of a session, which ends".to_owned());
    }
    if reason.is_none() && connection.access_key_id().await.as_ref() == Some(&id) {
        reason = Some("AWS_DNS_ACCESS_KEY_ID is your own key, and would lie in the cluster".into());
    }
    let missing = reason.map(|reason| {
        CloudError::new(ErrorKind::Unauthorized, "read the keys for DNS", reason).with_hint(
            "export AWS_DNS_ACCESS_KEY_ID and AWS_DNS_SECRET_ACCESS_KEY of a user of their own; \
             docs/providers/aws.md has its policy",
        )
    });
    let domain = cluster.dns.as_ref().filter(|dns| dns.manage_zone).map(|dns| dns.domain.clone());
    let zone =
        domain.as_ref().map(|domain| Input::reference(Address::new("hosted_zone", domain), "id"));
    DnsSolver {
        challenge: "dns-01-route53",
        zone: domain,
        variables: BTreeMap::from([
            ("REGION".to_owned(), Input::Known(cluster.region.clone())),
            ("HOSTED_ZONE".to_owned(), zone.unwrap_or(Input::Known(String::new()))),
        ]),
        secrets,
        missing,
    }
}
