//! An embedded cloud in the foreground: `infra-sim sim serve --data DIR [--seed N] [--speed F]`, the way
//! the command line runs it; `infra-sim sim stand-in TOOL ARGS…` is what its machines run.

use std::path::PathBuf;
use std::process::ExitCode;

use infra_sim::{ServeOptions, shutdown_on_signals};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [sim, verb, tool, rest @ ..] = args.as_slice()
        && sim == "sim"
        && verb == "stand-in"
    {
        return ExitCode::from(u8::try_from(infra_sim::stand_in::run(tool, rest)).unwrap_or(1));
    }
    match options(&args).map_err(Into::into).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

fn options(args: &[String]) -> Result<ServeOptions, String> {
    let mut options = ServeOptions {
        data: PathBuf::from(".infra/sim"),
        seed: 1,
        speed: 1.0,
        exe: std::env::current_exe().map_err(|e| e.to_string())?,
    };
    let mut args = args.iter().filter(|a| !["sim", "serve"].contains(&a.as_str()));
    while let Some(name) = args.next() {
        let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--data" => options.data = PathBuf::from(value),
            "--seed" => options.seed = value.parse().map_err(|e| format!("--seed: {e}"))?,
            "--speed" => options.speed = value.parse().map_err(|e| format!("--speed: {e}"))?,
            _ => return Err(format!("unknown option {name}")),
        }
    }
    Ok(options)
}

fn run(options: ServeOptions) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let shutdown = shutdown_on_signals()?;
        infra_sim::serve(options, shutdown).await?;
        Ok(())
    })
}
