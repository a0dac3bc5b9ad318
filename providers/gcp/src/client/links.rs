//! Links: how Google names a resource in the answers of others. The host and the version in a link are
//! not always those of the endpoint, so links are compared from `projects/` on.

/// Returns what a link says from `projects/` on: `projects/shop-1/global/networks/main`.
pub(crate) fn project_path(link: &str) -> &str {
    match link.find("/projects/") {
        Some(at) => &link[at + 1..],
        None => link.trim_start_matches('/'),
    }
}

/// Returns what a link says below its project: `regions/europe-west3/addresses/a1`.
pub(crate) fn scope_path(link: &str) -> &str {
    let path = project_path(link);
    match path.strip_prefix("projects/").and_then(|rest| rest.split_once('/')) {
        Some((_, below)) => below,
        None => path,
    }
}

/// Returns the last part of a link: the name of what it leads to.
pub(crate) fn last_segment(link: &str) -> &str {
    link.rsplit('/').next().unwrap_or(link)
}

/// Reports whether two links lead to the same resource.
pub(crate) fn links_to(link: &str, other: &str) -> bool {
    !link.is_empty() && project_path(link) == project_path(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_compared_without_host_and_version() {
        let long = "https://www.googleapis.com/compute/v1/projects/shop-1/regions/r/addresses/a";
        assert!(links_to(long, "projects/shop-1/regions/r/addresses/a"));
        assert!(links_to(
            long,
            "http://127.0.0.1:80/compute/beta/projects/shop-1/regions/r/addresses/a"
        ));
        assert!(!links_to(long, "projects/shop-2/regions/r/addresses/a"));
        assert!(!links_to("", ""));
        assert_eq!(scope_path(long), "regions/r/addresses/a");
        assert_eq!(last_segment(long), "a");
    }
}
