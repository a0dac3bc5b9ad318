//! The formats of texts and numbers in discovery documents.

use std::{str::FromStr, sync::LazyLock};

use regex::Regex;

static DATETIME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$").ok()
});
static DURATION: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^-?\d{1,12}(\.\d{1,9})?s$").ok());
static BYTES: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[A-Za-z0-9+/_-]*={0,2}$").ok());
static DATE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\d{4}-\d\d-\d\d$").ok());
static MASK: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[A-Za-z0-9_.,*]*$").ok());

fn is(pattern: &LazyLock<Option<Regex>>, text: &str) -> bool {
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(text))
}

/// Reads digits as JSON has them: without a plus sign and without zeros in front.
fn parses<T: FromStr + ToString>(text: &str) -> bool {
    text.parse::<T>().is_ok_and(|number| number.to_string() == text)
}

/// Returns true if a text is of this format. A format that says nothing about texts fits all.
pub(super) fn is_text(text: &str, format: &str) -> bool {
    match format {
        "int64" => parses::<i64>(text),
        "uint64" => parses::<u64>(text),
        "byte" => is(&BYTES, text),
        "google-datetime" | "date-time" => is(&DATETIME, text),
        "google-duration" => is(&DURATION, text),
        "google-fieldmask" => is(&MASK, text),
        "date" => is(&DATE, text),
        _ => true,
    }
}

/// Returns true if the digits are an integer of this format.
pub(super) fn is_integer(digits: &str, format: &str) -> bool {
    match format {
        "uint32" => parses::<u32>(digits),
        "uint64" => parses::<u64>(digits),
        "int64" => parses::<i64>(digits),
        _ => parses::<i32>(digits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_tell_right_from_wrong() {
        for (text, format) in [
            ("-9223372036854775808", "int64"),
            ("18446744073709551615", "uint64"),
            ("YWJj", "byte"),
            ("2024-04-01T12:34:56.123456Z", "google-datetime"),
            ("2024-04-01T12:34:56.123-07:00", "date-time"),
            ("3600s", "google-duration"),
            ("0.5s", "google-duration"),
            ("a.b,c", "google-fieldmask"),
            ("anything", "unknown"),
        ] {
            assert!(is_text(text, format), "{text} {format}");
        }
        for (text, format) in [
            ("9223372036854775808", "int64"),
            ("01", "int64"),
            ("-1", "uint64"),
            ("a b", "byte"),
            ("2024-04-01", "google-datetime"),
            ("60", "google-duration"),
            ("1h", "google-duration"),
            ("a b", "google-fieldmask"),
        ] {
            assert!(!is_text(text, format), "{text} {format}");
        }
        assert!(is_integer("500", "uint32") && !is_integer("-1", "uint32"));
        assert!(is_integer("-1", "int32") && !is_integer("2147483648", "int32"));
        assert!(!is_integer("1.0", "") && !is_integer("", ""));
    }
}
