//! What is wrong with a manifest.

use std::fmt;

use infra_provider_api::Diagnostic;
use serde::Serialize;

use super::Origin;

/// What is wrong with a manifest; tests and exit codes hang on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// Not YAML, or YAML that is no Kubernetes object.
    Yaml,
    /// No apiVersion, kind or name.
    MissingField,
    /// `${VAR}` without a value.
    UndefinedVariable,
    /// `${…}` of a form that is not known.
    BadVariable,
    /// A secret variable outside a Secret.
    SecretLeak,
    /// The same object twice.
    Duplicate,
    /// An image without a tag, with `latest`, or without a digest where one is demanded.
    Image,
    /// The file of a Secret: `.env` or docker `config.json`.
    SecretFile,
    /// A depends-on that names nothing in the suite.
    Dependency,
    /// A kustomization that cannot be built.
    Kustomization,
    /// A version that is none, or not the one of an image.
    Version,
    /// A subdomain that makes no host.
    Subdomain,
    /// An Ingress that nothing would serve, or not as it is written.
    IngressClass,
    /// What must not run twice, and could.
    Single,
    /// An object that no API server takes.
    TooLarge,
    /// A kind that the cluster does not serve.
    UnknownKind,
    /// A namespace that is neither declared nor there.
    Namespace,
    /// Something this tool cannot do (generateName, kustomization.yaml).
    Unsupported,
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What it is.
    pub kind: ProblemKind,
    /// File and line.
    pub origin: Option<Origin>,
    /// One sentence, no secret in it.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Problem {
    pub(super) fn new(
        kind: ProblemKind,
        origin: impl Into<Option<Origin>>,
        message: impl Into<String>,
    ) -> Self {
        Self { kind, origin: origin.into(), message: message.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(f, "{origin}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl From<&Problem> for Diagnostic {
    fn from(problem: &Problem) -> Self {
        let mut found = Self::new(&problem.message);
        found.help.clone_from(&problem.hint);
        if let Some(origin) = &problem.origin {
            found.file = Some(origin.file.display().to_string());
            found.line = (origin.line > 0).then_some(origin.line);
        }
        found
    }
}

/// More problems than a person reads are counted.
pub(super) const SHOWN_MAX: usize = 20;

/// Joins the problems, one a line. After [`SHOWN_MAX`] of them it says how many more there are.
pub(super) fn lines(problems: &[Problem]) -> String {
    let mut lines: Vec<String> = problems.iter().take(SHOWN_MAX).map(ToString::to_string).collect();
    if let Some(more) = problems.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
        lines.push(format!("and {more} more"));
    }
    lines.join("\n")
}
