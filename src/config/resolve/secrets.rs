//! Secrets that come from environment variables: the file names the variable, never the value.

use infra_cloud::ProviderSettings;

use super::Resolver;
use crate::clouds;

impl Resolver<'_> {
    /// Returns the variable that holds the token of the cluster's own controllers.
    pub(super) fn cluster_token(
        &mut self,
        provider: &str,
        settings: &ProviderSettings,
    ) -> Option<String> {
        let variable = settings.cluster_token.as_ref()?;
        let path = ["providers", provider, "cluster_token"];
        let usual = clouds::find(provider)?.cluster_token.unwrap_or("CLUSTER_TOKEN");
        if !is_variable(variable) {
            // What stands there may be the token itself, so it is not repeated.
            self.wrong_hint(
                &path,
                "`env` is not the name of an environment variable".into(),
                format!("write the variable's name, not the token: {{ env = \"{usual}\" }}"),
            );
            return None;
        }
        Some(variable.clone())
    }
}

/// Returns true for upper-case letters, digits and `_` that do not begin with a digit. Shells
/// export such names by convention, and no token looks like one.
pub(super) fn is_variable(name: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    !name.is_empty() && !name.as_bytes()[0].is_ascii_digit() && name.bytes().all(known)
}
