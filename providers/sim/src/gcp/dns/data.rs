//! The data of records: what is valid, and how it is kept.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The types of records that there are.
pub const KINDS: [&str; 13] =
    ["A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "MX", "NS", "PTR", "SOA", "SRV", "SSHFP", "TXT"];
/// A text in a record is no longer than this.
const TEXT_MAX: usize = 255;

/// Returns true for a full name of labels, with the final dot; `*` may be the first label.
pub fn is_name(name: &str) -> bool {
    let Some(name) = name.strip_suffix('.') else { return false };
    let inner = name.strip_prefix("*.").unwrap_or(name);
    name.len() <= 253
        && inner.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        })
}

/// Reads the data of a record of a type; `None` if it is not valid.
pub fn read(kind: &str, text: &str) -> Option<String> {
    let numbers = |parts: &[&str]| parts.iter().all(|part| part.parse::<u16>().is_ok());
    let host = |name: &str| is_name(name).then(|| name.to_ascii_lowercase());
    let parts: Vec<&str> = text.split_whitespace().collect();
    match kind {
        "A" => text.parse::<Ipv4Addr>().ok().map(|ip| ip.to_string()),
        "AAAA" => text.parse::<Ipv6Addr>().ok().map(|ip| ip.to_string()),
        "CNAME" | "NS" | "PTR" => host(text),
        "MX" if parts.len() == 2 && numbers(&parts[..1]) => {
            Some(format!("{} {}", parts[0], host(parts[1])?))
        }
        "SRV" if parts.len() == 4 && numbers(&parts[..3]) => {
            Some(format!("{} {}", parts[..3].join(" "), host(parts[3])?))
        }
        "MX" | "SRV" => None,
        "TXT" => texts(text),
        _ => (!parts.is_empty()).then(|| parts.join(" ")),
    }
}

/// Puts each text of a TXT record into quotes.
fn texts(text: &str) -> Option<String> {
    let mut out: Vec<String> = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (one, tail) = match rest.strip_prefix('"') {
            Some(inner) => {
                let mut end = None;
                let mut is_escaped = false;
                for (at, c) in inner.char_indices() {
                    match c {
                        _ if is_escaped => is_escaped = false,
                        '\\' => is_escaped = true,
                        '"' => {
                            end = Some(at);
                            break;
                        }
                        _ => {}
                    }
                }
                let end = end?;
                (&inner[..end], &inner[end + 1..])
            }
            None => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        if one.len() > TEXT_MAX {
            return None;
        }
        out.push(format!("\"{one}\""));
        rest = tail.trim_start();
    }
    (!out.is_empty()).then(|| out.join(" "))
}

/// Returns the text that a TXT record holds, without quotes.
pub fn plain(data: &str) -> String {
    let mut out = String::new();
    let (mut is_inside, mut is_escaped) = (false, false);
    for c in data.chars() {
        match c {
            c if is_escaped => {
                out.push(c);
                is_escaped = false;
            }
            '\\' => is_escaped = true,
            '"' => is_inside = !is_inside,
            c if is_inside => out.push(c),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_checked_and_brought_into_form() {
        assert_eq!(read("A", "192.0.2.1").as_deref(), Some("192.0.2.1"));
        assert_eq!(read("A", "::1"), None);
        assert_eq!(read("CNAME", "x.example.com"), None);
        assert_eq!(read("MX", "10 mail.example.com.").as_deref(), Some("10 mail.example.com."));
        assert_eq!(read("TXT", "infra a b").as_deref(), Some("\"infra\" \"a\" \"b\""));
        assert_eq!(read("TXT", "\"infra a b\"").as_deref(), Some("\"infra a b\""));
        assert_eq!(read("TXT", "\"open"), None);
        assert_eq!(plain("\"infra a\" \"b\""), "infra ab");
        assert!(is_name("*.apps.example.com.") && is_name("_acme-challenge.example.com."));
        assert!(!is_name("example.com") && !is_name("a*.example.com."));
    }
}
