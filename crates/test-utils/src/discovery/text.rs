//! Percent-encoded text of a URL.

/// The names and values of a query, in order.
pub(super) type Query = Vec<(String, String)>;

/// Reads a query into names and values, in order.
///
/// # Errors
/// Returns a sentence if it is not well encoded.
pub(super) fn query(text: &str) -> Result<Query, String> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let both = decoded(name, true).zip(decoded(value, true));
            both.ok_or_else(|| format!("the query `{pair}` is not well encoded"))
        })
        .collect()
}

/// Undoes the percent-encoding; in a query a plus sign is a space. `None` if it is not well encoded.
pub(super) fn decoded(text: &str, is_query: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        bytes.push(match first {
            b'%' => {
                let (hex, tail) = rest.split_at_checked(2)?;
                rest = tail;
                u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()?
            }
            b'+' if is_query => b' ',
            plain => *plain,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_read_and_half_of_it_is_not() {
        let pairs =
            query("projectId=&%24alt=json%3Benum-encoding%3Dint&filter=name+%3D+a").unwrap();
        let expected =
            [("projectId", ""), ("$alt", "json;enum-encoding=int"), ("filter", "name = a")];
        assert_eq!(pairs, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
        assert_eq!(decoded("a+b%40c", false).unwrap(), "a+b@c");
        assert!(query("a=%4").is_err());
        assert!(decoded("%zz", false).is_none());
        assert!(decoded("%ff", false).is_none());
    }
}
