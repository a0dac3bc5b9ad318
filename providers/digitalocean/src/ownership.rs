//! The marks that say whose a resource is, and what it is for: tags.
//!
//! `infra:<uuid>` decides who owns; the others carry the short id, so that two clusters of one
//! account never share a tag, and removing a cluster's tags never touches another's machines. Each
//! fits the vendor's rule for tags: letters, digits, `:`, `-`, `_`, at most 255.

use infra_provider_api::{Owner, Role};

fn scoped(owner: &Owner, what: &str, value: &str) -> String {
    format!("infra-{what}:{}-{value}", owner.short())
}

/// Makes the tag of all machines of a role: load balancer and firewalls select by it.
pub fn role_tag(owner: &Owner, role: Role) -> String {
    scoped(owner, "role", role.as_str())
}

/// Makes the tag of all machines of a pool.
pub fn pool_tag(owner: &Owner, pool: &str) -> String {
    scoped(owner, "pool", pool)
}

/// Makes the tag of one machine. Only machines that were created alone have it: a call for several
/// gives all of them equal tags.
pub fn node_tag(owner: &Owner, node: &str) -> String {
    scoped(owner, "node", node)
}

/// Makes the tag of the revision that the machine booted with.
pub fn revision_tag(owner: &Owner, revision: &str) -> String {
    scoped(owner, "rev", revision)
}

/// Makes the tag of the create call that made `node`. The node is part of it because a call for
/// several machines gives each of them the tags of all.
pub fn intent_tag(owner: &Owner, intent_key: &str, node: &str) -> String {
    scoped(owner, "intent", &format!("{intent_key}:{node}"))
}

/// Returns the role that a machine was made for.
pub(crate) fn role_of(owner: &Owner, tags: &[String]) -> Option<&'static str> {
    let is_of = |role: &Role| tags.contains(&role_tag(owner, *role));
    [Role::ControlPlane, Role::Worker].into_iter().find(is_of).map(Role::as_str)
}

/// Returns what the cloud controller manager knows the cluster as (`DO_CLUSTER_ID`): the whole UUID, so
/// that no other cluster has it.
pub fn cluster_id(owner: &Owner) -> String {
    owner.uuid.to_string()
}

/// Returns the tag that the cloud controller manager puts on each load balancer it makes.
pub(crate) fn kubernetes_tag(owner: &Owner) -> String {
    format!("k8s:{}", cluster_id(owner))
}

/// Finds the revision among a machine's tags.
pub(crate) fn revision_of(owner: &Owner, tags: &[String]) -> Option<String> {
    values(owner, "rev", tags).next().map(str::to_owned)
}

/// Finds the idempotency key of the call that made `node`, among its tags.
pub(crate) fn intent_of(owner: &Owner, node: &str, tags: &[String]) -> Option<String> {
    values(owner, "intent", tags)
        .filter_map(|value| value.split_once(':'))
        .find(|(_, made)| *made == node)
        .map(|(key, _)| key.to_owned())
}

/// Returns the node that a machine is. That is its node tag if it has exactly one (a machine may be
/// renamed by hand, the tag stays), otherwise its name.
pub(crate) fn node_of(owner: &Owner, name: &str, tags: &[String]) -> String {
    let mut nodes = values(owner, "node", tags);
    match (nodes.next(), nodes.next()) {
        (Some(node), None) => node.to_owned(),
        _ => name.to_owned(),
    }
}

fn values<'a>(
    owner: &Owner,
    what: &str,
    tags: &'a [String],
) -> impl Iterator<Item = &'a str> + use<'a> {
    let prefix = scoped(owner, what, "");
    tags.iter().filter_map(move |tag| tag.strip_prefix(&prefix))
}

/// Reports whether a tag says which cluster owns a machine.
pub(crate) fn is_ownership(tag: &str) -> bool {
    tag.starts_with("infra:")
}

/// Returns true for tags that are bookkeeping of this tool (ours or another cluster's): they are
/// never part of a spec.
pub(crate) fn is_bookkeeping(tag: &str) -> bool {
    is_ownership(tag)
        || ["rev", "node", "intent"].iter().any(|what| {
            tag.strip_prefix("infra-")
                .and_then(|rest| rest.strip_prefix(what))
                .is_some_and(|rest| rest.starts_with(':'))
        })
}

/// Returns true if a tag is this cluster's alone, so that it goes with the cluster.
pub(crate) fn is_own(owner: &Owner, tag: &str) -> bool {
    tag == owner.tag()
        || tag == kubernetes_tag(owner)
        || ["role", "pool", "rev", "node", "intent"]
            .iter()
            .any(|what| tag.starts_with(&scoped(owner, what, "")))
}

/// Returns true if a text may be a tag.
pub(crate) fn is_valid_tag(tag: &str) -> bool {
    !tag.is_empty()
        && tag.len() <= 255
        && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-:".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        Owner { cluster: "shop".into(), uuid: uuid::Uuid::from_u128(0x1234_5678 << 96) }
    }

    #[test]
    fn marks_are_read_back_and_are_valid_tags() {
        let owner = owner();
        let tags = vec![
            owner.tag(),
            revision_tag(&owner, "00ff"),
            intent_tag(&owner, "k1", "worker-1"),
            intent_tag(&owner, "k2", "worker-2"),
            pool_tag(&owner, "worker"),
            role_tag(&owner, Role::Worker),
            kubernetes_tag(&owner),
        ];
        assert!(tags.iter().all(|tag| is_valid_tag(tag) && is_own(&owner, tag)));
        assert_eq!(revision_of(&owner, &tags).as_deref(), Some("00ff"));
        assert_eq!(intent_of(&owner, "worker-2", &tags).as_deref(), Some("k2"));
        assert_eq!(intent_of(&owner, "worker-3", &tags), None);
        assert_eq!(node_of(&owner, "worker-1", &tags), "worker-1");
        assert_eq!(node_of(&owner, "renamed", &[node_tag(&owner, "w-1")]), "w-1");
        assert_eq!(tags.iter().filter(|tag| !is_bookkeeping(tag)).count(), 3);
    }

    #[test]
    fn a_name_that_begins_alike_is_not_ours() {
        let (ours, other) = (owner(), Owner { uuid: uuid::Uuid::from_u128(1), ..owner() });
        assert!(!is_own(&ours, &other.tag()));
        assert!(!is_own(&ours, &kubernetes_tag(&other)));
        assert!(!is_own(&ours, &pool_tag(&other, "worker")));
        assert!(!is_own(&ours, &format!("{}0", ours.tag())));
        assert!(!is_own(&ours, "infrastructure"));
    }
}
