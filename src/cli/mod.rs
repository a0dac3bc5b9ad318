//! The verbs, one file each. This file only declares and dispatches.

mod apply;
mod apps;
mod artifacts;
mod certs;
mod completions;
mod confirm;
mod destroy;
mod encryption;
mod etcd;
mod global;
mod graph;
mod init;
mod kube_token;
mod kubeconfig;
mod logs;
mod node;
mod open;
mod orphans;
mod output;
mod plan;
mod reference;
mod rotate_abort;
mod rotate_health;
mod rotate_machine;
mod rotate_node;
mod rotate_pool;
mod rotate_slots;
mod rotate_upgrade;
mod run;
mod sim;
mod sim_settings;
mod state;
mod status;
mod validate;
mod versions;

use std::process::ExitCode as ProcessExit;

use clap::{Parser, Subcommand};

pub use reference::reference;

use crate::session::{CliError, ExitCode};

/// From one TOML file to running apps: plans and applies clusters.
#[derive(Debug, Parser)]
#[command(
    name = "infra",
    version,
    about,
    long_about,
    max_term_width = 100,
    after_long_help = exit_codes()
)]
pub struct Cli {
    #[command(flatten)]
    global: global::Global,
    #[command(subcommand)]
    verb: Verb,
}

/// Returns the exit codes for `--help`.
fn exit_codes() -> String {
    let lines = ExitCode::ALL.map(|code| format!("  {:>3}  {}", code as u8, code.meaning()));
    format!("Exit codes:\n{}", lines.join("\n"))
}

#[derive(Debug, Subcommand)]
enum Verb {
    Init(init::InitArgs),
    Validate(validate::ValidateArgs),
    Plan(plan::PlanArgs),
    Apply(apply::ApplyArgs),
    Destroy(destroy::DestroyArgs),
    RotateNode(rotate_node::RotateNodeArgs),
    Status(status::StatusArgs),
    Output(output::OutputArgs),
    Certs(certs::CertsArgs),
    Versions(versions::VersionsArgs),
    Kubeconfig(kubeconfig::KubeconfigArgs),
    KubeToken(kube_token::KubeTokenArgs),
    Encryption(encryption::EncryptionArgs),
    Etcd(etcd::EtcdArgs),
    Artifacts(artifacts::ArtifactsArgs),
    Apps(apps::AppsArgs),
    Open(open::OpenArgs),
    Orphans(orphans::OrphansArgs),
    State(state::StateArgs),
    Graph(graph::GraphArgs),
    Logs(logs::LogsArgs),
    Node(node::NodeArgs),
    Sim(sim::SimArgs),
    Completions(completions::CompletionsArgs),
}

async fn dispatch(global: &global::Global, verb: Verb) -> Result<ExitCode, CliError> {
    match verb {
        Verb::Init(args) => init::init(global, &args),
        Verb::Validate(args) => validate::validate(global, &args).await,
        Verb::Plan(args) => plan::plan(global, &args).await,
        Verb::Apply(args) => apply::apply(global, &args).await,
        Verb::Destroy(args) => destroy::destroy(global, &args).await,
        Verb::RotateNode(args) => rotate_node::rotate_node(global, &args).await,
        Verb::Status(args) => status::status(global, &args).await,
        Verb::Output(args) => output::output(global, &args).await,
        Verb::Versions(args) => versions::show(global, &args),
        Verb::Certs(args) => certs::certs(global, &args).await,
        Verb::KubeToken(args) => kube_token::kube_token(global, &args).await,
        Verb::Kubeconfig(args) => kubeconfig::kubeconfig(global, &args).await,
        Verb::Encryption(args) => encryption::encryption(global, &args).await,
        Verb::Etcd(args) => etcd::etcd(global, &args).await,
        Verb::Artifacts(args) => artifacts::artifacts(global, &args).await,
        Verb::Apps(args) => apps::apps(global, args).await,
        Verb::Open(args) => open::open(global, &args).await,
        Verb::Orphans(args) => orphans::orphans(global, &args).await,
        Verb::State(args) => state::state(global, &args).await,
        Verb::Graph(args) => graph::graph(global, &args).await,
        Verb::Logs(args) => logs::logs(global, &args).await,
        Verb::Node(args) => node::node(global, &args).await,
        Verb::Sim(args) => sim::sim(global, args).await,
        Verb::Completions(args) => completions::completions(&args),
    }
}

fn print_failure(failure: &CliError, json: bool) {
    if json {
        exactln!("{}", failure.to_json());
        return;
    }
    eprintln!("{}", failure.text());
    for hint in &failure.hints {
        eprintln!("  help: {hint}");
    }
}

/// Ends the run quietly when a reader has seen enough (`infra … | head`), as other tools do,
/// instead of with a panic's backtrace.
fn leave_when_nobody_reads() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let text = info.payload_as_str().unwrap_or_default();
        if text.starts_with("failed printing to std") && text.contains("Broken pipe") {
            std::process::exit(BROKEN_PIPE);
        }
        before(info);
    }));
}

/// As a shell reports the end by SIGPIPE.
const BROKEN_PIPE: i32 = 141;

/// Parses the command line, runs the verb, and returns the process's exit code.
pub fn main() -> ProcessExit {
    leave_when_nobody_reads();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            if !error.use_stderr() {
                let _ = error.print();
                return ProcessExit::from(ExitCode::Ok as u8);
            }
            // It could not be parsed, so the flag is looked for by hand.
            if std::env::args_os().any(|word| word == "--json") {
                let text = error.render().to_string();
                let text = text.trim_end().trim_start_matches("error: ");
                print_failure(&CliError::new(ExitCode::Usage, text), true);
            } else {
                let _ = error.print();
            }
            return ProcessExit::from(ExitCode::Usage as u8);
        }
    };
    let json = cli.global.json;
    let logging = match &cli.verb {
        Verb::Sim(args) if args.is_serving() => {
            crate::logs::start_sim();
            Ok(())
        }
        _ => crate::logs::start(cli.global.verbose, cli.global.log_file.as_deref()),
    };
    if let Err(error) = logging {
        print_failure(&CliError::new(ExitCode::Usage, error.to_string()), json);
        return ProcessExit::from(ExitCode::Usage as u8);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            print_failure(&CliError::local(error), json);
            return ProcessExit::from(ExitCode::Failed as u8);
        }
    };
    let code = match runtime.block_on(dispatch(&cli.global, cli.verb)) {
        Ok(code) => code,
        Err(failure) => {
            print_failure(&failure, json);
            failure.code
        }
    };
    let code = match crate::print::finish() {
        Some(error) if code == ExitCode::Ok => {
            eprintln!("error: can't write to standard output: {error}");
            ExitCode::Failed
        }
        _ => code,
    };
    // Calls that were left behind by a second Ctrl-C are not waited for.
    runtime.shutdown_background();
    ProcessExit::from(code as u8)
}
