//! `infra completions`

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use crate::session::{CliError, ExitCode};

/// Print completions for a shell: `source <(infra completions bash)`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

/// Runs the verb.
pub fn completions(args: &CompletionsArgs) -> Result<ExitCode, CliError> {
    // Into a buffer first: the generator panics when its reader goes away.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "infra", &mut script);
    exact!("{}", String::from_utf8_lossy(&script));
    Ok(ExitCode::Ok)
}
