//! `infra rotate-node`, where the machines are the cluster's own: the steps, one after the other.

use std::collections::BTreeSet;

use infra_provider_api::{Address, ErrorKind, NodeSlot, Readiness, Role};
use jiff::Timestamp;

use super::{
    apply::run_plan,
    confirm::confirm,
    rotate_health::{require_health, until_as_before},
    rotate_node::{
        OnStuck, RotateNodeArgs, refuse_other_changes, refuse_unreachable, rotation_targets,
        tell_what_holds,
    },
    rotate_upgrade::{begin_upgrade, finish_upgrade},
    run::{Run, exit_code, plural},
};
use crate::{
    engine::{Outcome, PlanOptions, events::StepAction, execute::FailedStep},
    rotate::{AtOnce, Generations, Queue, Rollout, Step, broken_workloads, existing, steps},
    session::{CliError, ExitCode, Observation, Planned, Purpose},
    ui::Style,
};

/// Replaces the slots that `args` choose. The lock must be held.
pub(super) async fn rotate_slots(run: &Run, args: &RotateNodeArgs) -> Result<ExitCode, CliError> {
    let session = &run.session;
    let looked = session.observe(Purpose::Nodes).await?;
    let generations = session.rotations()?;
    let open = open(&looked, &generations);
    let chosen = chosen(run, args, &looked, &open).await?;
    refuse_another(&generations, &open, &chosen)?;
    if chosen.is_empty() {
        say(run, "No node is to be replaced.");
        return Ok(ExitCode::Ok);
    }
    let skew = session.check_skew(&looked, &[]).await;
    skew.map_err(|problem| CliError::refused(&[problem]))?;
    let goes_on = !open.is_empty();
    let asked = Rollout { max_surge: args.max_surge, max_unavailable: args.max_unavailable };
    let rollout = asked.or(generations.queue().map(|queue| queue.rollout).unwrap_or_default());
    let steps = planned_steps(run, &looked, &generations, &chosen, rollout)?;
    // What nobody has agreed to yet is asked about, also beside what was begun.
    let is_agreed = chosen.iter().all(|slot| open.contains(slot));
    if !is_agreed {
        refuse_unreachable(&looked, &chosen.join(", "))?;
    }
    if !looked.observed.unreachable.contains_key("node") {
        let names = node_names(&looked, &chosen);
        tell_what_holds(run, &looked, &names).await?;
    }
    if steps.iter().any(|step| step.role == Role::ControlPlane) {
        require_health(run, &looked, goes_on).await?;
    }
    let before = broken_workloads(looked.kube.client().await?.raw(), &session.cx).await?;
    announce(run, &steps, goes_on);
    let since = since(&generations);

    let mut stuck: Vec<String> = Vec::new();
    let planes = steps.iter().filter(|step| step.role == Role::ControlPlane).count();
    if planes > 0 {
        session.upgrade();
    }
    for (number, step) in steps.iter().enumerate() {
        let mut left: Vec<String> =
            steps[number + 1..].iter().flat_map(|step| step.slots.clone()).collect();
        // Who names only a part of what is left leaves the rest of it as it is.
        let queued = generations.queue().map(|queue| queue.left.clone()).unwrap_or_default();
        left.extend(queued.into_iter().filter(|slot| !chosen.contains(slot)));
        let queue = Queue { since, left, rollout };
        let is_asked = number > 0 || is_agreed;
        if number == planes && is_asked {
            finish_upgrade(run).await?;
        }
        match replace(run, args, step, queue, is_asked.then_some(steps.len())).await? {
            Replaced::All => {}
            Replaced::Failed(code) => return Ok(code),
            Replaced::Stuck(names) if args.on_stuck == OnStuck::Skip => stuck.extend(names),
            Replaced::Stuck(_) => return Ok(ExitCode::Partly),
        }
        until_as_before(run, &before).await?;
        if session.stop.is_cancelled() {
            return Ok(ExitCode::Interrupted);
        }
    }
    finish_upgrade(run).await?;
    until_as_before(run, &before).await?;
    if session.stop.is_cancelled() {
        return Ok(ExitCode::Interrupted);
    }
    if stuck.is_empty() {
        return Ok(ExitCode::Ok);
    }
    eprintln!("These nodes were not emptied in time, and are still there: {}.", stuck.join(", "));
    eprintln!("  help: remove what holds their pods, and run `infra rotate-node --resume`");
    Ok(ExitCode::Partly)
}

/// What came of a step.
enum Replaced {
    /// All of its nodes.
    All,
    /// These were not emptied in time; all others are replaced.
    Stuck(Vec<String>),
    /// Something else failed, and nothing more must be begun.
    Failed(ExitCode),
}

/// Carries a step out. The first one is asked about unless `agreed` says of how many steps it is one.
async fn replace(
    run: &Run,
    args: &RotateNodeArgs,
    step: &Step,
    queue: Queue,
    agreed: Option<usize>,
) -> Result<Replaced, CliError> {
    let session = &run.session;
    let looked = session.observe(Purpose::Nodes).await?;
    let machine_kind = session.cloud.plane.machine_kind();
    let mut generations = session.rotations()?;
    let machines = machines(&looked, machine_kind);
    let highest = existing(machines.iter());
    let mut options = PlanOptions::default();
    let mut slots = BTreeSet::new();
    for slot in &step.slots {
        slots.insert(slot.clone());
        // A control plane that does not work is recreated in its place: etcd takes no new member beside it.
        if step.role == Role::ControlPlane
            && generations.under_way(slot).is_none()
            && let Some(broken) = broken_plane(&looked, machine_kind, slot)
        {
            say(run, &format!("{} does not work, and is recreated in its place.", broken.name));
            options.targets.push(Address::new("node", &broken.name));
            if broken.exists {
                options.replace.push(Address::new(machine_kind, &broken.name));
            }
            continue;
        }
        if generations.under_way(slot).is_none() {
            generations.set_in_place(slot, step.gone_first().contains(slot));
        }
        let generation = generations.begin(slot, &highest);
        let new = NodeSlot { slot: slot.clone(), generation, revision: String::new() }.name();
        let record = session.store.state();
        options.targets.extend(rotation_targets(&looked, &record, machine_kind, slot, &new));
    }
    let after = queue.clone();
    // A control plane that is recreated in its place is of no new generation: until it is there, it is one that is left.
    let in_its_place = step.slots.iter().filter(|slot| generations.under_way(slot).is_none());
    let left = in_its_place.cloned().chain(queue.left).collect();
    generations.set_queue(Some(Queue { left, ..after.clone() }));
    session.want_rotations(&generations);

    // It looks again: the new machines are declared now, and the old ones no longer.
    let Planned { looked, plan } = run.plan(options).await?;
    if run.style != Style::Json {
        run.print_plan(&plan, false)?;
    }
    refuse_other_changes(&plan, &slots)?;
    if agreed.is_none() {
        let what = match step.slots.as_slice() {
            [only] => format!("replace {only}"),
            all => format!("replace {}", plural(all.len(), "node")),
        };
        confirm(&args.change.consent(session), &what).await?;
    }
    session.keep_rotations(&generations).await?;
    if step.role == Role::ControlPlane {
        begin_upgrade(run).await?;
    }
    let outcome = match plan.is_empty() {
        true => None,
        false => Some(run_plan(run, &plan, &looked, &args.change).await),
    };
    let stuck: Vec<String> = step
        .slots
        .iter()
        .filter(|slot| outcome.as_ref().is_some_and(|outcome| is_about(outcome, slot)))
        .cloned()
        .collect();
    for slot in step.slots.iter().filter(|slot| !stuck.contains(slot)) {
        if let Some(generation) = generations.under_way(slot) {
            let new = NodeSlot { slot: slot.clone(), generation, revision: String::new() };
            say(run, &format!("{slot} is now {}.", new.name()));
        }
        generations.end(slot);
    }
    if stuck.is_empty() {
        generations.set_queue(Some(after));
    }
    let Some(outcome) = outcome else {
        session.keep_rotations(&generations).await?;
        return Ok(Replaced::All);
    };
    let code = exit_code(&outcome, run.style == Style::Json);
    if code == ExitCode::Ok {
        session.keep_rotations(&generations).await?;
        return Ok(Replaced::All);
    }
    if outcome.stopped.is_none() {
        session.keep_rotations(&generations).await?;
    }
    // Of those that come only broken machines come, too, and of control planes each one counts.
    let is_drain = |failed: &FailedStep| {
        failed.address.kind() == "node"
            && failed.action == StepAction::Delete
            && failed.error.kind == ErrorKind::Deadline
    };
    let only_drains = !outcome.failures.is_empty() && outcome.failures.iter().all(is_drain);
    match step.role == Role::Worker && only_drains && outcome.stopped.is_none() {
        true => Ok(Replaced::Stuck(stuck)),
        false => Ok(Replaced::Failed(code)),
    }
}

/// Returns true if something of a slot failed, or was left out or not waited for.
fn is_about(outcome: &Outcome, slot: &str) -> bool {
    let failed = outcome.failures.iter().map(|failed| &failed.address);
    let skipped = outcome.skipped.iter().map(|skipped| &skipped.address);
    let mut all = failed.chain(skipped).chain(&outcome.waiting);
    all.any(|address| NodeSlot::parse_name(address.name()).0 == slot)
}

/// A control plane that does not work.
struct BrokenPlane {
    name: String,
    /// Whether it has a machine.
    exists: bool,
}

fn broken_plane(looked: &Observation, machine_kind: &str, slot: &str) -> Option<BrokenPlane> {
    let nodes = looked.cluster.nodes();
    let name = nodes.iter().find(|(_, node)| node.slot == slot)?.1.name();
    let machine = looked.observed.get(&Address::new(machine_kind, &name));
    let member = looked.observed.get(&Address::new("etcd_member", &name));
    let is_off = machine.is_some_and(|one| matches!(one.readiness, Readiness::Failed { .. }));
    let answers = member.and_then(|one| one.outputs.get(crate::cluster::ANSWERS));
    let is_broken = machine.is_none() || is_off || answers == Some(false.into());
    is_broken.then(|| BrokenPlane { name, exists: machine.is_some() })
}

fn machines(looked: &Observation, machine_kind: &str) -> Vec<Address> {
    let all = looked.observed.resources.keys();
    all.filter(|one| one.kind() == machine_kind).cloned().collect()
}

/// Returns the slots of a rotation that is under way: those that have begun, and those that are left.
fn open(looked: &Observation, generations: &Generations) -> Vec<String> {
    let left = generations.queue().map(|queue| queue.left.clone()).unwrap_or_default();
    let all: BTreeSet<String> = generations.rotating().map(str::to_owned).chain(left).collect();
    let nodes = looked.cluster.nodes();
    all.into_iter().filter(|slot| nodes.iter().any(|(_, node)| node.slot == *slot)).collect()
}

/// Returns the slots that `args` choose, in the order of infra.toml.
async fn chosen(
    run: &Run,
    args: &RotateNodeArgs,
    looked: &Observation,
    open: &[String],
) -> Result<Vec<String>, CliError> {
    let nodes = looked.cluster.nodes();
    let mut chosen: BTreeSet<String> = BTreeSet::new();
    for name in &args.nodes {
        let current = super::node::known(looked, name)?;
        chosen.insert(NodeSlot::parse_name(&current).0);
    }
    for name in &args.pool {
        let pool = super::rotate_pool::require_pool(looked, name)?;
        chosen.extend(pool.nodes.iter().map(|node| node.slot.clone()));
    }
    if args.all {
        chosen.extend(nodes.iter().map(|(_, node)| node.slot.clone()));
    }
    if args.outdated {
        let plan = run
            .session
            .plan(PlanOptions {
                phase: infra_provider_api::Phase::Bootstrap,
                ..PlanOptions::default()
            })
            .await?
            .plan;
        let kind = run.session.cloud.plane.machine_kind();
        let machines = plan.rotations.iter().filter(|one| one.kind() == kind);
        chosen.extend(machines.map(|one| NodeSlot::parse_name(one.name()).0));
        chosen.extend(open.iter().cloned());
    }
    if args.resume {
        if open.is_empty() {
            return Err(CliError::new(ExitCode::Failed, "no rotation is under way")
                .hint("name nodes, a pool, --outdated or --all"));
        }
        chosen.extend(open.iter().cloned());
    }
    let in_order = nodes.iter().map(|(_, node)| node.slot.clone());
    Ok(in_order.filter(|slot| chosen.contains(slot)).collect())
}

/// Refuses to begin a rotation beside another one.
fn refuse_another(
    generations: &Generations,
    open: &[String],
    chosen: &[String],
) -> Result<(), CliError> {
    let is_part = |some: &[String], of: &[String]| some.iter().all(|slot| of.contains(slot));
    if is_part(open, chosen) || is_part(chosen, open) {
        return Ok(());
    }
    let since = generations
        .queue()
        .map(|queue| format!(", since {}", queue.since.strftime("%Y-%m-%d %H:%M:%SZ")));
    let text =
        format!("another rotation is under way ({}{})", open.join(", "), since.unwrap_or_default());
    Err(CliError::new(ExitCode::Failed, text)
        .hint("`infra rotate-node --resume` resumes it, `infra rotate-node --abort` takes it back as far as that goes")
        .hint("nothing was changed"))
}

fn since(generations: &Generations) -> Timestamp {
    generations.queue().map_or_else(Timestamp::now, |queue| queue.since)
}

/// Returns the steps; what an interrupted run has begun comes first.
fn planned_steps(
    run: &Run,
    looked: &Observation,
    generations: &Generations,
    chosen: &[String],
    rollout: Rollout,
) -> Result<Vec<Step>, CliError> {
    let rollouts = &run.session.project.rollouts;
    let of = |pool: &str| rollout.or(rollouts.get(pool).copied().unwrap_or_default());
    for pool in looked.cluster.pools.iter().filter(|pool| pool.role == Role::Worker) {
        of(&pool.name).at_once(pool.nodes.len()).map_err(|why| {
            CliError::new(ExitCode::Usage, format!("pool {}: {why}", pool.name))
                .hint("let one of them be 1")
        })?;
    }
    let at_once = |pool: &str| {
        let nodes = looked.cluster.pools.iter().find(|one| one.name == pool);
        let nodes = nodes.map_or(1, |pool| pool.nodes.len());
        of(pool).at_once(nodes).unwrap_or(AtOnce { surge: 1, unavailable: 0 })
    };
    let begun = |slot: &&String| generations.under_way(slot).is_some();
    let (first, rest): (Vec<&String>, Vec<&String>) = chosen.iter().partition(begun);
    let of_slots = |slots: Vec<&String>| -> Vec<Step> {
        let slots: Vec<String> = slots.into_iter().cloned().collect();
        steps(&looked.cluster, &slots, at_once)
    };
    let mut all = of_slots(first);
    all.extend(of_slots(rest));
    Ok(all)
}

fn node_names(looked: &Observation, slots: &[String]) -> Vec<String> {
    let nodes = looked.cluster.nodes().into_iter();
    nodes.filter(|(_, node)| slots.contains(&node.slot)).map(|(_, node)| node.name()).collect()
}

/// Says what is done, and in which order.
fn announce(run: &Run, steps: &[Step], goes_on: bool) {
    if run.style == Style::Json {
        return;
    }
    let words = if goes_on { "Going on with the rotation of" } else { "Rotating" };
    let all: usize = steps.iter().map(|step| step.slots.len()).sum();
    match steps {
        [only] if all == 1 => println!(
            "{words} {}: its successor is made, joins and gets Ready; then the old node is drained and removed.",
            only.slots[0]
        ),
        steps => {
            println!("{words} {} in {}:", plural(all, "node"), plural(steps.len(), "step"));
            for (number, step) in steps.iter().enumerate() {
                println!("  {:>3}  {}", number + 1, step.slots.join(", "));
            }
            println!(
                "In each step the new machines join and get Ready; then the old nodes are drained and removed."
            );
        }
    }
}

pub(super) fn say(run: &Run, text: &str) {
    if run.style != Style::Json {
        println!("{text}");
    }
}
