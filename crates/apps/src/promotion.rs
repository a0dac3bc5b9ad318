//! A version that one environment gets only after another one has run it.

use super::{AppsError, Inventory, KubeClient, Suite};

/// Refuses a version that the suite's forerunner has not run, in the same cluster.
///
/// # Errors
/// Returns [`AppsError::NotPromoted`] if it has not, or the error of a call.
pub async fn check_promotion(client: &KubeClient, suite: &Suite) -> Result<(), AppsError> {
    let Some(from) = suite.promote_from() else { return Ok(()) };
    let failed = |version: &str, known: Vec<String>| AppsError::NotPromoted {
        suite: suite.name().to_owned(),
        from: from.to_owned(),
        version: version.to_owned(),
        known,
    };
    let known = Inventory::read(client, from).await?.map(|i| i.versions).unwrap_or_default();
    match suite.version() {
        Some(version) if known.iter().any(|known| known == version) => Ok(()),
        version => Err(failed(version.unwrap_or_default(), known)),
    }
}
