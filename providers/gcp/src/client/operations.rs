//! Operations of Compute: effects that are accepted at once and done later. They are waited for, because
//! only their end says whether the effect came.

use std::time::Duration;

use infra_provider_api::{Address, CloudError, Context, CreateRequest, ErrorKind};
use reqwest::Method;
use serde::Serialize;
use tokio::time::Instant;
use url::Url;
use uuid::Uuid;

use super::{Client, errors::of_refusal, last_segment, refusal::Refusal};
use crate::wire::Operation;

/// Longest wait for an operation.
const DEADLINE: Duration = Duration::from_secs(15 * 60);
/// Google answers a `wait` after two minutes at the latest.
const WAIT_TIMEOUT: Duration = Duration::from_secs(150);
/// An answer that comes sooner, of an operation that is not done, is no wait.
const PAUSE: Duration = Duration::from_millis(500);
/// How many failed operations of earlier calls are passed over.
const REPLAYS_MAX: u32 = 4;

/// Makes the request id of a create: the same each time that the call is repeated, and another one for each
/// resource. The `round` is another one after a call that failed for good.
fn request_id(request: &CreateRequest, round: u32) -> String {
    let text = format!("{}/{}/{round}", request.intent_key, request.address);
    Uuid::new_v5(&Uuid::NAMESPACE_URL, text.as_bytes()).to_string()
}

impl Client {
    /// Creates a resource of Compute and waits until it is there. The same request made twice makes one: its
    /// id tells Google that it is the same.
    pub(crate) async fn insert(
        &self,
        cx: &Context,
        operation: &str,
        url: &Url,
        request: &CreateRequest,
        body: &(impl Serialize + Sync),
    ) -> Result<(), CloudError> {
        let mut round = 0;
        loop {
            let mut url = url.clone();
            url.query_pairs_mut().append_pair("requestId", &request_id(request, round));
            let accepted: Operation =
                self.effect(cx, operation, Method::POST, &url, Some(body)).await?;
            // What was only just accepted has not failed yet: it is the answer to an earlier call, which
            // Google repeats for as long as it knows the request's id.
            let is_replay = accepted.is_done() && accepted.has_failed();
            if is_replay && round < REPLAYS_MAX {
                round += 1;
                continue;
            }
            return self.wait(cx, operation, Some(&request.address), accepted).await;
        }
    }

    /// Makes a change of a resource of Compute and waits until it is done.
    pub(crate) async fn change(
        &self,
        cx: &Context,
        operation: &str,
        address: &Address,
        method: Method,
        url: &Url,
        body: &(impl Serialize + Sync),
    ) -> Result<(), CloudError> {
        let accepted = self.effect(cx, operation, method, url, Some(body)).await?;
        self.wait(cx, operation, Some(address), accepted).await
    }

    /// Deletes a resource of Compute and waits until it is gone. `false` when there was nothing to delete
    /// any more.
    pub(crate) async fn delete(
        &self,
        cx: &Context,
        operation: &str,
        address: &Address,
        url: &Url,
    ) -> Result<bool, CloudError> {
        let deleted = async {
            let accepted = self.effect(cx, operation, Method::DELETE, url, None::<&()>).await?;
            self.wait(cx, operation, Some(address), accepted).await
        };
        match deleted.await {
            Ok(()) => Ok(true),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Waits until an operation is done. What was accepted goes on in the cloud, so a wait that is broken off
    /// loses nothing: the same call made again finds the effect.
    ///
    /// # Errors
    /// Returns the error of the operation, `Deadline`, or `Cancelled` if the user stops.
    pub(crate) async fn wait(
        &self,
        cx: &Context,
        operation: &str,
        address: Option<&Address>,
        accepted: Operation,
    ) -> Result<(), CloudError> {
        let (began, mut now) = (Instant::now(), accepted);
        loop {
            if now.is_done() {
                return outcome(operation, &now);
            }
            if began.elapsed() > DEADLINE {
                let message = format!("Google's operation {} is still {}", now.name, now.status);
                return Err(CloudError::new(ErrorKind::Deadline, operation, message));
            }
            let word =
                if now.operation_type.is_empty() { "operation" } else { &now.operation_type };
            let reason = format!("waiting for Google's {word}, {} %", now.progress.min(100));
            cx.progress.waiting(address, &reason);
            let asked = Instant::now();
            let looked = async {
                let next = self.wait_once(cx, operation, &now).await;
                if next.as_ref().is_ok_and(|next| !next.is_done()) {
                    tokio::time::sleep_until(asked + PAUSE).await;
                }
                next
            };
            now = tokio::select! {
                next = looked => next?,
                () = cx.wind_down.cancelled() => {
                    let message = "stopped while Google works on it; the next run goes on from there";
                    return Err(CloudError::new(ErrorKind::Cancelled, operation, message));
                }
            };
        }
    }

    async fn wait_once(
        &self,
        cx: &Context,
        operation: &str,
        now: &Operation,
    ) -> Result<Operation, CloudError> {
        let tail = ["operations", now.name.as_str(), "wait"];
        let place = match (&now.zone, &now.region) {
            (Some(zone), _) => vec!["zones", last_segment(zone)],
            (None, Some(region)) => vec!["regions", last_segment(region)],
            (None, None) => vec!["global"],
        };
        let url = self.compute(&[place.as_slice(), &tail].concat());
        let waited = self.read(cx, operation, Method::POST, &url, None, WAIT_TIMEOUT).await;
        waited.map_err(|error| match error.kind {
            // The effect is one thing, the word about it another.
            ErrorKind::NotFound | ErrorKind::Forbidden | ErrorKind::Unavailable => {
                let message = format!("the outcome can't be read: {}", error.message);
                CloudError { kind: ErrorKind::Unanswered, message, ..error }
            }
            _ => error,
        })
    }
}

/// Returns what came of an operation that is done.
fn outcome(operation: &str, done: &Operation) -> Result<(), CloudError> {
    if !done.has_failed() {
        return Ok(());
    }
    let errors = done.error.clone().unwrap_or_default().errors;
    let texts: Vec<String> =
        errors.iter().map(|one| one.message.clone()).filter(|text| !text.is_empty()).collect();
    let message = match (texts.is_empty(), &done.http_error_message) {
        (false, _) => texts.join("; "),
        (true, Some(text)) => text.clone(),
        (true, None) => format!("Google's operation {} failed", done.name),
    };
    // What fails without a status is refused for what it asks for.
    let status = done.http_error_status_code.or(Some(400));
    let reasons = errors.into_iter().map(|one| one.code).collect();
    Err(of_refusal(operation, Refusal { status, reasons, message, ..Refusal::default() }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(address: &str, key: &str) -> CreateRequest {
        CreateRequest {
            address: address.parse().unwrap(),
            spec: json!({}),
            intent_key: key.to_owned(),
        }
    }

    #[test]
    fn a_request_s_id_is_its_own_and_stays() {
        let one = request_id(&request("network.main", "k1"), 0);
        assert_eq!(one, request_id(&request("network.main", "k1"), 0));
        assert!(one.parse::<Uuid>().is_ok_and(|id| !id.is_nil()));
        for other in
            [("network.main", "k2", 0), ("subnet.main", "k1", 0), ("network.main", "k1", 1)]
        {
            assert_ne!(one, request_id(&request(other.0, other.1), other.2), "{other:?}");
        }
    }

    #[test]
    fn a_failed_operation_has_the_kind_of_its_code() {
        for (code, status, kind) in [
            ("QUOTA_EXCEEDED", Some(403), ErrorKind::Quota),
            ("RESOURCE_IN_USE_BY_ANOTHER_RESOURCE", Some(400), ErrorKind::Busy),
            ("RESOURCE_NOT_FOUND", Some(404), ErrorKind::NotFound),
            ("RESOURCE_ALREADY_EXISTS", Some(409), ErrorKind::NameTaken),
            ("ZONE_RESOURCE_POOL_EXHAUSTED", Some(503), ErrorKind::Busy),
            ("INTERNAL_ERROR", None, ErrorKind::Unanswered),
            ("SOMETHING_ELSE", None, ErrorKind::Invalid),
        ] {
            let done: Operation = serde_json::from_value(json!({
                "name": "op-1", "status": "DONE", "httpErrorStatusCode": status,
                "error": {"errors": [{"code": code, "message": "no"}]},
            }))
            .unwrap();
            assert_eq!(outcome("x", &done).unwrap_err().kind, kind, "{code}");
        }
        assert!(outcome("x", &Operation { status: "DONE".into(), ..Operation::default() }).is_ok());
    }
}
