//! What AWS makes of the policy of machines, in front of a store that knows neither policies nor tags: a
//! machine reads what is tagged with its ARN, and writes its own report.

use std::collections::HashMap;
use std::sync::Mutex;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use infra_provisioning::node::MACHINE_TAG;
use tokio::sync::watch;

pub struct Guard {
    /// The machine that an object is tagged with, by the object's path.
    tags: Mutex<HashMap<String, String>>,
    /// Paths that were refused.
    refused: watch::Sender<Vec<String>>,
}

impl Default for Guard {
    fn default() -> Guard {
        Guard { tags: Mutex::default(), refused: watch::channel(Vec::new()).0 }
    }
}

/// The ARN of the machine `id`, as the metadata service of these tests makes it up.
pub fn arn_of(id: &str) -> String {
    format!("arn:aws:ec2:eu-central-1:123456789012:instance/{id}")
}

/// The session token of the machine `id`.
pub fn session_of(id: &str) -> String {
    format!("session-of-{id}")
}

impl Guard {
    /// Waits until a machine was refused an object whose path has `part`.
    pub async fn refuses(&self, part: &str) {
        let mut refused = self.refused.subscribe();
        let seen = refused.wait_for(|all| all.iter().any(|path| path.contains(part)));
        tokio::time::timeout(std::time::Duration::from_secs(60), seen).await.unwrap().unwrap();
    }

    /// Answers a request that is refused, or about tags; hands back all others.
    pub async fn pass(
        &self,
        request: Request<Incoming>,
    ) -> Result<Request<Incoming>, Response<String>> {
        let path = request.uri().path().replace("%3A", ":");
        let query = request.uri().query().unwrap_or_default().to_owned();
        let answer = |status| Response::builder().status(status).body(String::new()).unwrap();
        if request.method() == Method::PUT && query.split('&').any(|one| one.starts_with("tagging"))
        {
            let body = to_bytes(Body::new(request.into_body()), 1 << 16).await.unwrap();
            let text = String::from_utf8(body.to_vec()).unwrap();
            let inside = |tag: &str| {
                let (_, rest) = text.split_once(&format!("<{tag}>")).unwrap();
                rest.split('<').next().unwrap().to_owned()
            };
            assert_eq!(inside("Key"), MACHINE_TAG);
            self.tags.lock().unwrap().insert(path, inside("Value"));
            return Err(answer(StatusCode::OK));
        }
        let Some((_, token)) = query.split_once("X-Amz-Security-Token=") else {
            // The operator's own request: an object that is replaced loses its tags.
            if request.method() == Method::PUT {
                self.tags.lock().unwrap().remove(&path);
            }
            return Ok(request);
        };
        let id = token.split('&').next().unwrap().trim_start_matches("session-of-");
        let own = arn_of(id);
        let allowed = match *request.method() {
            Method::GET if path.contains("/nodes/") => {
                self.tags.lock().unwrap().get(&path).is_some_and(|machine| *machine == own)
            }
            Method::PUT => path.ends_with(&format!("/status/{own}.json")),
            _ => true,
        };
        if !allowed {
            self.refused.send_modify(|all| all.push(path));
            return Err(answer(StatusCode::FORBIDDEN));
        }
        Ok(request)
    }
}
