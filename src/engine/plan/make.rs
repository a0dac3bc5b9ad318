use super::{Plan, PlanError, PlanInput};

/// Makes the plan. Pure.
///
/// # Errors
/// See [`PlanError`].
pub fn plan(_input: &PlanInput<'_>) -> Result<Plan, PlanError> {
    Err(PlanError::Order { path: vec![] })
}
