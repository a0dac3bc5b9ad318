use http::StatusCode;
use serde_json::{Value, json};

use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::kind::Kind;
use crate::api::request::Target;
use crate::api::{body, request::Query};
use crate::schema::{self, Type};
use crate::store::meta_mut;

/// The largest object etcd takes.
const LARGEST: usize = 1_572_864;

/// Brings an object a client sent into the form that is kept: type and version must be those of the
/// path, unknown fields go (or are refused, or warned of), as `fieldValidation` says. Answers the
/// warnings.
pub(crate) fn intake(kind: &Kind, object: &mut Value, query: &Query) -> ApiResult<Vec<String>> {
    let text = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
    let (version, name) = (text("apiVersion"), text("kind"));
    let wanted = kind.api_version();
    if !version.is_empty() && version != wanted {
        return Err(ApiError::bad_request(format!(
            "the API version in the data ({version}) does not match the expected API version ({wanted})"
        )));
    }
    if !name.is_empty() && name != kind.kind {
        return Err(ApiError::bad_request(format!(
            "{name} in version \"{}\" cannot be handled as a {}: no kind \"{name}\" is registered for version \"{wanted}\"",
            kind.version, kind.kind
        )));
    }
    object["apiVersion"] = json!(wanted);
    object["kind"] = json!(kind.kind);
    let found = schema::decode(object, &kind.schema);
    meta_mut(object);
    let cannot = |why: &str| {
        ApiError::bad_request(format!(
            "{} in version \"{}\" cannot be handled as a {}: {why}",
            kind.kind, kind.version, kind.kind
        ))
    };
    if let Some(mismatch) = &found.mismatch
        && kind.custom.is_none()
    {
        return Err(cannot(mismatch));
    }
    let unknown: Vec<String> =
        found.unknown.iter().map(|path| format!("unknown field \"{path}\"")).collect();
    let size = object.to_string().len();
    if size > LARGEST {
        return Err(ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            format!("Request entity too large: limit is {LARGEST}"),
        ));
    }
    match query.get("fieldValidation").unwrap_or("Warn") {
        "Ignore" => Ok(Vec::new()),
        "Strict" if !unknown.is_empty() => {
            Err(cannot(&format!("strict decoding error: {}", unknown.join(", "))))
        }
        "" | "Warn" | "Strict" => Ok(unknown),
        other => Err(ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Invalid",
            format!(
                "fieldValidation: Unsupported value: \"{other}\": supported values: \"Ignore\", \"Strict\", \"Warn\""
            ),
        )),
    }
}

/// Checks that the object's namespace and name are those of the path; absent ones are filled in.
pub(crate) fn check_identity(target: &Target, object: &mut Value) -> ApiResult<()> {
    let kind = &target.kind;
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    if let Some(wanted) = &target.name
        && name != *wanted
    {
        if name.is_empty() {
            meta_mut(object).insert("name".into(), json!(wanted));
        } else {
            return Err(ApiError::bad_request(format!(
                "the name of the object ({name}) does not match the name on the URL ({wanted})"
            )));
        }
    }
    let ns = object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
    let meta = meta_mut(object);
    match (&target.namespace, kind.namespaced) {
        (Some(wanted), true) => {
            if !ns.is_empty() && ns != *wanted {
                return Err(ApiError::bad_request(format!(
                    "the namespace of the provided object does not match the namespace sent on the request ({ns} is not {wanted})"
                )));
            }
            meta.insert("namespace".into(), json!(wanted));
        }
        _ => {
            meta.remove("namespace");
        }
    }
    Ok(())
}

/// Reads DeleteOptions: the body, if there is one, and the query over it.
pub(crate) fn options_body(call: &Call) -> ApiResult<Value> {
    let mut options =
        if call.body.is_empty() { json!({}) } else { body::object(&call.headers, &call.body)? };
    schema::decode(&mut options, &Type::Named("meta.DeleteOptions".into()));
    if let Some(policy) = call.query.get("propagationPolicy") {
        options["propagationPolicy"] = json!(policy);
    }
    if let Some(seconds) = call.query.number("gracePeriodSeconds")? {
        options["gracePeriodSeconds"] = json!(seconds);
    }
    if call.query.dry_run()? {
        options["dryRun"] = json!(["All"]);
    }
    Ok(options)
}
