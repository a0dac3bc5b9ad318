//! An API server that fails now and then.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use infra_apps::{ApplyOptions, AppsError, AppsEvent, Change, Events, apply};
use infra_sim_kube::{FaultEffect, Faults};

use crate::lab::{Heard, Lab, small};

/// Every third write goes wrong, each time in another way.
#[derive(Default)]
struct Shaky(AtomicUsize);

impl Faults for Shaky {
    fn next(&self, method: &str, _: &str, _: Option<std::net::SocketAddr>) -> Option<FaultEffect> {
        if method == "GET" {
            return None;
        }
        let status = |code, retry_after_s| Some(FaultEffect::Status { code, retry_after_s });
        match self.0.fetch_add(1, Ordering::SeqCst) {
            0 => status(503, None),
            2 => Some(FaultEffect::ResetBefore),
            4 => Some(FaultEffect::ResetAfter),
            6 => status(429, Some(1)),
            8 => Some(FaultEffect::Truncate),
            _ => None,
        }
    }
}

/// Away after some writes, until it is back.
struct Away {
    writes: AtomicUsize,
    is_back: AtomicBool,
}

impl Faults for Away {
    fn next(&self, method: &str, _: &str, _: Option<std::net::SocketAddr>) -> Option<FaultEffect> {
        if self.is_back.load(Ordering::SeqCst) {
            return None;
        }
        let left = match method {
            "GET" => self.writes.load(Ordering::SeqCst),
            _ => {
                let one_less = |left: usize| Some(left.saturating_sub(1));
                let update = self.writes.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less);
                update.unwrap_or_default()
            }
        };
        (left == 0).then_some(FaultEffect::ResetBefore)
    }
}

#[tokio::test]
async fn what_is_away_in_the_middle_is_told_and_the_next_apply_goes_on() {
    let folder = small();
    let suite = folder.load();
    let objects = suite.objects().len();
    // The inventory is written first, and after that an object with each write.
    for writes in 1..=objects {
        let away = Arc::new(Away { writes: writes.into(), is_back: false.into() });
        let lab = Lab::with_faults(away.clone()).await;
        let client = lab.client.with_patience(Duration::from_millis(300));
        let options = ApplyOptions { wait: false, ..ApplyOptions::default() };
        match apply(&client, &suite, &options, &Events::quiet()).await {
            Err(error) => assert!(matches!(error, AppsError::Unreachable { .. }), "{error}"),
            Ok(outcome) => {
                assert!(!outcome.is_complete(), "{writes}: {outcome:?}");
                let failed = outcome.failed.iter();
                let told = failed.filter(|(_, why)| why.contains("does not answer")).count();
                assert!(told > 0 && told == outcome.failed.len(), "{writes}: {outcome:?}");
            }
        }
        away.is_back.store(true, Ordering::SeqCst);
        let outcome = apply(&client, &suite, &options, &Events::quiet()).await.unwrap();
        assert!(outcome.is_complete(), "{writes}: {outcome:?}");
        // What was sent before is not sent again.
        assert_eq!(
            outcome.count(Change::Created) + outcome.count(Change::Unchanged),
            objects,
            "{writes}: {outcome:?}"
        );
        assert!(outcome.count(Change::Unchanged) + 1 >= writes, "{writes}: {outcome:?}");
        assert!(lab.plan(&suite).await.is_empty());
    }
}

#[tokio::test]
async fn passing_failures_are_retried_and_told() {
    let lab = Lab::with_faults(Arc::new(Shaky::default())).await;
    let folder = small();
    // Without a network the pods cannot run; it is the calls that matter here.
    let options = ApplyOptions { wait: false, ..ApplyOptions::default() };
    let heard = Heard::default();
    let outcome = apply(&lab.client, &folder.load(), &options, &heard.events()).await.unwrap();
    assert!(outcome.is_complete(), "{outcome:?}");
    let retries = heard.all().iter().filter(|e| matches!(e, AppsEvent::Retrying { .. })).count();
    assert!(retries >= 4, "{:?}", heard.all());
    assert!(lab.plan(&folder.load()).await.is_empty());
}
