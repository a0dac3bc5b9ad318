//! Judging one leaf.

use jiff::Timestamp;

use crate::inspect::CertificateFacts;
use crate::pki::folder::Pair;
use crate::pki::spec::ExtraLeaf;
use crate::pki::{Action, Verdict};
use crate::validity::{Due, Validity, days_left};

/// Decides what to do about a leaf, and says why; returns `None` if the leaf is as wanted.
pub(crate) fn leaf_action(
    leaf: &ExtraLeaf,
    pair: &Pair,
    authority: &CertificateFacts,
    validity: &Validity,
    now: Timestamp,
) -> Option<(Action, String)> {
    let (cert, key) = match (&pair.cert, &pair.key) {
        (None, None) => return Some((Action::Create, "it is missing".into())),
        (None, Some(_)) => return Some((Action::Create, "its certificate is missing".into())),
        (Some(_), None) => return Some((Action::Create, "its key is missing".into())),
        (Some(_), Some(_)) => (pair.facts(), pair.private_key()),
    };
    let reissue = |why: String| Some((Action::Reissue, why));
    let (Ok(Some(facts)), Ok(Some(key))) = (cert, key) else {
        return reissue("its files cannot be read as certificate and key".into());
    };
    if facts.public_der != key.public_der() {
        return reissue("its key does not belong to it".into());
    }
    if !facts.signed_by(authority) {
        return reissue(format!("it was signed by {}, not by {}", facts.issuer, authority.subject));
    }
    let wanted = leaf.request.subject();
    if facts.subject != wanted {
        return reissue(format!("its subject changes from {} to {wanted}", facts.subject));
    }
    let names = leaf.request.names.clone().normal();
    if facts.names != names {
        return reissue(names_change(&facts.names.texts(), &names.texts()));
    }
    if facts.server_auth != leaf.request.wants_server()
        || facts.client_auth != leaf.request.wants_client()
    {
        return reissue("its key usages change".into());
    }
    match validity.due(now, facts.not_before, facts.not_after, authority.not_after) {
        Due::No => None,
        Due::Soon => {
            Some((Action::Renew, format!("it ends in {} days", days_left(now, facts.not_after))))
        }
        // Under an authority that has not begun either, a new leaf would begin no earlier.
        Due::NotYetValid => {
            let span = validity.leaf_span(now, authority.not_before, authority.not_after);
            let is_gain = span.is_ok_and(|(begin, _)| begin < facts.not_before);
            is_gain.then(|| (Action::Renew, format!("it is not valid before {}", facts.not_before)))
        }
        Due::Expired => Some((Action::Renew, format!("it ended at {}", facts.not_after))),
    }
}

/// Judges a certificate with its key under its authority.
pub(crate) fn verdict(
    facts: &CertificateFacts,
    key_der: Option<&[u8]>,
    authority: Option<&CertificateFacts>,
    validity: &Validity,
    now: Timestamp,
) -> Verdict {
    if key_der.is_none_or(|k| k != facts.public_der) {
        return Verdict::KeyMismatch;
    }
    if authority.is_some_and(|a| !facts.signed_by(a)) {
        return Verdict::WrongIssuer;
    }
    if now >= facts.not_after {
        return Verdict::Expired;
    }
    if now < facts.not_before {
        return Verdict::NotYetValid;
    }
    if days_left(now, facts.not_after) < i64::from(validity.renew_before_days) {
        return Verdict::RenewSoon;
    }
    Verdict::Valid
}

fn names_change(old: &[String], new: &[String]) -> String {
    let list = |from: &[String], other: &[String]| {
        from.iter().filter(|n| !other.contains(n)).cloned().collect::<Vec<_>>().join(", ")
    };
    let (added, removed) = (list(new, old), list(old, new));
    match (added.is_empty(), removed.is_empty()) {
        (false, true) => format!("its names gain {added}"),
        (true, false) => format!("its names lose {removed}"),
        _ => format!("its names gain {added} and lose {removed}"),
    }
}
