//! Which certificates of sites a run looks after.

use std::collections::BTreeSet;

use crate::apps::TlsSecret;

/// The certificates of the chosen environment, and those of nobody. All environments of a file share one
/// cluster, and each is applied by itself: the others' certificates are left alone.
#[derive(Clone, Debug, Default)]
pub struct SiteScope {
    /// The chosen environment.
    pub environment: Option<String>,
    /// Every environment of infra.toml.
    pub environments: Vec<String>,
    /// Whether infra.toml takes environments that it does not name: then nobody can tell which are no more.
    pub any_environment: bool,
    /// The names of those that the chosen environment declares.
    pub declared: BTreeSet<String>,
}

impl SiteScope {
    /// Returns true if the certificate of `place` is the chosen environment's, or if its `environment` is
    /// no longer in infra.toml. That of no environment is looked after where none is chosen.
    pub fn covers(&self, environment: Option<&str>, place: &TlsSecret) -> bool {
        let is_no_more =
            |name: &str| !self.any_environment && self.environments.iter().all(|one| one != name);
        environment == self.environment.as_deref()
            || environment.is_some_and(is_no_more)
            || self.declared.contains(&place.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anothers_certificate_is_covered_only_if_it_is_declared_here() {
        let scope = SiteScope {
            environment: Some("test".into()),
            environments: vec!["test".into(), "prod".into()],
            any_environment: false,
            declared: ["shared/tls".to_owned()].into(),
        };
        let place = |namespace: &str| TlsSecret { namespace: namespace.into(), name: "tls".into() };
        assert!(scope.covers(Some("test"), &place("web")));
        assert!(!scope.covers(Some("prod"), &place("web")));
        assert!(scope.covers(Some("prod"), &place("shared")));
        assert!(scope.covers(Some("gone"), &place("web")), "nobody else looks after it");
        assert!(!scope.covers(None, &place("web")), "it is that of the run without an environment");
        let any = SiteScope { any_environment: true, ..scope };
        assert!(!any.covers(Some("review-1"), &place("web")), "infra.toml need not name it");
    }
}
