//! What kube-controller-manager does with requests for certificates beside signing: it deletes them, an
//! hour after they were decided and a day after they were made.

use std::time::Duration;

use async_trait::async_trait;

use super::context::{Controller, Ctx, Next};
use super::error::ControllerError;
use super::index::{Change, Key};
use super::kinds::CERTIFICATE_SIGNING_REQUESTS;
use super::object::ObjectExt;

/// How long a request is kept that was decided.
const DECIDED: Duration = Duration::from_secs(3600);
/// How long one is kept that nobody has decided.
const PENDING: Duration = Duration::from_secs(24 * 3600);

/// The cleaner of requests.
pub struct RequestCleaner;

#[async_trait]
impl Controller for RequestCleaner {
    fn name(&self) -> &'static str {
        "certificatesigningrequest-cleaner-controller"
    }

    fn wake(&self, _: &Ctx, change: &Change, out: &mut Vec<Key>) {
        if change.is(&CERTIFICATE_SIGNING_REQUESTS) && !change.deleted {
            out.push(change.key.clone());
        }
    }

    async fn reconcile(&self, ctx: &Ctx, key: &Key) -> Result<Next, ControllerError> {
        let Some(request) = ctx.get(key) else { return Ok(Next::Done) };
        let decided = !request.list_at("/status/conditions").is_empty();
        let made = request.time_at("/metadata/creationTimestamp").unwrap_or_else(|| ctx.now());
        match ctx.left(made, if decided { DECIDED } else { PENDING }) {
            Some(left) => Ok(Next::After(left)),
            None => {
                ctx.delete(&CERTIFICATE_SIGNING_REQUESTS, &request)?;
                Ok(Next::Done)
            }
        }
    }
}
