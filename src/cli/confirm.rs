//! Asking before something is changed.

use std::io::{BufRead, IsTerminal, Write};

use crate::session::{ExitCode, Failure};

/// What was said on the command line.
#[derive(Clone, Debug)]
pub(super) struct Consent<'a> {
    /// `--yes`.
    pub(super) yes: bool,
    /// `--confirm NAME`.
    pub(super) name: Option<&'a str>,
    /// The environment's name (or the cluster's) when it is protected.
    pub(super) protected: Option<&'a str>,
}

/// Asks for consent to `what`. A protected environment wants its name; `--yes` is not enough.
pub(super) fn confirm(consent: &Consent<'_>, what: &str) -> Result<(), Failure> {
    if let Some(protected) = consent.protected {
        return match consent.name {
            Some(name) if name == protected => Ok(()),
            Some(name) => Err(refused(format!(
                "`{protected}` is protected, and `--confirm {name}` does not name it"
            ))),
            None if std::io::stdin().is_terminal() => {
                let answer =
                    ask(&format!("`{protected}` is protected. Type its name to {what}: "))?;
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
    let answer = ask(&format!("Do you want to {what}? Only `yes` is taken: "))?;
    if answer == "yes" { Ok(()) } else { Err(refused("not confirmed".into())) }
}

fn refused(why: String) -> Failure {
    Failure::new(ExitCode::Unconfirmed, format!("{why}; nothing was changed"))
}

fn ask(question: &str) -> Result<String, Failure> {
    eprint!("{question}");
    std::io::stderr().flush().map_err(Failure::local)?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(Failure::local)?;
    Ok(answer.trim().to_owned())
}
