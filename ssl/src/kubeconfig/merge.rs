//! Merging one cluster's entries into a kubeconfig that has others.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_yaml_ng::{Mapping, Value};

use crate::error::{Result, SslError};
use crate::kubeconfig::Kubeconfig;
use crate::kubeconfig::build::to_text;

/// How to merge.
#[derive(Debug, Clone, Copy, Default)]
pub struct MergeOptions {
    /// Make the cluster's context the current one. It is also made so when there is none.
    pub set_current: bool,
    /// Overwrite entries of the same name that belong to another server.
    pub overwrite: bool,
}

/// What merging did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MergeReport {
    /// The file.
    pub path: PathBuf,
    /// Whether any byte changed.
    pub changed: bool,
    /// Entries that were not there, as `cluster/demo`.
    pub added: Vec<String>,
    /// Entries that were there and differed.
    pub updated: Vec<String>,
    /// The current context afterwards.
    pub current_context: Option<String>,
}

/// Merges into the text of a kubeconfig (`None`: no file yet) and gives the new text. Entries,
/// unknown fields and their order are kept; YAML comments cannot be. When nothing changes the
/// given text comes back byte for byte.
///
/// # Errors
/// Returns an error if the text is no kubeconfig, or if an entry of the name belongs to another server.
pub fn merge_text(
    path: &Path,
    present: Option<&str>,
    config: &Kubeconfig,
    options: MergeOptions,
) -> Result<(String, MergeReport)> {
    let mut root = parse(path, present.unwrap_or_default())?;
    if !options.overwrite {
        refuse_foreign(path, &root, config)?;
    }
    let mut report = MergeReport {
        path: path.to_path_buf(),
        changed: false,
        added: Vec::new(),
        updated: Vec::new(),
        current_context: None,
    };
    root.entry("apiVersion".into()).or_insert_with(|| "v1".into());
    root.entry("kind".into()).or_insert_with(|| "Config".into());
    for (list, kind, entry) in [
        ("clusters", "cluster", config.cluster_entry()),
        ("users", "user", config.user_entry()),
        ("contexts", "context", config.context_entry()),
    ] {
        put(path, &mut root, list, kind, entry, &mut report)?;
    }
    let current = root.get("current-context").and_then(Value::as_str).unwrap_or_default();
    if (options.set_current && current != config.name) || current.is_empty() {
        root.insert("current-context".into(), config.name.as_str().into());
        report.changed = true;
    }
    report.current_context =
        root.get("current-context").and_then(Value::as_str).map(str::to_string);
    report.changed |= !report.added.is_empty() || !report.updated.is_empty();
    let text = match present {
        Some(text) if !report.changed => text.to_string(),
        _ => to_text(&Value::Mapping(root))?,
    };
    Ok((text, report))
}

fn parse(path: &Path, text: &str) -> Result<Mapping> {
    if text.trim().is_empty() {
        return Ok(Mapping::new());
    }
    match serde_yaml_ng::from_str::<Value>(text) {
        Ok(Value::Mapping(m)) => Ok(m),
        Ok(Value::Null) => Ok(Mapping::new()),
        Ok(_) => Err(SslError::malformed(path, "it is no kubeconfig (no mapping at the top)")),
        Err(e) => Err(SslError::malformed(path, format!("it is no YAML: {e}"))),
    }
}

fn find<'a>(root: &'a Mapping, list: &str, name: &str) -> Option<&'a Value> {
    root.get(list)?
        .as_sequence()?
        .iter()
        .find(|e| e.get("name").and_then(Value::as_str) == Some(name))
}

fn refuse_foreign(path: &Path, root: &Mapping, config: &Kubeconfig) -> Result<()> {
    let conflict = |kind, name: &str, found: &str, wanted: &str| {
        Err(SslError::KubeconfigConflict {
            path: path.to_path_buf(),
            kind,
            name: name.into(),
            found: found.into(),
            wanted: wanted.into(),
        })
    };
    let ours = find(root, "clusters", &config.name);
    if let Some(entry) = ours {
        let server = entry.get("cluster").and_then(|c| c.get("server")).and_then(Value::as_str);
        if server != Some(config.server.as_str()) {
            return conflict(
                "cluster",
                &config.name,
                server.unwrap_or("no server"),
                &config.server,
            );
        }
    }
    if let Some(entry) = find(root, "contexts", &config.name) {
        let cluster = entry.get("context").and_then(|c| c.get("cluster")).and_then(Value::as_str);
        if cluster != Some(config.name.as_str()) {
            let found = format!("cluster {}", cluster.unwrap_or("none"));
            return conflict("context", &config.name, &found, &format!("cluster {}", config.name));
        }
    }
    // A user of our name without our cluster belongs to another program or person.
    if ours.is_none() && find(root, "users", &config.user).is_some() {
        return conflict("user", &config.user, "another cluster's user", &config.server);
    }
    Ok(())
}

fn put(
    path: &Path,
    root: &mut Mapping,
    list: &str,
    kind: &str,
    entry: Value,
    report: &mut MergeReport,
) -> Result<()> {
    let name = entry.get("name").and_then(Value::as_str).unwrap_or_default().to_string();
    let entries = root.entry(list.into()).or_insert_with(|| Value::Sequence(Vec::new()));
    if entries.is_null() {
        *entries = Value::Sequence(Vec::new());
    }
    let Value::Sequence(entries) = entries else {
        return Err(SslError::malformed(path, format!("`{list}` is no list")));
    };
    let found =
        entries.iter_mut().find(|e| e.get("name").and_then(Value::as_str) == Some(name.as_str()));
    match found {
        None => {
            entries.push(entry);
            report.added.push(format!("{kind}/{name}"));
        }
        Some(present) => {
            let before = present.clone();
            overlay(present, kind, &entry);
            if *present != before {
                report.updated.push(format!("{kind}/{name}"));
            }
        }
    }
    Ok(())
}

/// Lays our fields over the present ones. Fields we know nothing of (a proxy, a namespace,
/// extensions) stay, except those that would contradict ours.
fn overlay(present: &mut Value, kind: &str, entry: &Value) {
    let Some(ours) = entry.get(kind).and_then(Value::as_mapping) else {
        return;
    };
    let Some(present) = present.as_mapping_mut() else {
        return;
    };
    let body = present.entry(kind.into()).or_insert_with(|| Value::Mapping(Mapping::new()));
    if !body.is_mapping() {
        *body = Value::Mapping(Mapping::new());
    }
    let Some(body) = body.as_mapping_mut() else {
        return;
    };
    let contradicting: &[&str] = match kind {
        "cluster" => &["certificate-authority", "insecure-skip-tls-verify"],
        "user" => {
            &["client-certificate", "client-key", "token", "tokenFile", "exec", "auth-provider"]
        }
        _ => &[],
    };
    for key in contradicting {
        body.shift_remove(*key);
    }
    for (key, value) in ours {
        body.insert(key.clone(), value.clone());
    }
}
