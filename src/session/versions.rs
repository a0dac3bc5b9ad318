//! Which version of Kubernetes a plan may ask for: one that there are artifacts of, and one that
//! some verb can bring the cluster to.
//!
//! The rules are those of the version skew policy that Kubernetes publishes. It is about minor
//! versions: a kubelet is never newer than the API server and at most three minor versions older;
//! control planes are upgraded first, one minor version at a time. Kubernetes knows no downgrades.

use infra_provider_api::{Diagnostic, NodeSlot, Role, Source};
use infra_provisioning::artifacts::{known_series, parse_version};
use infra_versions::{minor_of, versions};
use jiff::civil::Date;

use super::{error::CliError, observe::Observation, open::Session};
use crate::{cluster::ApiServers, config::Project};

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

impl Session {
    /// Checks that some verb can bring the cluster to the version that infra.toml asks for. `created`
    /// are the machines that would be created. Returns what is worth saying about it.
    ///
    /// # Errors
    /// Returns the problem, with its place in infra.toml, if no verb can.
    pub fn check_skew(
        &self,
        looked: &Observation,
        created: &[&str],
    ) -> Result<Option<String>, Diagnostic> {
        let versions = &looked.cluster.versions;
        let record = self.store.state();
        let address = ApiServers::address();
        let outputs = match looked.observed.get(&address) {
            Some(seen) => Some(&seen.outputs),
            // What can't be seen now is as it was last.
            None => record.resources.get(&address).map(|known| &known.outputs),
        };
        let running = outputs.and_then(|outputs| parse_version(&outputs.text("version")?));
        let (Some(running), Some(wanted)) = (running, parse_version(&versions.kubernetes)) else {
            return Ok(None);
        };
        let nodes = looked.cluster.nodes();
        let control_planes: Vec<&str> = created
            .iter()
            .filter(|name| {
                let is_it = |node: &NodeSlot| node.name() == **name;
                nodes.iter().any(|(pool, node)| pool.role == Role::ControlPlane && is_it(node))
            })
            .copied()
            .collect();
        // A cluster without any control plane is made once more, with whatever version is asked for. A cloud
        // that runs the control plane knows its own rules.
        if !looked.own.as_ref().is_some_and(|own| own.kits.is_initialised()) {
            return Ok(None);
        }
        judge(wanted, running, &control_planes).map_err(|(message, help)| {
            Diagnostic::new(message).help(help).in_source(versions.source.as_ref())
        })
    }
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

/// Decides what a cluster whose API server runs `running` can do with `wanted`: what is worth
/// saying, or why not and what helps. `control_planes` are those that the plan creates. Pure.
fn judge(
    wanted: Version,
    running: Version,
    control_planes: &[&str],
) -> Result<Option<String>, (String, String)> {
    if wanted == running {
        return Ok(None);
    }
    let (to, from) = (text(wanted), text(running));
    let stay = format!(
        "write kubernetes = \"{from}\", or a newer patch version of {}.{}",
        running.0, running.1
    );
    let change = format!("cannot go from Kubernetes {from} to {to}");
    if wanted < running {
        return Err((format!("{change}: Kubernetes does not support downgrades"), stay));
    }
    if (wanted.0, wanted.1) != (running.0, running.1) {
        let steps = if wanted.1 > running.1 + 1 {
            ", and they take one minor version at a time"
        } else {
            ""
        };
        let why = format!(
            "{change}: control planes come first{steps}, no verb upgrades them yet, and a kubelet \
             must not have a newer minor version than the API server"
        );
        return Err((why, stay));
    }
    if let [first, ..] = control_planes {
        let why = format!(
            "cannot create the control plane {first} with Kubernetes {to}: kubeadm lets a control \
             plane join with the version of the others, which run {from}"
        );
        let hint = format!("write kubernetes = \"{from}\" until it has joined");
        return Err((why, hint));
    }
    Ok(Some(format!(
        "workers that are created or rotated from now on run Kubernetes {to}; the control planes \
         keep {from}, because no verb upgrades them yet. Kubernetes supports that: only the minor \
         versions have to fit"
    )))
}

fn text((major, minor, patch): Version) -> String {
    format!("{major}.{minor}.{patch}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(wanted: Version, control_planes: &[&str]) -> String {
        match judge(wanted, (1, 36, 2), control_planes) {
            Ok(None) => "nothing to say".to_owned(),
            Ok(Some(note)) => format!("note: {note}"),
            Err((message, hint)) => format!("{message}\nhelp: {hint}"),
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
    fn what_no_verb_can_do_is_refused_and_the_rest_is_said_plainly() {
        insta::assert_snapshot!(judged((1, 36, 2), &["control-plane-2"]), @"nothing to say");
        for (wanted, part) in [
            (
                (1, 36, 4),
                "note: workers that are created or rotated from now on run Kubernetes 1.36.4",
            ),
            ((1, 36, 1), "cannot go from Kubernetes 1.36.2 to 1.36.1: Kubernetes does not support"),
            ((1, 35, 8), "cannot go from Kubernetes 1.36.2 to 1.35.8: Kubernetes does not support"),
            ((1, 37, 0), "control planes come first, no verb upgrades them yet"),
            ((1, 38, 0), "control planes come first, and they take one minor version at a time"),
        ] {
            let said = judged(wanted, &[]);
            assert!(said.contains(part), "{said}");
        }
        let said = judged((1, 36, 4), &["control-plane-2"]);
        assert!(said.starts_with("cannot create the control plane control-plane-2"), "{said}");
        assert!(
            said.ends_with("help: write kubernetes = \"1.36.2\" until it has joined"),
            "{said}"
        );
    }
}
