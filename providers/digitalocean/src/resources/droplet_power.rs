//! Switching a droplet on.

use std::time::Duration;

use infra_provider_api::{CloudError, Context, ErrorKind, Observed};
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::droplet::Droplets;
use crate::wire::DropletAnswer;

/// Time between two looks at the action, at first and at most.
const LOOK_FIRST: Duration = Duration::from_millis(100);
const LOOK_MAX: Duration = Duration::from_secs(2);
/// A droplet is switched on within seconds; one that takes so long will not come.
const DEADLINE: Duration = Duration::from_secs(120);

#[derive(Deserialize)]
struct ActionAnswer {
    action: Action,
}

#[derive(Deserialize)]
struct Action {
    id: u64,
    status: String,
}

impl Droplets {
    /// Switches a droplet on and waits until the cloud has done it. One that is on is no error.
    pub(super) async fn switch_on(
        &self,
        cx: &Context,
        observed: &Observed,
    ) -> Result<(), CloudError> {
        let operation = format!("switch on {}", observed.address);
        let id = observed.id.as_str();
        let body = json!({"type": "power_on"});
        let path = &["droplets", id, "actions"];
        let started: Result<ActionAnswer, _> =
            self.api.client.effect(cx, &operation, Method::POST, path, &body).await;
        match started {
            Ok(answer) => self.finish(cx, &operation, answer.action).await,
            // Somebody may have done it meanwhile; only the droplet itself can tell.
            Err(error) => match self.is_off(cx, id).await {
                Ok(false) => Ok(()),
                _ => Err(error),
            },
        }
    }

    async fn is_off(&self, cx: &Context, id: &str) -> Result<bool, CloudError> {
        let answer: Option<DropletAnswer> =
            self.api.client.get_optional(cx, "look at a droplet", &["droplets", id]).await?;
        Ok(answer.is_none_or(|answer| answer.droplet.status == "off"))
    }

    async fn finish(
        &self,
        cx: &Context,
        operation: &str,
        mut action: Action,
    ) -> Result<(), CloudError> {
        let (began, mut pause) = (tokio::time::Instant::now(), LOOK_FIRST);
        let id = action.id.to_string();
        loop {
            match action.status.as_str() {
                "completed" => return Ok(()),
                "errored" => {
                    let message = "the cloud reports that its action failed";
                    return Err(CloudError::new(ErrorKind::Invalid, operation, message)
                        .with_hint("look at the droplet's console"));
                }
                _ => {}
            }
            if began.elapsed() > DEADLINE {
                let message = format!("its action {id} is {} after 2 minutes", action.status);
                return Err(CloudError::new(ErrorKind::Deadline, operation, message));
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = cx.stop.cancelled() => {
                    return Err(CloudError::new(ErrorKind::Cancelled, operation, "interrupted"));
                }
            }
            pause = (pause * 2).min(LOOK_MAX);
            let answer: ActionAnswer =
                self.api.client.get(cx, operation, &["actions", &id], &[]).await?;
            action = answer.action;
        }
    }
}
