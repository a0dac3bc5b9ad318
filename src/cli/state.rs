//! `infra state`

use clap::{Args, Subcommand};
use infra_provider_api::Address;

use super::global::Global;
use crate::{
    session::{ExitCode, Failure},
    ui::table,
};

/// Look at the record: what this tool made, as it last saw it.
#[derive(Debug, Args)]
pub struct StateArgs {
    #[command(subcommand)]
    verb: StateVerb,
}

#[derive(Debug, Subcommand)]
enum StateVerb {
    /// List everything that is recorded.
    List,
    /// Show one resource.
    Show {
        /// Its address.
        address: Address,
    },
}

/// Runs the verb.
pub async fn state(global: &Global, args: &StateArgs) -> Result<ExitCode, Failure> {
    let record = global.record().await?;
    match &args.verb {
        StateVerb::List if global.json => {
            let text = serde_json::to_string_pretty(&record).map_err(Failure::local)?;
            println!("{text}");
        }
        StateVerb::List => {
            let rows = record
                .resources
                .values()
                .map(|one| {
                    let ready = if one.ready { "ready" } else { "not ready" };
                    vec![one.address.to_string(), one.id.clone(), ready.to_owned()]
                })
                .collect();
            print!("{}", table(&["address", "id", "state"], rows));
            for (address, intent) in &record.intents {
                println!("open intent: {:?} {address} since {}", intent.action, intent.since);
            }
        }
        StateVerb::Show { address } => {
            let one = record.resources.get(address).ok_or_else(|| {
                Failure::local(format!("the record has no {address}"))
                    .hint("`infra state list` lists what it has")
            })?;
            println!("{}", serde_json::to_string_pretty(one).map_err(Failure::local)?);
        }
    }
    Ok(ExitCode::Ok)
}
