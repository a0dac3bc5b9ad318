//! What the gate for control planes needs to know, from a look and a plan.

use std::collections::{BTreeMap, BTreeSet};

use infra_provider_api::{Address, Readiness, Role};

use super::{error::CliError, observe::Observation, open::Session};
use crate::{
    cluster::{ANSWERS, VOTES},
    engine::{
        Action, Change, Plan, PlanOptions,
        quorum::{ControlPlane, Facts, Fate, Machine, Outlook, Refusal, RoleChange, judge},
    },
    state::{ResourceState, State},
};

impl Session {
    /// Passes a plan through the gate, and notes in it what the cluster survives.
    ///
    /// # Errors
    /// Returns the reason for which the plan is refused.
    pub(super) fn judge(&self, looked: &Observation, plan: &mut Plan) -> Result<(), CliError> {
        if looked.own.is_none() {
            // The control plane is the cloud's.
            return Ok(());
        }
        let record = self.store.state();
        let options = plan.options.clone();
        let facts = self.facts(looked, &record, plan, &options);
        if facts.destroys_all {
            return Ok(());
        }
        let outlook = judge(&facts).map_err(refused)?;
        plan.quorum = (!facts.control_planes.is_empty()).then_some(outlook);
        self.warn(looked, &facts, &record, plan);
        Ok(())
    }

    /// Returns how many losses of control planes the cluster survives as it is.
    pub fn outlook(&self, looked: &Observation) -> Outlook {
        let record = self.store.state();
        let none = Changes::default();
        let mut facts = self.facts_of(looked, &record, &none);
        facts.destroys_all = false;
        Outlook::of(&facts)
    }

    fn facts(
        &self,
        looked: &Observation,
        record: &State,
        plan: &Plan,
        options: &PlanOptions,
    ) -> Facts {
        let changes: Changes<'_> =
            plan.real_changes().map(|change| (&change.address, change)).collect();
        let mut facts = self.facts_of(looked, record, &changes);
        facts.destroys_all = options.destroy && options.targets.is_empty();
        facts.may_lose.clone_from(&options.may_lose);
        facts
    }

    fn facts_of(&self, looked: &Observation, record: &State, changes: &Changes<'_>) -> Facts {
        let kind = self.cloud.plane.machine_kind();
        let observed = &looked.observed;
        let unread = observed.unreachable.get("etcd_member").map(ToString::to_string);
        let members: BTreeSet<String> =
            if unread.is_some() || !looked.own.as_ref().is_some_and(|own| own.sees_members) {
                recorded_members(looked, record)
            } else {
                names(observed.resources.keys(), "etcd_member")
            };
        let mut all: BTreeSet<String> = members.clone();
        all.extend(control_planes(looked));
        let made_for_it = observed.iter().filter(|one| {
            one.address.kind() == kind
                && one.outputs.text("role").as_deref() == Some(Role::ControlPlane.as_str())
        });
        all.extend(made_for_it.map(|one| one.address.name().to_owned()));

        let is_silent = |name: &str| {
            let member = observed.get(&Address::new("etcd_member", name));
            member.and_then(|member| member.outputs.get(ANSWERS)) == Some(false.into())
        };
        let is_learner = |name: &str| {
            let member = observed.get(&Address::new("etcd_member", name));
            member.and_then(|member| member.outputs.get(VOTES)) == Some(false.into())
        };
        let control_planes = all.into_iter().map(|name| {
            let address = Address::new(kind, &name);
            let machine = match observed.get(&address).map(|found| &found.readiness) {
                None => Machine::Absent,
                Some(Readiness::Failed { .. }) => Machine::Off,
                Some(_) if is_silent(&name) => Machine::Silent,
                Some(_) => Machine::Runs,
            };
            let fate = changes.get(&address).map_or(Fate::Stays, |change| fate_of(change));
            let member = Address::new("etcd_member", &name);
            let removed_first = changes.get(&member).is_some_and(|change| {
                change.action.destroys() && is_before(change, changes.get(&address))
            });
            let succeeded = changes.get(&address).is_some_and(|change| {
                change.replaced_by.iter().any(|new| new.kind() == "etcd_member")
            });
            let awaited = changes.iter().any(|(address, change)| {
                address.kind() == kind
                    && change.action.destroys()
                    && change.replaced_by.contains(&member)
            });
            let member = members.contains(&name);
            let learner = member && is_learner(&name);
            ControlPlane { member, learner, name, machine, fate, removed_first, succeeded, awaited }
        });
        Facts {
            control_planes: control_planes.collect(),
            unread,
            made: looked.own.as_ref().is_some_and(|own| own.made),
            role_changes: self.role_changes(looked),
            ..Facts::default()
        }
    }

    fn role_changes(&self, looked: &Observation) -> Vec<RoleChange> {
        let nodes = looked.cluster.nodes().into_iter();
        let changes = nodes.filter_map(|(pool, node)| {
            let name = node.name();
            let machine =
                looked.observed.get(&Address::new(self.cloud.plane.machine_kind(), &name))?;
            let was = match machine.outputs.text("role")?.as_str() {
                "control-plane" => Role::ControlPlane,
                "worker" => Role::Worker,
                _ => return None,
            };
            (was != pool.role).then(|| RoleChange {
                name,
                pool: pool.name.clone(),
                was,
                becomes: pool.role,
                source: pool.source.clone(),
            })
        });
        changes.collect()
    }

    /// Takes back advice that would cost data, and says what is lost already.
    fn warn(&self, looked: &Observation, facts: &Facts, record: &State, plan: &mut Plan) {
        let kind = self.cloud.plane.machine_kind();
        let exists = |one: &&ControlPlane| one.machine != Machine::Absent;
        let existing: Vec<&ControlPlane> = facts.control_planes.iter().filter(exists).collect();
        if let [only] = existing[..]
            && facts.made
        {
            let address = Address::new(kind, &only.name);
            let of_it = |change: &&mut Change| {
                change.address.name() == only.name || change.address.kind() == "api_server"
            };
            // What is resumed and warned of has failed, and may be told to be recreated.
            let has_failed =
                |change: &&mut Change| change.action == Action::Resume && change.warning.is_some();
            for change in plan.changes.iter_mut().filter(of_it).filter(has_failed) {
                change.warning = Some(format!(
                    "{address} is the only control plane, and etcd's data lies on it: look at its console in the cloud"
                ));
            }
        }
        let lost_all = existing.is_empty()
            && !control_planes(looked).is_empty()
            && record.resources.values().any(|one| one.address.kind() == "api_server" && one.ready);
        if lost_all && !plan.options.refresh_only {
            plan.notes.push(
                "every control plane is gone, and etcd's data with them: this makes a new, empty cluster, and recreates the workers".to_owned(),
            );
            plan.notes.push(
                "the disks that its apps used are kept: `infra orphans` lists them, and `infra destroy` deletes them".to_owned(),
            );
        }
    }
}

type Changes<'a> = BTreeMap<&'a Address, &'a Change>;

fn refused(refusal: Refusal) -> CliError {
    let failure = match refusal.findings() {
        found if found.is_empty() => CliError::new(super::ExitCode::Invalid, refusal.to_string()),
        found => CliError::refused(&found),
    };
    failure.hint(refusal.hint()).hint("nothing was changed")
}

fn names<'a>(addresses: impl Iterator<Item = &'a Address>, kind: &str) -> BTreeSet<String> {
    addresses.filter(|one| one.kind() == kind).map(|one| one.name().to_owned()).collect()
}

fn control_planes(looked: &Observation) -> Vec<String> {
    let nodes = looked.cluster.nodes().into_iter();
    nodes.filter(|(pool, _)| pool.role == Role::ControlPlane).map(|(_, node)| node.name()).collect()
}

/// Members by the state: those that were seen, or, in a state of an earlier version, the control
/// planes that have joined.
fn recorded_members(looked: &Observation, record: &State) -> BTreeSet<String> {
    let seen = seen_members(record);
    if !seen.is_empty() {
        return seen;
    }
    let ready = |kind: &str| -> BTreeSet<String> {
        let all = record.resources.values();
        all.filter(|one| one.address.kind() == kind && one.ready)
            .map(|one| one.address.name().to_owned())
            .collect()
    };
    let mut control_planes: BTreeSet<String> = control_planes(looked).into_iter().collect();
    control_planes.extend(names(record.resources.keys(), "turn"));
    ready("node").intersection(&control_planes).cloned().collect()
}

/// Members that were seen: those that have been ready, and those that were found silent. One that does not
/// answer is still a member.
fn seen_members(record: &State) -> BTreeSet<String> {
    let is_member = |one: &&ResourceState| {
        one.address.kind() == "etcd_member"
            && (one.ready || one.outputs.get(ANSWERS) == Some(false.into()))
    };
    let members = record.resources.values().filter(is_member);
    members.map(|one| one.address.name().to_owned()).collect()
}

fn fate_of(change: &Change) -> Fate {
    match change.action {
        Action::Create => Fate::Made,
        Action::Replace => Fate::Replaced,
        Action::Delete => Fate::Deleted,
        Action::Update if change.fields.iter().any(|field| field.field() == "powered_off") => {
            Fate::Starts
        }
        _ => Fate::Stays,
    }
}

/// Returns true if the member goes before its machine goes or is made.
fn is_before(member: &Change, machine: Option<&&Change>) -> bool {
    machine.is_none_or(|machine| match machine.action {
        Action::Delete | Action::Replace => machine.deleted_after.contains(&member.address),
        Action::Create => machine.created_after.contains(&member.address),
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use infra_provider_api::{Declared, Phase, RawJson};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_member_that_was_never_heard_counts_and_one_that_is_still_to_come_does_not() {
        let mut record = State::default();
        for (address, ready, outputs) in [
            ("etcd_member.ready", true, json!({"answers": true})),
            ("etcd_member.silent", false, json!({"answers": false})),
            ("etcd_member.coming", false, json!({})),
            ("etcd_member.learning", false, json!({"answers": true, "votes": false})),
            ("node.ready", true, json!({"answers": false})),
        ] {
            let address: Address = address.parse().unwrap();
            let declared =
                Declared::new(address.clone(), &json!({})).unwrap().in_phase(Phase::Infra);
            let mut one = ResourceState::planned(&declared, RawJson::default(), 1);
            (one.ready, one.outputs) = (ready, outputs.into());
            record.resources.insert(address, one);
        }
        assert_eq!(Vec::from_iter(seen_members(&record)), ["ready", "silent"]);
    }
}
