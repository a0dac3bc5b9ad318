//! Making resources.

use std::sync::Arc;

use serde_json::{Value, json};

use super::kinds::{Fields, Kind, Site};
use super::operations::{self, Work};
use super::{checks, links, shape, time};
use crate::gcp::Gcp;
use crate::gcp::http::{Call, Refusal, Reply};
use crate::world::{GcpEffect, GcpResource, GcpState, State as World};

/// What a request must not say, and what is left out of it without a word.
const OUTPUT_ONLY: [&str; 6] =
    ["id", "kind", "creationTimestamp", "selfLink", "selfLinkWithId", "status"];

/// Answers an insert.
pub async fn insert(gcp: Arc<Gcp>, call: Call, kind: &'static Kind) -> Reply {
    let scope = operations::scope(&call);
    checks::scope(call.project(), &scope)?;
    let mut body = call.body(shape(kind.message))?;
    let project = call.project().to_owned();
    operations::perform(&gcp, &call, kind.collection, |w| {
        let row = put(w, kind, &project, &scope, &mut body, GcpState::Making)?;
        let effect = GcpEffect::Ready(row.path.clone());
        Ok(Work { row, kind: "insert", effect })
    })
}

/// Puts a resource into the world, with what was not asked for filled in.
///
/// # Errors
/// Returns a refusal if there is one of this name, or a rule is broken.
pub fn put(
    w: &mut World,
    kind: &Kind,
    project: &str,
    scope: &str,
    body: &mut Value,
    state: GcpState,
) -> Result<Arc<GcpResource>, Refusal> {
    let Some(fields) = body.as_object_mut() else {
        return Err(Refusal::required("Required object 'resource' not specified"));
    };
    for name in OUTPUT_ONLY {
        fields.remove(name);
    }
    checks::common(fields)?;
    let name = checks::text(fields, "name").to_owned();
    let path = format!("projects/{project}/{scope}/{}/{name}", kind.collection);
    if w.gcp_resources.by_id(&path).is_some() {
        return Err(Refusal::exists(format!("The resource '{path}' already exists")));
    }
    let site = Site { project, scope, path: &path };
    place(&site, fields);
    (kind.prepare)(w, &site, fields)?;
    let seq = w.counters.next_order();
    let number = operations::number(w.counters.seed, seq).to_string();
    fields.insert("id".to_owned(), json!(number));
    fields.insert("kind".to_owned(), json!(kind.kind));
    fields.insert("creationTimestamp".to_owned(), json!(time(jiff::Timestamp::now())));
    fields.insert("selfLink".to_owned(), json!(links::link(&path)));
    Ok(w.gcp_resources.put(GcpResource {
        seq,
        path: path.clone(),
        collection: kind.collection.to_owned(),
        scope: scope.to_owned(),
        name,
        state,
        body: body.take(),
        made_by: None,
    }))
}

/// Says where it is; a request may say so, too.
fn place(site: &Site<'_>, fields: &mut Fields) {
    fields.remove("region");
    fields.remove("zone");
    if let Some((kind, _)) = site.scope.split_once('/') {
        let place = links::link(&format!("projects/{}/{}", site.project, site.scope));
        fields.insert(kind.trim_end_matches('s').to_owned(), json!(place));
    }
}
