//! Lists that come in pages.

use futures::{StreamExt, TryStreamExt, stream};
use infra_provider_api::{CloudError, Context, ErrorKind};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{
    Client,
    http::{Path, Query},
};

/// As many as the vendor gives at once.
const PER_PAGE: usize = 200;
/// More pages than any account has: a total beyond it is a garbled answer, not a list.
const PAGES_MAX: usize = 2_000;
const PAGES_AT_ONCE: usize = 8;
const ATTEMPTS_MAX: usize = 4;

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    meta: Option<Meta>,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    total: usize,
}

impl Page {
    fn total(&self) -> usize {
        self.meta.as_ref().map_or(0, |meta| meta.total)
    }

    fn items(mut self, operation: &str, field: &str) -> Result<Vec<Value>, CloudError> {
        match self.fields.remove(field) {
            Some(Value::Array(items)) => Ok(items),
            Some(Value::Null) => Ok(Vec::new()),
            _ => Err(CloudError::new(
                ErrorKind::Garbled,
                operation,
                format!("the answer holds no list of {field}"),
            )),
        }
    }
}

impl Client {
    /// All items of a list, as they are now: the first page, then the rest side by side. What is
    /// missing in it is missing in the cloud, so a list that changed between two of its pages (an
    /// item may then have slipped from one to the other unseen) is fetched again.
    pub(crate) async fn list_values(
        &self,
        cx: &Context,
        operation: &str,
        path: Path<'_>,
        query: Query<'_>,
        field: &str,
    ) -> Result<Vec<Value>, CloudError> {
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

    async fn list_once(
        &self,
        cx: &Context,
        operation: &str,
        path: Path<'_>,
        query: Query<'_>,
        field: &str,
    ) -> Result<(Vec<Value>, bool), CloudError> {
        let garbled = |message: String| CloudError::new(ErrorKind::Garbled, operation, message);
        let first = self.page(cx, operation, path, query, 1, PER_PAGE).await?;
        let total = first.total();
        let mut items = first.items(operation, field)?;
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
        let rest: Vec<(usize, Vec<Value>)> = stream::iter(2..=pages)
            .map(|number| async move {
                let page = self.page(cx, operation, path, query, number, PER_PAGE).await?;
                Ok::<_, CloudError>((page.total(), page.items(operation, field)?))
            })
            .buffered(PAGES_AT_ONCE)
            .try_collect()
            .await?;
        let steady = rest.iter().all(|(again, _)| *again == total);
        items.extend(rest.into_iter().flat_map(|(_, items)| items));
        drop_repeated(&mut items);
        let whole = steady && items.len() == total;
        Ok((items, whole))
    }

    /// The same, typed.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        cx: &Context,
        operation: &str,
        path: Path<'_>,
        query: Query<'_>,
        field: &str,
    ) -> Result<Vec<T>, CloudError> {
        let values = self.list_values(cx, operation, path, query, field).await?;
        typed(operation, values)
    }

    /// How many items a list has: one call, whatever its length.
    pub(crate) async fn count(
        &self,
        cx: &Context,
        operation: &str,
        path: Path<'_>,
    ) -> Result<usize, CloudError> {
        Ok(self.page(cx, operation, path, &[], 1, 1).await?.total())
    }

    async fn page(
        &self,
        cx: &Context,
        operation: &str,
        path: Path<'_>,
        query: Query<'_>,
        number: usize,
        per_page: usize,
    ) -> Result<Page, CloudError> {
        let (number, per_page) = (number.to_string(), per_page.to_string());
        let mut query = query.to_vec();
        query.extend([("page", number.as_str()), ("per_page", per_page.as_str())]);
        self.get(cx, operation, path, &query).await
    }
}

pub(super) fn typed<T: DeserializeOwned>(
    operation: &str,
    values: Vec<Value>,
) -> Result<Vec<T>, CloudError> {
    values.into_iter().map(serde_json::from_value).collect::<Result<_, _>>().map_err(|error| {
        let message = format!("an item of the list makes no sense: {error}");
        CloudError::new(ErrorKind::Garbled, operation, message)
    })
}

/// An item made while pages are fetched moves the others by one, so that one may come twice.
fn drop_repeated(items: &mut Vec<Value>) {
    let mut seen = std::collections::HashSet::new();
    items.retain(|item| match item.get("id").or_else(|| item.get("name")) {
        Some(id) => seen.insert(id.to_string()),
        None => true,
    });
}
