//! The files that an API server reads its settings from, in the versions that the supported series know.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::artifacts::parse_version;
use crate::kubeadm::settings::{ADMISSION, AUDIT_POLICY, AUTHENTICATION};
use crate::kubeadm::{Audit, Oidc, PodSecurity, Settings};

/// The audit policy of a cluster that names none: who did what to which object, never a body of a
/// Secret, a ConfigMap or a token.
pub const DEFAULT_AUDIT_POLICY: &str = include_str!("../../templates/audit-policy.yaml");

impl Settings {
    /// Returns name and contents of the files below [`crate::kubeadm::SETTINGS_FOLDER`]. None of them is
    /// a secret.
    pub fn files(&self, kubernetes_version: &str) -> Vec<(&'static str, String)> {
        let mut files = Vec::new();
        if let Some(Audit { policy, .. }) = &self.audit {
            files.push((AUDIT_POLICY, policy.clone()));
        }
        if let Some(security) = &self.pod_security {
            files.push((ADMISSION, yaml(&admission(security))));
        }
        if let Some(oidc) = &self.oidc {
            files.push((AUTHENTICATION, yaml(&authentication(oidc, kubernetes_version))));
        }
        files
    }
}

fn admission(security: &PodSecurity) -> Value {
    let (enforce, audit, warn) = (security.enforce, security.audit, security.warn);
    json!({
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AdmissionConfiguration",
        "plugins": [{
            "name": "PodSecurity",
            "configuration": {
                "apiVersion": "pod-security.admission.config.k8s.io/v1",
                "kind": "PodSecurityConfiguration",
                "defaults": {
                    "enforce": enforce.as_str(), "enforce-version": "latest",
                    "audit": audit.as_str(), "audit-version": "latest",
                    "warn": warn.as_str(), "warn-version": "latest",
                },
                "exemptions": {
                    "usernames": [], "runtimeClasses": [], "namespaces": security.exempt,
                },
            },
        }],
    })
}

fn authentication(oidc: &Oidc, kubernetes_version: &str) -> Value {
    let mut issuer = json!({"url": oidc.issuer, "audiences": [oidc.client_id]});
    if let Some(ca) = &oidc.ca_pem {
        issuer["certificateAuthority"] = json!(ca);
    }
    let mut mappings = json!({
        "username": {"claim": oidc.username_claim, "prefix": oidc.username_prefix},
    });
    if let Some(claim) = &oidc.groups_claim {
        mappings["groups"] = json!({"claim": claim, "prefix": oidc.groups_prefix});
    }
    let mut jwt = json!({"issuer": issuer, "claimMappings": mappings});
    if !oidc.required_claims.is_empty() {
        let rules = oidc.required_claims.iter();
        let rules = rules.map(|(claim, value)| json!({"claim": claim, "requiredValue": value}));
        jwt["claimValidationRules"] = rules.collect();
    }
    // Since 1.34 it is `v1`; 1.30 to 1.33 know the same fields as `v1beta1`.
    let is_stable = parse_version(kubernetes_version).is_none_or(|(_, minor, _)| minor >= 34);
    let version = if is_stable { "v1" } else { "v1beta1" };
    json!({
        "apiVersion": format!("apiserver.config.k8s.io/{version}"),
        "kind": "AuthenticationConfiguration",
        "jwt": [jwt],
    })
}

/// Writes a document that holds texts, lists and maps only; that can't fail.
fn yaml(document: &Value) -> String {
    let value = serde_yaml_ng::to_value(sorted(document)).unwrap_or_default();
    infra_ssl::yaml::to_text(&value).unwrap_or_default()
}

/// Sorts the keys of all maps. `serde_json` keeps their order or sorts them, depending on what is built
/// beside it, and a node's revision is a hash over these files.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<_, _> = fields.iter().collect();
            fields.into_iter().map(|(name, value)| (name.clone(), sorted(value))).collect()
        }
        Value::Array(values) => values.iter().map(sorted).collect(),
        other => other.clone(),
    }
}
