//! `infra logs`

use clap::Args;
use infra_provider_api::Address;
use infra_provisioning::node::{StageState, read_boot_status, read_status};

use super::{global::Global, run::Run};
use crate::{
    cluster::report_of,
    session::{CliError, ExitCode, Purpose, refuse_managed},
    ui::table,
};

/// Show how far a machine's boot has come, stage by stage.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// The node.
    node: String,
}

/// Runs the verb.
pub async fn logs(global: &Global, args: &LogsArgs) -> Result<ExitCode, CliError> {
    refuse_managed(&global.project()?, "logs")?;
    let run = Run::open(global, "logs").await?;
    let looked = run.observe(Purpose::Show).await?;
    let name = super::node::known(&looked, &args.node)?;
    let bucket = looked.own()?.kits.bucket();
    let machine = looked.observed.get(&Address::new(run.session.cloud.plane.machine_kind(), &name));
    // The machine that is there: an earlier one of its name may have left a report, too.
    let report = machine.and_then(|one| report_of(&name, &one.outputs, one.intent_key.as_deref()));
    let status = match report {
        Some(report) => read_boot_status(bucket, &name, &report).await,
        None => read_status(bucket, &name).await,
    };
    let status = status.map_err(CliError::local)?;
    let Some(status) = status else {
        return Err(CliError::local(format!("{name} has not reported anything yet"))
            .hint("`infra status` shows whether its machine runs"));
    };
    if global.json {
        exactln!("{}", serde_json::to_string_pretty(&status).map_err(CliError::local)?);
    } else {
        let rows = status
            .stages
            .iter()
            .map(|stage| {
                vec![
                    stage.stage.clone(),
                    format!("{:?}", stage.state).to_lowercase(),
                    stage.at.clone(),
                ]
            })
            .collect();
        print!("{}", table(&["stage", "state", "at"], rows));
        if status.state == StageState::Failed {
            println!("\n{name}: {}", status.reason());
        }
    }
    Ok(if status.is_failed() { ExitCode::Failed } else { ExitCode::Ok })
}
