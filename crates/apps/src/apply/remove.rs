//! Deleting one object and seeing it go.

use std::time::Duration;

use futures::StreamExt;
use kube::{
    api::DeleteParams,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event},
    },
};

use crate::{AppsError, KubeClient, ObjectId, Target, client::is_gone};

/// Deletes an object (what it owns goes in the background) and waits until it is gone.
///
/// # Errors
/// Returns an error if the API server refuses, or if the object still exists after `timeout`.
pub(super) async fn remove(
    client: &KubeClient,
    id: &ObjectId,
    target: &Target,
    timeout: Duration,
) -> Result<(), AppsError> {
    let api = client.api(target, id.namespace.as_deref());
    let (call, name, params) = (&api, id.name.as_str(), &DeleteParams::background());
    match client.try_call(|| async move { call.delete(name, params).await }).await {
        Ok(_) => {}
        Err(error) if is_gone(&error) => return Ok(()),
        Err(error) => return Err(client.explained(&format!("delete {id}"), error)),
    }
    let only = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let mut events = watcher::watcher(api, only).default_backoff().boxed();
    let gone = async {
        let mut is_there = false;
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Init) => is_there = false,
                Ok(Event::InitApply(object)) => {
                    is_there |= object.metadata.name.as_deref() == Some(name);
                }
                Ok(Event::InitDone) if !is_there => return,
                Ok(Event::Delete(object)) if object.metadata.name.as_deref() == Some(name) => {
                    return;
                }
                Ok(_) | Err(_) => {}
            }
        }
    };
    tokio::time::timeout(timeout, gone).await.map_err(|_| AppsError::Api {
        operation: format!("delete {id}"),
        code: 0,
        reason: "Timeout".to_owned(),
        message: format!(
            "still there after {}; a finalizer may hold it",
            humantime::format_duration(Duration::from_secs(timeout.as_secs()))
        ),
    })
}
