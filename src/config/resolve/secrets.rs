//! Secrets that come from environment variables: the file names the variable, never the value.

use super::Resolver;
use crate::{clouds, config::raw::RawProvider};

impl Resolver<'_> {
    /// Returns the variable that holds the token of the cluster's own controllers.
    pub(super) fn cluster_token(
        &mut self,
        provider: &str,
        settings: &RawProvider,
    ) -> Option<String> {
        let variable = &settings.cluster_token.as_ref()?.env;
        let path = ["providers", provider, "cluster_token"];
        // What follows from an unknown provider is not worth a word of its own.
        let cloud = clouds::find(provider)?;
        let Some(usual) = cloud.cluster_token else {
            let others = clouds::all().filter(|one| one.cluster_token.is_some());
            let others: Vec<String> = others.map(|one| format!("{}'s", one.title)).collect();
            self.wrong_hint(
                &path,
                format!("`cluster_token` has no meaning for the provider `{provider}`"),
                match others.is_empty() {
                    true => "remove it".to_owned(),
                    false => {
                        format!("remove it; only {} controllers need a token", others.join(" and "))
                    }
                },
            );
            return None;
        };
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
