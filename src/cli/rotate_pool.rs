//! `infra rotate-node --pool`, where the cloud makes the machines: a pool of the next generation takes the place of
//! the pool. What can't be changed in a pool is changed so, without an outage.

use infra_provider_api::{Address, NodeSlot, Pool};

use super::{
    apply::{ChangeArgs, run_plan},
    confirm::confirm,
    rotate_machine::{refuse_busy_pool, refuse_other_changes},
    rotate_node::{refuse_unreachable, tell_what_holds},
    rotate_slots::say,
    run::{Run, exit_code, plural},
};
use crate::{
    cluster::NodeSets,
    engine::PlanOptions,
    rotate::existing,
    session::{CliError, ExitCode, Observation, Planned, Purpose},
    ui::Style,
};

/// Replaces the pool `name`. The lock must be held.
pub(super) async fn rotate_pool(
    run: &Run,
    name: &str,
    change: &ChangeArgs,
) -> Result<ExitCode, CliError> {
    let session = &run.session;
    let Some(plane) = session.cloud.plane.managed() else {
        return Err(CliError::local("the machines of this cluster are its own"));
    };
    let looked = session.observe(Purpose::Nodes).await?;
    require_pool(&looked, name)?;
    let mut generations = session.rotations()?;
    let pools: Vec<&Address> = looked
        .observed
        .resources
        .keys()
        .filter(|one| one.kind() == plane.pool_kind && NodeSlot::parse_name(one.name()).0 == name)
        .collect();
    let goes_on = generations.under_way(name).is_some();
    let generation = generations.begin(name, &existing(pools.iter().copied()));
    let new = NodeSlot { slot: name.to_owned(), generation, revision: String::new() }.name();
    let older: Vec<Address> =
        pools.iter().filter(|one| one.name() != new).map(|one| (*one).clone()).collect();
    if !goes_on {
        let Some(old) = older.first() else {
            return Err(CliError::new(ExitCode::Failed, format!("there is no pool {name} yet"))
                .hint("`infra apply` makes it")
                .hint("nothing was changed"));
        };
        if let Some(machine) = generations.machines().keys().next() {
            return Err(CliError::new(
                ExitCode::Failed,
                format!("the rotation of {machine} is under way"),
            )
            .hint(format!(
                "end it with `infra rotate-node {machine}`, and run the same command again"
            ))
            .hint("nothing was changed"));
        }
        refuse_busy_pool(&looked, old)?;
        refuse_unreachable(&looked, name)?;
        tell_what_holds(run, &looked, &nodes_of(&looked, old)).await?;
    }
    if run.style != Style::Json {
        let words = if goes_on { "Going on with the rotation of" } else { "Rotating" };
        println!(
            "{words} the pool {name}: {new} is made, and its Nodes get Ready; then those of the old pool are drained, and it is deleted."
        );
    }
    session.want_rotations(&generations);

    // It looks again: the new pool is declared now, in whose place the old one goes.
    let sets = older.iter().map(|old| NodeSets::address(old.name()));
    let record = session.store.state();
    let sets =
        sets.filter(|set| looked.observed.get(set).is_some() || record.resources.contains_key(set));
    let mut targets = vec![Address::new(plane.pool_kind, &new), NodeSets::address(&new)];
    targets.extend(sets);
    targets.extend(older.iter().cloned());
    let options = PlanOptions { targets: targets.clone(), ..PlanOptions::default() };
    let Planned { looked, plan } = run.plan(options).await?;
    if run.style != Style::Json {
        run.print_plan(&plan, false)?;
    }
    refuse_other_changes(&plan, &targets)?;
    if !goes_on {
        let all = plural(nodes_of(&looked, &older[0]).len(), "node");
        confirm(&change.consent(session), &format!("replace the pool {name} ({all})")).await?;
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
        say(run, &format!("\nThe pool {name} is now {new}."));
    }
    Ok(code)
}

/// Finds a pool of infra.toml.
///
/// # Errors
/// Returns the names that there are.
pub(super) fn require_pool<'a>(looked: &'a Observation, name: &str) -> Result<&'a Pool, CliError> {
    let pools = &looked.cluster.pools;
    if let Some(pool) = pools.iter().find(|pool| pool.name == name) {
        return Ok(pool);
    }
    let names: Vec<&str> = pools.iter().map(|pool| pool.name.as_str()).collect();
    let failure = CliError::new(ExitCode::Invalid, format!("there is no pool `{name}`"));
    let hint = match infra_provider_api::nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("pools: {}", names.join(", ")),
    };
    Err(failure.hint(hint).hint("nothing was changed"))
}

/// Lists the names of a pool's Nodes.
fn nodes_of(looked: &Observation, pool: &Address) -> Vec<String> {
    let nodes = looked.observed.iter().filter(|one| one.address.kind() == "node");
    let of_pool = nodes.filter(|one| one.outputs.text("pool").as_deref() == Some(pool.name()));
    of_pool.map(|one| one.address.name().to_owned()).collect()
}
