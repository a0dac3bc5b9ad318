//! Pages of lists: `page`, `per_page`, `links.pages`, `meta.total`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde_json::{Map, Value, json};

use super::Api;
use super::answer::Answer;
use super::refusal::Refusal;
use crate::world::{Row, Table};

const PER_PAGE_DEFAULT: usize = 20;
const PER_PAGE_MAX: usize = 200;

/// Lists don't show changes of rows younger than this (a fault).
#[derive(Debug, Clone, Copy)]
pub struct Stale(pub Duration);

/// An item goes away between the first page and the next (a fault).
#[derive(Debug, Clone, Copy)]
pub struct Shift;

/// Pages hold few items (a fault).
#[derive(Debug, Clone, Copy)]
pub struct SmallPages;

/// How many items a page has then, so that small lists have several.
const PER_PAGE_SMALL: usize = 2;

/// The asked-for page, and the query's other parameters.
pub struct Listing {
    page: usize,
    per_page: usize,
    stale: Option<Duration>,
    shift: bool,
    url: String,
    query: Vec<(String, String)>,
}

impl FromRequestParts<Arc<Api>> for Listing {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Refusal> {
        let query: Vec<(String, String)> =
            url::form_urlencoded::parse(parts.uri.query().unwrap_or("").as_bytes())
                .into_owned()
                .collect();
        let number = |name: &str, default: usize| match query.iter().find(|(k, _)| k == name) {
            None => Ok(default),
            Some((_, v)) => match v.parse::<usize>() {
                Ok(n) if n >= 1 => Ok(n),
                _ => Err(Refusal::unprocessable(format!("{name} must be a number of at least 1"))),
            },
        };
        let page = number("page", 1)?;
        let mut per_page = number("per_page", PER_PAGE_DEFAULT)?;
        if per_page > PER_PAGE_MAX {
            return Err(Refusal::unprocessable(format!(
                "per_page must not be greater than {PER_PAGE_MAX}"
            )));
        }
        let is_small = parts.extensions.get::<SmallPages>().is_some();
        if is_small || parts.extensions.get::<Shift>().is_some() {
            per_page = per_page.min(PER_PAGE_SMALL);
        }
        let path = parts
            .extensions
            .get::<axum::extract::OriginalUri>()
            .map_or(parts.uri.path(), |u| u.path());
        Ok(Self {
            page,
            per_page,
            stale: parts.extensions.get::<Stale>().map(|s| s.0),
            shift: parts.extensions.get::<Shift>().is_some(),
            url: format!("{}{path}", api.sim.endpoint.digitalocean),
            query: query.into_iter().filter(|(k, _)| k != "page" && k != "per_page").collect(),
        })
    }
}

/// Makes another resource of the account like this one; only the first page shows it.
fn stranger(like: &Value) -> Value {
    let mut stranger = like.clone();
    if let Some(fields) = stranger.as_object_mut() {
        for (name, value) in fields.iter_mut() {
            match name.as_str() {
                "id" if value.is_number() => *value = json!(1),
                "id" => *value = json!("00000000-0000-4000-8000-000000000000"),
                "name" => *value = json!("strangers"),
                "tags" => *value = json!([]),
                _ => {}
            }
        }
    }
    stranger
}

impl Listing {
    /// Returns another parameter of the query.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(k, _)| k == name).map(|(_, v)| v.as_str())
    }

    /// Answers with a page of rows of a table. Rows younger than the fault's age are left out.
    pub fn rows<'a, R: Row + 'a>(
        &self,
        key: &str,
        table: &'a Table<R>,
        rows: impl Iterator<Item = &'a Arc<R>>,
        view: impl FnMut(&'a R) -> Value,
    ) -> Answer {
        let rows: Vec<&R> = rows
            .filter(|r| self.stale.is_none_or(|age| !table.younger(r.seq(), age)))
            .map(|r| &**r)
            .collect();
        self.page(key, rows, view)
    }

    /// Answers with a page of anything.
    pub fn page<T>(&self, key: &str, all: Vec<T>, view: impl FnMut(T) -> Value) -> Answer {
        let mut total = all.len();
        let mut items: Vec<Value> = all
            .into_iter()
            .skip((self.page - 1).saturating_mul(self.per_page))
            .take(self.per_page)
            .map(view)
            .collect();
        if self.shift
            && self.page == 1
            && let Some(stranger) = items.first().map(stranger)
        {
            total += 1;
            items.insert(0, stranger);
            items.truncate(self.per_page);
        }
        let mut body = Map::new();
        body.insert(key.to_owned(), Value::Array(items));
        body.insert("links".to_owned(), self.links(total));
        body.insert("meta".to_owned(), json!({ "total": total }));
        Answer::ok(Value::Object(body))
    }

    fn links(&self, total: usize) -> Value {
        let last = total.div_ceil(self.per_page).max(1);
        let mut pages = Map::new();
        let mut link = |name: &str, page: usize| {
            pages.insert(name.to_owned(), Value::String(self.link(page)));
        };
        if self.page > 1 {
            link("first", 1);
            link("prev", (self.page - 1).min(last));
        }
        if self.page < last {
            link("next", self.page + 1);
            link("last", last);
        }
        if pages.is_empty() { json!({}) } else { json!({ "pages": pages }) }
    }

    fn link(&self, page: usize) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.query);
        query.append_pair("page", &page.to_string());
        query.append_pair("per_page", &self.per_page.to_string());
        format!("{}?{}", self.url, query.finish())
    }
}
