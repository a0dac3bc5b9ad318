//! Rules of infra.toml for kinds whose readiness the program does not know.

use serde_json::Value;

use super::{
    Health,
    generic::unseen,
    reader::{condition, outdated},
};
use crate::ObjectId;

/// Says when objects of a kind are ready. Several rules for one kind must all hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitRule {
    /// `Certificate`, or `Certificate.cert-manager.io` where several groups have such a kind.
    pub kind: String,
    /// What is waited for.
    pub until: Until,
    /// The condition that ends the wait as failed.
    pub failed: Option<ConditionIs>,
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Until {
    /// A condition has a status.
    Condition(ConditionIs),
    /// A field has one of these values.
    Field {
        /// `status.phase`.
        path: String,
        /// As texts; a number or a boolean is compared by how it is written.
        values: Vec<String>,
    },
    /// Nothing: the API server has it, and that is all.
    Applied,
}

/// A condition of `status.conditions` with the status it must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionIs {
    /// `Ready`.
    pub name: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
}

impl ConditionIs {
    /// Reads `Ready` (which means `Ready=True`) or `Ready=False`.
    ///
    /// # Errors
    /// Returns an error if the text names no condition, or another status.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, status) = text.split_once('=').unwrap_or((text, "True"));
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(format!("`{text}` does not name a condition; write Ready or Ready=False"));
        }
        if !["True", "False", "Unknown"].contains(&status) {
            return Err(format!("a condition is True, False or Unknown, not `{status}`"));
        }
        Ok(Self { name: name.to_owned(), status: status.to_owned() })
    }
}

impl WaitRule {
    /// Returns true if the rule is about objects like `id`.
    pub fn covers(&self, id: &ObjectId) -> bool {
        match self.kind.split_once('.') {
            Some((kind, group)) => kind == id.kind && group == id.group,
            None => self.kind == id.kind,
        }
    }

    /// Judges `object`. It is waiting until its controller has reported on its latest generation.
    pub(super) fn health(&self, object: &Value) -> Health {
        if self.until == Until::Applied {
            return Health::Ready;
        }
        if let Some(unseen) = unseen(object) {
            return unseen;
        }
        if let Some(failed) = &self.failed
            && let Some(found) = condition(object, &failed.name)
            && found.status == failed.status
            && !outdated(object, &found)
        {
            return Health::Failed(format!("{} is {}{}", failed.name, failed.status, found.why()));
        }
        match &self.until {
            Until::Applied => Health::Ready,
            Until::Condition(wanted) => match condition(object, &wanted.name) {
                None => Health::Waiting(format!("it has no condition {} yet", wanted.name)),
                Some(found) if outdated(object, &found) => Health::Waiting(format!(
                    "its condition {} is about an earlier generation",
                    wanted.name
                )),
                Some(found) if found.status == wanted.status => Health::Ready,
                Some(found) => {
                    Health::Waiting(format!("{} is {}{}", wanted.name, found.status, found.why()))
                }
            },
            Until::Field { path, values } => field(object, path, values),
        }
    }
}

fn field(object: &Value, path: &str, values: &[String]) -> Health {
    let found = path.split('.').try_fold(object, |at, key| match at {
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        other => other.get(key),
    });
    let written = match found {
        None | Some(Value::Null) => return Health::Waiting(format!("it has no {path} yet")),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    if values.contains(&written) {
        Health::Ready
    } else {
        Health::Waiting(format!("{path} is {written}, not {}", values.join(" or ")))
    }
}
