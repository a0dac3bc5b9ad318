//! `infra graph`

use clap::{Args, ValueEnum};

use super::{global::Global, run::Run};
use crate::{
    engine::Graph,
    session::{CliError, ExitCode, Purpose},
};

/// Print the dependency graph
#[derive(Debug, Args)]
pub struct GraphArgs {
    /// The language.
    #[arg(long, value_enum, default_value = "mermaid")]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For Markdown.
    Mermaid,
    /// For Graphviz.
    Dot,
}

/// Runs the verb.
pub async fn graph(global: &Global, args: &GraphArgs) -> Result<ExitCode, CliError> {
    let run = Run::open(global, "graph").await?;
    let looked = run.observe(Purpose::Show).await?;
    let graph = Graph::build(&looked.declared).map_err(CliError::local)?;
    if global.json {
        let all: Vec<_> = graph
            .iter()
            .map(|one| {
                let needs: Vec<_> = graph.needs(&one.address).collect();
                serde_json::json!({"address": one.address, "needs": needs})
            })
            .collect();
        exactln!("{}", serde_json::to_string_pretty(&all).map_err(CliError::local)?);
        return Ok(ExitCode::Ok);
    }
    let text = match args.format {
        Format::Mermaid => graph.mermaid(),
        Format::Dot => graph.dot(),
    };
    print!("{text}");
    Ok(ExitCode::Ok)
}
