//! `infra rotate-node`

use std::collections::BTreeSet;

use clap::Args;
use infra_provider_api::{API_ACCESS, Address, NodeSlot, Role};

use super::{
    apply::{ChangeArgs, run_plan},
    confirm::confirm,
    global::Global,
    rotate_machine::rotate_machine,
    rotate_pool::rotate_pool,
    run::{Run, exit_code},
};
use crate::{
    cluster::{Handovers, KubeletCertificates},
    engine::{Action, Plan, PlanOptions},
    rotate::{blockers, existing},
    session::{CliError, ExitCode, Observation, Planned, Purpose},
    state::State,
    ui::Style,
};

/// Replace a node while the apps keep running
///
/// The replacement is created first and must be Ready; then the old node is cordoned, drained
/// (PodDisruptionBudgets are respected) and removed. If it is interrupted or killed, run the same
/// command again and it resumes where it stopped.
#[derive(Debug, Args)]
pub struct RotateNodeArgs {
    /// Name of the node, for example worker-1; where the cloud makes the machines, as `infra status` lists it
    #[arg(required_unless_present = "pool")]
    nodes: Vec<String>,
    /// Replace a pool as a whole, where the cloud makes its machines
    ///
    /// A pool of the next generation is made first, with all that infra.toml says. When its Nodes are Ready, those
    /// of the old pool are drained, and the old pool is deleted.
    #[arg(long, value_name = "POOL", conflicts_with = "nodes")]
    pool: Option<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Runs the verb.
pub async fn rotate_node(global: &Global, args: &RotateNodeArgs) -> Result<ExitCode, CliError> {
    if args.nodes.len() > 1 {
        return Err(CliError::new(ExitCode::Usage, "one node at a time for now")
            .hint("run the command once for each node"));
    }
    let run = Run::open(global, "rotate-node").await?;
    let _lock = run.lock("rotate-node", args.change.lock_timeout).await?;
    run.recover().await?;
    let name = match (args.nodes.first(), &args.pool) {
        (Some(name), _) => name,
        (None, Some(pool)) => return rotate_pool(run, pool, &args.change).await,
        (None, None) => return Err(CliError::new(ExitCode::Usage, "no node is named")),
    };
    if run.session.cloud.plane.managed().is_some() {
        return rotate_machine(run, name, &args.change).await;
    }

    let looked = run.session.observe(Purpose::Nodes).await?;
    let slot = slot_of(&looked, name)?;
    let skew = run.session.check_skew(&looked, &[]);
    skew.map_err(|problem| CliError::refused(&[problem]))?;
    let mut generations = run.session.rotations()?;
    let machine_kind = run.session.cloud.plane.machine_kind();
    let machines =
        existing(looked.observed.resources.keys().filter(|address| address.kind() == machine_kind));
    let goes_on = generations.under_way(&slot).is_some();
    if !goes_on {
        refuse_what_would_hold(&run, &looked, &slot).await?;
    }
    let generation = generations.begin(&slot, &machines);
    let new = NodeSlot { slot: slot.clone(), generation, revision: String::new() }.name();
    if run.style != Style::Json {
        let words = if goes_on { "Going on with the rotation of" } else { "Rotating" };
        println!(
            "{words} {slot}: {new} is made, joins and gets Ready; then the old node is drained and removed."
        );
    }
    run.session.want_rotations(&generations);

    // It looks again: the new machine is declared now, and the old one no longer.
    let options = PlanOptions {
        targets: rotation_targets(&looked, &run.session.store.state(), machine_kind, &slot, &new),
        ..PlanOptions::default()
    };
    let Planned { looked, plan } = run.plan(options).await?;
    if run.style != Style::Json {
        run.print_plan(&plan, false)?;
    }
    refuse_other_changes(&plan, &slot)?;
    if !goes_on {
        confirm(&args.change.consent(&run.session), &format!("replace {slot}")).await?;
        run.session.keep_rotations(&generations).await?;
    }
    let code = if plan.is_empty() {
        ExitCode::Ok
    } else {
        let outcome = run_plan(&run, &plan, &looked, &args.change).await;
        exit_code(&outcome, run.style == Style::Json)
    };
    if code == ExitCode::Ok {
        generations.end(&slot);
        run.session.keep_rotations(&generations).await?;
    }
    let Run { session, reporter, style, .. } = run;
    reporter.close().await;
    if code == ExitCode::Ok && style != Style::Json {
        println!("\n{slot} is now {new}.\n");
        let looked = session.observe(Purpose::Nodes).await?;
        print!("{}", super::status::report(&session, &looked, &[], None));
    }
    Ok(code)
}

/// Finds the slot that a name stands for. Control planes are refused for now.
fn slot_of(looked: &Observation, name: &str) -> Result<String, CliError> {
    let current = super::node::known(looked, name)?;
    let (slot, _) = NodeSlot::parse_name(&current);
    let control_plane = looked
        .cluster
        .nodes()
        .iter()
        .any(|(pool, node)| node.slot == slot && pool.role == Role::ControlPlane);
    if control_plane {
        return Err(CliError::new(
            ExitCode::Invalid,
            format!("{slot} is a control plane; only workers can be rotated for now"),
        )
        .hint("one of several is replaced in place with `infra apply --replace` and its machine's address: it leaves etcd first")
        .hint("nothing was changed"));
    }
    Ok(slot)
}

/// Pods that a PodDisruptionBudget would hold are named before anything is started.
pub(super) async fn refuse_what_would_hold(
    run: &Run,
    looked: &Observation,
    slot: &str,
) -> Result<(), CliError> {
    refuse_unreachable(looked, slot)?;
    let node = looked
        .cluster
        .nodes()
        .into_iter()
        .find(|(_, node)| node.slot == slot)
        .map_or_else(|| slot.to_owned(), |(_, node)| node.name());
    tell_what_holds(run, looked, &[node]).await
}

/// Refuses to drain while the API server does not answer.
pub(super) fn refuse_unreachable(looked: &Observation, what: &str) -> Result<(), CliError> {
    let Some(error) = looked.observed.unreachable.get("node") else { return Ok(()) };
    let text = format!("the API server does not answer, so {what} cannot be drained: {error}");
    Err(CliError::new(ExitCode::Failed, text)
        .hint("`infra status` says how the control planes are; `infra apply` recreates one that is gone")
        .hint("nothing was changed"))
}

/// Names the pods of `nodes` that a PodDisruptionBudget would hold now.
pub(super) async fn tell_what_holds(
    run: &Run,
    looked: &Observation,
    nodes: &[String],
) -> Result<(), CliError> {
    let client = looked.kube.client().await?;
    for node in nodes {
        let held = blockers(client.raw(), node, &run.session.cx).await?;
        if held.is_empty() || run.style == Style::Json {
            continue;
        }
        eprintln!("These pods of {node} can't be moved now; the drain will wait for them:");
        for blocker in held {
            eprintln!("  {}: {}", blocker.pod, blocker.reason);
        }
    }
    Ok(())
}

/// Lists the new node and everything of the slot's older generations: what exists, and what a run that was
/// interrupted has left in the state.
fn rotation_targets(
    looked: &Observation,
    record: &State,
    machine_kind: &str,
    slot: &str,
    new: &str,
) -> Vec<Address> {
    let local = ["node", "node_bundle", KubeletCertificates::KIND, Handovers::KIND];
    let kinds = [&local[..], &[machine_kind, API_ACCESS]].concat();
    let is_older = |address: &&Address| {
        let of_slot = NodeSlot::parse_name(address.name()).0 == slot && address.name() != new;
        of_slot && kinds.contains(&address.kind())
    };
    let known = looked.observed.resources.keys().chain(record.resources.keys());
    let older: BTreeSet<Address> = known.filter(is_older).cloned().collect();
    std::iter::once(Address::new("node", new)).chain(older).collect()
}

/// Refuses a plan that changes anything but the slot that the rotation is about.
fn refuse_other_changes(plan: &Plan, slot: &str) -> Result<(), CliError> {
    let others: Vec<String> = plan
        .real_changes()
        .filter(|change| NodeSlot::parse_name(change.address.name()).0 != slot)
        .filter(|change| !matches!(change.action, Action::Adopt | Action::Resume))
        .map(|change| change.address.to_string())
        .collect();
    if others.is_empty() {
        return Ok(());
    }
    Err(CliError::new(
        ExitCode::Invalid,
        format!("infra.toml asks for other changes that this node needs: {}", others.join(", ")),
    )
    .hint("run `infra apply` first"))
}
