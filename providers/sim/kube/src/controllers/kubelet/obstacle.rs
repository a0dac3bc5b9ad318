//! What keeps a pod from starting.

use serde_json::Value;

use crate::Resource;
use crate::controllers::context::Ctx;
use crate::controllers::kinds::{CLAIMS, CONFIG_MAPS, SECRETS, VOLUME_ATTACHMENTS, VOLUMES};
use crate::controllers::object::ObjectExt;

/// Something that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The sandbox or a volume cannot be set up: reason and message of the event.
    Setup(&'static str, String),
    /// A container's configuration refers to what is not there: container, message.
    Config(String, String),
    /// An image cannot be pulled: container, message.
    Image(String, String),
}

/// Finds the first obstacle of a pod on a node.
pub fn find(ctx: &Ctx, pod: &Value, node: &Value) -> Option<Obstacle> {
    if !pod.flag_at("/spec/hostNetwork") && !node.condition_true("Ready") {
        return Some(Obstacle::Setup(
            "NetworkNotReady",
            "network is not ready: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized".into(),
        ));
    }
    pod.list_at("/spec/volumes")
        .iter()
        .find_map(|v| volume(ctx, pod, node, v))
        .or_else(|| containers(pod).find_map(image))
        .or_else(|| containers(pod).find_map(|c| env(ctx, pod, c)))
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    pod.list_at("/spec/initContainers").iter().chain(pod.list_at("/spec/containers"))
}

fn volume(ctx: &Ctx, pod: &Value, node: &Value, v: &Value) -> Option<Obstacle> {
    let name = v.str_at("/name");
    let failed = |what: String| {
        let message = format!("MountVolume.SetUp failed for volume \"{name}\" : {what}");
        Some(Obstacle::Setup("FailedMount", message))
    };
    let sources = std::iter::once(v).chain(v.list_at("/projected/sources"));
    for s in sources {
        for (r, kind, field, key) in [
            (&*CONFIG_MAPS, "configmap", "configMap", "/name"),
            (&*SECRETS, "secret", "secret", "/secretName"),
            (&*SECRETS, "secret", "secret", "/name"),
        ] {
            let wanted = s[field].str_at(key);
            let missing = !wanted.is_empty()
                && !s[field].flag_at("/optional")
                && ctx.find(r, pod.ns(), wanted).is_none();
            if missing {
                return failed(format!("{kind} \"{wanted}\" not found"));
            }
        }
    }
    let claim = v.str_at("/persistentVolumeClaim/claimName");
    if claim.is_empty() {
        return None;
    }
    let Some(claim) = ctx.find(&CLAIMS, pod.ns(), claim) else {
        return failed(format!("persistentvolumeclaim \"{claim}\" not found"));
    };
    let volume = ctx.find(&VOLUMES, "", claim.str_at("/spec/volumeName"))?;
    let csi = volume.at("/spec/csi").is_object();
    if csi && !attached(ctx, volume.name(), node.name()) {
        // The kubelet waits without a word for as long as the attach may take.
        return Some(Obstacle::Setup("", String::new()));
    }
    None
}

/// Returns true if a volume is attached to a node.
pub fn attached(ctx: &Ctx, volume: &str, node: &str) -> bool {
    let name = crate::controllers::volume::attachment_name(volume, node);
    ctx.find(&VOLUME_ATTACHMENTS, "", &name).is_some_and(|a| a.flag_at("/status/attached"))
}

/// Finds images that do not exist, by the embedded cloud's convention: tag `does-not-exist`, or a
/// registry at `invalid.example`.
fn image(c: &Value) -> Option<Obstacle> {
    let image = c.str_at("/image");
    let name = c.str_at("/name").to_owned();
    let (host, rest) = image.split_once('/').unwrap_or(("", image));
    if host.split(':').next() == Some("invalid.example") {
        let message = format!(
            "failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": failed to do request: Head \"https://{host}/v2/\": dial tcp: lookup invalid.example: no such host"
        );
        return Some(Obstacle::Image(name, message));
    }
    if rest.ends_with(":does-not-exist") {
        let message = format!(
            "failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": {image}: not found"
        );
        return Some(Obstacle::Image(name, message));
    }
    None
}

fn env(ctx: &Ctx, pod: &Value, c: &Value) -> Option<Obstacle> {
    let config = |message: String| Some(Obstacle::Config(c.str_at("/name").to_owned(), message));
    for e in c.list_at("/env") {
        for (r, kind, word, field) in [
            (&*CONFIG_MAPS, "configmap", "ConfigMap", "configMapKeyRef"),
            (&*SECRETS, "secret", "Secret", "secretKeyRef"),
        ] {
            let reference = &e["valueFrom"][field];
            if let Some(message) = missing(ctx, pod, r, kind, word, reference) {
                return config(message);
            }
        }
    }
    for e in c.list_at("/envFrom") {
        for (r, kind, word, field) in [
            (&*CONFIG_MAPS, "configmap", "ConfigMap", "configMapRef"),
            (&*SECRETS, "secret", "Secret", "secretRef"),
        ] {
            if let Some(message) = missing(ctx, pod, r, kind, word, &e[field]) {
                return config(message);
            }
        }
    }
    None
}

fn missing(
    ctx: &Ctx,
    pod: &Value,
    r: &Resource,
    kind: &str,
    word: &str,
    reference: &Value,
) -> Option<String> {
    let name = reference.str_at("/name");
    if name.is_empty() || reference.flag_at("/optional") {
        return None;
    }
    let Some(object) = ctx.find(r, pod.ns(), name) else {
        return Some(format!("{kind} \"{name}\" not found"));
    };
    let key = reference.str_at("/key");
    let found = key.is_empty()
        || ["data", "binaryData", "stringData"].iter().any(|d| !object[*d][key].is_null());
    (!found).then(|| format!("couldn't find key {key} in {word} {}/{name}", pod.ns()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn images_that_do_not_exist() {
        for (i, bad) in [
            ("nginx:1.29", false),
            ("invalid.example/app:1", true),
            ("invalid.example:5000/app:1", true),
            ("example.com/app:does-not-exist", true),
            ("app:does-not-exist", true),
        ] {
            assert_eq!(image(&json!({"name": "c", "image": i})).is_some(), bad, "{i}");
        }
    }
}
