//! `infra sim settings`, and the same options of `serve` and `start`.

use std::{path::Path, time::Duration};

use clap::{Args, ValueEnum};
use infra_sim::{MachineMode, Settings, control::Control, limits::Limits, settings::SettingsTable};

use super::global::Global;
use crate::session::{CliError, sim as session_sim};

/// How machines boot.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Machines {
    /// Real bash runs the boot script of each.
    Real,
    /// Workers report the same stages and join without running anything: for thousands of them.
    Fast,
}

/// What can be set; everything else stays.
#[derive(Debug, Args)]
pub struct SettingsArgs {
    /// How machines boot.
    #[arg(long, value_enum, value_name = "HOW")]
    machines: Option<Machines>,
    /// Seconds from a machine's creation until it is active.
    #[arg(long, value_name = "SECONDS")]
    boot_seconds: Option<f64>,
    /// How long each answer travels: `50ms`.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    latency: Option<Duration>,
    /// Requests that the account may make in a minute.
    #[arg(long, value_name = "N")]
    requests_minute: Option<u32>,
    /// Requests that the account may make in an hour.
    #[arg(long, value_name = "N")]
    requests_hour: Option<u32>,
    /// Droplets that the account may have.
    #[arg(long, value_name = "N")]
    droplets: Option<u32>,
}

impl SettingsArgs {
    fn behaviour(&self, mut now: Settings) -> Settings {
        if let Some(machines) = self.machines {
            now.machines = match machines {
                Machines::Real => MachineMode::Real,
                Machines::Fast => MachineMode::Fast,
            };
        }
        if let Some(seconds) = self.boot_seconds {
            let boot = Duration::try_from_secs_f64(seconds).unwrap_or_default();
            now.boot_ms = Some(whole_ms(boot));
        }
        if let Some(latency) = self.latency {
            now.latency_ms = whole_ms(latency);
        }
        now
    }

    fn limits(&self, mut now: Limits) -> Limits {
        now.requests_minute = self.requests_minute.unwrap_or(now.requests_minute);
        now.requests_hour = self.requests_hour.unwrap_or(now.requests_hour);
        now.droplets = self.droplets.unwrap_or(now.droplets);
        now
    }

    /// Tells a running embedded cloud.
    pub async fn apply(&self, control: &Control) -> Result<(), CliError> {
        let now = control.settings().await.map_err(session_sim::failed)?;
        let wanted = self.behaviour(now.clone());
        if wanted != now {
            control.set_settings(&wanted).await.map_err(session_sim::failed)?;
        }
        let now = control.limits().await.map_err(session_sim::failed)?;
        let wanted = self.limits(now.clone());
        if wanted != now {
            control.set_limits(&wanted).await.map_err(session_sim::failed)?;
        }
        Ok(())
    }

    /// Writes them into the data folder of one that is about to run.
    pub fn keep(&self, data: &Path) -> Result<(), CliError> {
        let settings = SettingsTable::open(data).map_err(session_sim::failed)?;
        let wanted = self.behaviour(settings.get());
        let limits = infra_sim::limits::LimitTable::open(data).map_err(session_sim::failed)?;
        let limited = self.limits(limits.get());
        if wanted != settings.get() || limited != limits.get() {
            std::fs::create_dir_all(data).map_err(session_sim::failed)?;
            settings.set(wanted).map_err(session_sim::failed)?;
            limits.set(limited).map_err(session_sim::failed)?;
        }
        Ok(())
    }

    /// Runs `infra sim settings`.
    pub async fn run(&self, global: &Global, control: &Control) -> Result<(), CliError> {
        self.apply(control).await?;
        let settings = control.settings().await.map_err(session_sim::failed)?;
        let limits = control.limits().await.map_err(session_sim::failed)?;
        if global.json {
            exactln!("{}", serde_json::json!({"settings": settings, "limits": limits}));
            return Ok(());
        }
        let machines = match settings.machines {
            MachineMode::Real => "real",
            MachineMode::Fast => "fast",
        };
        let boot = settings.boot_ms.map_or_else(
            || "0.3 to 1 s, by the seed".to_owned(),
            |ms| humantime::format_duration(Duration::from_millis(ms)).to_string(),
        );
        println!("machines        {machines}, active after {boot}");
        println!("latency         {}", humantime::format_duration(settings.latency()));
        println!(
            "requests        {} a minute, {} an hour",
            limits.requests_minute, limits.requests_hour
        );
        println!("droplets        {}", limits.droplets);
        Ok(())
    }
}

fn whole_ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
