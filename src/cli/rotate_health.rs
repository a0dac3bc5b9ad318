//! What must be well before a control plane goes, and whether what was well before a step is so after it.

use std::time::Duration;

use infra_provider_api::{Address, Readiness, Role};

use super::{rotate_slots::say, run::Run};
use crate::{
    cluster::{KubeAccess, VOTES},
    etcd::EtcdAccess,
    rotate::{Broken, broken_workloads},
    session::{CliError, ExitCode, Observation},
};

/// How long a workload may take to be as it was before a step, on the cloud's clock.
const SETTLE_MAX: Duration = Duration::from_secs(300);
/// The pause between two looks.
const SETTLE_PAUSE: Duration = Duration::from_millis(500);

/// Checks that etcd bears the rotation of a control plane: no member catches up, and no alarm is set. How many
/// members run is for the gate, which each plan passes. `goes_on` says that the one that catches up may be ours.
///
/// # Errors
/// Returns what is wrong.
pub(super) async fn require_health(
    run: &Run,
    looked: &Observation,
    goes_on: bool,
) -> Result<(), CliError> {
    let mut members = looked.observed.iter().filter(|one| one.address.kind() == "etcd_member");
    let learner = members.find(|one| one.outputs.get(VOTES) == Some(false.into()));
    if let Some(learner) = learner.filter(|_| !goes_on) {
        let text = format!("{} has no vote in etcd yet", learner.address.name());
        return Err(CliError::new(ExitCode::Failed, text)
            .hint("run `infra apply`: it waits until it has one")
            .hint("nothing was changed"));
    }
    let etcd = EtcdAccess::new(looked.kube.clone(), run.session.layout.pki.clone());
    let alarms = match etcd.members().await {
        Ok(members) => etcd.alarms(&members).await?,
        // Without a majority nothing can be asked, and the gate says more of that.
        Err(_) => Vec::new(),
    };
    if !alarms.is_empty() {
        let text = format!("etcd has set an alarm: {}", alarms.join(", "));
        return Err(CliError::new(ExitCode::Failed, text)
            .hint("a new member would copy what is wrong: NOSPACE wants `etcdctl compact`, `defrag` and `alarm disarm`; CORRUPT wants a restore")
            .hint("nothing was changed"));
    }
    let planes =
        looked.cluster.nodes().into_iter().filter(|(pool, _)| pool.role == Role::ControlPlane);
    let names: Vec<String> = planes.map(|(_, node)| node.name()).collect();
    let ill: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| {
            let node = looked.observed.get(&Address::new("node", *name));
            node.is_some_and(|node| node.readiness != Readiness::Ready)
        })
        .collect();
    if let [only] = &names[..]
        && !goes_on
    {
        say(
            run,
            &format!(
                "{only} is the only control plane: there are two for a moment, and the cluster survives the loss of neither until the old one is gone."
            ),
        );
    }
    if !ill.is_empty() {
        say(run, &format!("Not Ready from the start: {}.", ill.join(", ")));
    }
    Ok(())
}

/// Waits until no workload is broken that was well `before`.
///
/// # Errors
/// Returns the workloads that a step has broken, if they stay so.
pub(super) async fn until_as_before(run: &Run, before: &Broken) -> Result<(), CliError> {
    let session = &run.session;
    let kube = KubeAccess::new(session.layout.kubeconfig());
    let patience = SETTLE_MAX.div_f64(session.speed);
    let deadline = tokio::time::Instant::now() + patience;
    loop {
        let now = broken_workloads(kube.client().await?.raw(), &session.cx).await?;
        let new: Vec<String> = now
            .iter()
            .filter(|(name, _)| !before.contains_key(*name))
            .map(|(name, why)| format!("{name}: {why}"))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        if tokio::time::Instant::now() >= deadline {
            return Err(CliError::new(
                ExitCode::Partly,
                format!("what worked before this step does not now: {}", new.join("; ")),
            )
            .hint("mend it, and run `infra rotate-node --resume`; nothing more was begun"));
        }
        tokio::select! {
            () = tokio::time::sleep(SETTLE_PAUSE) => {}
            () = session.stop.cancelled() => return Ok(()),
        }
    }
}
