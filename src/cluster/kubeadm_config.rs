//! The cluster's own copy of kubeadm's configuration: a control plane that joins takes the flags and
//! mounts of its components from there, not from its bundle.

use infra_provider_api::{CloudError, ErrorKind};
use infra_provisioning::kubeadm::{Settings, component_settings};
use infra_ssl::{ENCRYPTION_KEYS, EncryptionKeys, PLAIN};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, api::PostParams};
use serde_yaml_ng::{Mapping, Value};

use super::{
    errors::local,
    kube_access::{KubeAccess, PROBE_TIMEOUT, no_answer, of_kube},
};

const NAME: &str = "kubeadm-config";
const NAMESPACE: &str = "kube-system";
const KEY: &str = "ClusterConfiguration";
/// What this program sets of each component; the rest of the configuration stays as it is.
const OWN: [&str; 2] = ["extraArgs", "extraVolumes"];
/// How often the configuration is read again when somebody else changed it in between.
const TRIES: usize = 4;

/// The annotation with the keys that the control plane made last encrypts with, the one that writes first
/// ([`EncryptionKeys::fingerprints`]).
const KEYS: &str = "infra.dev/encryption-keys";

/// Brings the flags and mounts of the control plane's components to what `settings` say, and notes the
/// `keys` that the next control plane gets. Control planes that run don't notice.
///
/// # Errors
/// Returns an error if the API server can't be reached or refuses, if the configuration is damaged, or
/// if `keys` lack the one that the cluster writes with: the next control plane could read no Secret.
pub async fn put_settings(
    kube: &KubeAccess,
    settings: &Settings,
    keys: Option<&EncryptionKeys>,
) -> Result<(), CloudError> {
    let operation = "put the settings of control planes into the cluster";
    let client = kube.client().await?;
    let maps = Api::<ConfigMap>::namespaced(client.raw().clone(), NAMESPACE);
    let wanted = serde_yaml_ng::to_value(component_settings(settings))
        .map_err(|error| local(operation, error))?;
    for _ in 0..TRIES {
        let mut map = maps.get(NAME).await.map_err(|error| of_kube(operation, &error))?;
        let text = map.data.as_ref().and_then(|data| data.get(KEY)).cloned().unwrap_or_default();
        let noted = map.metadata.annotations.as_ref().and_then(|all| all.get(KEYS)).cloned();
        let note = keys.map(|keys| keys.fingerprints().join(","));
        may_follow(noted.as_deref(), note.as_deref()).map_err(|writes| {
            let message = format!(
                "{ENCRYPTION_KEYS} lacks {writes}, the key that this cluster's Secrets are written with"
            );
            local(operation, message)
                .with_hint("restore the file from a backup: without that key no Secret can be read")
        })?;
        let merged = merged(&text, &wanted).map_err(|why| local(operation, why))?;
        if merged.is_none() && noted == note {
            return Ok(());
        }
        if let Some(text) = merged {
            map.data.get_or_insert_default().insert(KEY.to_owned(), text);
        }
        if let Some(note) = note {
            map.metadata.annotations.get_or_insert_default().insert(KEYS.to_owned(), note);
        }
        // It carries the revision that was read: whoever changed it since is not overwritten.
        match maps.replace(NAME, &PostParams::default(), &map).await {
            Ok(_) => return Ok(()),
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(error) => return Err(of_kube(operation, &error)),
        }
    }
    let message = format!("{NAMESPACE}/{NAME} was changed by somebody else each time");
    Err(CloudError::new(ErrorKind::Busy, operation, message))
}

/// Checks that a control plane with the keys `next` can read what those with `noted` wrote. Names the key
/// that is lacking if not.
fn may_follow(noted: Option<&str>, next: Option<&str>) -> Result<(), String> {
    // A cluster of an earlier version has no note; one that writes plain text needs no key.
    let writes = noted.and_then(|noted| noted.split(',').next());
    let Some(writes) = writes.filter(|writes| !writes.is_empty() && *writes != PLAIN) else {
        return Ok(());
    };
    let has = next.is_some_and(|next| next.split(',').any(|key| key == writes));
    if has { Ok(()) } else { Err(writes.to_owned()) }
}

/// Reads the configuration as the cluster keeps it, for an `operation` that needs it.
///
/// # Errors
/// Returns an error if the API server does not answer or refuses.
pub(super) async fn read(kube: &KubeAccess, operation: &str) -> Result<String, CloudError> {
    read_text(kube, operation, NAME, KEY).await
}

/// Reads a document of kubeadm that the cluster keeps for nodes that join: `key` of a ConfigMap. Returns
/// `None` if the API server can't be asked.
pub(super) async fn read_value(kube: &KubeAccess, name: &str, key: &str) -> Option<Value> {
    let text = read_text(kube, "read what kubeadm keeps", name, key).await.ok()?;
    Some(serde_yaml_ng::from_str(&text).unwrap_or_default())
}

async fn read_text(
    kube: &KubeAccess,
    operation: &str,
    name: &str,
    key: &str,
) -> Result<String, CloudError> {
    let client = kube.client().await?;
    let maps = Api::<ConfigMap>::namespaced(client.raw().clone(), NAMESPACE);
    let map = match tokio::time::timeout(PROBE_TIMEOUT, maps.get(name)).await {
        Ok(answer) => answer.map_err(|error| of_kube(operation, &error))?,
        Err(_) => return Err(CloudError::new(ErrorKind::Unavailable, operation, no_answer())),
    };
    Ok(map.data.and_then(|mut data| data.remove(key)).unwrap_or_default())
}

/// Reports whether the cluster's API servers encrypt Secrets; `None` if they can't be asked.
pub async fn encrypts_secrets(kube: &KubeAccess) -> Option<bool> {
    let config = read_value(kube, NAME, KEY).await?;
    let args = config.get("apiServer").and_then(|server| server.get("extraArgs"));
    let mut args = args.and_then(Value::as_sequence).into_iter().flatten();
    Some(
        args.any(|arg| {
            arg.get("name").and_then(Value::as_str) == Some("encryption-provider-config")
        }),
    )
}

/// Returns the host and port at which the configuration makes nodes look for the API server.
pub(super) fn control_plane_endpoint(text: &str) -> Option<String> {
    let config: Value = serde_yaml_ng::from_str(text).ok()?;
    let endpoint = config.get("controlPlaneEndpoint")?.as_str()?;
    (!endpoint.is_empty()).then(|| endpoint.to_owned())
}

/// Returns the configuration with the wanted settings, or `None` if it has them already.
fn merged(text: &str, wanted: &Value) -> Result<Option<String>, String> {
    let damaged = |why: &str| format!("{NAMESPACE}/{NAME} can't be used: {why}");
    let before: Value = serde_yaml_ng::from_str(text).map_err(|e| damaged(&e.to_string()))?;
    if before.get("kind").and_then(Value::as_str) != Some(KEY) {
        return Err(damaged("it holds no ClusterConfiguration"));
    }
    let mut after = before.clone();
    let root = after.as_mapping_mut().ok_or_else(|| damaged("it is not a mapping"))?;
    for (component, wanted) in wanted.as_mapping().into_iter().flatten() {
        let entry = root.entry(component.clone());
        let entry = entry.or_insert_with(|| Value::Mapping(Mapping::new()));
        if entry.is_null() {
            *entry = Value::Mapping(Mapping::new());
        }
        let entry =
            entry.as_mapping_mut().ok_or_else(|| damaged("a component is not a mapping"))?;
        for key in OWN {
            match wanted.get(key).and_then(Value::as_sequence).filter(|list| !list.is_empty()) {
                Some(list) => drop(entry.insert(key.into(), Value::Sequence(list.clone()))),
                // Absent and empty are the same to kubeadm, which writes both.
                None if entry.get(key).and_then(Value::as_sequence).is_some_and(Vec::is_empty) => {}
                None => drop(entry.remove(key)),
            }
        }
        if entry.is_empty() && before.get(component).is_none() {
            root.remove(component);
        }
    }
    if after == before {
        return Ok(None);
    }
    infra_ssl::yaml::to_text(&after).map(Some).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNNING: &str = "\
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
apiServer:
  certSANs: [203.0.113.10]
  extraArgs:
  - {name: profiling, value: 'false'}
controllerManager: {}
kubernetesVersion: v1.36.2
scheduler: {}
";

    fn wanted(settings: &Settings) -> Value {
        serde_yaml_ng::to_value(component_settings(settings)).unwrap()
    }

    #[test]
    fn only_flags_and_mounts_change() {
        let settings = Settings {
            api_server: vec![("max-requests-inflight".into(), "800".into())],
            scheduler: vec![("v".into(), "2".into())],
            encryption: vec!["key1".into(), "identity".into()],
            ..Settings::default()
        };
        let text = merged(RUNNING, &wanted(&settings)).unwrap().unwrap();
        let value: Value = serde_yaml_ng::from_str(&text).unwrap();
        assert_eq!(value["kubernetesVersion"], "v1.36.2");
        assert_eq!(value["apiServer"]["certSANs"][0], "203.0.113.10");
        let args = value["apiServer"]["extraArgs"].as_sequence().unwrap();
        let names: Vec<_> = args.iter().map(|arg| arg["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["encryption-provider-config", "max-requests-inflight"]);
        assert_eq!(value["scheduler"]["extraArgs"][0]["value"], "2");
        assert_eq!(merged(&text, &wanted(&settings)), Ok(None), "the second time nothing changes");

        let text = merged(&text, &wanted(&Settings::default())).unwrap().unwrap();
        let value: Value = serde_yaml_ng::from_str(&text).unwrap();
        assert!(value["apiServer"].get("extraArgs").is_none(), "{text}");
        assert_eq!(value["apiServer"]["certSANs"][0], "203.0.113.10");
    }

    #[test]
    fn the_endpoint_of_nodes_is_read() {
        let with = |line: &str| control_plane_endpoint(&format!("{RUNNING}{line}\n"));
        let named = with("controlPlaneEndpoint: api.example.com:6443");
        assert_eq!(named.as_deref(), Some("api.example.com:6443"));
        for line in ["", "controlPlaneEndpoint: ''", "controlPlaneEndpoint: [a]"] {
            assert_eq!(with(line), None, "{line}");
        }
    }

    #[test]
    fn who_reads_must_have_the_key_that_writes() {
        for (noted, next, is_fine) in [
            (None, Some("key1:aa,identity"), true),
            (Some("identity,key1:aa"), Some("identity,key1:bb"), true),
            (Some("key1:aa,identity"), Some("key1:aa,key2:bb,identity"), true),
            (Some("key1:aa,key2:bb,identity"), Some("key1:aa,identity"), true),
            (Some("key2:bb,key1:aa,identity"), Some("key1:aa,key2:bb,identity"), true),
            // The file of before the rotation, another key of the same name, none at all.
            (Some("key2:bb,key1:aa,identity"), Some("key1:aa,identity"), false),
            (Some("key1:aa,identity"), Some("key1:bb,identity"), false),
            (Some("key1:aa,identity"), None, false),
        ] {
            assert_eq!(may_follow(noted, next).is_ok(), is_fine, "{noted:?} {next:?}");
        }
    }

    #[test]
    fn what_is_no_configuration_is_left_alone() {
        for text in ["", "[]", "kind: Other", "kind: ClusterConfiguration\napiServer: 7", "a: [b"] {
            merged(text, &wanted(&Settings::default())).unwrap_err();
        }
    }
}
