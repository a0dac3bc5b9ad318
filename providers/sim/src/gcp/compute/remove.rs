//! Deleting resources, unless something uses them.

use std::sync::Arc;

use super::kinds::Kind;
use super::operations::{self, Work};
use super::patch::find;
use super::{checks, uses};
use crate::gcp::Gcp;
use crate::gcp::http::{Call, Refusal, Reply};
use crate::world::{GcpEffect, GcpState};

/// Answers a delete.
pub async fn delete(gcp: Arc<Gcp>, call: Call, kind: &'static Kind) -> Reply {
    operations::perform(&gcp, &call, kind.collection, |w| {
        let row = find(w, &call, kind)?;
        checks::ready(&row)?;
        if let Some(user) = uses::user_of(w, &row) {
            return Err(in_use(kind, &row.path, &user));
        }
        w.gcp_resources.modify(row.seq, |r| r.state = GcpState::Leaving);
        let effect = GcpEffect::Gone(row.path.clone());
        Ok(Work { row, kind: "delete", effect })
    })
}

/// Refuses a delete of what another resource uses.
pub fn in_use(kind: &Kind, path: &str, user: &str) -> Refusal {
    Refusal::bad(
        "resourceInUseByAnotherResource",
        format!("The {} resource '{path}' is already being used by '{user}'", kind.singular()),
    )
}
