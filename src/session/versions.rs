//! Which version of Kubernetes a plan may ask for: one that there are artifacts of, and one that the cluster can come
//! to from what it runs.
//!
//! The rules are those of the version skew policy that Kubernetes publishes. It is about minor
//! versions: a kubelet is never newer than the API server and at most three minor versions older;
//! control planes are upgraded first, one minor version at a time. Kubernetes knows no downgrades.

use std::sync::atomic::Ordering;

use infra_provider_api::{Diagnostic, NodeSlot, Role, Source};
use infra_provisioning::artifacts::{known_series, parse_version};
use infra_versions::{minor_of, versions};
use jiff::civil::Date;

use super::{error::CliError, observe::Observation, open::Session};
use crate::{
    cluster::{ApiServers, kubeadm_version},
    config::Project,
};

type Version = (u32, u32, u32);

/// Refuses a version of a series that this program has no artifacts for; with `exact`, also a patch
/// version that it does not know.
///
/// # Errors
/// Returns an error that names the place in infra.toml and the versions there are.
pub fn known_version(project: &Project, exact: bool) -> Result<(), CliError> {
    let versions = &project.cluster.versions;
    let series = known_series().map_err(CliError::local)?;
    let wanted = parse_version(&versions.kubernetes);
    let is_known = series.iter().any(|one| {
        let latest = parse_version(&one.latest);
        latest.zip(wanted).is_some_and(|(latest, wanted)| {
            (latest.0, latest.1) == (wanted.0, wanted.1) && (!exact || wanted.2 <= latest.2)
        })
    });
    if is_known {
        return Ok(());
    }
    let there: Vec<String> =
        series.iter().map(|one| format!("{}.0 to {}", one.kubernetes, one.latest)).collect();
    Err(refuse(
        versions.source.as_ref(),
        format!("there are no artifacts of Kubernetes {}", versions.kubernetes),
        format!("there are {}", there.join(", ")),
    ))
}

pub(super) fn refuse(source: Option<&Source>, message: String, hint: String) -> CliError {
    CliError::refused(&[Diagnostic::new(message).help(hint).in_source(source)])
}

/// What runs in a cluster, and what a plan creates in it.
#[derive(Debug, Default)]
struct Skew<'a> {
    /// Control planes, with what they run.
    planes: Vec<(&'a str, Version)>,
    /// Workers, with what they run.
    workers: Vec<(&'a str, Version)>,
    /// Control planes that the plan creates.
    new_planes: Vec<&'a str>,
    /// Workers that the plan creates.
    new_workers: Vec<&'a str>,
    /// The version with which control planes join, where it matters.
    joins_with: Option<Version>,
}

impl Session {
    /// Checks that the cluster may come to the version that infra.toml asks for. `created` are the machines that
    /// would be created. Returns what is worth saying about it.
    ///
    /// # Errors
    /// Returns the problem, with its place in infra.toml, if it may not.
    pub async fn check_skew(
        &self,
        looked: &Observation,
        created: &[&str],
    ) -> Result<Option<String>, Diagnostic> {
        let versions = &looked.cluster.versions;
        // A cluster without any control plane is made once more, with whatever version is asked for. A cloud
        // that runs the control plane knows its own rules.
        if !looked.own.as_ref().is_some_and(|own| own.kits.is_initialised()) {
            return Ok(None);
        }
        let Some(wanted) = parse_version(&versions.kubernetes) else { return Ok(None) };
        let record = self.store.state();
        let mut skew = skew(looked, created);
        if skew.planes.is_empty() {
            let address = ApiServers::address();
            let outputs = match looked.observed.get(&address) {
                Some(seen) => Some(&seen.outputs),
                // What can't be seen now is as it was last.
                None => record.resources.get(&address).map(|known| &known.outputs),
            };
            let running = outputs.and_then(|outputs| parse_version(&outputs.text("version")?));
            let Some(running) = running else { return Ok(None) };
            skew.planes.push(("the API server", running));
        }
        if !skew.new_planes.is_empty() && !self.is_upgrading() {
            // Where that can't be asked, the next one joins with what the others run.
            let others = skew.planes.iter().map(|(_, running)| *running).min();
            let joins_with = match looked.observed.unreachable.contains_key("node") {
                true => None,
                false => kubeadm_version(&self.cx, &looked.kube).await.ok(),
            };
            let joins_with = joins_with.and_then(|version| parse_version(&version));
            skew.joins_with = joins_with.or(others);
        } else {
            skew.joins_with = Some(wanted);
        }
        judge(wanted, &skew).map_err(|(message, help)| {
            Diagnostic::new(message).help(help).in_source(versions.source.as_ref())
        })
    }

    /// Returns true if this run brings the control planes to another version.
    fn is_upgrading(&self) -> bool {
        self.upgrades.load(Ordering::Relaxed)
    }

    /// Says that this run brings the control planes to the version that infra.toml asks for.
    pub fn upgrade(&self) {
        self.upgrades.store(true, Ordering::Relaxed);
    }
}

/// Collects what runs, as far as it is seen.
fn skew<'a>(looked: &'a Observation, created: &[&'a str]) -> Skew<'a> {
    let pools = looked.cluster.nodes();
    let role = |name: &str| {
        let slot = NodeSlot::parse_name(name).0;
        pools.iter().find(|(_, node)| node.slot == slot).map(|(pool, _)| pool.role)
    };
    let mut skew = Skew::default();
    for node in looked.observed.iter().filter(|one| one.address.kind() == "node") {
        let version = node.outputs.text("kubelet_version");
        let version = version.and_then(|text| parse_version(text.trim_start_matches('v')));
        match (role(node.address.name()), version) {
            (Some(Role::ControlPlane), Some(version)) => {
                skew.planes.push((node.address.name(), version));
            }
            (Some(Role::Worker), Some(version)) => {
                skew.workers.push((node.address.name(), version));
            }
            _ => {}
        }
    }
    for name in created {
        match role(name) {
            Some(Role::ControlPlane) => skew.new_planes.push(name),
            Some(Role::Worker) => skew.new_workers.push(name),
            None => {}
        }
    }
    skew
}

/// Returns what is worth saying about a minor version of Kubernetes that its makers have ended on the
/// day `today`.
pub(super) fn end_of_life_note(kubernetes: &str, today: Date) -> Option<String> {
    let minor = minor_of(kubernetes).ok()?;
    let component = versions().ok()?.component(&format!("kubernetes-{minor}"))?;
    let end = component.end_of_life.filter(|end| *end < today)?;
    Some(format!(
        "Kubernetes {minor} reached its end of life on {end}: it gets no fixes any more, not even of security \
         holes (`infra versions` lists what is supported)"
    ))
}

/// How many minor versions a kubelet may be older than an API server.
const KUBELET_OLDER: u32 = 3;

/// Decides whether what runs may come to `wanted`: returns what is worth saying, or why not and what helps. Pure.
fn judge(wanted: Version, skew: &Skew<'_>) -> Result<Option<String>, (String, String)> {
    let all = || skew.planes.iter().chain(&skew.workers);
    let planes = || skew.planes.iter().map(|(_, running)| *running);
    let (Some(oldest), Some(newest)) = (planes().min(), planes().max()) else { return Ok(None) };
    let to = text(wanted);
    let stay = || {
        format!(
            "write kubernetes = \"{}\", or a newer patch version of {}.{}",
            text(newest),
            newest.0,
            newest.1
        )
    };
    if wanted < newest {
        let change = format!("cannot go from Kubernetes {} to {to}", text(newest));
        return Err((format!("{change}: Kubernetes does not support downgrades"), stay()));
    }
    let minors = |from: Version| (wanted.0 == from.0).then(|| wanted.1.saturating_sub(from.1));
    let steps = minors(oldest);
    if steps.is_none_or(|steps| steps > 1) {
        let between: Vec<String> =
            (oldest.1 + 1..wanted.1).map(|minor| format!("{}.{minor}", oldest.0)).collect();
        let why = format!(
            "cannot go from Kubernetes {} to {to} at once: control planes take one minor version at a time",
            text(oldest)
        );
        return Err((
            why,
            format!(
                "go to {} first, each with `infra rotate-node --outdated`",
                between.join(", then ")
            ),
        ));
    }
    let too_old =
        skew.workers.iter().find(|(_, has)| minors(*has).is_none_or(|n| n > KUBELET_OLDER));
    if let Some((name, has)) = too_old {
        let why = format!(
            "cannot go to Kubernetes {to}: {name} runs {}, and a kubelet may be {KUBELET_OLDER} minor versions older than the API server",
            text(*has)
        );
        return Err((
            why,
            format!(
                "replace it first, with the version of the control planes: `infra rotate-node {name}`"
            ),
        ));
    }
    if let [first, ..] = skew.new_workers[..]
        && (oldest.0, oldest.1) != (wanted.0, wanted.1)
    {
        let older = skew.planes.iter().find(|(_, running)| *running == oldest);
        let why = format!(
            "cannot create {first} with Kubernetes {to} while {} runs {}: a kubelet must not have a newer minor version than the API server",
            older.map_or("a control plane", |(name, _)| name),
            text(oldest)
        );
        return Err((
            why,
            "upgrade the control planes first: `infra rotate-node --outdated`".to_owned(),
        ));
    }
    if let [first, ..] = skew.new_planes[..]
        && skew.joins_with != Some(wanted)
    {
        let why = format!(
            "cannot create the control plane {first} with Kubernetes {to}: control planes join with the version of the others, which run {}",
            text(oldest)
        );
        let hint = format!(
            "upgrade the others first (`infra rotate-node --outdated`), or write kubernetes = \"{}\" until it has joined",
            text(oldest)
        );
        return Err((why, hint));
    }
    let behind = |some: &[(&str, Version)]| some.iter().filter(|(_, has)| *has < wanted).count();
    let (old_planes, old_workers) = (behind(&skew.planes), behind(&skew.workers));
    if old_planes + old_workers == 0 {
        return Ok(None);
    }
    let from = all().map(|(_, has)| *has).min().unwrap_or(oldest);
    let mut parts = Vec::new();
    if old_planes > 0 {
        let planes = if old_planes == 1 { "control plane" } else { "control planes" };
        parts.push(format!("{old_planes} {planes}, one at a time, then kube-proxy and CoreDNS"));
    }
    if old_workers > 0 {
        parts
            .push(format!("{old_workers} {}", if old_workers == 1 { "worker" } else { "workers" }));
    }
    Ok(Some(format!(
        "an upgrade waits, from Kubernetes {} to {to}: `infra rotate-node --outdated` replaces {}",
        text(from),
        parts.join(", then ")
    )))
}

fn text((major, minor, patch): Version) -> String {
    format!("{major}.{minor}.{patch}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(judged: Result<Option<String>, (String, String)>) -> String {
        match judged {
            Ok(None) => "nothing to say".to_owned(),
            Ok(Some(note)) => format!("note: {note}"),
            Err((message, hint)) => format!("{message}\nhelp: {hint}"),
        }
    }

    /// A cluster of two control planes and a worker.
    fn cluster<'a>(first: Version, second: Version, worker: Version) -> Skew<'a> {
        Skew {
            planes: vec![("control-plane-1", first), ("control-plane-2", second)],
            workers: vec![("worker-1", worker)],
            ..Skew::default()
        }
    }

    #[test]
    fn a_minor_version_that_has_ended_is_named_with_its_day() {
        let end = versions().unwrap().component("kubernetes-1.34").unwrap().end_of_life.unwrap();
        assert_eq!(end_of_life_note("1.34.11", end), None, "its last day");
        let note = end_of_life_note("1.34.11", end.tomorrow().unwrap()).unwrap();
        assert!(
            note.starts_with(&format!("Kubernetes 1.34 reached its end of life on {end}: ")),
            "{note}"
        );
        assert_eq!(end_of_life_note("1.99.0", end.tomorrow().unwrap()), None, "nobody knows");
    }

    #[test]
    fn what_kubernetes_does_not_support_is_refused_and_the_rest_is_said_plainly() {
        const OLD: Version = (1, 35, 8);
        const NOW: Version = (1, 36, 2);
        let plain = |wanted| said(judge(wanted, &cluster(NOW, NOW, NOW)));
        insta::assert_snapshot!(plain(NOW), @"nothing to say");
        for (wanted, part) in [
            ((1, 36, 1), "cannot go from Kubernetes 1.36.2 to 1.36.1: Kubernetes does not support"),
            (OLD, "cannot go from Kubernetes 1.36.2 to 1.35.8: Kubernetes does not support"),
            ((1, 37, 0), "note: an upgrade waits, from Kubernetes 1.36.2 to 1.37.0"),
            (
                (1, 39, 0),
                "to 1.39.0 at once: control planes take one minor version at a time\nhelp: go to 1.37, then 1.38 first",
            ),
        ] {
            assert!(plain(wanted).contains(part), "{}", plain(wanted));
        }
        insta::assert_snapshot!(said(judge(NOW, &cluster(OLD, OLD, OLD))), @"note: an upgrade waits, from Kubernetes 1.35.8 to 1.36.2: `infra rotate-node --outdated` replaces 2 control planes, one at a time, then kube-proxy and CoreDNS, then 1 worker");
        insta::assert_snapshot!(said(judge(NOW, &cluster(NOW, OLD, OLD))), @"note: an upgrade waits, from Kubernetes 1.35.8 to 1.36.2: `infra rotate-node --outdated` replaces 1 control plane, one at a time, then kube-proxy and CoreDNS, then 1 worker");
        insta::assert_snapshot!(said(judge(NOW, &cluster(NOW, NOW, OLD))), @"note: an upgrade waits, from Kubernetes 1.35.8 to 1.36.2: `infra rotate-node --outdated` replaces 1 worker");
        // Half-way there is no way back.
        let back = said(judge(OLD, &cluster(NOW, OLD, OLD)));
        assert!(back.contains("does not support downgrades"), "{back}");
        let old_kubelet = said(judge((1, 37, 0), &cluster(NOW, NOW, (1, 33, 9))));
        assert!(old_kubelet.contains("worker-1 runs 1.33.9"), "{old_kubelet}");

        let workers = |wanted| {
            let new_workers = vec!["worker-2"];
            said(judge(wanted, &Skew { new_workers, ..cluster(NOW, OLD, OLD) }))
        };
        assert!(
            workers(NOW).starts_with(
                "cannot create worker-2 with Kubernetes 1.36.2 while control-plane-2 runs 1.35.8"
            ),
            "{}",
            workers(NOW)
        );
        let patch = said(judge(
            (1, 36, 4),
            &Skew { new_workers: vec!["worker-2"], ..cluster(NOW, NOW, NOW) },
        ));
        assert!(patch.starts_with("note: "), "only the minor versions have to fit: {patch}");
        let planes = |joins_with| {
            let new_planes = vec!["control-plane-3"];
            said(judge((1, 36, 4), &Skew { new_planes, joins_with, ..cluster(NOW, NOW, NOW) }))
        };
        assert!(planes(Some((1, 36, 4))).starts_with("note: "));
        for joins_with in [None, Some(NOW)] {
            let said = planes(joins_with);
            assert!(said.starts_with("cannot create the control plane control-plane-3"), "{said}");
            assert!(
                said.ends_with("or write kubernetes = \"1.36.2\" until it has joined"),
                "{said}"
            );
        }
    }
}
