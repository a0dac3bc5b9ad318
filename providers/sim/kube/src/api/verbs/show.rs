use std::sync::Arc;

use axum::body::Body;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::convert;
use crate::api::call::Call;
use crate::api::error::ApiResult;
use crate::api::kind::Kind;
use crate::api::media::{self, Form};
use crate::api::table;

/// Shows an object as this kind's version does.
pub(crate) fn present(kind: &Kind, object: &Arc<Value>) -> Value {
    let mut out = (**object).clone();
    convert::shown(kind, &mut out);
    out
}

/// Shows only metadata.
pub(super) fn metadata_only(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

/// Answers one object in the form the client wants.
pub(crate) fn one(
    call: &Call,
    kind: &Kind,
    code: StatusCode,
    object: &Arc<Value>,
) -> ApiResult<Response<Body>> {
    let shown = present(kind, object);
    let value = match media::form_of(&call.headers)? {
        Form::Full => shown,
        Form::Metadata => metadata_only(&shown),
        Form::Table => {
            let mut table = table::of(kind, &[shown], call.query.get("includeObject"), true);
            table["metadata"] = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
            table
        }
    };
    Ok(media::json(code, &value))
}
