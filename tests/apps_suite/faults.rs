//! An API server that fails now and then.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use infra::apps::{ApplyOptions, AppsEvent, apply};
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
