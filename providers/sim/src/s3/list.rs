//! Listing a bucket.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use s3s::S3Result;
use s3s::dto::{CommonPrefix, Object as Listed, ObjectStorageClass};

use super::objects::{bucket, etag, timestamp};
use crate::world::{Object, Row, State as World};

tokio::task_local! {
    /// How far the listings of a request lag behind (a fault).
    pub static STALE: Duration;
    /// Pages hold few objects (a fault).
    pub static SMALL_PAGES: ();
}

/// The most items in a page.
const PAGE_MAX: usize = 1000;
/// The most items in a page while pages are small.
const PAGE_SMALL: i32 = 2;

/// What is asked for.
pub struct Query<'a> {
    /// Bucket.
    pub bucket: &'a str,
    /// Only keys that begin so.
    pub prefix: &'a str,
    /// Keys are cut after the first of these behind the prefix.
    pub delimiter: Option<&'a str>,
    /// Only keys (and cut keys) after this.
    pub after: Option<&'a str>,
    /// Page size.
    pub max: Option<i32>,
    /// Keys are wanted percent-encoded.
    pub encode: bool,
}

/// A page of a listing.
pub struct Page {
    /// Objects.
    pub objects: Vec<Listed>,
    /// Cut keys.
    pub prefixes: Vec<CommonPrefix>,
    /// The last item, when there are more.
    pub next: Option<String>,
    /// The page size that was used.
    pub max: i32,
}

/// Lists a page.
///
/// # Errors
/// Returns `NoSuchBucket` if there is no such bucket.
pub fn page(w: &World, q: &Query<'_>) -> S3Result<Page> {
    bucket(w, q.bucket)?;
    // Sorted by key; a cut key stands for all it hides.
    let mut items: BTreeMap<String, Option<Arc<Object>>> = BTreeMap::new();
    let stale = STALE.try_with(|age| *age).ok();
    for o in w.objects.by_name(q.bucket) {
        if stale.is_some_and(|age| w.objects.younger(o.seq(), age)) {
            continue;
        }
        let Some(rest) = o.key.strip_prefix(q.prefix) else {
            continue;
        };
        let cut = q.delimiter.filter(|d| !d.is_empty()).and_then(|d| Some(rest.find(d)? + d.len()));
        match cut {
            Some(end) => items.insert(format!("{}{}", q.prefix, &rest[..end]), None),
            None => items.insert(o.key.clone(), Some(o.clone())),
        };
    }
    let most = if SMALL_PAGES.try_with(|()| ()).is_ok() { PAGE_SMALL } else { 1000 };
    let max = q.max.unwrap_or(most).clamp(0, most);
    let size = usize::try_from(max).unwrap_or(PAGE_MAX);
    let mut rest =
        items.into_iter().filter(|(k, _)| q.after.is_none_or(|a| k.as_str() > a)).peekable();
    let name = |key: &str| {
        if q.encode { encode(key) } else { key.to_owned() }
    };
    let mut page = Page { objects: Vec::new(), prefixes: Vec::new(), next: None, max };
    let mut last = None;
    for (key, object) in rest.by_ref().take(size) {
        match object {
            Some(o) => page.objects.push(Listed {
                key: Some(name(&key)),
                e_tag: Some(etag(&o)),
                size: i64::try_from(o.size).ok(),
                last_modified: Some(timestamp(o.modified)),
                storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
                ..Listed::default()
            }),
            None => page.prefixes.push(CommonPrefix { prefix: Some(name(&key)) }),
        }
        last = Some(key);
    }
    if size > 0 && rest.peek().is_some() {
        page.next = last;
    }
    Ok(page)
}

/// Percent-encodes a key as S3 does for `encoding-type=url`.
fn encode(key: &str) -> String {
    key.bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                char::from(b).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn encoding() {
        assert_eq!(super::encode("a/b c+ü"), "a/b%20c%2B%C3%BC");
    }
}
