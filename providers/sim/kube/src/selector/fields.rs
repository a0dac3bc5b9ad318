//! Field selectors: `metadata.name=x,status.phase!=Failed`.

use serde_json::Value;

/// What one field has to be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FieldRequirement {
    path: String,
    value: String,
    equal: bool,
}

/// Returns true for fields that can be selected by, besides name and namespace.
fn selectable(plural: &str, custom: bool, path: &str) -> bool {
    if custom {
        return true;
    }
    match plural {
        "pods" => matches!(
            path,
            "spec.nodeName"
                | "spec.restartPolicy"
                | "spec.schedulerName"
                | "spec.serviceAccountName"
                | "spec.hostNetwork"
                | "status.phase"
                | "status.podIP"
                | "status.nominatedNodeName"
        ),
        "nodes" => path == "spec.unschedulable",
        "namespaces" => path == "status.phase",
        "secrets" => path == "type",
        "replicationcontrollers" | "replicasets" => path == "status.replicas",
        "jobs" => path == "status.successful",
        "services" => matches!(path, "spec.clusterIP" | "spec.type"),
        "certificatesigningrequests" => path == "spec.signerName",
        "events" => {
            path.starts_with("involvedObject.")
                || path.starts_with("regarding.")
                || matches!(
                    path,
                    "reason" | "reportingComponent" | "reportingController" | "source" | "type"
                )
        }
        _ => false,
    }
}

impl FieldRequirement {
    /// Parses one requirement of a field selector for a kind.
    ///
    /// # Errors
    /// Returns an error, as the API server words it, if the text is no requirement or if objects of
    /// that kind cannot be selected by the field.
    pub(super) fn parse(part: &str, plural: &str, custom: bool) -> Result<Self, String> {
        let (path, value, equal) = if let Some((path, value)) = part.split_once("!=") {
            (path, value, false)
        } else if let Some((path, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
            (path, value, true)
        } else {
            return Err(format!("invalid selector: '{part}'; can't understand '{part}'"));
        };
        let path = path.trim();
        if !matches!(path, "metadata.name" | "metadata.namespace")
            && !selectable(plural, custom, path)
        {
            return Err(format!("field label not supported: {path}"));
        }
        Ok(Self { path: path.into(), value: value.into(), equal })
    }

    /// Makes the requirement that an object has this name.
    pub(super) fn named(name: &str) -> Self {
        Self { path: "metadata.name".into(), value: name.into(), equal: true }
    }

    /// Returns true if the object's field is what it has to be.
    pub(super) fn matches(&self, object: &Value) -> bool {
        let path = match self.path.as_str() {
            "spec.unschedulable" => {
                let set = object["spec"]["unschedulable"].as_bool().unwrap_or(false);
                return (self.value == set.to_string()) == self.equal;
            }
            // Asked of events.k8s.io, kept as core events.
            path => path.replacen("regarding.", "involvedObject.", 1),
        };
        let mut value = object;
        for part in path.split('.') {
            value = &value[part];
        }
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        (text == self.value) == self.equal
    }
}
