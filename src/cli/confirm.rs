//! Asking before something is changed.

use std::io::{BufRead, IsTerminal, Write};

use tokio_util::sync::CancellationToken;

use super::run::interrupted;
use crate::session::{CliError, ExitCode};

/// What was said on the command line.
#[derive(Clone, Debug)]
pub(super) struct Consent<'a> {
    /// `--yes`.
    pub(super) yes: bool,
    /// `--confirm NAME`.
    pub(super) name: Option<&'a str>,
    /// The environment's name (or the cluster's) when it is protected.
    pub(super) protected: Option<&'a str>,
    /// Cancelled by a Ctrl-C that came before the question.
    pub(super) stop: Option<&'a CancellationToken>,
}

/// Asks for consent to `what`. A protected environment wants its name; `--yes` is not enough. Ctrl-C
/// at the question ends the run at once.
pub(super) async fn confirm(consent: &Consent<'_>, what: &str) -> Result<(), CliError> {
    if let Some(protected) = consent.protected {
        return match consent.name {
            Some(name) if name == protected => Ok(()),
            Some(name) => Err(refused(format!(
                "`{protected}` is protected, and `--confirm {name}` does not name it"
            ))),
            None if std::io::stdin().is_terminal() => {
                let question = format!("`{protected}` is protected. Type its name to {what}: ");
                let answer = ask(consent, &question).await?;
                if answer == protected {
                    Ok(())
                } else {
                    Err(refused("the name does not match".into()))
                }
            }
            None => Err(refused(format!("`{protected}` is protected"))
                .hint(format!("give --confirm {protected}"))),
        };
    }
    if consent.yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(refused("nobody is there to confirm it".into()).hint("give --yes"));
    }
    let answer = ask(consent, &format!("Do you want to {what}? Only `yes` is taken: ")).await?;
    if answer == "yes" { Ok(()) } else { Err(refused("not confirmed".into())) }
}

fn refused(why: String) -> CliError {
    CliError::new(ExitCode::Unconfirmed, format!("{why}; nothing was changed"))
}

/// Reads the answer on a thread of its own, because a read cannot be interrupted. The signal is
/// caught elsewhere in this process, so that the terminal no longer ends it.
async fn ask(consent: &Consent<'_>, question: &str) -> Result<String, CliError> {
    if consent.stop.is_some_and(CancellationToken::is_cancelled) {
        return Err(interrupted_before());
    }
    eprint!("{question}");
    std::io::stderr().flush().map_err(CliError::local)?;
    let answer = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer).map(|_| answer)
    });
    tokio::select! {
        answer = answer => {
            let answer = answer.map_err(CliError::local)?.map_err(CliError::local)?;
            Ok(answer.trim().to_owned())
        }
        _ = interrupted() => {
            eprintln!();
            Err(interrupted_before())
        }
        // A Ctrl-C between the question and the first look at it has been seen by the run.
        () = stopped(consent) => {
            eprintln!();
            Err(interrupted_before())
        }
    }
}

async fn stopped(consent: &Consent<'_>) {
    match consent.stop {
        Some(stop) => stop.cancelled().await,
        None => std::future::pending().await,
    }
}

fn interrupted_before() -> CliError {
    CliError::new(ExitCode::Interrupted, "interrupted before the confirmation; nothing was changed")
}
