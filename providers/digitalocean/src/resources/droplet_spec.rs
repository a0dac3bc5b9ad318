//! A droplet's spec, and how one is read.

use infra_provider_api::{
    Address, Context, Found, Input, KnownResource, ManagedBy, Presence, Readiness,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::api::outputs;
use crate::{ownership, wire::Droplet};

/// A machine. Its address is its name: `droplet.worker-1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropletSpec {
    /// The region's slug.
    pub region: String,
    /// The size's slug.
    pub size: String,
    /// The image's slug, or a snapshot's number.
    pub image: String,
    /// Its private network.
    pub vpc: Input<String>,
    /// Fingerprints of the keys that may log in. The cloud does not tell them back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_keys: Option<Vec<Input<String>>>,
    /// Hash of what it boots with; empty where it boots with nothing of ours.
    pub revision: String,
    /// It is switched off. None is declared so; one that is found so is switched on.
    #[serde(default)]
    pub powered_off: bool,
    /// Tags of role, pool and the user's own, sorted. Ownership and bookkeeping tags are not part of
    /// it.
    pub tags: Vec<String>,
}

impl DropletSpec {
    /// Sorts the tags, each once, in lower case. The cloud takes `Team` and `team` for one, and
    /// keeps whichever an account used first.
    #[must_use]
    pub fn normal(mut self) -> Self {
        self.tags.iter_mut().for_each(|tag| tag.make_ascii_lowercase());
        self.tags.sort();
        self.tags.dedup();
        self
    }
}

fn readiness(droplet: &Droplet) -> Readiness {
    match droplet.status.as_str() {
        "active" if droplet.address("private").is_some() => Readiness::Ready,
        "active" => Readiness::Pending { reason: "no private address yet".to_owned() },
        "new" => Readiness::Pending { reason: "status new".to_owned() },
        "off" => Readiness::Failed {
            reason: "it is powered off".to_owned(),
            help: Some("`infra apply` switches it on".to_owned()),
        },
        status => Readiness::failed(format!("status {status}")),
    }
}

/// Reads a droplet in normal form. Returns `None` if it is not this cluster's.
pub(super) fn found(cx: &Context, droplet: &Droplet) -> Option<Found<DropletSpec>> {
    droplet.tags.contains(&cx.owner.tag()).then(|| read(cx, droplet))
}

/// Judges whose a droplet is that the state knows. Somebody may have taken its tags away; what it
/// booted with is then as the state has it.
pub(super) fn presence(
    cx: &Context,
    known: &KnownResource,
    droplet: &Droplet,
) -> Presence<Found<DropletSpec>> {
    let owner = cx.owner.tag();
    if droplet.tags.contains(&owner) {
        return Presence::Owned(read(cx, droplet));
    }
    if let Some(other) = droplet.tags.iter().find(|tag| ownership::is_ownership(tag)) {
        return Presence::Foreign { owner: other.clone() };
    }
    let mut found = read(cx, droplet);
    if found.spec.revision.is_empty() {
        found.spec.revision = known.spec.text("revision").unwrap_or_default();
    }
    Presence::Untagged(found)
}

/// Reads a droplet in normal form, whoever owns it.
pub(super) fn read(cx: &Context, droplet: &Droplet) -> Found<DropletSpec> {
    let tags = &droplet.tags;
    let node = ownership::node_of(&cx.owner, &droplet.name, tags);
    let image = droplet.image.slug.clone().filter(|slug| !slug.is_empty());
    let spec = DropletSpec {
        region: droplet.region.slug.clone(),
        size: droplet.size_slug.clone(),
        image: image.unwrap_or_else(|| droplet.image.id.to_string()),
        vpc: droplet.vpc_uuid.clone().unwrap_or_default().into(),
        ssh_keys: None,
        revision: ownership::revision_of(&cx.owner, tags).unwrap_or_default(),
        powered_off: droplet.status == "off",
        tags: tags.iter().filter(|tag| !ownership::is_bookkeeping(tag)).cloned().collect(),
    }
    .normal();
    let mut outputs = outputs([("id", json!(droplet.id)), ("name", json!(droplet.name))]);
    for (name, kind) in [("public_ip", "public"), ("private_ip", "private")] {
        if let Some(ip) = droplet.address(kind) {
            outputs.insert(name.to_owned(), json!(ip));
        }
    }
    if let Some(role) = ownership::role_of(&cx.owner, tags) {
        outputs.insert("role".to_owned(), json!(role));
    }
    Found {
        readiness: readiness(droplet),
        intent_key: ownership::intent_of(&cx.owner, &node, tags),
        address: Address::new("droplet", node),
        id: droplet.id.to_string(),
        spec,
        outputs: outputs.into(),
        made_by: ManagedBy::Infra,
    }
}
