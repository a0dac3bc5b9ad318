//! Creating droplets.
//!
//! The API takes up to ten names a call, and gives all of them the same size, image, tags and
//! user-data. What is in user-data lets a machine join, so each machine has a call of its own: none
//! learns the URLs and the token of another. Only of clusters that would use up the account's requests
//! that way, workers go out together, and each finds its own part of the user-data by its name.

use futures::future::join_all;
use infra_provider_api::{
    BootingMachine, CloudError, Context, CreateRequest, ErrorKind, Found, MissingCreates, Role,
    not_in_answer,
};
use reqwest::Method;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    api::known,
    droplet::Droplets,
    droplet_spec::{DropletSpec, found},
};
use crate::{ownership, wire::Droplet};

/// The vendor's limit of a call.
pub(super) const NAMES_MAX: usize = 10;
/// The size of a cluster from which on workers share their calls: an account has 250 requests a
/// minute, and a run needs some for other things.
const ALONE_MAX: usize = 200;
/// The vendor's limit of user-data.
const USER_DATA_MAX_BYTES: usize = 64 * 1024;

type Request = (CreateRequest, DropletSpec);
type Outcome = Result<Found<DropletSpec>, CloudError>;

/// One droplet asked for by `name`, or several by `names`.
#[derive(Deserialize)]
struct Created {
    #[serde(default)]
    droplet: Option<Droplet>,
    #[serde(default)]
    droplets: Vec<Droplet>,
}

impl Droplets {
    /// Creates what is not there yet, in as few calls as may be.
    pub(super) async fn create_all(&self, cx: &Context, requests: &[Request]) -> Vec<Outcome> {
        let missing = match MissingCreates::look(&self.sent, requests, self.list(cx)).await {
            Ok(missing) => missing,
            Err(failed) => return failed,
        };
        let wanted = missing.requests();
        let calls = wanted
            .chunk_by(|one, next| one.1 == next.1)
            .flat_map(|equal| equal.chunks(self.share(cx, &equal[0].1)))
            .map(|call| self.create_call(cx, call));
        let made = join_all(calls).await;
        missing.outcomes(made.into_iter().flatten())
    }

    /// Returns how many machines with this spec one call may create.
    fn share(&self, cx: &Context, spec: &DropletSpec) -> usize {
        let holds_keys = spec.tags.contains(&ownership::role_tag(&cx.owner, Role::ControlPlane));
        let alone = cx.boot.is_some() && (holds_keys || self.api.scope.machines <= ALONE_MAX);
        if alone { 1 } else { NAMES_MAX }
    }

    /// Makes one call, and returns one outcome for each request.
    async fn create_call(&self, cx: &Context, requests: &[&Request]) -> Vec<Outcome> {
        let all_failed = |error: CloudError| requests.iter().map(|_| Err(error.clone())).collect();
        let names: Vec<&str> = requests.iter().map(|(request, _)| request.address.name()).collect();
        let what = if names.len() == 1 { "droplet" } else { "droplets" };
        let operation = format!("create {what} {}", names.join(", "));
        let body = match self.body(cx, &operation, requests, &names).await {
            Ok(body) => body,
            Err(error) => return all_failed(error),
        };
        let created: Result<Created, _> =
            self.api.client.effect(cx, &operation, Method::POST, &["droplets"], &body).await;
        let mut droplets = match created {
            Ok(created) => created.droplets.into_iter().chain(created.droplet).collect::<Vec<_>>(),
            Err(error) => return all_failed(explain(error)),
        };
        requests
            .iter()
            .map(|(request, _)| {
                let place = droplets
                    .iter()
                    .position(|droplet| droplet.name == request.address.name())
                    .ok_or_else(|| not_in_answer(request))?;
                let mut droplet = droplets.swap_remove(place);
                // The tags are part of the call, and listed at once; the answer may lag behind.
                if let Some(tags) = body["tags"].as_array() {
                    let tags = tags.iter().filter_map(Value::as_str).map(str::to_owned);
                    droplet.tags.extend(tags);
                }
                found(cx, &droplet).ok_or_else(|| not_in_answer(request))
            })
            .collect()
    }

    async fn body(
        &self,
        cx: &Context,
        operation: &str,
        requests: &[&Request],
        names: &[&str],
    ) -> Result<Value, CloudError> {
        let [(_, spec), ..] = requests else {
            return Err(CloudError::new(ErrorKind::Local, operation, "nothing to create"));
        };
        let owner = &cx.owner;
        let mut tags = vec![owner.tag()];
        tags.extend(spec.tags.iter().cloned());
        if !spec.revision.is_empty() {
            tags.push(ownership::revision_tag(owner, &spec.revision));
        }
        for (request, _) in requests {
            let node = request.address.name();
            tags.push(ownership::intent_tag(owner, &request.intent_key, node));
        }
        let mut body = json!({
            "region": spec.region,
            "size": spec.size,
            "image": image(&spec.image),
            "vpc_uuid": known(operation, "vpc", &spec.vpc)?,
        });
        let mut keys = Vec::new();
        for key in spec.ssh_keys.iter().flatten() {
            keys.push(known(operation, "ssh_keys", key)?);
        }
        if !keys.is_empty() {
            body["ssh_keys"] = json!(keys);
        }
        if let [name] = names {
            body["name"] = json!(name);
            tags.push(ownership::node_tag(owner, name));
        } else {
            body["names"] = json!(names);
        }
        body["tags"] = json!(tags);
        if let Some(boot) = &cx.boot {
            let machines: Vec<BootingMachine<'_>> = requests
                .iter()
                .map(|(request, _)| BootingMachine {
                    node: request.address.name(),
                    key: &request.intent_key,
                })
                .collect();
            let user_data = boot.user_data(&machines, USER_DATA_MAX_BYTES).await?;
            let user_data = user_data.expose_secret();
            if user_data.len() > USER_DATA_MAX_BYTES {
                let message =
                    format!("user-data has {} bytes, {USER_DATA_MAX_BYTES} fit", user_data.len());
                return Err(CloudError::new(ErrorKind::Invalid, operation, message));
            }
            body["user_data"] = json!(user_data);
        }
        Ok(body)
    }
}

/// Snapshots and custom images have numbers, the vendor's own images have names.
fn image(image: &str) -> Value {
    image.parse::<u64>().map_or_else(|_| json!(image), |number| json!(number))
}

/// Reports a call that was accepted and whose answer does not list this droplet: it may exist.
fn explain(error: CloudError) -> CloudError {
    let message = error.message.to_lowercase();
    let about = |word: &str| error.kind == ErrorKind::Invalid && message.contains(word);
    let hint = if about("size") {
        "the size may be sold out or not offered in the region: `infra plan` checks it"
    } else if about("image") {
        "the image may be retired: `infra plan` checks it"
    } else if about("ssh key") || about("ssh_key") {
        "a key was removed from the account meanwhile: run the same command again"
    } else {
        return error;
    };
    error.with_hint(hint)
}
