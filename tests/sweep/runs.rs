//! Runs as `infra apply` makes them, with kinds that are troubled.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use infra::{
    cluster::KUBERNETES_KINDS,
    engine::{
        ExecuteOptions, Outcome, PlanOptions, RecoverOptions, events::Events, execute, recover,
    },
    session::{Observation, Planned, Purpose, Session, SessionOptions},
};
use infra_provider_api::{NoProgress, Phase};

use super::failing_kinds::{Log, Trouble, trouble};

/// With every action failing once, each layer of the graph takes two runs.
const RUNS_MAX: usize = 40;
/// How long what was made may be out of sight.
const GRACE: Duration = Duration::from_millis(500);

/// What a session is opened with, and how far its plans go.
pub struct Runs {
    pub session: SessionOptions,
    pub phase: Phase,
    pub how: Trouble,
    pub log: Arc<Mutex<Log>>,
}

impl Runs {
    fn plan(&self, destroy: bool) -> PlanOptions {
        PlanOptions { phase: self.phase, destroy, ..PlanOptions::default() }
    }

    async fn open(&self) -> Session {
        Session::open(&self.session, Arc::new(NoProgress)).await.unwrap()
    }

    /// One run. Also returns true if it carried out the whole plan.
    async fn one(&self, destroy: bool) -> (Outcome, bool) {
        let session = self.open().await;
        if !session.store.state().intents.is_empty() {
            let looked = session.observe(Purpose::Apply).await.unwrap();
            let options = RecoverOptions {
                grace: GRACE,
                optional: KUBERNETES_KINDS.iter().map(|kind| (*kind).to_owned()).collect(),
                ..RecoverOptions::default()
            };
            recover(&looked.kinds, &session.cx, &session.store, &options, &Events::none())
                .await
                .unwrap();
        }
        let Planned { looked, plan } = session.plan(self.plan(destroy)).await.unwrap();
        let mut first = plan.clone();
        if destroy {
            session.remember_volumes(&looked).await.unwrap();
            if session.cloud.plane.managed().is_some() {
                // As `infra destroy` does: what the cloud leaves is seen only once the cluster is gone.
                first = plan.until_gone(session.machines_go_with());
            }
        }
        let is_whole = first.changes.len() == plan.changes.len();
        let mut cx = session.cx.clone();
        cx.boot = looked.own.as_ref().map(|own| own.boot.clone());
        let kinds = trouble(&looked.kinds, self.how, &self.log);
        let options = ExecuteOptions { unanswered_grace: GRACE, ..ExecuteOptions::default() };
        let store = &session.store;
        let outcome = execute(&first, &kinds, &cx, store, &options, &Events::none()).await;
        if outcome.is_complete() && !destroy {
            session.end_replacements().await.unwrap();
        }
        (outcome, is_whole)
    }

    /// Runs until all is done; how many runs it took.
    pub async fn converge(&self, destroy: bool) -> usize {
        for number in 1..=RUNS_MAX {
            let (outcome, is_whole) = self.one(destroy).await;
            if outcome.is_complete() {
                if is_whole {
                    return number;
                }
                continue;
            }
            assert!(self.how != Trouble::Twice, "{outcome:#?}");
            assert!(
                outcome.failures.iter().all(|step| step.error.message.contains("fails once")),
                "{outcome:#?}"
            );
        }
        panic!("not complete after {RUNS_MAX} runs");
    }

    /// Nothing is left to plan, and no intent is open.
    pub async fn assert_settled(&self, when: &str) {
        let session = self.open().await;
        assert!(session.store.state().intents.is_empty(), "{when}: open intents");
        let planned = session.plan(self.plan(false)).await.unwrap();
        let left: Vec<_> = planned.plan.real_changes().collect();
        assert!(left.is_empty(), "{when}: {left:#?}");
    }

    /// What there is: kinds, and what is declared of them.
    pub async fn observe(&self) -> Observation {
        self.open().await.observe(Purpose::Apply).await.unwrap()
    }
}
