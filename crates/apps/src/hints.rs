//! What a person can do about a refusal of the API server.

use super::ObjectId;

/// Returns a hint for `message`, which the API server (or the wait) gave for `object`.
pub fn advice(object: &ObjectId, message: &str) -> Option<String> {
    let has = |part: &str| message.contains(part);
    if has("a second one on the same volume") {
        let pod = message.split_whitespace().nth(1).unwrap_or_default();
        return Some(format!(
            "take what runs {pod} away first: `infra apps delete KIND/NAME`, then apply again"
        ));
    }
    if has("belongs to") {
        return Some(format!(
            "take the field out of the manifest, or take it over: `infra apps apply --force={object}` (--force takes all)"
        ));
    }
    if has("immutable") || has("may not change") || has("updates to statefulset spec") {
        return Some(format!(
            "this cannot be changed in place: `infra apps apply --replace {object}` deletes and recreates it"
        ));
    }
    if has("being terminated") || has("being deleted") {
        return Some("it is being deleted; apply again when it is gone".to_owned());
    }
    if has("exceeded quota") {
        return Some("ask for less, or raise the ResourceQuota of the namespace".to_owned());
    }
    if has("too large") || has("Too long") || has("must have at most") {
        return Some(
            "an object may have about 1 MiB: split it, or keep the data elsewhere".to_owned(),
        );
    }
    if has("cannot patch")
        || has("cannot create")
        || has("cannot get")
        || has("cannot delete")
        || has("cannot list")
    {
        return Some(
            "grant the kubeconfig's user this verb by a Role, or use another user (--context)"
                .to_owned(),
        );
    }
    if has("ImagePull") || has("InvalidImageName") {
        return Some(
            "check the image's name and tag, and the pull secret of its registry".to_owned(),
        );
    }
    None
}
