//! `infra rotate-node`

use std::{collections::BTreeSet, time::Duration};

use clap::{ArgGroup, Args, ValueEnum};
use infra_provider_api::{API_ACCESS, Address, NodeSlot};

use super::{
    apply::ChangeArgs,
    global::Global,
    rotate_abort::abort,
    rotate_machine::rotate_machine,
    rotate_pool::rotate_pool,
    rotate_slots::rotate_slots,
    run::{Run, duration},
};
use crate::{
    cluster::{Handovers, KubeletCertificates},
    engine::{Action, Plan, PlanOptions},
    rotate::{Bound, DrainOptions, blockers, unmanaged},
    session::{CliError, ExitCode, Observation, Purpose},
    state::State,
    ui::Style,
};

/// Replace nodes while the apps keep running
///
/// Control planes go first, one at a time: the new one joins etcd and votes before the old one leaves. Of workers, so
/// many are replaced at once as --max-surge says. Each replacement must be Ready before the old node is cordoned,
/// drained (PodDisruptionBudgets are respected) and removed. If it is interrupted or killed, run the same command
/// again and it resumes where it stopped.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true)))]
pub struct RotateNodeArgs {
    /// Names of the nodes, for example worker-1; where the cloud makes the machines, as `infra status` lists them
    #[arg(group = "what")]
    pub(super) nodes: Vec<String>,
    /// Replace all nodes of a pool
    ///
    /// Where the cloud makes the machines, a pool of the next generation is made first, with all that infra.toml
    /// says. When its Nodes are Ready, those of the old pool are drained, and the old pool is deleted.
    #[arg(long, value_name = "POOL", group = "what")]
    pub(super) pool: Vec<String>,
    /// Replace every node that was made from something else than infra.toml and this version say now
    #[arg(long, group = "what")]
    pub(super) outdated: bool,
    /// Replace every node
    #[arg(long, group = "what")]
    pub(super) all: bool,
    /// Resume a rotation that was interrupted or got stuck
    #[arg(long, group = "what")]
    pub(super) resume: bool,
    /// Take a rotation back that was interrupted or got stuck
    ///
    /// New machines go again, and old nodes that are still there take pods again. What is replaced stays replaced.
    #[arg(long, group = "what")]
    pub(super) abort: bool,
    /// Let there be at most so many machines more than the pool has: 3 or 30%. Default: as in infra.toml, or 1
    #[arg(long, value_name = "N")]
    pub(super) max_surge: Option<Bound>,
    /// Let at most so many nodes go before their successors are Ready: 1 or 10%. Default: as in infra.toml, or 0
    #[arg(long, value_name = "N")]
    pub(super) max_unavailable: Option<Bound>,
    /// Drain a node for at most this long
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    drain_timeout: Duration,
    /// What to do with a node that is not drained in time
    #[arg(long, value_enum, default_value_t = OnStuck::Skip, value_name = "WHAT")]
    pub(super) on_stuck: OnStuck,
    /// Delete pods that no controller makes again
    #[arg(long)]
    delete_unmanaged: bool,
    #[command(flatten)]
    pub(super) change: ChangeArgs,
}

/// What to do with a node that is not drained in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum OnStuck {
    /// Wait on, however long it takes.
    Wait,
    /// Replace the others, and name it at the end. A control plane stops the rotation all the same.
    Skip,
    /// Begin with no other node.
    Stop,
}

/// How long a drain lasts that nothing ends.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Runs the verb.
pub async fn rotate_node(global: &Global, args: &RotateNodeArgs) -> Result<ExitCode, CliError> {
    let run = Run::open(global, "rotate-node").await?;
    let deadline = match args.on_stuck {
        OnStuck::Wait => FOR_EVER,
        OnStuck::Skip | OnStuck::Stop => args.drain_timeout,
    };
    let _ = run.session.drain.set(DrainOptions { deadline, ..DrainOptions::default() });
    let _lock = run.lock("rotate-node", args.change.lock_timeout).await?;
    run.recover().await?;
    let _ = run.session.may_delete_unmanaged.set(args.delete_unmanaged);
    let code = match run.session.cloud.plane.managed().is_some() {
        true => rotate_managed(&run, args).await,
        false if args.abort => abort(&run, args).await,
        false => rotate_slots(&run, args).await,
    };
    let Run { session, reporter, style, .. } = run;
    reporter.close().await;
    let code = code?;
    if code == ExitCode::Ok && style != Style::Json {
        let looked = session.observe(Purpose::Nodes).await?;
        print!("\n{}", super::status::report(&session, &looked, &[], None));
    }
    Ok(code)
}

/// Replaces machines and pools that the cloud makes, one after the other.
async fn rotate_managed(run: &Run, args: &RotateNodeArgs) -> Result<ExitCode, CliError> {
    let session = &run.session;
    if args.abort {
        return Err(CliError::new(
            ExitCode::Invalid,
            "a rotation can't be taken back where the cloud makes the machines",
        )
        .hint("`infra rotate-node --resume` ends it")
        .hint("nothing was changed"));
    }
    let (mut machines, mut pools) = (args.nodes.clone(), args.pool.clone());
    if args.all {
        pools.extend(session.project.cluster.pools.iter().map(|pool| pool.name.clone()));
    }
    if args.outdated {
        let plan = session.plan(PlanOptions::default()).await?.plan;
        let kind = session.cloud.plane.managed().map(|plane| plane.pool_kind);
        let outdated = plan.rotations.iter().filter(|one| Some(one.kind()) == kind);
        pools.extend(outdated.map(|one| NodeSlot::parse_name(one.name()).0));
    }
    if args.resume || args.outdated {
        let rotations = session.rotations()?;
        machines.extend(rotations.machines().keys().cloned());
        pools.extend(rotations.rotating().map(str::to_owned));
        if args.resume && machines.is_empty() && pools.is_empty() {
            return Err(CliError::new(ExitCode::Failed, "no rotation is under way")
                .hint("name nodes, a pool, --outdated or --all"));
        }
    }
    pools.sort();
    pools.dedup();
    if machines.is_empty() && pools.is_empty() {
        super::rotate_slots::say(run, "No pool is to be replaced.");
    }
    for name in &machines {
        let code = rotate_machine(run, name, &args.change).await?;
        if code != ExitCode::Ok {
            return Ok(code);
        }
    }
    for name in &pools {
        let code = rotate_pool(run, name, &args.change).await?;
        if code != ExitCode::Ok {
            return Ok(code);
        }
    }
    Ok(ExitCode::Ok)
}

/// Refuses to look into a cluster that was never made.
pub(super) fn require_cluster(looked: &Observation) -> Result<(), CliError> {
    if looked.kube.exists() {
        return Ok(());
    }
    Err(CliError::new(
        ExitCode::Failed,
        format!("the cluster {} has not been made yet", looked.cluster.name),
    )
    .hint("`infra apply` makes it")
    .hint("nothing was changed"))
}

/// Refuses to drain while the API server does not answer.
pub(super) fn refuse_unreachable(looked: &Observation, what: &str) -> Result<(), CliError> {
    require_cluster(looked)?;
    let Some(error) = looked.observed.unreachable.get("node") else { return Ok(()) };
    let text = format!("the API server does not answer, so {what} cannot be drained: {error}");
    Err(CliError::new(ExitCode::Failed, text)
        .hint("`infra status` says how the control planes are; `infra apply` recreates one that is gone")
        .hint("nothing was changed"))
}

/// Names the pods of `nodes` that a PodDisruptionBudget would hold now, and refuses to delete any for good that nobody
/// makes again, unless that was asked for.
pub(super) async fn tell_what_holds(
    run: &Run,
    looked: &Observation,
    nodes: &[String],
) -> Result<(), CliError> {
    let client = looked.kube.client().await?;
    let lost = unmanaged(client.raw(), nodes, &run.session.cx).await?;
    if !lost.is_empty() && run.session.may_delete_unmanaged.get() != Some(&true) {
        let text = format!("no controller makes these pods again: {}", lost.join(", "));
        return Err(CliError::new(ExitCode::Failed, text)
            .hint("delete them, or give --delete-unmanaged")
            .hint("nothing was changed"));
    }
    let held = blockers(client.raw(), nodes, &run.session.cx).await?;
    if held.is_empty() || run.style == Style::Json {
        return Ok(());
    }
    eprintln!("These pods can't be moved now; the drain will wait for them:");
    for blocker in held {
        eprintln!("  {} on {}: {}", blocker.pod, blocker.node, blocker.reason);
    }
    Ok(())
}

/// Lists the new node and everything of the slot's older generations: what exists, and what a run that was
/// interrupted has left in the state.
pub(super) fn rotation_targets(
    looked: &Observation,
    record: &State,
    machine_kind: &str,
    slot: &str,
    new: &str,
) -> Vec<Address> {
    let local =
        ["node", "etcd_member", "turn", "node_bundle", KubeletCertificates::KIND, Handovers::KIND];
    let kinds = [&local[..], &[machine_kind, API_ACCESS, "target"]].concat();
    let is_older = |address: &&Address| {
        let of_slot = NodeSlot::parse_name(address.name()).0 == slot && address.name() != new;
        of_slot && kinds.contains(&address.kind())
    };
    let known = looked.observed.resources.keys().chain(record.resources.keys());
    let older: BTreeSet<Address> = known.filter(is_older).cloned().collect();
    std::iter::once(Address::new("node", new)).chain(older).collect()
}

/// Refuses a plan that changes anything but the slots that the rotation is about.
pub(super) fn refuse_other_changes(plan: &Plan, slots: &BTreeSet<String>) -> Result<(), CliError> {
    let others: Vec<String> = plan
        .real_changes()
        .filter(|change| !slots.contains(&NodeSlot::parse_name(change.address.name()).0))
        .filter(|change| !matches!(change.action, Action::Adopt | Action::Resume))
        // The downloads of another version come with the nodes that need them.
        .filter(|change| change.address.kind() != "artifacts")
        .map(|change| change.address.to_string())
        .collect();
    if others.is_empty() {
        return Ok(());
    }
    let nodes = if slots.len() == 1 { "this node needs" } else { "these nodes need" };
    Err(CliError::new(
        ExitCode::Invalid,
        format!("infra.toml asks for other changes that {nodes}: {}", others.join(", ")),
    )
    .hint("run `infra apply` first"))
}
