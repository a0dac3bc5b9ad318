//! One page of a list, read straight into its items: a droplet's answer is several kilobytes, of
//! which a few hundred bytes are of interest, and there may be thousands.

use std::{fmt, marker::PhantomData};

use infra_provider_api::{CloudError, ErrorKind};
use serde::{
    Deserialize,
    de::{DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor},
};

use super::http::senseless;

/// One page.
#[derive(Debug)]
pub(crate) struct Page<T> {
    /// How many items the whole list has; 0 when the answer does not say.
    pub(crate) total: usize,
    /// Those of this page.
    pub(crate) items: Vec<T>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    total: usize,
}

/// Reads the page of a list that stands under `field`.
pub(crate) fn parse_page<T: DeserializeOwned>(
    operation: &str,
    field: &str,
    body: &[u8],
) -> Result<Page<T>, CloudError> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let seed = Seed { field, item: PhantomData };
    let read = seed.deserialize(&mut json).and_then(|read| json.end().map(|()| read));
    let (total, items) = read.map_err(|error| senseless(operation, body, &error))?;
    let items = items.ok_or_else(|| {
        let message = format!("the answer holds no list of {field}");
        CloudError::new(ErrorKind::MalformedResponse, operation, message)
    })?;
    Ok(Page { total, items })
}

struct Seed<'a, T> {
    field: &'a str,
    item: PhantomData<T>,
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Seed<'_, T> {
    type Value = (usize, Option<Vec<T>>);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for Seed<'_, T> {
    type Value = (usize, Option<Vec<T>>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a page of {}", self.field)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut total, mut items) = (0, None);
        while let Some(key) = map.next_key::<String>()? {
            if key == self.field {
                // An empty list may come as `null`.
                items = Some(map.next_value::<Option<Vec<T>>>()?.unwrap_or_default());
            } else if key == "meta" {
                total = map.next_value::<Option<Meta>>()?.map_or(0, |meta| meta.total);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok((total, items))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_and_all_else_is_left() {
        let body =
            br#"{"links":{"pages":{"next":[1,{}]}},"names":["a","b"],"meta":{"total":7,"x":1}}"#;
        let page: Page<String> = parse_page("list", "names", body).unwrap();
        assert_eq!((page.total, page.items), (7, vec!["a".to_owned(), "b".to_owned()]));
        let page: Page<String> =
            parse_page("list", "names", br#"{"names":null,"meta":null}"#).unwrap();
        assert_eq!((page.total, page.items.len()), (0, 0));
    }

    #[test]
    fn what_is_no_page_is_garbled() {
        for body in ["", "[]", "{}", "{\"names\":3}", "{\"names\":[]} x", "{\"names\":[1]}"] {
            let error = parse_page::<String>("list", "names", body.as_bytes()).unwrap_err();
            assert_eq!(error.kind, ErrorKind::MalformedResponse, "{body}");
        }
    }
}
