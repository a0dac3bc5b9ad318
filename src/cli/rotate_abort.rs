//! `infra rotate-node --abort`: what has begun is taken back, as far as the old nodes are still there.

use std::collections::BTreeSet;

use infra_provider_api::{Address, NodeSlot};

use super::{
    apply::run_plan,
    confirm::confirm,
    rotate_node::{RotateNodeArgs, refuse_other_changes, refuse_unreachable, rotation_targets},
    rotate_slots::say,
    rotate_upgrade::restore_version,
    run::{Run, exit_code, plural},
};
use crate::{
    engine::PlanOptions,
    rotate::uncordon,
    session::{CliError, ExitCode, Observation, Planned, Purpose},
    ui::Style,
};

/// Takes the rotation back that is under way. The lock must be held.
pub(super) async fn abort(run: &Run, args: &RotateNodeArgs) -> Result<ExitCode, CliError> {
    let session = &run.session;
    let looked = session.observe(Purpose::Nodes).await?;
    let mut generations = session.rotations()?;
    let under_way: Vec<String> = generations.rotating().map(str::to_owned).collect();
    let left = generations.queue().map_or(0, |queue| queue.left.len());
    if under_way.is_empty() && left == 0 {
        return Err(
            CliError::new(ExitCode::Failed, "no rotation is under way").hint("nothing was changed")
        );
    }
    refuse_unreachable(&looked, "what was begun")?;
    let machine_kind = session.cloud.plane.machine_kind();
    let mut options = PlanOptions::default();
    let (mut back, mut slots) = (Vec::new(), BTreeSet::new());
    for slot in &under_way {
        let Some(old) = old_generation(&looked, machine_kind, slot, generations.under_way(slot))
        else {
            say(run, &format!("The old node of {slot} is gone: its successor stays."));
            generations.end(slot);
            continue;
        };
        let name = NodeSlot { slot: slot.clone(), generation: old, revision: String::new() }.name();
        generations.revert(slot, old);
        let record = session.store.state();
        options.targets.extend(rotation_targets(&looked, &record, machine_kind, slot, &name));
        back.push(name);
        slots.insert(slot.clone());
    }
    generations.set_queue(None);
    session.want_rotations(&generations);
    let Planned { looked, plan } = run.plan(options).await?;
    if !slots.is_empty() {
        if run.style != Style::Json {
            run.print_plan(&plan, false)?;
        }
        refuse_other_changes(&plan, &slots)?;
    }
    let what = match back.as_slice() {
        [] => format!("end the rotation, with {} left as they are", plural(left, "node")),
        names => format!("take the rotation of {} back", names.join(", ")),
    };
    confirm(&args.change.consent(session), &what).await?;
    // First they take pods again: those of the new machines need room, and a run that ends here is repeated.
    let client = looked.kube.client().await?;
    for name in &back {
        uncordon(client.raw(), name, &session.cx).await?;
    }
    restore_version(run, &looked).await?;
    session.keep_rotations(&generations).await?;
    if slots.is_empty() || plan.is_empty() {
        say(run, "The rotation has ended. `infra plan` says whether something is left to do.");
        return Ok(ExitCode::Ok);
    }
    let outcome = run_plan(run, &plan, &looked, &args.change).await;
    let code = exit_code(&outcome, run.style == Style::Json);
    if code != ExitCode::Ok {
        say(run, "The rotation has ended; `infra apply` deletes the machines of it that are left.");
    }
    Ok(code)
}

/// Returns the generation of the machine whose place the generation `new` of a slot takes, if it and its Node are
/// still there.
fn old_generation(
    looked: &Observation,
    machine_kind: &str,
    slot: &str,
    new: Option<u32>,
) -> Option<u32> {
    let exists = |kind: &str, name: &str| looked.observed.get(&Address::new(kind, name)).is_some();
    let machines = looked.observed.resources.keys().filter(|one| one.kind() == machine_kind);
    let of_slot = machines.filter_map(|one| {
        let (of, generation) = NodeSlot::parse_name(one.name());
        let is_old = of == slot && Some(generation) < new && exists("node", one.name());
        is_old.then_some(generation)
    });
    of_slot.max()
}
