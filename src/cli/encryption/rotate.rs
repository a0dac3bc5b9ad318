//! `infra encryption rotate`

use clap::Args;
use infra_provider_api::{Address, NodeSlot, Role};
use infra_ssl::{EncryptionKeys, EncryptionStage, PkiLayout};

use super::{missing, print};
use crate::{
    cli::{
        apply::{ChangeArgs, run_plan},
        confirm::confirm,
        global::Global,
        run::{Run, exit_code},
    },
    cluster::rewrite_secrets,
    engine::{Action, Change, PlanOptions},
    session::{CliError, ExitCode, Observation, Planned, Purpose, Session},
    ui::Style,
};

#[derive(Debug, Args)]
pub(super) struct RotateArgs {
    /// Take one step only, and replace no machine
    ///
    /// It is refused before every control plane runs with the step before: replace them with
    /// `infra apply --replace`.
    #[arg(long)]
    step: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Runs the verb.
pub(super) async fn rotate(global: &Global, args: &RotateArgs) -> Result<ExitCode, CliError> {
    let run = Run::open(global, "encryption rotate").await?;
    let _lock = run.lock("encryption rotate", args.change.lock_timeout).await?;
    run.recover().await?;
    let code = if args.step { step(&run, args).await } else { whole(&run, args).await };
    run.reporter.close().await;
    code
}

/// Takes one step.
async fn step(run: &Run, args: &RotateArgs) -> Result<ExitCode, CliError> {
    let keys = run.session.encryption_keys()?.ok_or_else(missing)?;
    let looked = run.observe(Purpose::Show).await?;
    let outdated = outdated(run, &keys, &looked)?;
    refuse_a_dead_end(&keys, &looked, &outdated)?;
    if !outdated.is_empty() {
        return Err(refused(&keys, &outdated));
    }
    confirm(&args.change.consent(&run.session), what(keys.stage())).await?;
    let (next, rewritten) = take_step(run, &keys, &looked).await?;
    print(run.style == Style::Json, &next, rewritten);
    Ok(ExitCode::Ok)
}

/// Takes every step that is left, and replaces the control planes between them. What is done is in the
/// keys' file and in the machines, so that another run begins where this one ended.
async fn whole(run: &Run, args: &RotateArgs) -> Result<ExitCode, CliError> {
    let session = &run.session;
    let mut is_confirmed = false;
    let mut replaced: Vec<(EncryptionStage, Address)> = Vec::new();
    loop {
        let keys = session.encryption_keys()?.ok_or_else(missing)?;
        let looked = run.observe(Purpose::Show).await?;
        let outdated = outdated(run, &keys, &looked)?;
        let planes = control_planes(&looked);
        refuse_a_dead_end(&keys, &looked, &outdated)?;
        if !is_confirmed {
            let question = "put another key in the place of the one that Secrets are encrypted with; \
                            each control plane is replaced for each step that is left, one at a time";
            confirm(&args.change.consent(session), question).await?;
            is_confirmed = true;
        }
        if let Some(other) = outdated.iter().find(|one| !planes.iter().any(|p| p == one.name())) {
            let text = format!("{other} is a control plane that infra.toml does not ask for");
            return Err(CliError::new(ExitCode::Invalid, text)
                .hint("run `infra apply` first, then the same command again"));
        }
        // One that an interrupted run has deleted is made before the next one goes.
        let none = Vec::new();
        if let Some(code) = carry_out(run, args, &planes, none).await? {
            return Ok(code);
        }
        if let Some(next) = outdated.first() {
            let step = (keys.stage(), next.clone());
            if replaced.contains(&step) {
                let text = format!("{next} was replaced, and does not run with the present keys");
                return Err(CliError::new(ExitCode::Failed, text)
                    .hint("`infra plan` says what differs; nothing more was replaced"));
            }
            replaced.push(step);
            say(
                run,
                &format!("{next} is replaced, to take up the keys ({})", keys.order().join(", ")),
            );
            if let Some(code) = carry_out(run, args, &planes, vec![next.clone()]).await? {
                return Ok(code);
            }
            continue;
        }
        let (next, rewritten) = take_step(run, &keys, &looked).await?;
        if next.stage() == EncryptionStage::Settled {
            print(run.style == Style::Json, &next, rewritten);
            return Ok(ExitCode::Ok);
        }
        say(run, &format!("The keys are now {}", next.order().join(", ")));
    }
}

/// Plans for the control planes alone and carries it out.
///
/// # Errors
/// Returns an error if the plan is refused, and the exit code of a run that did not get through.
async fn carry_out(
    run: &Run,
    args: &RotateArgs,
    planes: &[String],
    replace: Vec<Address>,
) -> Result<Option<ExitCode>, CliError> {
    let targets = planes.iter().map(|name| Address::new("node", name)).collect();
    let options = PlanOptions { targets, replace, ..PlanOptions::default() };
    let Planned { looked, plan } = run.plan(options).await?;
    if plan.is_empty() {
        return Ok(None);
    }
    refuse_other_changes(plan.real_changes(), planes)?;
    if run.style != Style::Json {
        run.print_plan(&plan, false)?;
    }
    let outcome = run_plan(run, &plan, &looked, &args.change).await;
    let code = exit_code(&outcome, run.style == Style::Json);
    if code == ExitCode::Ok {
        return Ok(None);
    }
    say(run, "run `infra encryption rotate` again: it resumes where it stopped");
    Ok(Some(code))
}

/// Refuses a plan that changes anything but control planes.
fn refuse_other_changes<'a>(
    changes: impl Iterator<Item = &'a Change>,
    planes: &[String],
) -> Result<(), CliError> {
    let is_of_one = |name: &str| planes.iter().any(|one| one == name);
    let others: Vec<String> = changes
        .filter(|change| !is_of_one(change.address.name()))
        .filter(|change| !matches!(change.action, Action::Adopt | Action::Resume))
        .map(|change| change.address.to_string())
        .collect();
    if others.is_empty() {
        return Ok(());
    }
    let list = others.join(", ");
    let text = format!("infra.toml asks for other changes that control planes need: {list}");
    Err(CliError::new(ExitCode::Invalid, text)
        .hint("run `infra apply` first, then the same command again"))
}

/// Lists the control planes that were not made with the present keys. Who writes stays the same when a
/// key is added, so that this first step is always safe.
fn outdated(
    run: &Run,
    keys: &EncryptionKeys,
    looked: &Observation,
) -> Result<Vec<Address>, CliError> {
    match keys.stage() {
        EncryptionStage::Settled => Ok(Vec::new()),
        _ => run.session.outdated_control_planes(looked),
    }
}

/// Refuses to begin where no control plane can be replaced: no way would lead on from there.
fn refuse_a_dead_end(
    keys: &EncryptionKeys,
    looked: &Observation,
    outdated: &[Address],
) -> Result<(), CliError> {
    let needs_replacing = keys.stage() == EncryptionStage::Settled || !outdated.is_empty();
    if !(needs_replacing && Session::is_stuck_with_its_keys(looked)) {
        return Ok(());
    }
    let text = "the only control plane can't be replaced, so it could never take up another key; \
                nothing was changed";
    Err(CliError::new(ExitCode::Invalid, text)
        .hint("let the cluster have three control planes first, in infra.toml"))
}

fn refused(keys: &EncryptionKeys, outdated: &[Address]) -> CliError {
    let names: Vec<String> = outdated.iter().map(ToString::to_string).collect();
    let mut failure = CliError::new(
        ExitCode::Invalid,
        format!(
            "these control planes don't run with the present keys ({}): {}; nothing was changed",
            keys.order().join(", "),
            names.join(", ")
        ),
    );
    for name in names {
        failure = failure.hint(format!("infra apply --replace {name}"));
    }
    failure
        .hint("replace one at a time; then run this command again")
        .hint("without --step, this command does both")
}

async fn take_step(
    run: &Run,
    keys: &EncryptionKeys,
    looked: &Observation,
) -> Result<(EncryptionKeys, Option<usize>), CliError> {
    let session = &run.session;
    let mut rewritten = None;
    if matches!(keys.stage(), EncryptionStage::Writing | EncryptionStage::Promoted) {
        rewritten = Some(rewrite_secrets(&session.cx, &looked.kube).await?);
    }
    // A run that lost its lock meanwhile must not change the keys of another one.
    session.may_act()?;
    let next = keys.next().map_err(CliError::local)?;
    next.write(&PkiLayout::new(&session.layout.pki).encryption_keys()).map_err(CliError::local)?;
    session.keep().await?;
    Ok((next, rewritten))
}

/// Returns the names of the control planes that infra.toml asks for.
fn control_planes(looked: &Observation) -> Vec<String> {
    let nodes = looked.cluster.nodes().into_iter();
    let planes = nodes.filter(|(pool, _)| pool.role == Role::ControlPlane);
    planes.map(|(_, node)| NodeSlot::name(node)).collect()
}

fn say(run: &Run, text: &str) {
    if run.style != Style::Json {
        eprintln!("\n{text}.");
    }
}

/// Says what a step does, for the question.
fn what(stage: EncryptionStage) -> &'static str {
    match stage {
        EncryptionStage::Reading => "encrypt Secrets that are written from now on",
        EncryptionStage::Writing => "encrypt all Secrets",
        EncryptionStage::Settled => "add a key",
        EncryptionStage::Added => "write Secrets with the new key",
        EncryptionStage::Promoted => "write all Secrets again and drop the old key",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(changes: &[(&str, Action)]) -> Option<CliError> {
        let planes = ["control-plane-1".to_owned(), "control-plane-2".to_owned()];
        let change =
            |(address, action): &(&str, Action)| Change::new(address.parse().unwrap(), *action);
        let changes: Vec<Change> = changes.iter().map(change).collect();
        refuse_other_changes(changes.iter(), &planes).err()
    }

    #[test]
    fn only_control_planes_are_changed_by_a_rotation_of_keys() {
        let own = [
            ("droplet.control-plane-1", Action::Replace),
            ("etcd_member.control-plane-2", Action::Create),
            ("node.worker-1", Action::Resume),
            ("load_balancer.api", Action::Adopt),
        ];
        assert!(refused(&own).is_none());
        for other in [
            ("load_balancer.api", Action::Update),
            ("droplet.control-plane-3", Action::Delete),
            ("certificate.ca", Action::Create),
        ] {
            let refused = refused(&[&own[..], &[other]].concat()).unwrap();
            assert_eq!(refused.code, ExitCode::Invalid);
            assert!(refused.message.ends_with(&format!(": {}", other.0)), "{}", refused.message);
        }
    }
}
