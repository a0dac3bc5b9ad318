//! Rules of names that several resources share.

use super::Refusal;

/// Returns true if the text has only letters, digits and the characters of `extra`, and is not
/// empty.
pub fn only(text: &str, extra: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c))
}

/// Returns a required text field.
///
/// # Errors
/// Returns 422 if it is absent or empty.
pub fn required<'a>(field: &str, value: Option<&'a str>) -> Result<&'a str, Refusal> {
    match value {
        Some(v) if !v.trim().is_empty() => Ok(v),
        _ => Err(Refusal::unprocessable(format!("{field} is required"))),
    }
}

/// Checks that a droplet's name holds only what a host name may hold.
///
/// # Errors
/// Returns 422 if it does not.
pub fn hostname(name: &str) -> Result<(), Refusal> {
    let ends_well = name.chars().last().is_some_and(|c| c.is_ascii_alphanumeric());
    if name.len() <= 255 && ends_well && only(name, ".-") && !name.contains("..") {
        Ok(())
    } else {
        Err(Refusal::unprocessable(
            "Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)",
        ))
    }
}

/// Writes a time as the vendor's timestamps: seconds, UTC.
pub fn time(t: jiff::Timestamp) -> String {
    t.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
