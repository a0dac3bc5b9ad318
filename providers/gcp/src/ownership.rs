//! Marks that say whose a resource is: labels where a kind has them, and otherwise the exact name with a
//! description. Both are given in the create call itself.

use std::collections::BTreeMap;

use infra_provider_api::{Address, Owner};
use uuid::Uuid;

/// The label that decides who owns, by equality with the cluster's whole UUID.
pub(crate) const OWNER: &str = "infra-owner";
/// The label with the name in the cluster.
pub(crate) const NAME: &str = "infra-name";
/// The label with the key of the call that made it.
pub(crate) const INTENT: &str = "infra-intent";
/// Labels with the user's own tags begin so.
pub(crate) const USER_TAG: &str = "infra-tag-";
/// Longest value of a label, and longest name of most things.
const NAME_MAX: usize = 63;

/// Labels of a resource.
pub(crate) type Labels = BTreeMap<String, String>;

/// Returns the labels of a resource in its create call.
pub(crate) fn labels(owner: &Owner, address: &Address, intent_key: &str) -> Labels {
    let pairs = [
        (OWNER, owner.uuid.to_string()),
        (NAME, label_text(address.name())),
        (INTENT, label_text(intent_key)),
    ];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Returns the labels that say whose a resource is, for one that lost them.
pub(crate) fn ownership(owner: &Owner, address: &Address) -> Labels {
    let mut labels = labels(owner, address, "");
    labels.remove(INTENT);
    labels
}

/// Writes a text as the value of a label, which has no dots and no capitals.
pub(crate) fn label_text(text: &str) -> String {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    let lower = text.to_lowercase();
    lower.chars().map(|c| if allowed(c) { c } else { '_' }).take(NAME_MAX).collect()
}

/// Returns true if the labels say that a resource is this owner's.
pub(crate) fn is_own(owner: &Owner, labels: &Labels) -> bool {
    labels.get(OWNER).is_some_and(|uuid| *uuid == owner.uuid.to_string())
}

/// Returns the other cluster that the labels name, if there is one.
pub(crate) fn other_owner(owner: &Owner, labels: &Labels) -> Option<String> {
    labels.get(OWNER).filter(|_| !is_own(owner, labels)).cloned()
}

/// Returns the key of the call that made a resource.
pub(crate) fn intent(labels: &Labels) -> Option<String> {
    labels.get(INTENT).filter(|key| !key.is_empty()).cloned()
}

/// The mark of what has no labels: `infra <uuid> <intent>`, the description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DescriptionMark {
    pub(crate) owner: Uuid,
    pub(crate) intent: Option<String>,
}

impl DescriptionMark {
    /// Writes the mark.
    pub(crate) fn text(owner: &Owner, intent_key: &str) -> String {
        format!("infra {} {intent_key}", owner.uuid).trim_end().to_owned()
    }

    /// Reads the mark from a description. Any other text is nobody's mark.
    pub(crate) fn parse(description: &str) -> Option<Self> {
        let mut words = description.split(' ');
        let owner = words.next().filter(|word| *word == "infra").and_then(|_| words.next())?;
        let owner = Uuid::parse_str(owner).ok()?;
        let intent = words.next().filter(|word| !word.is_empty()).map(str::to_owned);
        words.next().is_none().then_some(Self { owner, intent })
    }
}

/// Returns the other cluster that a description names, if there is one. A description may be edited by
/// hand, so only a foreign mark speaks against an exact name.
pub(crate) fn foreign(owner: &Owner, description: &str) -> Option<String> {
    let mark = DescriptionMark::parse(description)?;
    (mark.owner != owner.uuid).then(|| mark.owner.to_string())
}

/// Returns the key of the call that made a resource, from its description.
pub(crate) fn described_intent(owner: &Owner, description: &str) -> Option<String> {
    DescriptionMark::parse(description).filter(|mark| mark.owner == owner.uuid)?.intent
}

/// Finds the address of a resource whose exact name is its ownership mark: `<cluster>-<short>-<name>`.
pub(crate) fn address_of(owner: &Owner, kind: &str, name: &str) -> Option<Address> {
    let name = name.strip_prefix(&owner.exact_name(""))?;
    (!name.is_empty()).then(|| Address::new(kind, name))
}

/// Returns the network tag of the cluster's nodes, by which firewall rules choose them.
pub(crate) fn node_tag(owner: &Owner) -> String {
    owner.exact_name("nodes")
}

/// Returns the id of the account that the nodes run as, which has at most 30 characters.
pub(crate) fn node_account_id(owner: &Owner) -> String {
    format!("infra-{}-nodes", owner.short())
}

/// Returns the e-mail of an account of the project's.
pub(crate) fn account_email(project: &str, account_id: &str) -> String {
    // The id of a project of a domain has the domain first, which comes last in the e-mail.
    let host = match project.split_once(':') {
        Some((domain, project)) => format!("{project}.{domain}"),
        None => project.to_owned(),
    };
    format!("{account_id}@{host}.iam.gserviceaccount.com")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        Owner { cluster: "shop".into(), uuid: Uuid::from_u128(0x1234_5678 << 96) }
    }

    #[test]
    fn labels_are_read_back() {
        let owner = owner();
        let labels = labels(&owner, &Address::new("node_pool", "worker"), "0a1b");
        assert!(is_own(&owner, &labels) && intent(&labels).as_deref() == Some("0a1b"));
        let other = Owner { uuid: Uuid::from_u128(1), ..owner };
        assert!(!is_own(&other, &labels));
        assert_eq!(
            other_owner(&other, &labels),
            Some("12345678-0000-0000-0000-000000000000".into())
        );
        assert_eq!(label_text("Example.com"), "example_com");
        assert!(labels.values().all(|value| value.len() <= NAME_MAX));
    }

    #[test]
    fn descriptions_are_read_back_and_others_are_nobody_s() {
        let owner = owner();
        let text = DescriptionMark::text(&owner, "0a1b");
        assert_eq!(described_intent(&owner, &text).as_deref(), Some("0a1b"));
        assert_eq!(foreign(&owner, &text), None);
        let other = Owner { uuid: Uuid::from_u128(1), ..owner.clone() };
        assert!(foreign(&other, &text).is_some() && described_intent(&other, &text).is_none());
        for nobody in [
            "",
            "infra",
            "infra x y",
            "made by infra 12345678-0000-0000-0000-000000000000",
            &format!("{text} more"),
        ] {
            assert_eq!(DescriptionMark::parse(nobody), None, "{nobody}");
        }
    }

    #[test]
    fn a_name_that_begins_alike_is_not_ours() {
        let owner = owner();
        let name = owner.exact_name("main");
        assert_eq!(address_of(&owner, "network", &name), Some(Address::new("network", "main")));
        for other in ["shop-main", "shop-12345679-main", "xshop-12345678-main", "shop-12345678-"] {
            assert_eq!(address_of(&owner, "network", other), None, "{other}");
        }
    }

    #[test]
    fn accounts_of_a_domain_s_project_have_the_domain_last() {
        assert_eq!(account_email("shop-1", "n"), "n@shop-1.iam.gserviceaccount.com");
        assert_eq!(
            account_email("example.com:shop", "n"),
            "n@shop.example.com.iam.gserviceaccount.com"
        );
        assert!(node_account_id(&owner()).len() <= 30);
    }
}
