//! What keeps a plan's deletions from working, found before anything is deleted.

use infra_provider_api::{Effect, ErrorKind, Observed, Obstacle};

use super::{
    error::{CliError, ExitCode},
    open::Session,
};
use crate::engine::Plan;

impl Session {
    /// Writes into `plan` what the cloud knows to be in the way of its deletions.
    ///
    /// # Errors
    /// Returns an error if a resource is protected from being deleted. Then nothing is deleted, since
    /// somebody protected it on purpose.
    pub(super) async fn warn_of_obstacles(&self, plan: &mut Plan) -> Result<(), CliError> {
        let going: Vec<&Observed> = plan
            .changes
            .iter()
            .filter(|change| change.action.destroys())
            .filter_map(|change| change.observed.as_deref())
            .collect();
        if going.is_empty() {
            return Ok(());
        }
        let found = match self.cloud.provider.obstacles(&self.cx, &going).await {
            Ok(found) => found,
            Err(error) if error.kind == ErrorKind::Cancelled => return Err(error.into()),
            // Somebody who may delete may lack the permission to look.
            Err(error) => {
                plan.notes
                    .push(format!("cannot look for what keeps deletions from working: {error}"));
                return Ok(());
            }
        };
        let stopping: Vec<&Obstacle> =
            found.iter().filter(|obstacle| obstacle.effect == Effect::Stops).collect();
        if !stopping.is_empty() {
            return Err(protected(&stopping));
        }
        for obstacle in found {
            let named =
                plan.options.delete_zones.iter().any(|zone| zone == obstacle.address.name());
            if obstacle.effect == Effect::Keeps && !named {
                keep(plan, &obstacle);
            } else {
                warn(plan, &obstacle, named);
            }
        }
        Ok(())
    }
}

/// Takes the deletion of the resource out of the plan.
fn keep(plan: &mut Plan, obstacle: &Obstacle) {
    let Obstacle { address, message, hint, .. } = obstacle;
    let replaced = plan.change(address).is_some_and(|change| change.action.creates());
    if replaced {
        // Its successor can't be made beside it: the deletion fails, and says why.
        return warn(plan, obstacle, false);
    }
    plan.changes.retain(|change| change.address != *address);
    plan.notes.push(format!("{address} is kept: {message}; {hint}"));
    plan.kept.push(address.clone());
}

/// Adds the obstacle to the warnings of the resource's deletion.
fn warn(plan: &mut Plan, obstacle: &Obstacle, named: bool) {
    let change = plan.changes.iter_mut().find(|change| {
        change.action.destroys()
            && change.observed.as_ref().is_some_and(|one| one.address == obstacle.address)
    });
    let Some(change) = change else { return };
    let text = if named {
        format!("{}: they are deleted with it", obstacle.message)
    } else {
        format!("{}; {}", obstacle.message, obstacle.hint)
    };
    change.warning = Some(match change.warning.take() {
        Some(before) => format!("{before}\n{text}"),
        None => text,
    });
}

fn protected(obstacles: &[&Obstacle]) -> CliError {
    let lines: Vec<String> = obstacles
        .iter()
        .map(|one| format!("cannot delete {}: {}\n  help: {}", one.address, one.message, one.hint))
        .collect();
    CliError::new(ExitCode::Invalid, lines.join("\n"))
        .hint("nothing was deleted; run the same command again once the protection is lifted")
}
