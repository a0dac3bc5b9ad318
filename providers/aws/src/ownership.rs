//! The marks that say whose a resource is, and what it is for: tags, given in the create call
//! itself.
//!
//! `infra.dev/owner` decides who owns, by equality with the cluster's whole UUID; `infra.dev/name`
//! is the name in the cluster, `infra.dev/intent` the key of the call that made it.

use infra_provider_api::{Address, Owner};

pub(crate) const OWNER: &str = "infra.dev/owner";
pub(crate) const NAME: &str = "infra.dev/name";
pub(crate) const INTENT: &str = "infra.dev/intent";
pub(crate) const REVISION: &str = "infra.dev/revision";
pub(crate) const ROLE: &str = "infra.dev/role";
pub(crate) const POOL: &str = "infra.dev/pool";
/// `infra.dev/node-<launch index>`: node and key of the machine with that index in its call.
pub(crate) const NODE: &str = "infra.dev/node-";
/// `infra.dev/image/<name>`: a pinned image, on the VPC.
pub(crate) const IMAGE: &str = "infra.dev/image/";

/// Names the cluster on what the AWS Load Balancer Controller makes.
const BALANCER_CONTROLLER: &str = "elbv2.k8s.aws/cluster";

/// Returns the name that the cloud controller manager knows the cluster by. It is not the bare
/// name: two clusters of that name in one account would take each other's load balancers.
pub fn cluster_id(owner: &Owner) -> String {
    format!("{}-{}", owner.cluster, owner.short())
}

/// Returns the tag that Kubernetes' controllers look for.
pub(crate) fn kubernetes_tag(owner: &Owner) -> String {
    format!("kubernetes.io/cluster/{}", cluster_id(owner))
}

/// Name and value of a tag.
pub(crate) type Pair = (String, String);

/// Returns the tags of a resource in its create call: ownership first, then `more`, then the user's
/// own.
pub(crate) fn pairs(
    owner: &Owner,
    address: &Address,
    intent_key: &str,
    more: &[Pair],
    users: &[Pair],
) -> Vec<Pair> {
    let mut all = vec![
        (OWNER.to_owned(), owner.uuid.to_string()),
        (NAME.to_owned(), address.name().to_owned()),
        (INTENT.to_owned(), intent_key.to_owned()),
        ("Name".to_owned(), format!("{}-{}", owner.cluster, address.name())),
    ];
    for (key, value) in more.iter().chain(users) {
        match all.iter_mut().find(|(known, _)| known == key) {
            Some(known) => known.1.clone_from(value),
            None => all.push((key.clone(), value.clone())),
        }
    }
    all
}

/// Returns the tags that say whose a resource is, for one that lost them.
pub(crate) fn ownership(owner: &Owner, address: &Address) -> [Pair; 2] {
    [(NAME.to_owned(), address.name().to_owned()), (OWNER.to_owned(), owner.uuid.to_string())]
}

/// Tags as they were read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks(Vec<Pair>);

impl Marks {
    pub(crate) fn of<'a>(
        tags: impl IntoIterator<Item = (Option<&'a str>, Option<&'a str>)>,
    ) -> Self {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        Self(tags.into_iter().map(|(key, value)| (text(key), text(value))).collect())
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// Returns these tags with `more`, which take the place of those of the same names.
    pub(crate) fn with(self, more: impl IntoIterator<Item = Pair>) -> Vec<Pair> {
        let more: Vec<Pair> = more.into_iter().collect();
        let kept = self.0.into_iter().filter(|(key, _)| !more.iter().any(|(new, _)| new == key));
        let mut all: Vec<Pair> = kept.collect();
        all.extend(more);
        all
    }

    /// Returns true if the resource is this owner's.
    pub(crate) fn is_of(&self, owner: &Owner) -> bool {
        self.get(OWNER) == Some(owner.uuid.to_string().as_str())
    }

    /// Returns its address, if it is this owner's.
    pub(crate) fn address(&self, owner: &Owner, kind: &str) -> Option<Address> {
        let name = self.get(NAME).filter(|name| !name.is_empty())?;
        self.is_of(owner).then(|| Address::new(kind, name))
    }

    /// Returns the key of the call that made it.
    pub(crate) fn intent(&self) -> Option<String> {
        self.get(INTENT).map(str::to_owned)
    }

    /// Returns true if a controller in the cluster made it. That is the cloud controller manager,
    /// the storage driver, or the AWS Load Balancer Controller where it was installed with the same
    /// cluster id.
    pub(crate) fn is_kubernetes(&self, owner: &Owner) -> bool {
        let made = self.get(&kubernetes_tag(owner)) == Some("owned")
            || self.get(BALANCER_CONTROLLER) == Some(cluster_id(owner).as_str());
        made && !self.is_of(owner)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Pair> {
        self.0.iter()
    }

    /// Returns the user's own tags: neither ours nor a controller's.
    pub(crate) fn users(&self) -> Vec<String> {
        let ours = |key: &str| {
            key == "Name"
                || ["infra.dev/", "kubernetes.io/", "aws:"].iter().any(|p| key.starts_with(p))
        };
        let mut users: Vec<String> = self
            .0
            .iter()
            .filter(|(key, _)| !ours(key))
            .map(|(key, value)| tag_text(key, value))
            .collect();
        users.sort();
        users
    }
}

/// Writes a tag as infra.toml does.
pub(crate) fn tag_text(key: &str, value: &str) -> String {
    if value.is_empty() { key.to_owned() } else { format!("{key}={value}") }
}

/// Returns true if a text may be a tag of the user's.
pub(crate) fn is_valid_tag(text: &str) -> bool {
    let (key, value) = crate::scope::user_tag(text);
    let plain = |text: &str| text.chars().all(|c| c.is_alphanumeric() || " _.:/=+-@".contains(c));
    (1..=128).contains(&key.chars().count())
        && value.chars().count() <= 256
        && !key.to_lowercase().starts_with("aws:")
        && plain(&key)
        && plain(&value)
}

/// Tags for a service, from pairs. Each SDK crate has a type of its own for the same thing.
macro_rules! sdk_tags {
    ($sdk:ident, $pairs:expr) => {
        $pairs
            .into_iter()
            .map(|(key, value)| $sdk::types::Tag::builder().key(key).value(value).build())
            .collect::<Vec<_>>()
    };
}
pub(crate) use sdk_tags;

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        Owner { cluster: "shop".into(), uuid: uuid::Uuid::from_u128(0x1234_5678 << 96) }
    }

    #[test]
    fn marks_are_read_back() {
        let owner = owner();
        let address = Address::new("subnet", "nodes-a");
        let users = vec![("team".to_owned(), "shop".to_owned())];
        let pairs = pairs(&owner, &address, "k1", &[], &users);
        let marks = Marks::of(pairs.iter().map(|(k, v)| (Some(k.as_str()), Some(v.as_str()))));
        assert_eq!(marks.address(&owner, "subnet"), Some(address));
        assert_eq!(marks.intent().as_deref(), Some("k1"));
        assert_eq!(marks.users(), ["team=shop"]);
        let other = Owner { uuid: uuid::Uuid::from_u128(1), ..owner };
        assert_eq!(marks.address(&other, "subnet"), None);
    }

    #[test]
    fn only_a_controller_s_own_mark_for_this_cluster_counts() {
        let owner = owner();
        let id = cluster_id(&owner);
        let cluster = format!("kubernetes.io/cluster/{id}");
        let is_made = |tags: &[(&str, &str)]| {
            Marks::of(tags.iter().map(|(key, value)| (Some(*key), Some(*value))))
                .is_kubernetes(&owner)
        };
        assert!(is_made(&[(&cluster, "owned")]));
        assert!(is_made(&[("elbv2.k8s.aws/cluster", &id)]));
        for foreign in [
            ("Name", "janes"),
            (cluster.as_str(), "shared"),
            ("kubernetes.io/cluster/shop", "owned"),
            ("elbv2.k8s.aws/cluster", "shop"),
            ("kubernetes.io/service-name", "default/web"),
        ] {
            assert!(!is_made(&[foreign]), "{foreign:?}");
        }
        // The network's own parts carry the controllers' tag, too, and are not theirs.
        assert!(!is_made(&[(&cluster, "owned"), (OWNER, &owner.uuid.to_string())]));
    }

    #[test]
    fn texts_that_may_be_tags() {
        assert!(is_valid_tag("team=shop") && is_valid_tag("alone"));
        assert!(!is_valid_tag("aws:x=y") && !is_valid_tag("=x") && !is_valid_tag("a=b\u{7}"));
    }
}
