//! `[kubernetes]`: what every cluster stands on, with a safe default for each key.

use infra_provisioning::kubeadm::{
    Audit, DEFAULT_AUDIT_POLICY, Oidc, PodSecurity, PodSecurityLevel, Settings,
};

use super::{Resolver, arguments::Component};
use crate::config::{
    project::KubernetesConfig,
    raw::{RawAudit, RawOidc, RawPodSecurity, RawPodSecurityLevel, RawServingCertificates},
    values,
};

/// Namespaces of Kubernetes' own parts: they need what others must not.
const OWN_NAMESPACE: &str = "kube-system";
/// A file larger than this fills a machine's disk before the next one is begun.
const MAX_SIZE_MIB: u32 = 4096;
const MAX_BACKUPS: u32 = 1000;
const PREFIX_DEFAULT: &str = "oidc:";

impl Resolver<'_> {
    pub(super) fn kubernetes_config(&mut self) -> KubernetesConfig {
        let raw = self.raw.kubernetes.clone();
        let settings = Settings {
            api_server: self.arguments(Component::ApiServer, &raw.api_server.args),
            controller_manager: self
                .arguments(Component::ControllerManager, &raw.controller_manager.args),
            scheduler: self.arguments(Component::Scheduler, &raw.scheduler.args),
            audit: self.audit(&raw.audit),
            oidc: raw.oidc.as_ref().and_then(|oidc| self.oidc(oidc)),
            pod_security: self.pod_security(&raw.pod_security),
            // Which keys there are is known when the cluster's folder is read.
            encryption: Vec::new(),
            // A cluster that runs keeps what it was made with.
            kubelet_serving: false,
        };
        let serving = raw.kubelet.serving_certificates;
        KubernetesConfig {
            settings,
            kubelet: self.arguments(Component::Kubelet, &raw.kubelet.args),
            encrypts: raw.encryption.enabled.unwrap_or(true),
            encryption_source: self.source(&["kubernetes", "encryption", "enabled"]),
            kubelet_serving: serving != Some(RawServingCertificates::SelfSigned),
            kubelet_serving_source: self.source(&["kubernetes", "kubelet", "serving_certificates"]),
        }
    }

    fn audit(&mut self, raw: &RawAudit) -> Option<Audit> {
        let at = |key| ["kubernetes", "audit", key];
        let max_age = raw.max_age.as_deref().map_or(Ok(30), values::days);
        let max_age = self.take(&at("max_age"), max_age, 30);
        let max_size = raw.max_size.as_deref().map_or(Ok(100), values::mebibytes);
        let max_size = self.take(&at("max_size"), max_size, 100);
        if max_size > MAX_SIZE_MIB {
            self.wrong(&at("max_size"), "`max_size` must be at most 4GiB");
        }
        let max_backups = raw.max_backups.unwrap_or(10);
        // To the API server 0 means that all are kept.
        if max_backups == 0 || max_backups > MAX_BACKUPS {
            self.wrong(
                &at("max_backups"),
                format!("`max_backups` must be from 1 to {MAX_BACKUPS}"),
            );
        }
        let policy = match &raw.policy {
            None => DEFAULT_AUDIT_POLICY.to_owned(),
            Some(file) => {
                let read = self.text_of(file).and_then(|text| is_policy(&text).map(|()| text));
                match read {
                    Ok(text) => text,
                    Err(why) => {
                        let message = format!("`{file}` can't be the audit policy: {why}");
                        let hint = "see kubernetes.io/docs/tasks/debug/debug-cluster/audit";
                        self.wrong_hint(&at("policy"), message, hint);
                        String::new()
                    }
                }
            }
        };
        raw.enabled.unwrap_or(true).then_some(Audit { policy, max_age, max_backups, max_size })
    }

    fn oidc(&mut self, raw: &RawOidc) -> Option<Oidc> {
        let at = |key| ["kubernetes", "oidc", key];
        for (key, value) in [("issuer", &raw.issuer), ("client_id", &raw.client_id)] {
            if value.as_deref().unwrap_or_default().is_empty() {
                self.wrong_hint(
                    &at(key),
                    format!("`{key}` is missing in [kubernetes.oidc]"),
                    "add issuer = \"https://…\" and client_id = \"…\"",
                );
            }
        }
        let issuer = raw.issuer.clone().unwrap_or_default();
        if !issuer.is_empty()
            && let Err(why) = is_issuer(&issuer)
        {
            let hint = "write the URL as the provider's tokens name it in `iss`";
            self.wrong_hint(&at("issuer"), format!("`{issuer}` can't be an issuer: {why}"), hint);
        }
        let mut prefix = |key: &'static str, value: &Option<String>| {
            let value = value.clone().unwrap_or_else(|| PREFIX_DEFAULT.to_owned());
            if value.is_empty() || value.starts_with("system:") || value.starts_with("kubeadm:") {
                self.wrong_hint(
                    &at(key),
                    format!("`{key}` lets the provider name users or groups of Kubernetes itself"),
                    "write a prefix of its own, for instance \"oidc:\"",
                );
            }
            value
        };
        let username_prefix = prefix("username_prefix", &raw.username_prefix);
        let groups_prefix = prefix("groups_prefix", &raw.groups_prefix);
        let ca_pem = raw.ca.as_ref().and_then(|file| {
            let pem = self.text_of(file).and_then(|text| {
                infra_ssl::certificate_facts(&text).map_err(|e| e.to_string()).map(|_| text)
            });
            pem.map_err(|why| {
                let message = format!("`{file}` can't be the provider's authority: {why}");
                self.wrong_hint(&at("ca"), message, "name a file with a certificate in PEM");
            })
            .ok()
        });
        Some(Oidc {
            issuer,
            client_id: raw.client_id.clone().unwrap_or_default(),
            username_claim: raw.username_claim.clone().unwrap_or_else(|| "sub".to_owned()),
            username_prefix,
            groups_claim: raw.groups_claim.clone(),
            groups_prefix,
            required_claims: raw.required_claims.clone(),
            ca_pem,
        })
    }

    fn pod_security(&mut self, raw: &RawPodSecurity) -> Option<PodSecurity> {
        let mut exempt = vec![OWN_NAMESPACE.to_owned()];
        for (at, name) in raw.exempt_namespaces.iter().enumerate() {
            if let Err(why) = values::label(name, 63) {
                let path = ["kubernetes", "pod_security", "exempt_namespaces", &at.to_string()];
                self.wrong(&path, format!("`{name}` is not the name of a namespace: {why}"));
            }
            if !exempt.contains(name) {
                exempt.push(name.clone());
            }
        }
        let level = |level: Option<RawPodSecurityLevel>, default| level.map_or(default, level_of);
        Some(PodSecurity {
            enforce: level(raw.enforce, PodSecurityLevel::Baseline),
            audit: level(raw.audit, PodSecurityLevel::Restricted),
            warn: level(raw.warn, PodSecurityLevel::Restricted),
            exempt,
        })
    }

    fn text_of(&self, file: &str) -> Result<String, String> {
        std::fs::read_to_string(self.local(file)).map_err(|error| error.to_string())
    }
}

fn level_of(raw: RawPodSecurityLevel) -> PodSecurityLevel {
    match raw {
        RawPodSecurityLevel::Privileged => PodSecurityLevel::Privileged,
        RawPodSecurityLevel::Baseline => PodSecurityLevel::Baseline,
        RawPodSecurityLevel::Restricted => PodSecurityLevel::Restricted,
    }
}

/// Checks what makes an API server refuse to start: it reads its audit policy strictly.
fn is_policy(text: &str) -> Result<(), String> {
    let policy: serde_yaml_ng::Value =
        serde_yaml_ng::from_str(text).map_err(|error| format!("it is not YAML: {error}"))?;
    let field = |key: &str| policy.get(key).and_then(serde_yaml_ng::Value::as_str);
    if field("apiVersion") != Some("audit.k8s.io/v1") || field("kind") != Some("Policy") {
        return Err("it is not a Policy of audit.k8s.io/v1".to_owned());
    }
    let rules = policy.get("rules").and_then(serde_yaml_ng::Value::as_sequence);
    let rules = rules.filter(|rules| !rules.is_empty()).ok_or("it has no rules")?;
    const LEVELS: [&str; 4] = ["None", "Metadata", "Request", "RequestResponse"];
    for (at, rule) in rules.iter().enumerate() {
        let level = rule.get("level").and_then(serde_yaml_ng::Value::as_str).unwrap_or_default();
        if !LEVELS.contains(&level) {
            let levels = LEVELS.join(", ");
            return Err(format!("the level of rule {} must be one of {levels}", at + 1));
        }
    }
    Ok(())
}

/// Checks an issuer as the API server does.
fn is_issuer(text: &str) -> Result<(), String> {
    let url: url::Url = text.parse().map_err(|why| format!("it is not a URL: {why}"))?;
    if url.scheme() != "https" {
        return Err("it must begin with https://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it must not hold a user's name or password".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it must not have a query or a fragment".to_owned());
    }
    Ok(())
}
