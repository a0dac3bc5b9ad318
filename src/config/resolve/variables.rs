//! `[apps] variables`: values, and those that the environment may give.

use std::collections::BTreeMap;

use super::Resolver;
use crate::config::raw::RawVariable;

/// The variables of the file.
#[derive(Default)]
pub(super) struct Variables {
    pub(super) variables: BTreeMap<String, String>,
    pub(super) origins: BTreeMap<String, String>,
    /// Those that the environment may give, with the value where it does not.
    pub(super) environment_variables: BTreeMap<String, Option<String>>,
}

impl Resolver<'_> {
    pub(super) fn variables(&mut self, raw: &BTreeMap<String, RawVariable>) -> Variables {
        let mut found = Variables::default();
        for (name, variable) in raw {
            match variable {
                RawVariable::Value(value) => {
                    found.variables.insert(name.clone(), value.clone());
                    found.origins.insert(name.clone(), "infra.toml".to_owned());
                }
                RawVariable::From(source) if source.env => {
                    found.environment_variables.insert(name.clone(), source.default.clone());
                }
                RawVariable::From(_) => self.wrong_hint(
                    &["apps", "variables", name, "env"],
                    format!("the variable {name} comes from nowhere"),
                    format!("write {name} = \"…\", or {name} = {{ env = true }}"),
                ),
            }
        }
        found
    }
}
