//! Steps that several tests take: a small engine, with every action done twice.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use infra_digitalocean::DigitalOcean;
use infra_provider_api::{
    Context, CreateRequest, Declared, Kind, Observed, Provider, Readiness, UpdateRequest,
};
use serde_json::Value;

use crate::cluster::{Known, known_elsewhere, resolved};

pub type Kinds = BTreeMap<&'static str, Arc<dyn Kind>>;

pub fn kinds(provider: &DigitalOcean) -> Kinds {
    provider.kinds().into_iter().map(|kind| (kind.name(), kind)).collect()
}

pub fn request(cx: &Context, declared: &Declared, known: &Known) -> CreateRequest {
    CreateRequest {
        address: declared.address.clone(),
        spec: resolved(declared, known),
        intent_key: cx.owner.intent_key(&declared.address, 1),
    }
}

/// Looks until it is ready.
pub async fn ready(cx: &Context, kind: &dyn Kind, observed: Observed) -> Observed {
    let wait = async {
        loop {
            let ids = [observed.id.clone()];
            let seen = kind.poll(cx, &ids).await.unwrap().pop().expect("it is there");
            match &seen.readiness {
                Readiness::Ready => return seen,
                Readiness::Pending { .. } => {}
                Readiness::Failed { reason, .. } => panic!("{}: {reason}", seen.address),
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.expect("it gets ready")
}

/// Creates all in order, each one twice; both times it must be the same one.
pub async fn create_all(cx: &Context, kinds: &Kinds, declared: &[Declared]) -> Known {
    let mut known = known_elsewhere();
    for declared in declared {
        let kind = &kinds[declared.address.kind()];
        let request = request(cx, declared, &known);
        let mut ids = Vec::new();
        for _ in 0..2 {
            let made = kind.create(cx, std::slice::from_ref(&request)).await.pop().unwrap();
            let made = made.unwrap_or_else(|error| panic!("{error} {:?}", error.hint));
            assert_eq!(made.address, declared.address);
            ids.push(made.id.clone());
            if ids.len() == 2 {
                let seen = ready(cx, kind.as_ref(), made).await;
                known.insert(declared.address.clone(), seen.outputs);
            }
        }
        assert_eq!(ids[0], ids[1], "{}", declared.address);
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
pub fn assert_clean(declared: &[Declared], observed: &[Observed], known: &Known) {
    for declared in declared {
        let there: Vec<_> = observed.iter().filter(|o| o.address == declared.address).collect();
        assert_eq!(there.len(), 1, "{}", declared.address);
        let mut wanted = resolved(declared, known);
        // Used at creation only; the cloud does not tell it.
        if let Some(fields) = wanted.as_object_mut() {
            fields.remove("ssh_keys");
        }
        assert_eq!(there[0].spec.value(), wanted, "{}", declared.address);
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
        let updated = kind.update(cx, &request).await.unwrap();
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
    tokio::time::timeout(Duration::from_secs(30), attempt)
        .await
        .expect("it lets itself be deleted");
    let gone = async {
        while !kind.poll(cx, std::slice::from_ref(&observed.id)).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone).await.expect("it goes");
    assert!(kind.delete(cx, observed).await.unwrap(), "{} again", observed.address);
}

/// Deletes everything that is there, what needs others first; then what Kubernetes made in between.
pub async fn delete_all(cx: &Context, kinds: &Kinds) {
    let order = [
        "record",
        "domain",
        "kubernetes_load_balancer",
        "api_access",
        "droplet",
        "volume",
        "load_balancer",
        "firewall",
        "ssh_key",
        "bucket",
        "vpc",
    ];
    assert_eq!(order.len(), kinds.len());
    for name in order {
        let kind = &kinds[name];
        for observed in kind.list_owned(cx).await.unwrap() {
            delete(cx, kind.as_ref(), &observed).await;
        }
    }
}
