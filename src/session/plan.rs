//! From a look to a plan.

use std::sync::Arc;

use infra_provider_api::{Address, Phase};
use jiff::Timestamp;

use super::{
    error::Failure,
    look::{Looked, Purpose},
    open::Session,
};
use crate::{
    clouds::AddonCredentials,
    engine::{Action, Plan, PlanInput, PlanOptions, Record, plan, plan::fingerprint},
    resources::Suites,
};

/// A plan and what it was made from.
pub struct Planned {
    /// What was looked at.
    pub looked: Looked,
    /// The plan.
    pub plan: Plan,
}

impl Session {
    /// Looks and plans. Before anything new is created, the cloud is asked whether it can have it.
    ///
    /// # Errors
    /// What can't be observed, declared or planned.
    pub async fn plan(&self, mut options: PlanOptions) -> Result<Planned, Failure> {
        let purpose = match options.phase {
            _ if options.destroy => Purpose::Destroy,
            Phase::Infra => Purpose::Infra,
            Phase::Bootstrap | Phase::Apps => Purpose::Apply,
        };
        options.machine_kinds = vec![self.cloud.machine_kind.to_owned()];
        let looked = self.look_for(purpose, &options).await?;
        if looked.given_up {
            // The machines of the old cluster belong to it: a new one has new ones.
            let kind = self.cloud.machine_kind;
            let names = looked.cluster.nodes().into_iter().map(|(_, node)| node.name());
            let machines = names.map(|name| Address::new(kind, name));
            options.replace = machines.filter(|one| looked.observed.get(one).is_some()).collect();
        }
        let mut plan = self.plan_with(&looked, self.store.record(), &options)?;
        self.judge(&looked, &mut plan)?;
        plan.notes.extend(self.clock_warning());
        if !options.destroy {
            self.check_addon_credentials(&mut plan)?;
        }
        if !options.destroy && !options.refresh_only {
            let machines = plan.changes.iter().filter(|change| change.action.creates());
            let created: Vec<&str> = machines
                .filter(|change| change.address.kind() == self.cloud.machine_kind)
                .map(|change| change.address.name())
                .collect();
            let note = self.check_skew(&looked, &created)?;
            plan.notes.extend(note);
        }
        let machines_new = plan
            .changes
            .iter()
            .filter(|change| {
                change.address.kind() == self.cloud.machine_kind && change.action == Action::Create
            })
            .count();
        let creates = plan.changes.iter().any(|change| change.action.creates());
        if creates && !options.destroy {
            let checked = self.cloud.provider.check(&self.cx, &looked.cluster, machines_new).await;
            let problems = self.blamed(checked.map_err(Failure::from))?;
            if !problems.is_empty() {
                return Err(Failure::problems(&problems));
            }
        }
        self.warn_of_obstacles(&mut plan).await?;
        plan.notes.extend(self.neighbours().await);
        self.require_downloads(Planned { looked, plan })
    }

    /// Refuses to give the cluster's controllers credentials that are not there, and notes it when
    /// they get the operator's own.
    fn check_addon_credentials(&self, plan: &mut Plan) -> Result<(), Failure> {
        let addon = Suites::address("cloud");
        let is_changed = plan.real_changes().any(|change| change.address == addon);
        match &self.cloud.addon_credentials {
            AddonCredentials::Missing(error) if is_changed => Err(error.clone().into()),
            AddonCredentials::Operators(note) if self.project.apps.addons.cloud => {
                plan.notes.push(note.clone());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The plan from a look and a record.
    ///
    /// # Errors
    /// What can't be planned.
    pub fn plan_with(
        &self,
        looked: &Looked,
        record: Arc<Record>,
        options: &PlanOptions,
    ) -> Result<Plan, Failure> {
        let record = of_environment(record, looked);
        Ok(plan(&PlanInput {
            owner: &self.owner,
            environment: looked.cluster.environment.as_deref(),
            provider: self.cloud.provider.name(),
            created_at: Timestamp::now(),
            declared: &looked.declared,
            observed: &looked.observed,
            record: &record,
            kinds: &looked.kinds,
            options,
        })?)
    }

    /// Whether a saved plan still fits what a new look found.
    pub fn fingerprint(&self, looked: &Looked) -> String {
        fingerprint(&looked.declared, &looked.observed, &self.record(looked))
    }

    /// The record as the chosen environment sees it.
    pub fn record(&self, looked: &Looked) -> Arc<Record> {
        of_environment(self.store.record(), looked)
    }
}

/// Environments of one cluster share the address of their app suites. What is recorded of another
/// one's says nothing about this one's: that is known by the inventory which the cluster keeps.
fn of_environment(mut record: Arc<Record>, looked: &Looked) -> Arc<Record> {
    for (name, seed) in looked.suites.iter() {
        let (address, own) = (Suites::address(name), seed.suite_name());
        let known = record.resources.get(&address);
        if known.is_none_or(|known| known.id.is_empty() || known.id == own) {
            continue;
        }
        let record = Arc::make_mut(&mut record);
        match looked.observed.iter().find(|seen| seen.address == address && seen.id == own) {
            Some(seen) => {
                if let Some(known) = record.resources.get_mut(&address) {
                    known.id = own;
                    known.spec = seen.spec.clone();
                    known.outputs = seen.outputs.clone();
                }
            }
            None => {
                record.resources.remove(&address);
            }
        }
    }
    record
}
