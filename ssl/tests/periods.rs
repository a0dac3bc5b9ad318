//! Properties of validity, renewal, names and tokens.

mod support;

use infra_ssl::{
    Authority, BootstrapToken, ClusterSecret, DAY_SECONDS, Due, LeafRequest, Names, Validity,
    certificate_facts,
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use secrecy::ExposeSecret;
use support::*;

fn periods() -> impl Strategy<Value = Validity> {
    (2u32..4000).prop_flat_map(|ca| (Just(ca), 2..=ca)).prop_flat_map(|(ca, leaf)| {
        (0..leaf).prop_map(move |renew| Validity {
            ca_days: ca,
            leaf_days: leaf,
            renew_before_days: renew,
        })
    })
}

fn plus(t: Timestamp, seconds: i64) -> Timestamp {
    t + SignedDuration::from_secs(seconds)
}

proptest! {
    #[test]
    fn a_new_leaf_is_never_due_and_a_renewed_one_neither(v in periods(), age in 0i64..4000 * DAY_SECONDS) {
        v.check().unwrap();
        let (ca_begin, ca_end) = v.authority_span(t0()).unwrap();
        let now = plus(t0(), age);
        prop_assume!(now < ca_end);
        let (begin, end) = v.leaf_span(now, ca_begin, ca_end).unwrap();
        prop_assert!(begin >= ca_begin && end <= ca_end && begin < end);
        prop_assert_eq!(v.due(now, begin, end, ca_end), Due::No);
    }

    #[test]
    fn a_due_leaf_stays_due_until_it_expires(v in periods(), a in 0i64..4000 * DAY_SECONDS, b in 0i64..4000 * DAY_SECONDS) {
        let (ca_begin, ca_end) = v.authority_span(t0()).unwrap();
        let (begin, end) = v.leaf_span(t0(), ca_begin, ca_end).unwrap();
        let (early, late) = (plus(t0(), a.min(b)), plus(t0(), a.max(b)));
        match (v.due(early, begin, end, ca_end), v.due(late, begin, end, ca_end)) {
            (Due::No, _) | (Due::Soon, Due::Soon | Due::Expired) | (Due::Expired, Due::Expired) => {}
            (x, y) => prop_assert!(false, "{x:?} then {y:?}"),
        }
        prop_assert_eq!(v.due(end, begin, end, ca_end), Due::Expired);
    }

    #[test]
    fn nothing_is_due_before_the_renewal_period(v in periods(), at in 0i64..4000) {
        let (ca_begin, ca_end) = v.authority_span(t0()).unwrap();
        let (begin, end) = v.leaf_span(t0(), ca_begin, ca_end).unwrap();
        let now = day(at);
        prop_assume!(now < end);
        let left = end.duration_since(now).as_secs() / DAY_SECONDS;
        if left >= i64::from(v.renew_before_days) {
            prop_assert_eq!(v.due(now, begin, end, ca_end), Due::No);
        } else if plus(now, i64::from(v.leaf_days) * DAY_SECONDS) <= ca_end {
            prop_assert!(v.due(now, begin, end, ca_end) != Due::No || plus(now, i64::from(v.leaf_days) * DAY_SECONDS).duration_since(end).as_secs() < DAY_SECONDS);
        }
    }

    #[test]
    fn tokens_have_kubeadms_form_and_differ_by_node(a in "[a-z0-9-]{1,40}", b in "[a-z0-9-]{1,40}") {
        let secret = ClusterSecret::generate().unwrap();
        let text = |t: &BootstrapToken| t.token().expose_secret().to_string();
        let (x, y) = (secret.token_for(&a).unwrap(), secret.token_for(&b).unwrap());
        let form = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let whole = text(&x);
        let (id, rest) = whole.split_once('.').unwrap();
        prop_assert!(id.len() == 6 && rest.len() == 16);
        prop_assert!(id.chars().all(form) && rest.chars().all(form));
        prop_assert_eq!(text(&secret.token_for(&a).unwrap()), whole);
        prop_assert_eq!(a == b, text(&x) == text(&y));
    }

    #[test]
    fn names_are_one_set_whatever_the_order(mut list in prop::collection::vec("[a-z][a-z0-9]{0,8}(\\.[a-z]{1,5}){0,2}", 0..8)) {
        let one = Names::parse(&list).unwrap();
        list.reverse();
        list.extend(list.clone());
        prop_assert_eq!(one, Names::parse(&list).unwrap());
    }
}

#[test]
fn contradictory_periods_are_refused() {
    let v =
        |ca_days, leaf_days, renew_before_days| Validity { ca_days, leaf_days, renew_before_days };
    assert!(v(10, 10, 9).check().is_ok());
    assert_eq!(
        v(10, 11, 1).check().unwrap_err().to_string(),
        "validity: leaf_days = 11 is more than ca_days = 10"
    );
    assert!(
        v(10, 5, 5).check().unwrap_err().to_string().contains("must be less than leaf_days = 5")
    );
    assert!(v(0, 0, 0).check().is_err());
    assert!(v(99_999, 1, 0).check().is_err());
}

#[test]
fn bad_names_are_refused() {
    for bad in
        ["", "a..b", "-a.example.com", "under_score.example.com", "a*.example.com", &"x".repeat(64)]
    {
        assert!(Names::parse([bad]).is_err(), "{bad}");
    }
    assert!(Names::parse(["*.example.com", "Example.COM.", "::1"]).is_ok());
}

#[test]
fn facts_agree_with_the_request() {
    let v = Validity::default();
    let ca = Authority::create("demo ca", Some(0), &v, t0()).unwrap();
    assert!(ca.facts().is_authority && ca.facts().signed_by(ca.facts()));
    let names = Names::parse(["b.example.com", "a.example.com", "192.0.2.7"]).unwrap();
    let request = LeafRequest::api_server(names.clone());
    let facts = certificate_facts(&ca.issue(&request, &v, t0()).unwrap().cert_pem).unwrap();
    assert_eq!((facts.names.clone(), facts.subject.clone()), (names, request.subject()));
    assert!(facts.server_auth && !facts.client_auth && !facts.is_authority);
    assert_eq!(facts.not_after, day(365));
    let other = Authority::create("demo ca", Some(0), &v, t0()).unwrap();
    assert!(!facts.signed_by(other.facts()), "same name, another key");
}

fn yaml_value() -> impl Strategy<Value = serde_yaml_ng::Value> {
    use serde_yaml_ng::Value;
    let text = prop_oneof![
        Just("yes".to_string()),
        Just("1:30".to_string()),
        Just("012".to_string()),
        Just("@x@".to_string()),
        "\\PC{0,12}",
        "[a-z: #\n-]{0,12}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Sequence),
            prop::collection::vec((text.clone().prop_map(Value::from), inner), 0..4)
                .prop_map(|pairs| Value::Mapping(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn yaml_is_read_back_as_it_was(value in yaml_value()) {
        let text = infra_ssl::yaml::to_text(&value).unwrap();
        let back: serde_yaml_ng::Value = serde_yaml_ng::from_str(&text).unwrap();
        prop_assert_eq!(back, value, "{}", text);
    }
}

#[test]
fn words_that_yaml_1_1_takes_for_something_else_are_quoted() {
    let value =
        serde_yaml_ng::from_str("{a: 'yes', b: 'On', c: '012', d: plain, e: '1:30', f: []}")
            .unwrap();
    let text = infra_ssl::yaml::to_text(&value).unwrap();
    assert_eq!(text, "a: \"yes\"\nb: \"On\"\nc: \"012\"\nd: plain\ne: \"1:30\"\nf: []\n");
}
