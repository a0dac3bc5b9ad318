//! `[[apps.wait]]`: when objects of a kind are ready.

use super::Resolver;
use crate::{
    apps::{ConditionIs, Until, WaitRule},
    config::raw::RawWait,
};

impl Resolver<'_> {
    pub(super) fn wait_rules(&mut self, raw: &[RawWait]) -> Vec<WaitRule> {
        raw.iter()
            .enumerate()
            .filter_map(|(at, raw)| self.wait_rule(&at.to_string(), raw))
            .collect()
    }

    fn wait_rule(&mut self, at: &str, raw: &RawWait) -> Option<WaitRule> {
        let is_kind = raw.kind.starts_with(|c: char| c.is_ascii_uppercase())
            && raw.kind.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
        if !is_kind {
            self.wrong_hint(
                &["apps", "wait", at, "kind"],
                format!("`{}` does not name a kind", raw.kind),
                "write Certificate, or Certificate.cert-manager.io",
            );
        }
        let mut condition = |key: &str, text: &Option<String>| {
            let parsed = text.as_deref().map(ConditionIs::parse)?;
            parsed.map_err(|why| self.wrong(&["apps", "wait", at, key], why)).ok()
        };
        let wanted = condition("condition", &raw.condition);
        let failed = condition("failed", &raw.failed);
        let until = match (&raw.condition, &raw.field, raw.skip) {
            (Some(_), None, false) => Until::Condition(wanted?),
            (None, Some(path), false) => {
                if raw.values.is_empty() {
                    self.wrong_hint(
                        &["apps", "wait", at, "field"],
                        "a field needs the values that mean ready".to_owned(),
                        "add values = [\"Running\"]",
                    );
                }
                Until::Field { path: path.clone(), values: raw.values.clone() }
            }
            (None, None, true) => Until::Applied,
            _ => {
                self.wrong_hint(
                    &["apps", "wait", at],
                    format!("the rule for {} needs one of condition, field and skip", raw.kind),
                    "write condition = \"Ready\", or field with values, or skip = true",
                );
                return None;
            }
        };
        if raw.field.is_none() && !raw.values.is_empty() {
            self.wrong(&["apps", "wait", at, "values"], "values belong to a field");
        }
        is_kind.then(|| WaitRule { kind: raw.kind.clone(), until, failed })
    }
}
