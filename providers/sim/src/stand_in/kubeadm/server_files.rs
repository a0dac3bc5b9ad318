//! Files that a kube-apiserver reads at its start, as strictly as it reads them.

use std::path::Path;

use infra_sim_kube::SecretKeys;
use serde_yaml_ng::Value;

fn document(text: &str, version: &[&str], kind: &str) -> Result<Value, String> {
    let value: Value = serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?;
    let field = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    if !version.contains(&field("apiVersion")) || field("kind") != kind {
        return Err(format!(
            "no kind \"{}\" is registered for version \"{}\"",
            field("kind"),
            field("apiVersion")
        ));
    }
    Ok(value)
}

/// Refuses fields that a strict decoder does not know.
fn only(value: &Value, known: &str, place: &str) -> Result<(), String> {
    for key in value.as_mapping().into_iter().flat_map(|map| map.keys()).filter_map(Value::as_str) {
        if !known.split_whitespace().any(|one| one == key) {
            return Err(format!("strict decoding error: unknown field \"{place}{key}\""));
        }
    }
    Ok(())
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_sequence).map_or(&[], Vec::as_slice)
}

/// Checks an audit policy.
pub fn audit_policy(text: &str) -> Result<(), String> {
    let policy = document(text, &["audit.k8s.io/v1"], "Policy")?;
    only(&policy, "apiVersion kind metadata omitStages omitManagedFields rules", "")?;
    if list(&policy, "rules").is_empty() {
        return Err("loaded illegal policy with 0 rules".to_owned());
    }
    const STAGES: [&str; 4] = ["RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"];
    for rule in list(&policy, "rules") {
        let known = "level users userGroups verbs resources namespaces nonResourceURLs omitStages omitManagedFields";
        only(rule, known, "rules.")?;
        let level = rule.get("level").and_then(Value::as_str).unwrap_or_default();
        if !["None", "Metadata", "Request", "RequestResponse"].contains(&level) {
            return Err(format!("rules.level: Unsupported value: \"{level}\""));
        }
        let (urls, resources) = (list(rule, "nonResourceURLs"), list(rule, "resources"));
        if !urls.is_empty() && (!resources.is_empty() || !list(rule, "namespaces").is_empty()) {
            return Err("rules cannot apply to both regular resources and non-resource URLs".into());
        }
        resources
            .iter()
            .try_for_each(|one| only(one, "group resources resourceNames", "resources."))?;
    }
    for stage in list(&policy, "omitStages").iter().filter_map(Value::as_str) {
        if !STAGES.contains(&stage) {
            return Err(format!("omitStages: Invalid value: \"{stage}\""));
        }
    }
    Ok(())
}

/// Returns the settings of PodSecurity in the file of admission plugins; `None`: it has none.
pub fn admission(text: &str) -> Result<Option<Value>, String> {
    let config = document(text, &["apiserver.config.k8s.io/v1"], "AdmissionConfiguration")?;
    only(&config, "apiVersion kind plugins", "")?;
    let plugins = list(&config, "plugins");
    let mut found = None;
    for plugin in plugins {
        only(plugin, "name path configuration", "plugins.")?;
        if plugin.get("name").and_then(Value::as_str) != Some("PodSecurity") {
            continue;
        }
        let settings = plugin.get("configuration").cloned().unwrap_or_default();
        let text = serde_yaml_ng::to_string(&settings).map_err(|error| error.to_string())?;
        let versions = ["pod-security.admission.config.k8s.io/v1"];
        let settings = document(&text, &versions, "PodSecurityConfiguration")?;
        only(&settings, "apiVersion kind defaults exemptions", "")?;
        let known = "enforce enforce-version audit audit-version warn warn-version";
        let defaults = settings.get("defaults").cloned().unwrap_or_default();
        only(&defaults, known, "defaults.")?;
        for key in ["enforce", "audit", "warn"] {
            let level = defaults.get(key).and_then(Value::as_str).unwrap_or("privileged");
            if !["privileged", "baseline", "restricted"].contains(&level) {
                return Err(format!("defaults.{key}: Invalid value: \"{level}\""));
            }
        }
        let exemptions = settings.get("exemptions").cloned().unwrap_or_default();
        only(&exemptions, "usernames runtimeClasses namespaces", "exemptions.")?;
        found = Some(settings);
    }
    Ok(found)
}

/// Checks the settings of tokens that others issue; the first stable version came with 1.34.
pub fn authentication(text: &str, is_stable: bool) -> Result<(), String> {
    let stable = is_stable.then_some("apiserver.config.k8s.io/v1");
    let versions: Vec<&str> =
        stable.into_iter().chain(["apiserver.config.k8s.io/v1beta1"]).collect();
    let config = document(text, &versions, "AuthenticationConfiguration")?;
    only(&config, "apiVersion kind jwt anonymous", "")?;
    for jwt in list(&config, "jwt") {
        only(jwt, "issuer claimValidationRules claimMappings userValidationRules", "jwt.")?;
        let issuer = jwt.get("issuer").cloned().unwrap_or_default();
        let known = "url discoveryURL certificateAuthority audiences audienceMatchPolicy egressSelectorType";
        only(&issuer, known, "jwt.issuer.")?;
        let url = issuer.get("url").and_then(Value::as_str).unwrap_or_default();
        if !url.starts_with("https://") {
            return Err(format!(
                "jwt[0].issuer.url: Invalid value: \"{url}\": URL scheme must be https"
            ));
        }
        if list(&issuer, "audiences").is_empty() {
            return Err("jwt[0].issuer.audiences: Required value".to_owned());
        }
        let name = jwt.get("claimMappings").and_then(|all| all.get("username")).cloned();
        let name = name.unwrap_or_default();
        let is_set = |key: &str| name.get(key).is_some();
        match (is_set("claim"), is_set("expression")) {
            (true, false) if !is_set("prefix") => {
                return Err("jwt[0].claimMappings.username.prefix: Required value: prefix is required when claim is set".into());
            }
            (true, true) | (false, false) => {
                return Err("jwt[0].claimMappings.username: Required value: claim or expression is required".into());
            }
            _ => {}
        }
    }
    Ok(())
}

/// Reads the keys that Secrets are encrypted with.
pub fn encryption(text: &str) -> Result<SecretKeys, String> {
    use base64::Engine;
    let mut found = SecretKeys::default();
    let config = document(text, &["apiserver.config.k8s.io/v1"], "EncryptionConfiguration")?;
    only(&config, "apiVersion kind resources", "")?;
    if list(&config, "resources").is_empty() {
        return Err("resources: Required value".to_owned());
    }
    for rule in list(&config, "resources") {
        only(rule, "resources providers", "resources.")?;
        if list(rule, "resources").is_empty() || list(rule, "providers").is_empty() {
            return Err("resources[0]: Required value".to_owned());
        }
        for provider in list(rule, "providers") {
            only(provider, "aesgcm aescbc secretbox identity kms", "resources.providers.")?;
            let is_ours = list(rule, "resources").iter().any(|one| one.as_str() == Some("secrets"));
            if is_ours && provider.get("identity").is_some() {
                found = found.then_plain();
            }
            let Some(secretbox) = provider.get("secretbox") else { continue };
            let keys = list(secretbox, "keys");
            if keys.is_empty() {
                return Err("resources[0].providers[0].secretbox.keys: Required value".to_owned());
            }
            for key in keys {
                only(key, "name secret", "keys.")?;
                let secret = key.get("secret").and_then(Value::as_str).unwrap_or_default();
                let bytes = base64::engine::general_purpose::STANDARD.decode(secret);
                // What it holds is never said.
                let Some(bytes) = bytes.ok().filter(|bytes| bytes.len() == 32) else {
                    return Err("secretbox.keys.secret: Invalid value: \"REDACTED\": secret is not of the expected length 32".into());
                };
                if is_ours {
                    let name = key.get("name").and_then(Value::as_str).unwrap_or_default();
                    found = found.then_key(name, &bytes);
                }
            }
        }
    }
    Ok(found)
}

/// Reads the keys of the machine whose disk this is, as its API server's manifest names their file.
pub fn secret_keys(root: &Path) -> Result<SecretKeys, String> {
    const FLAG: &str = "--encryption-provider-config=";
    let manifest = root.join("etc/kubernetes/manifests/kube-apiserver.yaml");
    let Ok(manifest) = std::fs::read_to_string(manifest) else { return Ok(SecretKeys::default()) };
    let flag = manifest.lines().find_map(|line| Some(line.split_once(FLAG)?.1));
    let Some(path) = flag else { return Ok(SecretKeys::default()) };
    let path = path.trim().trim_matches(['"', '\'']);
    let text = std::fs::read_to_string(root.join(path.trim_start_matches('/')))
        .map_err(|e| format!("the API server can't read {path}: {e}"))?;
    encryption(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_without_rules_levels_or_known_fields_is_refused() {
        let good = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None}]\n";
        audit_policy(good).unwrap();
        for (from, to) in [
            ("audit.k8s.io/v1", "audit.k8s.io/v1beta1"),
            ("[{level: None}]", "[]"),
            ("level: None", "level: All"),
            ("level: None", "level: None, verb: get"),
            ("level: None", "level: None, nonResourceURLs: [/a], resources: [{group: a}]"),
        ] {
            audit_policy(&good.replace(from, to)).expect_err(to);
        }
    }

    #[test]
    fn keys_have_32_bytes_and_are_never_shown() {
        let good = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n\
            - resources: [secrets]\n  providers:\n  - secretbox: {keys: [{name: key1, secret: \
            MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=}]}\n  - identity: {}\n";
        encryption(good).unwrap();
        for (from, to) in [
            ("MDEy", ""),
            ("secretbox", "secretBox"),
            ("[secrets]", "[]"),
            ("keys: [{name: key1", "key: [{name: key1"),
        ] {
            let why = encryption(&good.replace(from, to)).expect_err(to);
            assert!(!why.contains("MzQ1Njc4"), "{why}");
        }
    }

    #[test]
    fn tokens_of_others_need_https_an_audience_and_a_prefix() {
        let good = "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\njwt:\n\
            - issuer: {url: 'https://login.example.com', audiences: [lab]}\n  \
            claimMappings: {username: {claim: sub, prefix: 'oidc:'}}\n";
        authentication(good, true).unwrap();
        authentication(good, false).expect_err("v1 came with 1.34");
        authentication(&good.replace("/v1", "/v1beta1"), false).unwrap();
        for (from, to) in [
            ("https:", "http:"),
            ("[lab]", "[]"),
            (", prefix: 'oidc:'", ""),
            ("claim: sub, ", ""),
            ("issuer", "provider"),
        ] {
            authentication(&good.replace(from, to), true).expect_err(to);
        }
    }

    #[test]
    fn levels_of_pod_security_are_three() {
        let good = "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n\
            - name: PodSecurity\n  configuration:\n    \
            apiVersion: pod-security.admission.config.k8s.io/v1\n    kind: PodSecurityConfiguration\n    \
            defaults: {enforce: baseline}\n";
        assert!(admission(good).unwrap().is_some());
        for (from, to) in [
            ("baseline", "basic"),
            ("enforce:", "enforced:"),
            ("admission.config.k8s.io/v1\n    kind", "admission.config.k8s.io/v1alpha1\n    kind"),
        ] {
            admission(&good.replace(from, to)).expect_err(to);
        }
    }
}
