//! `infra rotate-node`, where the cloud makes the machines of a pool.

use infra_cloud::ManagedPlane;
use infra_provider_api::{Address, Declared, ManagedBy, Observed, Readiness};

use super::{
    apply::{ChangeArgs, run_plan},
    confirm::confirm,
    rotate_node::{refuse_unreachable, tell_what_holds},
    rotate_slots::say,
    run::{Run, exit_code},
};
use crate::{
    engine::{Action, Plan, PlanOptions},
    session::{CliError, ExitCode, Observation, Planned, Purpose},
    ui::Style,
};

/// The machine that goes, and the one that takes its place.
struct Rotation {
    old: String,
    new: Declared,
    /// The number from which its name follows.
    number: u64,
    pool: Address,
}

impl Rotation {
    /// Lists what the rotation is about. The old Node may be gone before its machine is: `exists` tells.
    fn targets(&self, machine_kind: &str, exists: impl Fn(&Address) -> bool) -> Vec<Address> {
        let new = self.new.address.name();
        let old_node = Address::new("node", &self.old);
        let certain = [
            Address::new("node", new),
            Address::new(machine_kind, new),
            Address::new(machine_kind, &self.old),
        ];
        certain.into_iter().chain(exists(&old_node).then_some(old_node)).collect()
    }
}

/// Replaces the machine of a Node. The lock must be held.
pub(super) async fn rotate_machine(
    run: &Run,
    name: &str,
    change: &ChangeArgs,
) -> Result<ExitCode, CliError> {
    let session = &run.session;
    let Some(plane) = session.cloud.plane.managed() else {
        return Err(CliError::local("the machines of this cluster are its own"));
    };
    let looked = session.observe(Purpose::Nodes).await?;
    let mut generations = session.rotations()?;
    let begun = generations.machines().get(name).copied();
    let goes_on = begun.is_some();
    let Some(rotation) = rotation(run, plane, &looked, name, begun).await? else {
        // An interrupted run had come to its end, but for writing it down.
        session.end_replacements().await?;
        if !goes_on {
            return Err(no_such_node(&looked, name));
        }
        say(run, &format!("{name} was replaced by an earlier run."));
        return Ok(ExitCode::Ok);
    };
    if !goes_on {
        refuse_busy_pool(&looked, &rotation.pool)?;
        refuse_unreachable(&looked, &rotation.old)?;
        tell_what_holds(run, &looked, std::slice::from_ref(&rotation.old)).await?;
    }
    let new = rotation.new.address.name().to_owned();
    if run.style != Style::Json {
        let words = if goes_on { "Going on with the rotation of" } else { "Rotating" };
        println!(
            "{words} {name}: {new} is made, joins and gets Ready; then {name} is drained and removed."
        );
    }
    generations.begin_machine(name, rotation.number);
    session.want_rotations(&generations);

    // It looks again: the new machine is declared now, in whose place the old one goes.
    let record = session.store.state();
    let exists = |address: &Address| {
        looked.observed.get(address).is_some() || record.resources.contains_key(address)
    };
    let targets = rotation.targets(plane.machine_kind, exists);
    let options = PlanOptions { targets: targets.clone(), ..PlanOptions::default() };
    let Planned { looked, plan } = run.plan(options).await?;
    if run.style != Style::Json {
        run.print_plan(&plan, false)?;
    }
    refuse_other_changes(&plan, &targets)?;
    if !goes_on {
        confirm(&change.consent(session), &format!("replace {name}")).await?;
        session.keep_rotations(&generations).await?;
    }
    let code = match plan.is_empty() {
        true => ExitCode::Ok,
        false => {
            let outcome = run_plan(run, &plan, &looked, change).await;
            exit_code(&outcome, run.style == Style::Json)
        }
    };
    if code == ExitCode::Ok {
        session.end_replacements().await?;
    }
    if code == ExitCode::Ok {
        say(run, &format!("\n{new} has taken the place of {name}."));
    }
    Ok(code)
}

/// Finds the machine of a Node, and which one takes its place; `None` if there is no such machine.
async fn rotation(
    run: &Run,
    plane: &ManagedPlane,
    looked: &Observation,
    name: &str,
    begun: Option<u64>,
) -> Result<Option<Rotation>, CliError> {
    let all = run.session.pool_machines().await?;
    let Some(old) = all.iter().find(|one| one.address.name() == name) else { return Ok(None) };
    let new = match begun {
        Some(number) => run.session.replacement(old, number).map(|new| (new, number)),
        None => run.session.new_replacement(old, &all),
    };
    let Some((new, number)) = new else {
        return Err(CliError::local(format!(
            "{} makes no single machine in place of another one",
            plane.operator
        )));
    };
    let ManagedBy::Group { group } = &old.made_by else {
        return Err(CliError::local(format!("the machine of {name} belongs to no pool")));
    };
    let declared = looked.declared.iter().any(|one| one.address == *group);
    if !declared {
        return Err(CliError::new(
            ExitCode::Invalid,
            format!("cannot rotate {name}: its pool {group} is no longer in infra.toml"),
        )
        .hint("`infra apply` deletes the pool")
        .hint("nothing was changed"));
    }
    Ok(Some(Rotation { old: name.to_owned(), new, number, pool: group.clone() }))
}

fn no_such_node(looked: &Observation, name: &str) -> CliError {
    let nodes = looked.observed.iter().filter(|one| one.address.kind() == "node");
    let names: Vec<&str> = nodes.map(|one| one.address.name()).collect();
    let failure = CliError::local(format!("there is no node `{name}`"));
    match infra_provider_api::nearest(name, names.iter().copied()) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.hint(format!("nodes: {}", names.join(", "))),
    }
}

/// Refuses to change a pool that the cloud is changing: an upgrade replaces its machines already.
pub(super) fn refuse_busy_pool(looked: &Observation, pool: &Address) -> Result<(), CliError> {
    let observed: Option<&Observed> = looked.observed.get(pool);
    let reason = match observed.map(|one| &one.readiness) {
        Some(Readiness::Ready) => return Ok(()),
        Some(Readiness::Pending { reason } | Readiness::Failed { reason, .. }) => reason.clone(),
        None => "it does not exist".to_owned(),
    };
    Err(CliError::new(ExitCode::Failed, format!("{pool} is not ready: {reason}"))
        .hint("wait until it is, and run the same command again")
        .hint("nothing was changed"))
}

/// Refuses a plan that changes anything but what is replaced and what takes its place.
pub(super) fn refuse_other_changes(plan: &Plan, targets: &[Address]) -> Result<(), CliError> {
    let others: Vec<String> = plan
        .real_changes()
        .filter(|change| !targets.contains(&change.address))
        .filter(|change| !matches!(change.action, Action::Adopt | Action::Resume))
        .map(|change| change.address.to_string())
        .collect();
    if others.is_empty() {
        return Ok(());
    }
    Err(CliError::new(
        ExitCode::Invalid,
        format!(
            "infra.toml asks for other changes that this rotation needs: {}",
            others.join(", ")
        ),
    )
    .hint("run `infra apply` first"))
}
