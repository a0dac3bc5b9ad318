//! Reading a kubeconfig of our own back: nothing but the parts that this program writes.
//!
//! A kubeconfig can name programs to run (`exec`, `auth-provider`), files to read (`tokenFile`) and
//! proxies to go through. Ours never does, but for the program that makes tokens where a cloud runs the
//! control plane; one that does was written by somebody else.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_yaml_ng::{Mapping, Value};

use super::{Credentials, Kubeconfig};

const CLUSTER: &[&str] = &["certificate-authority-data", "server", "tls-server-name"];
const USER: &[&str] = &["client-certificate-data", "client-key-data"];
const TOKEN_USER: &[&str] = &["exec"];
const CONTEXT: &[&str] = &["cluster", "namespace", "user"];
const ROOT: &[&str] =
    &["apiVersion", "clusters", "contexts", "current-context", "kind", "preferences", "users"];

impl Kubeconfig {
    /// Reads a kubeconfig that [`Kubeconfig::to_yaml`] wrote, by its current context or by `context`.
    ///
    /// # Errors
    /// Returns an error if it is damaged, or if any entry holds anything that this program never writes.
    pub fn own(yaml: &str, context: Option<&str>) -> std::result::Result<Kubeconfig, String> {
        Self::read_own(yaml, context, USER)
    }

    /// Reads a kubeconfig that [`Kubeconfig::to_yaml`] wrote for a cluster whose control plane a cloud runs.
    /// The program that makes its tokens is left out: whoever reads this makes tokens in another way, and
    /// runs nothing that a file names.
    ///
    /// # Errors
    /// Returns an error if it is damaged, or if any entry holds anything that this program never writes.
    pub fn own_without_exec(
        yaml: &str,
        context: Option<&str>,
    ) -> std::result::Result<Kubeconfig, String> {
        Self::read_own(yaml, context, TOKEN_USER)
    }

    fn read_own(
        yaml: &str,
        context: Option<&str>,
        user_keys: &[&str],
    ) -> std::result::Result<Kubeconfig, String> {
        let root: Value = serde_yaml_ng::from_str(yaml)
            .map_err(|_| "it is not the YAML of a kubeconfig".to_owned())?;
        let root = root.as_mapping().ok_or("it is not the YAML of a kubeconfig")?;
        only(root, ROOT, "")?;
        let clusters = entries(root, "clusters", "cluster", CLUSTER)?;
        let users = entries(root, "users", "user", user_keys)?;
        let contexts = entries(root, "contexts", "context", CONTEXT)?;
        let chosen = context.or_else(|| root.get("current-context")?.as_str());
        let chosen = chosen.ok_or("it has no current context")?;
        let found = |all: &[(String, Mapping)], kind: &str, name: &str| {
            let entry = all.iter().find(|(known, _)| known == name);
            entry.map(|(_, body)| body.clone()).ok_or_else(|| format!("it has no {kind} {name}"))
        };
        let context = found(&contexts, "context", chosen)?;
        let user_name = text(&context, "user")?;
        let cluster = found(&clusters, "cluster", &text(&context, "cluster")?)?;
        let user = found(&users, "user", &user_name)?;
        let has_none = user.is_empty() || user_keys == TOKEN_USER;
        let credentials = match has_none {
            true => None,
            false => Some(Credentials {
                cert_pem: decoded(&user, "client-certificate-data")?,
                key_pem: decoded(&user, "client-key-data")?.into(),
            }),
        };
        Ok(Kubeconfig {
            name: chosen.to_owned(),
            user: user_name,
            server: text(&cluster, "server")?,
            server_name: cluster.get("tls-server-name").and_then(Value::as_str).map(str::to_owned),
            ca_pem: decoded(&cluster, "certificate-authority-data")?,
            credentials,
            exec: None,
            namespace: context.get("namespace").and_then(Value::as_str).map(str::to_owned),
        })
    }
}

/// Refuses keys that are not in `known`.
fn only(map: &Mapping, known: &[&str], place: &str) -> std::result::Result<(), String> {
    for key in map.keys() {
        let key = key.as_str().unwrap_or("?");
        if !known.contains(&key) {
            return Err(format!("it holds `{place}{key}`, which this program never writes"));
        }
    }
    Ok(())
}

/// Returns the entries of a list by name, each with known keys only.
fn entries(
    root: &Mapping,
    list: &str,
    kind: &str,
    known: &[&str],
) -> std::result::Result<Vec<(String, Mapping)>, String> {
    let all = root.get(list).and_then(Value::as_sequence).ok_or(format!("it has no {list}"))?;
    let mut found = Vec::with_capacity(all.len());
    for entry in all {
        let entry = entry.as_mapping().ok_or(format!("it has an odd entry in {list}"))?;
        only(entry, &["name", kind], &format!("{list}."))?;
        let body = entry.get(kind).and_then(Value::as_mapping);
        let body = body.ok_or(format!("it has a {kind} without anything in it"))?;
        only(body, known, &format!("{list}.{kind}."))?;
        found.push((text(entry, "name")?, body.clone()));
    }
    Ok(found)
}

fn text(map: &Mapping, key: &str) -> std::result::Result<String, String> {
    map.get(key).and_then(Value::as_str).map(str::to_owned).ok_or(format!("it has no {key}"))
}

fn decoded(map: &Mapping, key: &str) -> std::result::Result<String, String> {
    let bytes = STANDARD.decode(text(map, key)?).map_err(|_| format!("its {key} is no base64"))?;
    String::from_utf8(bytes).map_err(|_| format!("its {key} is no PEM"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubeconfig::ExecCredential;
    use secrecy::ExposeSecret;

    fn written() -> String {
        let credentials =
            Credentials { cert_pem: "cert".to_owned(), key_pem: "key".to_owned().into() };
        let config = Kubeconfig::new("lab", "https://192.0.2.1:6443", "a PEM")
            .with_server_name("kubernetes")
            .with_credentials(credentials);
        config.to_yaml().unwrap().expose_secret().to_owned()
    }

    #[test]
    fn what_was_written_is_read_back() {
        let own = Kubeconfig::own(&written(), None).unwrap();
        assert_eq!((own.name.as_str(), own.user.as_str()), ("lab", "lab-admin"));
        assert_eq!((own.server.as_str(), own.ca_pem.as_str()), ("https://192.0.2.1:6443", "a PEM"));
        assert_eq!(own.server_name.as_deref(), Some("kubernetes"));
        assert_eq!(own.credentials.unwrap().key_pem.expose_secret(), "key");
        assert!(Kubeconfig::own(&written(), Some("other")).is_err());
    }

    #[test]
    fn the_program_that_makes_tokens_is_written_and_not_read_back() {
        let exec = ExecCredential {
            version: "v1".to_owned(),
            command: "infra".to_owned(),
            args: vec!["kube-token".to_owned()],
            install_hint: "install infra".to_owned(),
        };
        let config = Kubeconfig::new("lab", "https://192.0.2.1", "a PEM").with_exec(exec);
        let yaml = config.to_yaml().unwrap().expose_secret().to_owned();
        assert!(yaml.contains("client.authentication.k8s.io/v1\n"), "{yaml}");
        let own = Kubeconfig::own_without_exec(&yaml, None).unwrap();
        assert_eq!((own.server.as_str(), own.exec), ("https://192.0.2.1", None));
        // A cluster with certificates of its own never runs a program.
        assert!(Kubeconfig::own(&yaml, None).unwrap_err().contains("users.user.exec"));
        let planted = yaml.replace("    exec:", "    tokenFile: /etc/hostname\n    exec:");
        assert!(Kubeconfig::own_without_exec(&planted, None).is_err());
    }

    #[test]
    fn what_runs_reads_or_leads_elsewhere_is_refused() {
        let whole = written();
        let user = |line: &str| {
            whole.replace("    client-key-data:", &format!("    {line}\n    client-key-data:"))
        };
        let cluster =
            |line: &str| whole.replace("    server:", &format!("    {line}\n    server:"));
        for (text, named) in [
            (user("exec: {command: touch}"), "users.user.exec"),
            (user("auth-provider: {name: gcp}"), "users.user.auth-provider"),
            (user("tokenFile: /etc/hostname"), "users.user.tokenFile"),
            (user("client-key: /etc/hostname"), "users.user.client-key"),
            (cluster("proxy-url: http://192.0.2.2"), "clusters.cluster.proxy-url"),
            (
                cluster("insecure-skip-tls-verify: true"),
                "clusters.cluster.insecure-skip-tls-verify",
            ),
            (
                cluster("certificate-authority: /etc/hostname"),
                "clusters.cluster.certificate-authority",
            ),
            (format!("{whole}extensions: []\n"), "extensions"),
        ] {
            assert_ne!(text, whole);
            let why = Kubeconfig::own(&text, None).unwrap_err();
            assert!(why.contains(&format!("`{named}`")), "{why}");
        }
        assert!(Kubeconfig::own("clusters: []", None).is_err());
    }
}
