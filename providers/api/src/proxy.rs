//! The proxy that the environment names. Every HTTP client takes it from there, and no error of theirs
//! says so.

/// A proxy of the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    variable: &'static str,
    url: String,
    host: String,
}

/// The variables that name a proxy for HTTPS, the first that is set counts.
const VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

impl Proxy {
    /// Returns the proxy through which HTTPS calls to `host` go, if any.
    pub fn of(host: &str) -> Option<Self> {
        Self::find(host, |name| std::env::var(name).ok())
    }

    fn find(host: &str, variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let get = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let (name, url) = VARIABLES.iter().find_map(|name| Some((*name, get(name)?)))?;
        let excepted = get("NO_PROXY").or_else(|| get("no_proxy")).unwrap_or_default();
        if is_local(host) || excepted.split(',').any(|entry| covers(entry.trim(), host)) {
            return None;
        }
        Some(Self { variable: name, url: without_password(url.trim()), host: host.to_owned() })
    }

    /// Says which proxy it is: `http://proxy:3128, the proxy of HTTPS_PROXY`.
    pub fn text(&self) -> String {
        format!("{}, the proxy of {}", self.url, self.variable)
    }

    /// Says what to do if it does not answer.
    pub fn hint(&self) -> String {
        let Self { variable, host, .. } = self;
        format!("check that the proxy of {variable} answers, or add {host} to NO_PROXY")
    }
}

fn is_local(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

/// Returns true if an entry of NO_PROXY is for `host`: the name, or a domain above it.
fn covers(entry: &str, host: &str) -> bool {
    let domain = entry.strip_prefix('.').unwrap_or(entry);
    let rest = host.strip_suffix(domain).filter(|_| !domain.is_empty());
    entry == "*" || rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Returns the address of a proxy without the user and password that it may hold.
fn without_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = &rest[..end];
    // A password may have any character.
    let host = rest.rsplit_once('@').map_or(authority, |(_, host)| host.trim_end_matches('/'));
    format!("{scheme}://{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(host: &str, variables: &[(&str, &str)]) -> Option<Proxy> {
        Proxy::find(host, |name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_proxy_is_named_without_its_password() {
        for (value, shown) in [
            ("http://127.0.0.1:3128", "http://127.0.0.1:3128"),
            ("http://me:s3cret@proxy:3128/", "http://proxy:3128"),
            ("http://me:s3/c@ret@proxy:3128", "http://proxy:3128"),
            ("proxy:3128", "http://proxy:3128"),
        ] {
            let found = find("api.example.com", &[("HTTPS_PROXY", value)]).unwrap();
            assert_eq!(found.text(), format!("{shown}, the proxy of HTTPS_PROXY"));
            assert!(found.hint().contains("add api.example.com to NO_PROXY"));
        }
        assert_eq!(find("api.example.com", &[("HTTPS_PROXY", "")]), None);
    }

    #[test]
    fn hosts_that_go_without_it_have_none() {
        let with = |host: &str, except: &str| {
            find(host, &[("https_proxy", "http://proxy"), ("NO_PROXY", except)]).is_some()
        };
        assert!(with("api.example.com", ""));
        assert!(with("api.example.com", "other.example, ple.com"));
        for except in ["*", "example.com", ".example.com", "a.b, api.example.com"] {
            assert!(!with("api.example.com", except), "{except}");
        }
        for local in ["localhost", "127.0.0.1", "127.5.0.1", "[::1]"] {
            assert!(!with(local, ""), "{local}");
        }
    }
}
