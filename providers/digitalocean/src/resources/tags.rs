//! Tags. They are no kind of their own: creating a machine makes its tags, load balancer and
//! firewalls need theirs made before, and all of a cluster's go when its network goes. A plan
//! therefore spends no call on them.

use futures::{StreamExt, TryStreamExt, stream};
use infra_provider_api::{CloudError, Context, ErrorKind};
use reqwest::Method;
use serde_json::json;

use crate::{
    client::Client,
    ownership,
    wire::{LoadBalancer, Tag},
};

const AT_ONCE: usize = 4;

/// Makes the tags that are not there yet. Making one again changes nothing.
pub(super) async fn ensure(
    client: &Client,
    cx: &Context,
    operation: &str,
    tags: &[String],
) -> Result<(), CloudError> {
    for tag in tags {
        let made = client
            .effect_silent(cx, operation, Method::POST, &["tags"], &json!({ "name": tag }))
            .await;
        match made {
            Err(error) if error.kind == ErrorKind::NameTaken => {}
            other => other?,
        }
    }
    Ok(())
}

/// Puts `tag` on a droplet, or takes it off.
pub(super) async fn set(
    client: &Client,
    cx: &Context,
    operation: &str,
    tag: &str,
    droplet_id: &str,
    on: bool,
) -> Result<(), CloudError> {
    let method = if on { Method::POST } else { Method::DELETE };
    let body = json!({ "resources": [{ "resource_id": droplet_id, "resource_type": "droplet" }] });
    let done =
        client.effect_silent(cx, operation, method, &["tags", tag, "resources"], &body).await;
    match done {
        // A tag that is gone is on nothing.
        Err(error) if !on && error.kind == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Deletes the cluster's own tags that nothing carries any more. One that something still carries
/// stays: it is how that thing is found.
pub(super) async fn sweep(client: &Client, cx: &Context) -> Result<(), CloudError> {
    let operation = "remove unused tags";
    let all: Vec<Tag> = client.list(cx, operation, &["tags"], &[], "tags").await?;
    let kubernetes = ownership::kubernetes_tag(&cx.owner);
    // Load balancers are not counted among what carries a tag.
    let balancers: Vec<LoadBalancer> = if all.iter().any(|tag| tag.name == kubernetes) {
        client.list(cx, operation, &["load_balancers"], &[], "load_balancers").await?
    } else {
        Vec::new()
    };
    let unused = all.into_iter().filter(|tag| {
        // No count is no proof.
        ownership::is_own(&cx.owner, &tag.name)
            && tag.resources.as_ref().is_some_and(|used| used.count == 0)
            && !balancers.iter().any(|balancer| balancer.tags.contains(&tag.name))
    });
    stream::iter(unused)
        .map(|tag| async move { client.delete(cx, operation, &["tags", &tag.name]).await })
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<bool>>()
        .await?;
    Ok(())
}
