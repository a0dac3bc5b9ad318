//! Steps that several tests take: a small engine, with every action done twice.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use infra_gcp::Gcp;
use infra_provider_api::{
    Context, CreateRequest, Declared, Kind, Observed, OnChange, Provider, Readiness, UpdateRequest,
};
use serde_json::Value;

use crate::cluster::{Known, known_elsewhere, resolved};

pub type Kinds = BTreeMap<&'static str, Arc<dyn Kind>>;

/// How long anything may take. Generous: hosts of tests are slow at times.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn kinds(provider: &Gcp) -> Kinds {
    provider.kinds().into_iter().map(|kind| (kind.name(), kind)).collect()
}

/// Looks until it is ready.
pub async fn ready(cx: &Context, kind: &dyn Kind, observed: Observed) -> Observed {
    let wait = async {
        loop {
            let ids = [observed.id.clone()];
            if let Some(seen) = kind.poll(cx, &ids).await.unwrap().pop() {
                match &seen.readiness {
                    Readiness::Ready => return seen,
                    Readiness::Pending { .. } => {}
                    Readiness::Failed { reason, .. } => panic!("{}: {reason}", seen.address),
                }
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("it gets ready")
}

/// Creates all in order, each one twice; both times it must be the same one.
pub async fn create_all(cx: &Context, kinds: &Kinds, declared: &[Declared]) -> Known {
    let mut known = known_elsewhere();
    for declared in declared {
        let kind = &kinds[declared.address.kind()];
        let request = CreateRequest {
            address: declared.address.clone(),
            spec: resolved(declared, &known),
            intent_key: cx.owner.intent_key(&declared.address, 1),
        };
        let mut made = Vec::new();
        for _ in 0..2 {
            let one = kind.create(cx, std::slice::from_ref(&request)).await.pop().unwrap();
            let one = one.unwrap_or_else(|error| panic!("{error} {:?}", error.hint));
            assert_eq!(one.address, declared.address);
            made.push(one);
        }
        assert_eq!(made[0].id, made[1].id, "{}", declared.address);
        let seen = ready(cx, kind.as_ref(), made.remove(0)).await;
        known.insert(declared.address.clone(), seen.outputs);
    }
    known
}

pub async fn list_all(cx: &Context, kinds: &Kinds) -> Vec<Observed> {
    let mut all = Vec::new();
    for kind in kinds.values() {
        all.extend(kind.list_owned(cx).await.unwrap());
    }
    all
}

/// What of `declared` is there differs from nothing: the plan would be empty.
pub fn assert_clean(kinds: &Kinds, declared: &[Declared], observed: &[Observed], known: &Known) {
    for declared in declared {
        let there: Vec<_> = observed.iter().filter(|o| o.address == declared.address).collect();
        assert_eq!(there.len(), 1, "{}", declared.address);
        assert_eq!(there[0].readiness, Readiness::Ready, "{}", declared.address);
        let kind = &kinds[declared.address.kind()];
        let wanted = resolved(declared, known);
        let seen = there[0].spec.value();
        for (field, value) in wanted.as_object().unwrap() {
            if kind.on_change(field) != OnChange::CreateOnly {
                let seen = seen.get(field).unwrap_or(&Value::Null);
                assert_eq!(seen, value, "{} {field}", declared.address);
            }
        }
    }
}

/// Sets a field of one resource, twice.
pub async fn update(cx: &Context, kind: &dyn Kind, observed: &Observed, field: &str, to: Value) {
    let mut spec = observed.spec.value();
    spec[field] = to.clone();
    for _ in 0..2 {
        let request = UpdateRequest {
            observed: observed.clone(),
            spec: spec.clone(),
            changed: vec![field.to_owned()],
        };
        let updated = kind.update(cx, &request).await;
        let updated = updated.unwrap_or_else(|error| panic!("{error} {:?}", error.hint));
        assert_eq!(updated.id, observed.id);
        assert_eq!(updated.spec.get(field).unwrap(), to, "{}", observed.address);
    }
    let again = kind.list_owned(cx).await.unwrap();
    let again = again.iter().find(|o| o.id == observed.id).unwrap();
    assert_eq!(again.spec.get(field).unwrap(), to, "{}", observed.address);
}

/// Deletes twice, and waits until it is gone.
pub async fn delete(cx: &Context, kind: &dyn Kind, observed: &Observed) {
    let attempt = async {
        // What is still in use goes a moment later; the engine repeats it too.
        loop {
            match kind.delete(cx, observed).await {
                Ok(_) => return,
                Err(error) if error.is_transient() => {}
                Err(error) => panic!("{error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, attempt).await.expect("it lets itself be deleted");
    let gone = async {
        while !kind.poll(cx, std::slice::from_ref(&observed.id)).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("it goes");
    assert!(kind.delete(cx, observed).await.unwrap(), "{} again", observed.address);
}

/// Deletes everything that is there, what needs others first. Machines go with their pools.
pub async fn delete_all(cx: &Context, kinds: &Kinds) {
    let order = [
        "record",
        "managed_zone",
        "node_pool",
        "gke_cluster",
        "kubernetes_load_balancer",
        "kubernetes_neg",
        "kubernetes_address",
        "kubernetes_firewall",
        "disk",
        "iam_binding",
        "service_account",
        "firewall",
        "router",
        "subnet",
        "network",
    ];
    assert_eq!(order.len() + 1, kinds.len());
    for name in order {
        let kind = &kinds[name];
        for observed in kind.list_owned(cx).await.unwrap() {
            delete(cx, kind.as_ref(), &observed).await;
        }
    }
}
