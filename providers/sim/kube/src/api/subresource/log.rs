use std::sync::Arc;

use axum::body::Body;
use http::{Response, StatusCode};
use serde_json::Value;

use crate::EventKind;
use crate::api::call::Call;
use crate::api::context::Server;
use crate::api::error::{ApiError, ApiResult};
use crate::api::media;
use crate::api::request::Target;
use crate::store::{name_of, namespace_of};

/// Answers with the log of a container: a line that says it is simulated. With `follow` it stays
/// open while the pod runs.
pub(super) fn read(
    server: &Arc<Server>,
    call: &Call,
    target: &Target,
) -> ApiResult<Response<Body>> {
    let kind = &target.kind;
    let store = server.cluster.store();
    let (_, rv) = store.list(&kind.resource(), Some(""));
    let pod = store
        .get(&kind.resource(), target.ns(), target.name())
        .ok_or_else(|| ApiError::not_found(kind, target.name()))?;
    let container = container_of(call, target, &pod)?;
    let running = state(&pod, &container)?;
    super::kubelet::read_log(server, &pod, &container)?;
    let line = if call.query.number("tailLines")? == Some(0) {
        String::new()
    } else {
        let stamp = if call.query.flag("timestamps") {
            format!("{} ", jiff::Timestamp::now())
        } else {
            String::new()
        };
        format!(
            "{stamp}the embedded cloud simulates container \"{container}\" of pod {}/{}: no process runs, so it logs nothing else\n",
            namespace_of(&pod),
            name_of(&pod)
        )
    };
    if !call.query.flag("follow") || !running {
        return Ok(media::typed(StatusCode::OK, "text/plain", line));
    }
    let uid = pod["metadata"]["uid"].clone();
    let mut watch = store.watch(&kind.resource(), rv);
    let stop = server.stop.clone();
    let rest = async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                event = watch.next() => match event {
                    Ok(event) if event.object["metadata"]["uid"] == uid => {
                        let over = matches!(event.object["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
                        if event.kind == EventKind::Deleted || over {
                            return;
                        }
                    }
                    Ok(_) => {}
                    Err(_) => return,
                },
            }
        }
    };
    let first = futures::stream::once(async move {
        Ok::<_, std::convert::Infallible>(bytes::Bytes::from(line))
    });
    let last = futures::stream::once(async move {
        rest.await;
        Ok(bytes::Bytes::new())
    });
    let body = Body::from_stream(futures::StreamExt::chain(first, last));
    Ok(media::typed(StatusCode::OK, "text/plain", body))
}

fn container_of(call: &Call, target: &Target, pod: &Value) -> ApiResult<String> {
    let names = |list: &str| -> Vec<&str> {
        pod["spec"][list]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|c| c["name"].as_str())
            .collect()
    };
    let (main, init) = (names("containers"), names("initContainers"));
    let wanted = call.query.get("container").unwrap_or_default();
    if wanted.is_empty() {
        return match main.as_slice() {
            [one] if init.is_empty() => Ok((*one).to_owned()),
            _ => {
                let choice = if init.is_empty() {
                    format!("[{}]", main.join(" "))
                } else {
                    format!(
                        "[{}] or one of the init containers: [{}]",
                        main.join(" "),
                        init.join(" ")
                    )
                };
                Err(ApiError::bad_request(format!(
                    "a container name must be specified for pod {}, choose one of: {choice}",
                    target.name()
                )))
            }
        };
    }
    if main.contains(&wanted) || init.contains(&wanted) {
        return Ok(wanted.to_owned());
    }
    Err(ApiError::bad_request(format!("container {wanted} is not valid for pod {}", target.name())))
}

/// Returns true if the container runs, and refuses if it has not begun.
fn state(pod: &Value, container: &str) -> ApiResult<bool> {
    let name = name_of(pod);
    if pod["spec"]["nodeName"].as_str().is_none_or(str::is_empty) {
        return Err(ApiError::bad_request(format!("pod {name} does not have a host assigned")));
    }
    let status = ["containerStatuses", "initContainerStatuses"]
        .iter()
        .flat_map(|list| pod["status"][*list].as_array().into_iter().flatten())
        .find(|status| status["name"] == container);
    let state = status.map(|status| &status["state"]);
    match state {
        Some(state) if state["running"].is_object() => Ok(true),
        Some(state) if state["terminated"].is_object() => Ok(false),
        Some(_) if status.is_some_and(|s| s["restartCount"].as_i64().unwrap_or(0) > 0) => Ok(false),
        other => {
            let reason =
                other.and_then(|s| s["waiting"]["reason"].as_str()).unwrap_or("ContainerCreating");
            let what = match reason {
                "ImagePullBackOff" | "ErrImagePull" => {
                    format!("is waiting to start: trying and failing to pull image ({reason})")
                }
                reason => format!("is waiting to start: {reason}"),
            };
            Err(ApiError::bad_request(format!(
                "container \"{container}\" in pod \"{name}\" {what}"
            )))
        }
    }
}
