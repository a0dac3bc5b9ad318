//! What ends a run, and its exit code.

use std::fmt;

use infra_provider_api::{CloudError, Diagnostic, ErrorKind};

use crate::{
    config::LoadError,
    engine::{ObserveError, PlanError, RecoverError},
    state::home::{MoveError, TwoStates},
    state::{LockError, StateError, StateErrorKind, StoreError},
    ui::{drawn, text_again},
};

/// The documented exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// All is well; with `--detailed-exitcode`: no changes.
    Ok = 0,
    /// Something failed.
    Failed = 1,
    /// `plan --detailed-exitcode`: there are changes.
    Changes = 2,
    /// infra.toml (or a manifest) is wrong. Nothing was done.
    Invalid = 3,
    /// No credentials, or they are refused. Nothing was done.
    Credentials = 4,
    /// Somebody else holds the lock. Nothing was done.
    Locked = 5,
    /// The plan file is stale, or of another cluster or version. Nothing was done.
    Stale = 6,
    /// The confirmation was not given. Nothing was done.
    Unconfirmed = 7,
    /// Some steps failed, others are done; the next run resumes.
    Partly = 8,
    /// The state can't be used: written by a newer version, damaged, or a full disk.
    State = 9,
    /// Wrong words on the command line.
    Usage = 64,
    /// Stopped by Ctrl-C; the next run resumes.
    Interrupted = 130,
}

impl ExitCode {
    /// Every exit code. The help, the CLI reference and the README's table are made from it or compared
    /// with it.
    pub const ALL: [Self; 12] = [
        Self::Ok,
        Self::Failed,
        Self::Changes,
        Self::Invalid,
        Self::Credentials,
        Self::Locked,
        Self::Stale,
        Self::Unconfirmed,
        Self::Partly,
        Self::State,
        Self::Usage,
        Self::Interrupted,
    ];

    /// Returns what the exit code means, in one line.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "success; with plan --detailed-exitcode: no changes",
            Self::Failed => "something failed",
            Self::Changes => "plan --detailed-exitcode: there are changes",
            Self::Invalid => "infra.toml or a manifest is wrong, or the plan is refused",
            Self::Credentials => "credentials are missing or refused",
            Self::Locked => "another run holds the lock, or has taken it over",
            Self::Stale => "the plan file is stale, edited, or of another cluster",
            Self::Unconfirmed => "the question was not answered with yes",
            Self::Partly => "some steps failed, others are done; run the same command again",
            Self::State => "the state cannot be used or written",
            Self::Usage => "wrong words on the command line",
            Self::Interrupted => "interrupted by Ctrl-C; run the same command again",
        }
    }
}

/// What ends a run: what failed, and what to do.
#[derive(Clone, Debug)]
pub struct CliError {
    /// The exit code.
    pub code: ExitCode,
    /// What failed, on what, why.
    pub message: String,
    /// What to do.
    pub hints: Vec<String>,
    /// What is wrong in files, each with its place. The message says all of it, too.
    pub findings: Vec<Diagnostic>,
    /// The findings as people read them, with excerpts; `None` where the message is for people, too.
    pub drawing: Option<String>,
}

impl CliError {
    /// Makes a failure with no hint.
    pub fn new(code: ExitCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            hints: Vec::new(),
            findings: Vec::new(),
            drawing: None,
        }
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Makes a failure from an error of this machine.
    pub fn local(error: impl fmt::Display) -> Self {
        Self::new(ExitCode::Failed, error.to_string())
    }

    /// Makes a failure from what infra.toml asks for and nobody can do. The file is read again for the
    /// excerpts.
    pub fn refused(found: &[Diagnostic]) -> Self {
        Self::drawn(found, drawn(found, text_again))
    }

    /// Makes a failure from findings and their drawing.
    fn drawn(found: &[Diagnostic], drawing: String) -> Self {
        let lines = found.iter().map(|one| match &one.help {
            // Only a finding in a file is listed apart, with its help.
            Some(help) if one.file.is_none() => format!("{one}\n  help: {help}"),
            _ => one.to_string(),
        });
        let message = lines.collect::<Vec<_>>().join("\n");
        let findings = found.iter().filter(|one| one.file.is_some()).cloned().collect();
        let drawing = Some(drawing.trim_end().to_owned());
        Self { findings, drawing, ..Self::new(ExitCode::Invalid, message) }
    }

    /// Returns the failure as scripts read it: the message, with the findings apart.
    pub fn to_json(&self) -> serde_json::Value {
        let mut value = serde_json::json!({
            "error": self.message, "help": self.hints, "exit_code": self.code as u8
        });
        if !self.findings.is_empty() {
            value["findings"] = serde_json::json!(self.findings);
        }
        value
    }

    /// Returns the failure as people read it, without the hints.
    pub fn text(&self) -> String {
        self.drawing.clone().unwrap_or_else(|| format!("error: {}", self.message))
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CliError {}

impl From<CloudError> for CliError {
    fn from(error: CloudError) -> Self {
        let code = match error.kind {
            ErrorKind::Unauthorized | ErrorKind::Forbidden => ExitCode::Credentials,
            ErrorKind::Cancelled => ExitCode::Interrupted,
            ErrorKind::Invalid => ExitCode::Invalid,
            _ => ExitCode::Failed,
        };
        let mut failure = Self::new(code, error.to_string());
        if error.kind == ErrorKind::Unavailable && error.hint.is_none() {
            failure.hints.push(
                "check the network and the endpoint; nothing was changed, run the same command again".into(),
            );
        }
        failure.hints.extend(error.hint);
        failure
    }
}

impl From<LoadError> for CliError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Read { path, source } if source.kind() == std::io::ErrorKind::NotFound => {
                Self::new(ExitCode::Invalid, format!("there is no {}", path.display()))
                    .hint("`infra init` writes a commented one, -f FILE takes another")
            }
            LoadError::Spec(errors) => Self::drawn(&errors.diagnostics, errors.to_string()),
            LoadError::Read { .. } => Self::new(ExitCode::Invalid, error.to_string()),
        }
    }
}

impl From<StateError> for CliError {
    fn from(error: StateError) -> Self {
        let code = match error.kind {
            StateErrorKind::Damaged => ExitCode::State,
            StateErrorKind::Credentials => ExitCode::Credentials,
            StateErrorKind::Invalid => ExitCode::Invalid,
            StateErrorKind::Locked => ExitCode::Locked,
            StateErrorKind::Interrupted => ExitCode::Interrupted,
            StateErrorKind::Local => ExitCode::Failed,
        };
        Self { hints: error.hints, ..Self::new(code, error.message) }
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        StateError::from(error).into()
    }
}

impl From<LockError> for CliError {
    fn from(error: LockError) -> Self {
        StateError::from(error).into()
    }
}

impl From<MoveError> for CliError {
    fn from(error: MoveError) -> Self {
        match error {
            MoveError::Locked(error) => error.into(),
            MoveError::Occupied { .. } => Self::new(ExitCode::State, error.to_string())
                .hint("look which of the two is the right one, and move the other one aside")
                .hint("for two states, `infra state list --state-dir DIR` shows the one below DIR"),
            MoveError::Link { .. } => Self::new(ExitCode::State, error.to_string()).hint(
                "make the link absolute or replace it by what it leads to, then run `infra state migrate` again",
            ),
            MoveError::Io { .. } => Self::new(ExitCode::State, error.to_string())
                .hint("nothing is lost: run `infra state migrate` again once that is repaired"),
        }
    }
}

impl From<TwoStates> for CliError {
    fn from(error: TwoStates) -> Self {
        let folder = match error.folder.display().to_string() {
            empty if empty.is_empty() => ".".to_owned(),
            folder => folder,
        };
        Self::new(ExitCode::State, error.to_string())
            .hint("`infra state migrate` finishes a move that was interrupted, if the two are the same")
            .hint(format!(
                "otherwise name the one that counts: `--state-dir {folder}` or `--state-dir .`"
            ))
    }
}

impl From<infra_ssl::SslError> for CliError {
    fn from(error: infra_ssl::SslError) -> Self {
        let mut failure = Self::new(ExitCode::State, error.to_string());
        failure.hints.extend(error.hint());
        failure
    }
}

impl From<ObserveError> for CliError {
    fn from(error: ObserveError) -> Self {
        let mut failure = Self::new(ExitCode::Failed, error.to_string());
        // Certificates and keys are a part of the state, and are all that is observed on this machine.
        if let [(_, error)] = error.failures.as_slice()
            && error.kind == ErrorKind::Local
            && error.operation == crate::cluster::READ_CERTIFICATES
        {
            let mut failure = Self::new(
                ExitCode::State,
                format!("cannot {}: {}", error.operation, error.message),
            );
            failure.hints.extend(error.hint.clone());
            return failure;
        }
        if let Some((_, first)) = error.failures.into_iter().next() {
            let first = Self::from(first);
            failure.code = first.code;
            failure.hints = first.hints;
        }
        failure
    }
}

impl From<PlanError> for CliError {
    fn from(error: PlanError) -> Self {
        let mut failure = Self::new(ExitCode::Invalid, error.to_string());
        failure.hints.extend(error.hint());
        failure
    }
}

impl From<RecoverError> for CliError {
    fn from(error: RecoverError) -> Self {
        match error {
            RecoverError::Store(error) => error.into(),
            other => Self::new(ExitCode::Failed, other.to_string()),
        }
    }
}

impl From<crate::rotate::GenerationsError> for CliError {
    fn from(error: crate::rotate::GenerationsError) -> Self {
        let failure = Self::new(ExitCode::State, error.to_string());
        match error {
            crate::rotate::GenerationsError::Newer { .. } => {
                failure.hint("use the version of infra that wrote it, or a later one")
            }
            _ => failure,
        }
    }
}

impl From<crate::apps::AppsError> for CliError {
    fn from(error: crate::apps::AppsError) -> Self {
        use crate::apps::AppsError;
        let code = match &error {
            AppsError::Unreachable { .. } | AppsError::Service { .. } | AppsError::Port { .. } => {
                ExitCode::Failed
            }
            AppsError::Api { code: 401 | 403, .. } => ExitCode::Credentials,
            AppsError::Api { .. } => ExitCode::Failed,
            AppsError::Objects(_) | AppsError::Conflict { .. } => ExitCode::Partly,
            AppsError::Cancelled => ExitCode::Interrupted,
            _ => ExitCode::Invalid,
        };
        let mut failure = Self::new(code, error.to_string());
        failure.hints = error.hints();
        if let AppsError::Manifests(problems) = &error {
            let found = problems.iter().map(Diagnostic::from);
            failure.findings = found.filter(|one| one.file.is_some()).collect();
        }
        failure
    }
}
