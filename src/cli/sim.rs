//! `infra sim`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use infra_sim::{
    Fault, ServeOptions,
    control::{self, Control},
};
use tokio_util::sync::CancellationToken;

use super::{global::Global, sim_settings::SettingsArgs};
use crate::{
    session::{CliError, ExitCode, sim as session_sim},
    ui::table,
};

/// The embedded cloud: DigitalOcean's API, S3, machines and Kubernetes on this machine's loopback.
#[derive(Debug, Args)]
pub struct SimArgs {
    #[command(subcommand)]
    verb: SimVerb,
    /// Where it keeps everything.
    /// Default: .infra/sim beside infra.toml.
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl SimArgs {
    /// Returns true if this process becomes the embedded cloud.
    pub(super) fn is_serving(&self) -> bool {
        matches!(self.verb, SimVerb::Serve(_))
    }
}

#[derive(Debug, Args)]
struct ClockArgs {
    /// Drives ids, addresses and delays of a new embedded cloud.
    #[arg(long)]
    seed: Option<u64>,
    /// How much faster than real time its clock runs.
    #[arg(long, value_name = "FACTOR")]
    speed: Option<f64>,
}

#[derive(Debug, Args)]
struct ServeArgs {
    #[command(flatten)]
    clock: ClockArgs,
    #[command(flatten)]
    settings: SettingsArgs,
}

#[derive(Debug, Subcommand)]
enum SimVerb {
    /// Run it in the foreground.
    Serve(ServeArgs),
    /// Start it in the background, unless it runs; a running one takes over the settings.
    Start(ServeArgs),
    /// Stop it. Nothing is lost.
    Stop,
    /// Show its status
    Status,
    /// Print the environment variables with which other tools reach it.
    Env,
    /// Print everything that exists in it, as JSON.
    Inventory,
    /// Print how often each API call was made.
    Calls {
        /// Reset the counters afterwards
        #[arg(long)]
        reset: bool,
    },
    /// Show how it behaves, or change it: how machines boot, latency, the account's limits.
    Settings(Box<SettingsArgs>),
    /// Inject faults
    #[command(subcommand)]
    Fault(FaultVerb),
    /// What machines run in place of a host's tools. Not for people.
    #[command(hide = true)]
    StandIn {
        /// The tool.
        tool: String,
        /// Its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
enum FaultVerb {
    /// Add one.
    Add(Box<FaultArgs>),
    /// List those that are set, and how often each has struck.
    List,
    /// Take one away, or all.
    Clear {
        /// The fault's number.
        id: Option<u64>,
    },
}

#[derive(Debug, Args)]
struct FaultArgs {
    /// What happens: 403, 429, 500, 502, 503, slow, reset_before, reset_after, truncate, not_json,
    /// stale_list, shift_page, small_pages, kill_client_before, kill_client_after; of conditional
    /// writes to S3: conflict, ignores_conditions; of Google's APIs: missing_zones, service_disabled, operation_fails,
    /// not_yet; of machines: never_active, boot_fails, never_joins, dies, etcd_hangs; of GKE's groups
    /// of instances: stockout; of a GKE cluster: moves_master; of a pool, as CLUSTER/POOL:
    /// upgrades_pool, scales_up, scales_down.
    effect: String,
    /// The API it strikes: digitalocean, s3, kube, gcp, any.
    #[arg(long)]
    api: Option<String>,
    /// Only this method.
    #[arg(long)]
    method: Option<String>,
    /// Strike only paths that match (`*` any characters)
    #[arg(long)]
    path: Option<String>,
    /// Strike only machines with this name (`*` any characters)
    #[arg(long)]
    machine: Option<String>,
    /// Strike this many times; without it, every time
    #[arg(long)]
    count: Option<u32>,
    /// How many calls pass unharmed first.
    #[arg(long)]
    after: Option<u32>,
    /// Of the calls that follow, strike only each n-th.
    #[arg(long, value_name = "N")]
    every: Option<u32>,
    /// Only calls of this process.
    #[arg(long, value_name = "PID")]
    client_pid: Option<u32>,
    /// Seconds in the Retry-After header.
    #[arg(long)]
    retry_after_s: Option<u64>,
    /// Milliseconds that a slow answer takes longer.
    #[arg(long)]
    delay_ms: Option<u64>,
}

/// Runs the verb.
pub async fn sim(global: &Global, args: SimArgs) -> Result<ExitCode, CliError> {
    let data = args.data.unwrap_or_else(|| global.home(None).sim());
    match args.verb {
        SimVerb::Serve(args) => serve(data, &args).await?,
        SimVerb::Start(args) => {
            let clock = &args.clock;
            let endpoint = session_sim::start(&data, clock.speed, clock.seed).await?;
            let control = Control::to(endpoint.clone()).map_err(session_sim::failed)?;
            args.settings.apply(&control).await?;
            if global.json {
                exactln!(
                    "{}",
                    serde_json::json!({"pid": endpoint.pid, "digitalocean": endpoint.digitalocean})
                );
                return Ok(ExitCode::Ok);
            }
            println!(
                "The embedded cloud runs (process {}): {}",
                endpoint.pid, endpoint.digitalocean
            );
        }
        SimVerb::Stop => {
            let stopped = control::stop(&data).await.map_err(session_sim::failed)?;
            if global.json {
                exactln!("{}", serde_json::json!({"stopped": stopped}));
                return Ok(ExitCode::Ok);
            }
            println!("{}", if stopped { "Stopped." } else { "It does not run." });
        }
        SimVerb::Status => status(global, &open(&data)?).await?,
        SimVerb::Env => env(&open(&data)?),
        SimVerb::Inventory => {
            let all = open(&data)?.inventory().await.map_err(session_sim::failed)?;
            exactln!("{}", serde_json::to_string_pretty(&all).map_err(CliError::local)?);
        }
        SimVerb::Calls { reset } => {
            let calls = open(&data)?.stats(reset).await.map_err(session_sim::failed)?;
            if global.json {
                exactln!("{}", serde_json::to_string_pretty(&calls).map_err(CliError::local)?);
            } else {
                let rows =
                    calls.iter().map(|(call, n)| vec![call.clone(), n.to_string()]).collect();
                print!("{}", table(&["call", "times"], rows));
            }
        }
        SimVerb::Settings(args) => args.run(global, &open(&data)?).await?,
        SimVerb::Fault(verb) => fault(global, &open(&data)?, verb).await?,
        SimVerb::StandIn { tool, args } => {
            let code = tokio::task::spawn_blocking(move || infra_sim::stand_in::run(&tool, &args))
                .await
                .map_err(CliError::local)?;
            // The tool's own exit code is what the script that called it looks at.
            std::process::exit(code);
        }
    }
    Ok(ExitCode::Ok)
}

fn open(data: &std::path::Path) -> Result<Control, CliError> {
    Control::open(data).map_err(session_sim::failed)?.ok_or_else(|| {
        session_sim::failed(format!("none runs in {}", data.display()))
            .hint("`infra sim start` starts one")
    })
}

async fn serve(data: PathBuf, args: &ServeArgs) -> Result<(), CliError> {
    // Tokens, keys and what a cluster says lie in there, in files that many parts write.
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    args.settings.keep(&data)?;
    let clock = &args.clock;
    let options = ServeOptions {
        data,
        seed: clock.seed.unwrap_or(1),
        speed: clock.speed.unwrap_or(1.0),
        exe: std::env::current_exe().map_err(CliError::local)?,
    };
    let stop = CancellationToken::new();
    let on_signal = stop.clone();
    tokio::spawn(async move {
        if super::run::interrupted().await.is_ok() {
            on_signal.cancel();
        }
    });
    infra_sim::serve(options, stop).await.map_err(session_sim::failed)
}

async fn status(global: &Global, control: &Control) -> Result<(), CliError> {
    let status = control.status().await.map_err(session_sim::failed)?;
    if global.json {
        exactln!("{}", serde_json::to_string_pretty(&status).map_err(CliError::local)?);
        return Ok(());
    }
    println!(
        "process {}, up {} s, seed {}, speed {}",
        status.pid, status.uptime_s, status.seed, status.speed
    );
    println!("DigitalOcean    {}", status.digitalocean);
    println!("S3              {}", status.s3);
    for (kind, count) in &status.counts {
        println!("{kind:<16}{count}");
    }
    println!("faults          {}", status.faults);
    if !status.load_balancers.is_empty() {
        println!();
        let rows = status.load_balancers.iter().map(listener).collect();
        print!("{}", table(&["load balancer", "entry", "listens on", "machines"], rows));
    }
    Ok(())
}

/// Makes the line of a listener: where it listens and what it leads to.
fn listener(one: &infra_sim::balancer::ListenerStatus) -> Vec<String> {
    let on = match (&one.listens_on, &one.error) {
        (Some(on), _) => on.to_string(),
        (None, Some(error)) => format!("nothing: {error}"),
        (None, None) => "nothing yet".into(),
    };
    let machines: Vec<&str> = one.targets.iter().map(|target| target.name.as_str()).collect();
    vec![one.load_balancer.clone(), one.entry.to_string(), on, machines.join(", ")]
}

fn env(control: &Control) {
    let endpoint = control.endpoint();
    for (name, value) in endpoint.exports() {
        println!("export {name}={value}");
    }
    println!("export SSL_CERT_FILE={}", endpoint.ca_file.display());
}

async fn fault(global: &Global, control: &Control, verb: FaultVerb) -> Result<(), CliError> {
    match verb {
        FaultVerb::Add(args) => {
            let wanted = serde_json::json!({
                "effect": args.effect, "api": args.api, "method": args.method,
                "path_glob": args.path, "machine_glob": args.machine, "count": args.count,
                "after": args.after, "every": args.every, "client_pid": args.client_pid,
                "retry_after_s": args.retry_after_s, "delay_ms": args.delay_ms,
            });
            let fault: Fault = serde_json::from_value(wanted)
                .map_err(|error| CliError::new(ExitCode::Usage, error.to_string()))?;
            let set = control.set_fault(&fault).await.map_err(session_sim::failed)?;
            if global.json {
                exactln!("{}", serde_json::json!({"id": set.id}));
            } else {
                println!("fault {}", set.id.unwrap_or_default());
            }
        }
        FaultVerb::List => {
            let all = control.faults().await.map_err(session_sim::failed)?;
            if global.json {
                let all: Vec<_> = all
                    .iter()
                    .map(|set| serde_json::json!({"fault": set.fault, "struck": set.fired}))
                    .collect();
                exactln!("{}", serde_json::to_string_pretty(&all).map_err(CliError::local)?);
                return Ok(());
            }
            for set in all {
                let struck = set.fired;
                let text = serde_json::to_string(&set.fault).map_err(CliError::local)?;
                println!("{text}  struck {struck} times");
            }
        }
        FaultVerb::Clear { id: Some(id) } => {
            control.clear_fault(id).await.map_err(session_sim::failed)?;
        }
        FaultVerb::Clear { id: None } => {
            control.clear_faults().await.map_err(session_sim::failed)?;
        }
    }
    Ok(())
}
