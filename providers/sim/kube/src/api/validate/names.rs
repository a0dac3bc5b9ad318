//! The rules of names, and how the API server words them.

pub(super) const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
pub(super) const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
pub(super) const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const QUALIFIED: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

type Check = Result<(), String>;

fn no_more_than(text: &str, limit: usize) -> Check {
    if text.len() > limit {
        Err(format!("must be no more than {limit} characters"))
    } else {
        Ok(())
    }
}

fn is_label(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    !text.is_empty()
        && text.bytes().all(|b| inner(b) || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

pub(super) fn label(text: &str) -> Check {
    no_more_than(text, 63)?;
    if is_label(text) { Ok(()) } else { Err(LABEL.into()) }
}

pub(super) fn label_1035(text: &str) -> Check {
    no_more_than(text, 63)?;
    if is_label(text) && text.starts_with(|c: char| c.is_ascii_lowercase()) {
        Ok(())
    } else {
        Err(LABEL_1035.into())
    }
}

pub(super) fn subdomain(text: &str) -> Check {
    no_more_than(text, 253)?;
    if text.split('.').all(is_label) { Ok(()) } else { Err(SUBDOMAIN.into()) }
}

/// Checks a name that only must not break its path (RBAC).
pub(super) fn path_segment(text: &str) -> Check {
    if text == "." || text == ".." {
        return Err(format!("may not be '{text}'"));
    }
    match text.chars().find(|c| matches!(c, '/' | '%')) {
        Some(c) => Err(format!("may not contain '{c}'")),
        None => Ok(()),
    }
}

fn is_plain(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && edge(text.chars().next())
        && edge(text.chars().last())
}

/// Checks the key of a label or an annotation.
pub(super) fn qualified(key: &str) -> Check {
    let name = match key.split_once('/') {
        None => key,
        Some((prefix, name)) if !name.contains('/') => {
            if prefix.is_empty() {
                return Err("prefix part must be non-empty".into());
            }
            subdomain(prefix).map_err(|why| format!("prefix part {why}"))?;
            name
        }
        Some(_) => {
            return Err(format!(
                "a qualified name must consist of alphanumeric characters, '-', '_' or '.', with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName'){}",
                ""
            ));
        }
    };
    if name.is_empty() {
        return Err("name part must be non-empty".into());
    }
    no_more_than(name, 63).map_err(|why| format!("name part {why}"))?;
    if is_plain(name) { Ok(()) } else { Err(QUALIFIED.into()) }
}

pub(super) fn label_value(value: &str) -> Check {
    no_more_than(value, 63)?;
    if value.is_empty() || is_plain(value) { Ok(()) } else { Err(LABEL_VALUE.into()) }
}

pub(super) fn config_key(key: &str) -> Check {
    no_more_than(key, 253)?;
    let sound = !key.is_empty()
        && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if !sound {
        return Err(CONFIG_KEY.into());
    }
    if key == "." || key.starts_with("..") {
        return Err(format!("must not be '{key}'"));
    }
    Ok(())
}

/// Checks the name of a port: an IANA service name.
pub(super) fn port_name(name: &str) -> Check {
    if name.len() > 15 {
        return Err("must be no more than 15 characters".into());
    }
    if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Err("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".into());
    }
    if !name.bytes().any(|b| b.is_ascii_lowercase()) {
        return Err("must contain at least one letter (a-z)".into());
    }
    if name.contains("--") {
        return Err("must not contain consecutive hyphens".into());
    }
    if name.starts_with('-') || name.ends_with('-') {
        return Err("must not begin or end with a hyphen".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_their_rules() {
        assert!(label("web-1").is_ok() && label_1035("1web").is_err() && label("Web").is_err());
        assert!(
            subdomain("a.b-c.example").is_ok()
                && subdomain("a..b").is_err()
                && subdomain("a_b").is_err()
        );
        assert!(
            qualified("app.kubernetes.io/name").is_ok()
                && qualified("a/b/c").is_err()
                && qualified("-x").is_err()
        );
        assert!(
            label_value("").is_ok()
                && label_value("a b").is_err()
                && label_value(&"a".repeat(64)).is_err()
        );
        assert!(
            config_key("redis.conf").is_ok()
                && config_key("a/b").is_err()
                && config_key("..x").is_err()
        );
        assert!(
            port_name("http").is_ok() && port_name("8080").is_err() && port_name("HTTP").is_err()
        );
    }
}
