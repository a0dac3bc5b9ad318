use std::sync::Arc;

use http::Method;

use super::error::{ApiError, ApiResult};
use super::kind::Kind;
use super::registry::Registry;

/// What a request is about.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) kind: Arc<Kind>,
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
}

impl Target {
    pub(crate) fn ns(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    pub(crate) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
}

/// What stands in the path, before it is known whether there is such a kind.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct PathParts {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
    pub(crate) watch: bool,
}

/// Splits `/api/v1/…` and `/apis/<group>/<version>/…`; `None` for what is not about objects.
pub(crate) fn parse_path(path: &str) -> Option<PathParts> {
    let mut parts = path.split('/').filter(|part| !part.is_empty()).map(decode);
    let mut found = PathParts::default();
    match parts.next()?.as_str() {
        "api" => {}
        "apis" => found.group = parts.next()?,
        _ => return None,
    }
    found.version = parts.next()?;
    let mut parts: Vec<String> = parts.collect();
    if parts.first().is_some_and(|first| first == "watch") {
        found.watch = true;
        parts.remove(0);
    }
    // `namespaces/x` is an object, `namespaces/x/pods` is about pods in it; what a namespace itself
    // has below it are its own subresources.
    let own = |sub: &str| found.group.is_empty() && matches!(sub, "status" | "finalize");
    if parts.first().is_some_and(|first| first == "namespaces")
        && parts.get(2).is_some_and(|third| !own(third))
    {
        found.namespace = Some(parts.remove(1));
        parts.remove(0);
    }
    let mut parts = parts.into_iter();
    found.plural = parts.next()?;
    found.name = parts.next();
    found.subresource = parts.next();
    Some(found)
}

fn decode(part: &str) -> String {
    url::form_urlencoded::parse(format!("v={}", part.replace('+', "%2B")).as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

impl PathParts {
    /// Finds the kind.
    pub(crate) fn resolve(self, registry: &Registry) -> ApiResult<Target> {
        let kind = registry
            .find(&self.group, &self.version, &self.plural)
            .ok_or_else(ApiError::no_such_path)?;
        // Objects of a namespace are named within it.
        if kind.namespaced && self.namespace.is_none() && self.name.is_some()
            || !kind.namespaced && self.namespace.is_some()
        {
            return Err(ApiError::no_such_path());
        }
        if let Some(sub) = &self.subresource
            && kind.subresource(sub).is_none()
        {
            return Err(ApiError::no_such_path());
        }
        Ok(Target {
            kind,
            namespace: self.namespace,
            name: self.name,
            subresource: self.subresource,
        })
    }

    /// Returns the verb as RBAC names it.
    pub(crate) fn verb(&self, method: &Method, query: &Query) -> &'static str {
        match (method.as_str(), self.name.is_some()) {
            ("GET" | "HEAD", _) if self.watch || query.flag("watch") => "watch",
            ("GET" | "HEAD", true) => "get",
            ("GET" | "HEAD", false) => "list",
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", true) => "delete",
            ("DELETE", false) => "deletecollection",
            _ => "",
        }
    }
}

/// The query of a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(query: Option<&str>) -> Self {
        Self(
            url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
                .into_owned()
                .collect(),
        )
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| !matches!(value, "0" | "false" | "False" | "FALSE"))
    }

    pub(crate) fn number(&self, name: &str) -> ApiResult<Option<u64>> {
        match self.get(name) {
            None | Some("") => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| {
                ApiError::bad_request(format!(
                    "strconv.ParseInt: parsing \"{text}\": invalid syntax"
                ))
            }),
        }
    }

    /// Returns true for `dryRun=All`; other values are refused.
    pub(crate) fn dry_run(&self) -> ApiResult<bool> {
        let mut any = false;
        for value in self.all("dryRun") {
            match value {
                "All" => any = true,
                "" => {}
                other => {
                    return Err(ApiError::bad_request(format!(
                        "dryRun: Unsupported value: \"{other}\": supported values: \"All\""
                    )));
                }
            }
        }
        Ok(any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_split() {
        let parts = parse_path("/api/v1/namespaces/default/pods/a/log").unwrap();
        assert_eq!(
            (
                parts.namespace.as_deref(),
                parts.plural.as_str(),
                parts.name.as_deref(),
                parts.subresource.as_deref()
            ),
            (Some("default"), "pods", Some("a"), Some("log"))
        );
        let parts = parse_path("/api/v1/namespaces/default/status").unwrap();
        assert_eq!(
            (parts.namespace, parts.plural.as_str(), parts.name.as_deref()),
            (None, "namespaces", Some("default"))
        );
        let parts = parse_path("/apis/apps/v1/deployments").unwrap();
        assert_eq!((parts.group.as_str(), parts.name), ("apps", None));
        assert!(parse_path("/apis/apps").is_none());
        assert!(parse_path("/version").is_none());
    }
}
