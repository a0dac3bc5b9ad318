//! Scopes of tokens: what the token of a cluster's controllers may do.
//!
//! The vendor has one scope for each resource and verb. This token has those of the cloud controller
//! manager (load balancers) and of the volume driver (volumes and their tags), and the reads that
//! these scopes require.

use http::Method;

/// Returns true for a request that the scopes of a cluster's controllers cover.
pub fn cluster_may(method: &Method, path: &str) -> bool {
    let path = path.strip_prefix("/v2/").unwrap_or(path);
    let mut words = path.split('/');
    let (resource, rest) = (words.next().unwrap_or_default(), words.collect::<Vec<_>>());
    let read = method == Method::GET || method == Method::HEAD;
    match resource {
        "load_balancers" => true,
        // Volumes are made, deleted, attached and grown; no scope changes them otherwise.
        "volumes" => read || method == Method::POST || method == Method::DELETE,
        // The account itself, not its SSH keys.
        "account" => read && rest.is_empty(),
        // Tags are made and put on volumes, never taken off or deleted.
        "tags" => read || method == Method::POST,
        "actions" | "droplets" | "images" | "regions" | "sizes" | "vpcs" => read,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controllers_make_load_balancers_and_volumes_and_nothing_else() {
        let may = |method: Method, path: &str| cluster_may(&method, path);
        assert!(may(Method::POST, "/v2/load_balancers"));
        assert!(may(Method::DELETE, "/v2/load_balancers/4de7ac8b"));
        assert!(may(Method::POST, "/v2/volumes/7724db7c/actions"));
        assert!(may(Method::GET, "/v2/droplets/1"));
        assert!(may(Method::GET, "/v2/account"));
        for (method, path) in [
            (Method::POST, "/v2/droplets"),
            (Method::DELETE, "/v2/droplets/1"),
            (Method::POST, "/v2/droplets/1/actions"),
            (Method::GET, "/v2/account/keys"),
            (Method::POST, "/v2/account/keys"),
            (Method::DELETE, "/v2/tags/k8s"),
            (Method::DELETE, "/v2/vpcs/1"),
            (Method::GET, "/v2/domains"),
            (Method::GET, "/v2/firewalls"),
            (Method::POST, "/v2/spaces/keys"),
        ] {
            assert!(!may(method.clone(), path), "{method} {path}");
        }
    }
}
