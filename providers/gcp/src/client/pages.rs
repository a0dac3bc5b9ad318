//! Lists that come in pages. What a list lacks is missing in the cloud, so a list that a part of the cloud
//! did not answer for is an error.

use std::collections::{BTreeMap, HashSet};

use infra_provider_api::{CloudError, Context, ErrorKind};
use reqwest::Method;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use url::Url;

use super::{
    Client,
    http::{Query, READ_TIMEOUT},
};

/// Items of a page at most. Google's own limit.
const PER_PAGE: &str = "500";
/// More pages than any project has: a list that goes on for longer is a circle.
const PAGES_MAX: usize = 2_000;

/// One page. Each API calls its items by another name.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page<T> {
    #[serde(
        default = "Vec::new",
        alias = "managedZones",
        alias = "rrsets",
        alias = "accounts",
        alias = "managedInstances"
    )]
    items: Vec<T>,
    next_page_token: Option<String>,
    warning: Option<Warning>,
    #[serde(default)]
    unreachable: Vec<String>,
    #[serde(default)]
    unreachables: Vec<String>,
}

/// One page of what all regions and zones have, by region or zone.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AggregatedPage {
    #[serde(default)]
    items: BTreeMap<String, Map<String, Value>>,
    next_page_token: Option<String>,
    warning: Option<Warning>,
    #[serde(default)]
    unreachable: Vec<String>,
    #[serde(default)]
    unreachables: Vec<String>,
}

/// What a list says about parts of the cloud that are not in it.
#[derive(Debug)]
struct Gaps {
    warning: Option<Warning>,
    silent: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Warning {
    code: String,
    message: String,
}

impl Warning {
    /// Reports whether it says no more than that there is nothing.
    fn is_about_nothing(&self) -> bool {
        self.code == "NO_RESULTS_ON_PAGE"
    }
}

impl Gaps {
    fn check(&self, operation: &str, place: &str) -> Result<(), CloudError> {
        let warned = self.warning.as_ref().filter(|warning| !warning.is_about_nothing());
        let message = match (warned, self.silent.as_slice()) {
            (None, []) => return Ok(()),
            (Some(Warning { code, message }), []) if message.is_empty() => {
                format!("{place} is not all there: {code}")
            }
            (Some(warning), []) => format!("{place} is not all there: {}", warning.message),
            (_, silent) => format!("{place} lacks what did not answer: {}", silent.join(", ")),
        };
        // Taken as it is, what did not answer would be taken for gone.
        Err(CloudError::new(ErrorKind::Unavailable, operation, message))
    }
}

impl Client {
    /// Reads all items of a list.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        cx: &Context,
        operation: &str,
        url: &Url,
        query: Query<'_>,
    ) -> Result<Vec<T>, CloudError> {
        self.list_by(cx, operation, Method::GET, url, query).await
    }

    /// Reads all items of a list that Google gives to a POST: the machines of a group.
    pub(crate) async fn list_posted<T: DeserializeOwned>(
        &self,
        cx: &Context,
        operation: &str,
        url: &Url,
        query: Query<'_>,
    ) -> Result<Vec<T>, CloudError> {
        self.list_by(cx, operation, Method::POST, url, query).await
    }

    async fn list_by<T: DeserializeOwned>(
        &self,
        cx: &Context,
        operation: &str,
        method: Method,
        url: &Url,
        query: Query<'_>,
    ) -> Result<Vec<T>, CloudError> {
        let mut all = Vec::new();
        let mut pages = Pages::new(operation, url, query);
        while let Some(url) = pages.next()? {
            let page: Page<T> =
                self.read(cx, operation, method.clone(), &url, None, READ_TIMEOUT).await?;
            let silent = [page.unreachable, page.unreachables].concat();
            Gaps { warning: page.warning, silent }.check(operation, "the list")?;
            all.extend(page.items);
            pages.turn(page.next_page_token);
        }
        Ok(all)
    }

    /// Reads what all regions and zones have under `field`.
    pub(crate) async fn aggregated<T: DeserializeOwned>(
        &self,
        cx: &Context,
        operation: &str,
        url: &Url,
        query: Query<'_>,
        field: &str,
    ) -> Result<Vec<T>, CloudError> {
        let mut all = Vec::new();
        let mut pages = Pages::new(operation, url, query);
        while let Some(url) = pages.next()? {
            let page: AggregatedPage = self.get(cx, operation, &url).await?;
            let silent = [page.unreachable, page.unreachables].concat();
            Gaps { warning: page.warning, silent }.check(operation, "the list")?;
            for (place, mut content) in page.items {
                let warning = content.remove("warning").map(|one| typed(operation, one));
                let gaps = Gaps { warning: warning.transpose()?, silent: Vec::new() };
                gaps.check(operation, &format!("the list of {place}"))?;
                if let Some(items) = content.remove(field) {
                    all.extend(typed::<Vec<T>>(operation, items)?);
                }
            }
            pages.turn(page.next_page_token);
        }
        Ok(all)
    }
}

/// The addresses of the pages of a list.
struct Pages<'a> {
    operation: &'a str,
    first: Url,
    next: Option<Option<String>>,
    seen: HashSet<String>,
}

impl<'a> Pages<'a> {
    fn new(operation: &'a str, url: &Url, query: Query<'_>) -> Self {
        let mut first = url.clone();
        let size = if url.path().contains("/serviceAccounts") { "pageSize" } else { "maxResults" };
        let per_page = if size == "pageSize" { "100" } else { PER_PAGE };
        first.query_pairs_mut().append_pair(size, per_page).extend_pairs(query);
        Self { operation, first, next: Some(None), seen: HashSet::new() }
    }

    fn next(&mut self) -> Result<Option<Url>, CloudError> {
        let Some(token) = self.next.take() else { return Ok(None) };
        let mut url = self.first.clone();
        if let Some(token) = token {
            url.query_pairs_mut().append_pair("pageToken", &token);
            if self.seen.len() == PAGES_MAX || !self.seen.insert(token) {
                let message = "the list leads from one page back to itself";
                return Err(CloudError::new(ErrorKind::MalformedResponse, self.operation, message));
            }
        }
        Ok(Some(url))
    }

    fn turn(&mut self, token: Option<String>) {
        self.next = token.filter(|token| !token.is_empty()).map(Some);
    }
}

pub(super) fn typed<T: DeserializeOwned>(operation: &str, value: Value) -> Result<T, CloudError> {
    serde_json::from_value(value).map_err(|error| {
        let message = format!("an item of the list makes no sense: {error}");
        CloudError::new(ErrorKind::MalformedResponse, operation, message)
    })
}
