//! docker's `config.json` as the content of a pull secret.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::credential_helper::{self, Asked};
use crate::{Origin, Problem, ProblemKind};

/// Makes the `.dockerconfigjson` for `registries` (for all of the file's, if empty). Only
/// credentials are taken over: nothing else in that file is a cluster's business. Messages never
/// show a credential.
pub(super) fn config(
    file: &Path,
    text: &str,
    registries: &[String],
) -> Result<String, Vec<Problem>> {
    let problem = |line: usize, message: String| {
        Problem::new(ProblemKind::SecretFile, Origin::new(file, line), message)
    };
    let parsed: Value = serde_json::from_str(text)
        .map_err(|error| vec![problem(error.line(), "not valid JSON".to_owned())])?;
    let empty = Map::new();
    let auths = parsed.get("auths").and_then(Value::as_object).unwrap_or(&empty);
    let helpers = parsed.get("credHelpers").and_then(Value::as_object).unwrap_or(&empty);
    let store = parsed.get("credsStore").and_then(Value::as_str).filter(|s| !s.is_empty());
    let wanted: Vec<&str> = if registries.is_empty() {
        auths.keys().chain(helpers.keys()).map(String::as_str).collect()
    } else {
        registries.iter().map(String::as_str).collect()
    };

    let mut taken = Map::new();
    let mut problems = Vec::new();
    for registry in wanted {
        let auth = auths.get(registry).filter(|auth| has_credentials(auth));
        let helper = helpers.get(registry).and_then(Value::as_str).or(store);
        match (auth, helper) {
            (Some(auth), _) => {
                taken.insert(registry.to_owned(), auth.clone());
            }
            (None, Some(helper)) => match credential_helper::ask(helper, registry) {
                Asked::Credentials(credentials) => {
                    taken.insert(registry.to_owned(), credentials);
                }
                Asked::Missing => problems.push(helped(problem(0, format!(
                    "the credentials for {registry} are kept by docker-credential-{helper}, not in this file, and there is no such program in PATH"
                )))),
                Asked::Failed(why) => problems.push(helped(problem(0, format!(
                    "the credentials for {registry} are kept by docker-credential-{helper}, which does not give them: {why}"
                )))),
            },
            (None, None) => problems.push(
                problem(0, format!("no credentials for {registry}"))
                    .hint(format!("log in with `docker login {registry}`")),
            ),
        }
    }
    if taken.is_empty() && problems.is_empty() {
        problems.push(match store {
            Some(helper) => helped(problem(0, format!(
                "the credentials are kept by docker-credential-{helper} (credsStore), not in this file"
            ))),
            None => problem(0, "no credentials in `auths`".to_owned()).hint("log in with `docker login`"),
        });
    }
    if problems.is_empty() { Ok(json!({ "auths": taken }).to_string()) } else { Err(problems) }
}

fn helped(problem: Problem) -> Problem {
    problem.hint(
        "log in with a config of its own (`docker --config DIR login`, without credsStore or \
         credHelpers) and point at DIR/config.json",
    )
}

fn has_credentials(auth: &Value) -> bool {
    let filled = |key: &str| auth.get(key).and_then(Value::as_str).is_some_and(|v| !v.is_empty());
    filled("auth") || filled("identitytoken") || (filled("username") && filled("password"))
}
