//! Lists that come in pages.

use futures::{StreamExt, TryStreamExt, stream};
use infra_provider_api::{CloudError, Context, ErrorKind};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    Client,
    http::{Path, Query},
    page::{Page, parse_page},
};
use crate::wire::Listed;

/// As many as the vendor gives at once.
const PER_PAGE: usize = 200;
/// More pages than any account has: a total beyond it is a garbled answer, not a list.
const PAGES_MAX: usize = 2_000;
/// Each is some hundred kilobytes while it is read.
const PAGES_AT_ONCE: usize = 16;
const ATTEMPTS_MAX: usize = 4;

impl Client {
    /// Reads all items of a list, as they are now: the first page, then the rest side by side. An
    /// item that is missing in it is missing in the cloud. So a list that changed between two of
    /// its pages is fetched again: an item may have slipped from one to the other unseen.
    pub(crate) async fn list<T: Listed>(
        &self,
        cx: &Context,
        operation: &str,
        path: Path<'_>,
        query: Query<'_>,
        field: &str,
    ) -> Result<Vec<T>, CloudError> {
        let mut attempt = 1;
        loop {
            let (items, whole) = self.list_once(cx, operation, path, query, field).await?;
            if whole {
                return Ok(items);
            }
            if attempt == ATTEMPTS_MAX {
                // Taken as it is, what slipped away would be taken for gone, and be made again.
                let message = format!("the list of {field} changed each time it was read");
                return Err(CloudError::new(ErrorKind::Unavailable, operation, message)
                    .with_hint("something else changes it right now: run the same command again"));
            }
            attempt += 1;
        }
    }

    async fn list_once<T: Listed>(
        &self,
        cx: &Context,
        operation: &str,
        path: Path<'_>,
        query: Query<'_>,
        field: &str,
    ) -> Result<(Vec<T>, bool), CloudError> {
        let garbled =
            |message: String| CloudError::new(ErrorKind::MalformedResponse, operation, message);
        let get = |number: usize| async move {
            self.page::<T>(cx, operation, path, query, field, number, PER_PAGE).await
        };
        let Page { total, mut items } = get(1).await?;
        if total <= items.len() {
            return Ok((items, true));
        }
        if items.is_empty() {
            return Err(garbled(format!("the list says it has {total} {field} and shows none")));
        }
        // Some stand-ins give less at once than they are asked for.
        let pages = total.div_ceil(items.len());
        if pages > PAGES_MAX {
            return Err(garbled(format!("a list of {total} {field} can't be")));
        }
        let rest: Vec<Page<T>> =
            stream::iter(2..=pages).map(get).buffered(PAGES_AT_ONCE).try_collect().await?;
        let steady = rest.iter().all(|page| page.total == total);
        items.extend(rest.into_iter().flat_map(|page| page.items));
        drop_repeated(&mut items);
        let whole = steady && items.len() == total;
        Ok((items, whole))
    }

    /// Counts the items of a list by one call, whatever its length.
    pub(crate) async fn count(
        &self,
        cx: &Context,
        operation: &str,
        path: Path<'_>,
        field: &str,
    ) -> Result<usize, CloudError> {
        Ok(self.page::<Value>(cx, operation, path, &[], field, 1, 1).await?.total)
    }

    #[expect(clippy::too_many_arguments, reason = "a list and which part of it")]
    async fn page<T: DeserializeOwned>(
        &self,
        cx: &Context,
        operation: &str,
        path: Path<'_>,
        query: Query<'_>,
        field: &str,
        number: usize,
        per_page: usize,
    ) -> Result<Page<T>, CloudError> {
        let (number, per_page) = (number.to_string(), per_page.to_string());
        let mut query = query.to_vec();
        query.extend([("page", number.as_str()), ("per_page", per_page.as_str())]);
        let parse = |body: &[u8]| parse_page(operation, field, body);
        self.get_parsed(cx, operation, path, &query, &parse).await
    }
}

pub(super) fn typed<T: DeserializeOwned>(
    operation: &str,
    values: Vec<Value>,
) -> Result<Vec<T>, CloudError> {
    values.into_iter().map(serde_json::from_value).collect::<Result<_, _>>().map_err(|error| {
        let message = format!("an item of the list makes no sense: {error}");
        CloudError::new(ErrorKind::MalformedResponse, operation, message)
    })
}

/// Drops repeated items. An item made while pages are fetched moves the others by one, so that one
/// may come twice.
fn drop_repeated<T: Listed>(items: &mut Vec<T>) {
    let mut seen = std::collections::HashSet::with_capacity(items.len());
    items.retain(|item| item.key().is_none_or(|key| seen.insert(key)));
}
