//! Reading single resources by their ids.

use futures::{StreamExt, TryStreamExt, stream};
use infra_provider_api::{CloudError, Context, Found, KnownResource, Presence};
use serde::de::DeserializeOwned;

use super::api::Api;

const AT_ONCE: usize = 8;

/// Asks `one` for each of `known`, a few at a time. Returns the answers in the same order.
pub(super) async fn each<T, Fut>(
    known: &[KnownResource],
    one: impl Fn(KnownResource) -> Fut,
) -> Result<Vec<Presence<T>>, CloudError>
where
    Fut: Future<Output = Result<Presence<T>, CloudError>>,
{
    stream::iter(known.to_vec()).map(one).buffered(AT_ONCE).try_collect().await
}

/// Reads the resource at `path` and its id; `judge` tells whose it is.
pub(super) async fn one<A: DeserializeOwned, S>(
    api: &Api,
    cx: &Context,
    path: &[&str],
    known: KnownResource,
    judge: impl FnOnce(&KnownResource, A) -> Result<Presence<Found<S>>, CloudError>,
) -> Result<Presence<Found<S>>, CloudError> {
    let operation = format!("read {}", known.address);
    let path: Vec<&str> = path.iter().copied().chain([known.id.as_str()]).collect();
    let answer: Option<A> = api.client.get_optional(cx, &operation, &path).await?;
    answer.map_or(Ok(Presence::Absent), |answer| judge(&known, answer))
}
