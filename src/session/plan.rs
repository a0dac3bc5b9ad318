//! From a look to a plan.

use std::sync::Arc;

use infra_cloud::{AddonCredentials, Plane};
use infra_provider_api::{Address, Diagnostic, Observed, Phase};
use jiff::{Timestamp, Zoned};

use super::{
    error::CliError,
    observe::{Observation, Purpose},
    open::Session,
    versions::end_of_life_note,
};
use crate::{
    apps::addons::CERT_MANAGER,
    cluster::{SiteCertificates, Suites},
    config::{AcmeConfig, Challenge},
    engine::{Action, Change, Plan, PlanInput, PlanOptions, plan, plan::fingerprint},
    state::{ResourceState, State},
};

/// A plan and what it was made from.
pub struct Planned {
    /// What was looked at.
    pub looked: Observation,
    /// The plan.
    pub plan: Plan,
}

/// Reports whether a plan may send manifests, or only look at what they have become.
fn touches_apps(options: &PlanOptions) -> bool {
    // Certificates of sites follow from the manifests.
    let kinds = [Suites::address("apps").kind().to_owned(), SiteCertificates::KIND.to_owned()];
    let targeted = options.targets.is_empty()
        || options.targets.iter().any(|target| kinds.iter().any(|kind| kind == target.kind()));
    options.phase == Phase::Apps && !options.refresh_only && targeted
}

impl Session {
    /// Looks and plans. Before anything new is created, the cloud is asked whether it can have it.
    ///
    /// # Errors
    /// Returns an error if something cannot be observed, declared or planned.
    pub async fn plan(&self, mut options: PlanOptions) -> Result<Planned, CliError> {
        let purpose = match options.phase {
            _ if options.destroy => Purpose::Destroy,
            Phase::Infra => Purpose::Infra,
            Phase::Bootstrap | Phase::Apps if !touches_apps(&options) => Purpose::Nodes,
            Phase::Bootstrap | Phase::Apps => Purpose::Apply,
        };
        options.machine_kinds = vec![self.machines_go_with().to_owned()];
        let looked = self.look_for(purpose, &options).await?;
        let is_made_up = self.project.cluster.bucket.is_none();
        if let Some(plane) = self.cloud.plane.own()
            && is_made_up
            && looked.observed.get(&plane.bucket).is_none()
        {
            options.bucket.clone_from(&looked.cluster.bucket);
        }
        if looked.is_given_up() {
            // The machines of the old cluster belong to it: a new one has new ones.
            let kind = self.cloud.plane.machine_kind();
            let names = looked.cluster.nodes().into_iter().map(|(_, node)| node.name());
            let machines = names.map(|name| Address::new(kind, name));
            options.replace = machines.filter(|one| looked.observed.get(one).is_some()).collect();
        }
        if !options.destroy && !options.refresh_only {
            let existing: Vec<&Observed> = looked.observed.iter().collect();
            let fixed = self.cloud.provider.fixed(&looked.cluster, &existing);
            if !fixed.is_empty() {
                return Err(CliError::refused(&fixed).hint("nothing was changed"));
            }
        }
        let mut plan = self.plan_with(&looked, self.store.state(), &options)?;
        self.judge(&looked, &mut plan)?;
        self.judge_api_address(&looked, &mut plan)?;
        plan.notes.extend(self.clock_warning());
        plan.notes.extend(looked.notes.iter().cloned());
        plan.notes.extend(self.own_address_note(&looked, &plan));
        if !options.destroy {
            looked.shared.require(&plan)?;
            self.check_addon_credentials(&looked, &mut plan)?;
            plan.notes.extend(self.encryption_note(&looked));
            self.check_site_secrets(&looked, &plan).await?;
        }
        let mut problems: Vec<Diagnostic> = Vec::new();
        if !options.destroy && !options.refresh_only {
            let machines = plan.changes.iter().filter(|change| change.action.creates());
            let created: Vec<&str> = machines
                .filter(|change| change.address.kind() == self.cloud.plane.machine_kind())
                .map(|change| change.address.name())
                .collect();
            match self.check_skew(&looked, &created).await {
                Ok(note) => plan.notes.extend(note),
                Err(problem) => problems.push(problem),
            }
            let version = &looked.cluster.versions.kubernetes;
            plan.notes.extend(end_of_life_note(version, Zoned::now().date()));
        }
        let creates = plan.changes.iter().any(|change| change.action.creates());
        if (creates || self.changes_managed(&plan)) && !options.destroy && !options.refresh_only {
            // What comes only after a machine has gone takes the room of that.
            let kind = self.cloud.plane.machine_kind();
            let takes_room = |change: &&Change| {
                change.action == Action::Create
                    && change.created_after.iter().all(|before| before.kind() != kind)
            };
            let new = plan.changes.iter().filter(takes_room);
            let created: Vec<Address> = new.map(|change| change.address.clone()).collect();
            let checked = self.cloud.provider.preflight(&self.cx, &looked.cluster, &created).await;
            problems.extend(self.blamed(checked.map_err(CliError::from))?);
        }
        // All at once: each costs an edit of the file.
        if !problems.is_empty() {
            return Err(CliError::refused(&problems));
        }
        if creates && !options.destroy {
            let remarks = self.cloud.provider.remarks(&self.cx, &looked.cluster).await;
            plan.notes.extend(self.blamed(remarks.map_err(CliError::from))?);
        }
        self.warn_of_obstacles(&mut plan).await?;
        plan.notes.extend(self.neighbours().await);
        // Another run may have changed what was looked at.
        if let Some(error) = self.lost() {
            return Err(error.into());
        }
        self.require_downloads(Planned { looked, plan })
    }

    /// Reports whether a plan changes a cluster or a pool that the cloud runs: its versions, its limits.
    fn changes_managed(&self, plan: &Plan) -> bool {
        let Some(plane) = self.cloud.plane.managed() else { return false };
        let kinds = [plane.cluster.kind(), plane.pool_kind];
        plan.changes
            .iter()
            .any(|change| change.action == Action::Update && kinds.contains(&change.address.kind()))
    }

    /// Returns the kind after whose resources Kubernetes makes nothing more in the cloud.
    pub fn machines_go_with(&self) -> &str {
        match &self.cloud.plane {
            Plane::Own(plane) => plane.machine_kind,
            Plane::Managed(plane) => plane.cluster.kind(),
        }
    }

    /// Refuses to give the cluster's controllers credentials that are not there, and notes it when
    /// they get the operator's own.
    fn check_addon_credentials(
        &self,
        looked: &Observation,
        plan: &mut Plan,
    ) -> Result<(), CliError> {
        let issuer = Suites::address(CERT_MANAGER);
        let is_dns = |acme: &AcmeConfig| acme.challenge == Challenge::Dns01;
        if looked.shared.acme.as_ref().is_some_and(is_dns)
            && plan.real_changes().any(|change| change.address == issuer)
            && let Some(error) = &self.cloud.dns_solver.missing
        {
            return Err(error.clone().into());
        }
        let addon = Suites::address("cloud");
        let is_changed = plan.real_changes().any(|change| change.address == addon);
        match &self.cloud.addon_credentials {
            AddonCredentials::Missing(error) if is_changed => Err(error.clone().into()),
            AddonCredentials::Operators(note)
                if self.project.apps.addons.cloud && looked.own.is_some() =>
            {
                plan.notes.push(note.clone());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Plans from a look and a state.
    ///
    /// # Errors
    /// Returns an error if something cannot be planned.
    pub fn plan_with(
        &self,
        looked: &Observation,
        record: Arc<State>,
        options: &PlanOptions,
    ) -> Result<Plan, CliError> {
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

    /// Returns the fingerprint that tells if a saved plan still fits what a new look found.
    pub fn fingerprint(&self, looked: &Observation) -> String {
        fingerprint(&looked.declared, &looked.observed, &self.record(looked))
    }

    /// Returns the state as the chosen environment sees it.
    pub fn record(&self, looked: &Observation) -> Arc<State> {
        of_environment(self.store.state(), looked)
    }
}

/// Corrects the state of app suites, whose address all environments of one cluster share, and leaves
/// alone the certificates of other environments and what those need. A state of another environment says
/// nothing about this one: the inventory that the cluster keeps does.
fn of_environment(mut record: Arc<State>, looked: &Observation) -> Arc<State> {
    let others = |address: &Address, known: &ResourceState| {
        let environment = known.spec.text("environment");
        let secret = SiteCertificates::secret(address);
        looked.left_alone.contains(address)
            || address.kind() == SiteCertificates::KIND
                && secret.is_some_and(|it| !looked.scope.covers(environment.as_deref(), &it))
    };
    if record.resources.iter().any(|(address, known)| others(address, known)) {
        Arc::make_mut(&mut record).resources.retain(|address, known| !others(address, known));
    }
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
