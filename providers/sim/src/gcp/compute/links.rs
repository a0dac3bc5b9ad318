//! Links to resources: full URLs in answers, any of four forms in requests.

use crate::gcp::http::Refusal;
use crate::world::State as World;

/// What the links of answers begin with.
pub const BASE: &str = "https://www.googleapis.com/compute/v1";

/// Returns the full link to a path that begins with `projects/`.
pub fn link(path: &str) -> String {
    format!("{BASE}/{path}")
}

/// Returns the path behind a link, or the text itself if it is none.
pub fn path_of(link: &str) -> &str {
    match link.find("/projects/") {
        Some(at) if link.contains("://") => &link[at + 1..],
        _ => link,
    }
}

/// Returns the last part of a link.
pub fn name_of(link: &str) -> &str {
    link.rsplit('/').next().unwrap_or(link)
}

/// Returns the path of what a request names: a URL, `projects/…`, `global/…` or `regions/…`.
pub fn read(project: &str, text: &str) -> Option<String> {
    let path = path_of(text).trim_start_matches('/');
    let parts: Vec<&str> = path.split('/').collect();
    if parts.iter().any(|part| part.is_empty()) {
        return None;
    }
    match parts.as_slice() {
        ["projects", _, "global", _, _] | ["projects", _, _, _, _, _] => Some(path.to_owned()),
        ["global", _, _] | ["regions" | "zones", _, _, _] => {
            Some(format!("projects/{project}/{path}"))
        }
        _ => None,
    }
}

/// Finds what a field of a request names, which must be of a collection and ready.
///
/// # Errors
/// Returns 400 if it is no link, is not there, or is not ready.
pub fn find(
    w: &World,
    project: &str,
    field: &str,
    text: &str,
    collection: &str,
) -> Result<String, Refusal> {
    let malformed = || Refusal::field(field, text, "The URL is malformed.");
    let path = read(project, text).ok_or_else(malformed)?;
    if path.rsplit('/').nth(1) != Some(collection) {
        return Err(malformed());
    }
    let Some(row) = w.gcp_resources.by_id(&path) else {
        let singular = collection.trim_end_matches('s');
        let why = format!("The referenced {singular} resource cannot be found.");
        return Err(Refusal::field(field, text, &why));
    };
    super::checks::ready(row)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_forms_are_one_path() {
        let path = "projects/p/global/networks/n";
        for text in [
            "https://www.googleapis.com/compute/v1/projects/p/global/networks/n",
            "http://127.0.0.1:81/compute/v1/projects/p/global/networks/n",
            path,
            "global/networks/n",
        ] {
            assert_eq!(read("p", text).as_deref(), Some(path), "{text}");
        }
        assert_eq!(
            read("p", "regions/r/subnetworks/s").as_deref(),
            Some("projects/p/regions/r/subnetworks/s")
        );
        for bad in ["n", "networks/n", "global/networks/", ""] {
            assert_eq!(read("p", bad), None, "{bad}");
        }
    }
}
