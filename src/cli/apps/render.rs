//! `infra apps render`

use std::path::PathBuf;

use clap::Args;

use super::target::SuiteArgs;
use crate::{
    apps::{MaskKey, Reveal, compare_suites, earlier_source, read_rendered},
    cli::global::Global,
    session::{CliError, ExitCode},
    ui::{AppsPlanView, apps_plan_text},
};

/// Show exactly what would be applied. Asks no cluster.
#[derive(Debug, Args)]
pub struct RenderArgs {
    #[command(flatten)]
    suite: SuiteArgs,
    /// Write a file for each object below this folder, which must be empty or hold an earlier
    /// render: two renders can be compared with `diff -r`.
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Show instead what changed since an earlier render (a folder), or since a revision of git.
    #[arg(long, value_name = "DIR|GITREF", conflicts_with = "out")]
    diff_against: Option<String>,
    /// Show the values of Secrets; files with Secrets are made 0600.
    #[arg(long)]
    reveal: bool,
}

/// Runs the verb.
pub fn render(global: &Global, args: &RenderArgs) -> Result<ExitCode, CliError> {
    let mut chosen = args.suite.choose(global)?;
    // The key of what stands for the values of Secrets, so that renders can be compared.
    let key = global.home(None).render_key();
    match MaskKey::kept_in(&key) {
        Ok(key) => chosen.source.mask_key = Some(key),
        // Without it nothing is shown but that it cannot be compared.
        Err(error) if !args.reveal && !global.json => eprintln!(
            "note: the masks of Secrets hold for this run only: {} cannot be used: {error}",
            key.display()
        ),
        Err(_) => {}
    }
    let suite = chosen.load(global)?;
    let reveal = if args.reveal { Reveal::Plain } else { Reveal::Masked };
    if let Some(against) = &args.diff_against {
        let folder = PathBuf::from(against);
        let before = if folder.is_dir() {
            read_rendered(&folder)?
        } else {
            let earlier = earlier_source(&chosen.source, against)?;
            crate::apps::Suite::load(earlier.source())?.rendered()
        };
        let plan = compare_suites(suite.name(), &before, &suite);
        if global.json {
            exactln!("{}", serde_json::to_string(&plan).map_err(CliError::local)?);
        } else {
            print!("{}", apps_plan_text(&plan, AppsPlanView { verbose: false }));
        }
        return Ok(ExitCode::Ok);
    }
    match &args.out {
        Some(dir) => {
            suite.render_to(dir, reveal)?;
            if !global.json {
                eprintln!("{} objects in {}", suite.objects().len(), dir.display());
            }
        }
        None => exact!("{}", suite.to_yaml(reveal)?),
    }
    Ok(ExitCode::Ok)
}
