//! Small texts with a meaning: durations, sizes, names, ports.

use std::time::Duration;

/// Parses `30s`, `5m`, `12h`, `30d`, `52w` or `10y` (365 days a year).
pub fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        "y" => 365 * 86_400,
        _ => {
            return Err(format!("`{text}` is not a duration; write 30s, 5m, 12h, 30d, 52w or 10y"));
        }
    };
    let number: u64 = number.parse().map_err(|_| {
        format!("`{text}` is not a duration; write a number and a unit, for instance 30d")
    })?;
    number
        .checked_mul(seconds)
        .map(Duration::from_secs)
        .ok_or_else(|| format!("`{text}` is too long"))
}

/// Parses a duration of whole days.
pub fn days(text: &str) -> Result<u32, String> {
    let seconds = duration(text)?.as_secs();
    if seconds == 0 || !seconds.is_multiple_of(86_400) {
        return Err(format!("`{text}` must be whole days, at least one"));
    }
    u32::try_from(seconds / 86_400).map_err(|_| format!("`{text}` is too long"))
}

/// Parses `4GiB`, `512MiB` or `4096MiB`, in mebibytes.
pub fn mebibytes(text: &str) -> Result<u32, String> {
    let wrong = || format!("`{text}` is not a memory size; write 4GiB or 512MiB");
    let (number, factor) = if let Some(number) = text.strip_suffix("GiB") {
        (number, 1024)
    } else if let Some(number) = text.strip_suffix("MiB") {
        (number, 1)
    } else {
        return Err(wrong());
    };
    let number: u32 = number.trim().parse().map_err(|_| wrong())?;
    number.checked_mul(factor).filter(|mib| *mib > 0).ok_or_else(wrong)
}

/// Parses `6443` or `30000-32767`.
pub fn ports(text: &str) -> Result<(u16, u16), String> {
    let wrong = || format!("`{text}` is not a port or a range of ports; write 443 or 30000-32767");
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let first: u16 = first.trim().parse().map_err(|_| wrong())?;
    let last: u16 = last.trim().parse().map_err(|_| wrong())?;
    if first == 0 || first > last { Err(wrong()) } else { Ok((first, last)) }
}

/// Checks that the text is a DNS label (RFC 1123) of at most `max` characters.
pub fn label(text: &str, max: usize) -> Result<(), String> {
    if text.is_empty() {
        return Err("it is empty".into());
    }
    if text.len() > max {
        return Err(format!("it has {} characters, at most {max} are allowed", text.len()));
    }
    if let Some(bad) =
        text.chars().find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-'))
    {
        return Err(format!("it has `{bad}`; only a-z, 0-9 and - are allowed (RFC 1123)"));
    }
    if text.starts_with('-') || text.ends_with('-') {
        return Err("it must begin and end with a letter or digit (RFC 1123)".into());
    }
    Ok(())
}

/// Returns the nearest text that [`label`] takes, if the text has any usable character.
pub fn near_label(text: &str, max: usize) -> Option<String> {
    let plain: String = text
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' })
        .take(max)
        .collect();
    let plain = plain.trim_matches('-').to_owned();
    (!plain.is_empty()).then_some(plain)
}

/// Checks that the text is a domain of at least two labels.
pub fn domain(text: &str) -> Result<(), String> {
    if text.len() > 253 {
        return Err(format!("it has {} characters, at most 253 are allowed", text.len()));
    }
    if !text.contains('.') {
        return Err("it needs at least two parts, for instance example.com".into());
    }
    text.split('.')
        .try_for_each(|part| label(part, 63).map_err(|why| format!("in the part `{part}`: {why}")))
}

/// Labels of Kubernetes' own domains that a kubelet may give its Node.
const KUBELET_LABELS: [&str; 11] = [
    "kubernetes.io/arch",
    "kubernetes.io/hostname",
    "kubernetes.io/os",
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/os",
    "beta.kubernetes.io/instance-type",
    "node.kubernetes.io/instance-type",
    "failure-domain.beta.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
];

/// Checks a Node's label as the API server and the kubelet do: the kubelet exits on one that it may not
/// give itself.
pub fn node_label(key: &str, value: &str) -> Result<(), String> {
    qualified_name(key)?;
    label_value(value)?;
    let Some((domain, _)) = key.split_once('/') else { return Ok(()) };
    let within =
        |of: &str| domain == of || domain.strip_suffix(of).is_some_and(|rest| rest.ends_with('.'));
    let reserved = (within("kubernetes.io") || within("k8s.io"))
        && !within("node.kubernetes.io")
        && !within("kubelet.kubernetes.io");
    if reserved && !KUBELET_LABELS.contains(&key) {
        return Err(format!("`{domain}/` is reserved: a kubelet may not give itself such a label"));
    }
    Ok(())
}

/// Checks the key of a label or taint: a name, with a DNS domain before it if it has one.
fn qualified_name(key: &str) -> Result<(), String> {
    let (domain, name) = match key.split_once('/') {
        Some((domain, name)) => (Some(domain), name),
        None => (None, key),
    };
    if let Some(domain) = domain {
        if domain.len() > 253 {
            return Err("the part before `/` has more than 253 characters".into());
        }
        domain.split('.').try_for_each(|part| {
            label(part, 63).map_err(|why| format!("the part before `/` is no DNS name: {why}"))
        })?;
    }
    if name.is_empty() {
        return Err("the name is empty".into());
    }
    plain(name)
}

/// Checks the value of a label or taint, which may be empty.
fn label_value(value: &str) -> Result<(), String> {
    if value.is_empty() { Ok(()) } else { plain(value).map_err(|why| format!("the value: {why}")) }
}

/// Checks for at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends.
fn plain(text: &str) -> Result<(), String> {
    if let Some(bad) = text.chars().find(|c| !(c.is_ascii_alphanumeric() || "-_.".contains(*c))) {
        return Err(format!("`{text}` has `{bad}`; only A-Z, a-z, 0-9, -, _ and . are allowed"));
    }
    if text.len() > 63 {
        return Err(format!("`{text}` has {} characters, at most 63 are allowed", text.len()));
    }
    let ends = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric());
    if ends { Ok(()) } else { Err(format!("`{text}` must begin and end with a letter or digit")) }
}

/// Checks a taint as kubectl writes it.
pub fn taint(text: &str) -> Result<(), String> {
    let wrong = |why: &str| {
        format!(
            "`{text}` is not a taint{why}; write key=value:NoSchedule (or PreferNoSchedule, NoExecute)"
        )
    };
    let (pair, effect) = text.rsplit_once(':').ok_or_else(|| wrong(""))?;
    if pair.is_empty() || !["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect) {
        return Err(wrong(""));
    }
    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
    qualified_name(key).and_then(|()| label_value(value)).map_err(|why| wrong(&format!(": {why}")))
}

/// Checks that the text is a public key in OpenSSH's format.
pub fn ssh_key(text: &str) -> Result<(), String> {
    use base64::Engine as _;
    let mut parts = text.split_whitespace();
    let (kind, body) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let known = ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384"];
    if text.contains("PRIVATE KEY") {
        return Err(
            "this is a private key; give the public one (the file that ends in .pub)".into()
        );
    }
    if !known.contains(&kind) {
        return Err("it does not begin with ssh-ed25519, ecdsa-sha2-… or ssh-rsa".into());
    }
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(body)
        .map_err(|_| "its second part is not base64; is it cut off?".to_owned())?;
    // The body repeats the kind, after its length in four bytes (RFC 4253, 6.6).
    let inner = bytes.get(4..4 + kind.len());
    if inner != Some(kind.as_bytes()) {
        return Err("its second part is not a key of that kind; is it cut off?".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_with_a_meaning() {
        assert_eq!(days("10y"), Ok(3650));
        assert!(days("12h").is_err());
        assert_eq!(mebibytes("4GiB"), Ok(4096));
        assert!(mebibytes("4GB").is_err());
        assert_eq!(ports("443"), Ok((443, 443)));
        assert!(ports("70000").is_err() && ports("9-1").is_err());
        assert!(label("Prod", 40).is_err() && label("a-", 40).is_err());
        assert!(domain("example.com").is_ok() && domain("example").is_err());
        assert!(domain("ex_ample.com").is_err());
        assert!(taint("gpu=true:NoSchedule").is_ok() && taint("gpu=true").is_err());
        assert!(duration("5x").is_err() && duration("99999999999999999999y").is_err());
    }
}
