//! The machines behind droplets.

use std::sync::Arc;

use crate::error::SimError;
use crate::hooks::Machines;
use crate::sim::Sim;

/// Makes the machines of this embedded cloud.
///
/// # Errors
/// When its folders can't be made.
pub async fn open(sim: Arc<Sim>) -> Result<Arc<dyn Machines>, SimError> {
    Err(SimError::Part { part: "machines", reason: format!("none in {}", sim.data.display()) })
}

/// Routes below `/sim/machines`, for the stand-ins. They check the machine's own token.
pub fn routes(_sim: Arc<Sim>) -> axum::Router {
    axum::Router::new()
}
