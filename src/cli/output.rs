//! `infra output`

use clap::Args;
use infra_provider_api::Address;
use serde_json::{Map, Value};

use super::global::Global;
use crate::session::{CliError, ExitCode};

/// Print resource outputs such as addresses and IDs
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// Only this one: ADDRESS, or ADDRESS FIELD for the bare value.
    address: Option<Address>,
    /// The field.
    field: Option<String>,
}

/// Runs the verb.
pub async fn output(global: &Global, args: &OutputArgs) -> Result<ExitCode, CliError> {
    let record = global.state().await?;
    let mut all = Map::new();
    for (address, resource) in &record.resources {
        if args.address.as_ref().is_none_or(|wanted| wanted == address) {
            let mut outputs = resource.outputs.fields();
            outputs.sort_keys();
            if !outputs.is_empty() {
                all.insert(address.to_string(), Value::Object(outputs));
            }
        }
    }
    if let (Some(address), Some(field)) = (&args.address, &args.field) {
        let value = all.get(&address.to_string()).and_then(|fields| fields.get(field));
        let value = value.ok_or_else(|| {
            CliError::local(format!("{address} has no output `{field}` in the state"))
                .hint(format!("`infra output {address}` lists what it has"))
        })?;
        println!("{}", value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        return Ok(ExitCode::Ok);
    }
    if let Some(address) = &args.address
        && all.is_empty()
    {
        return Err(CliError::local(format!("the state has no outputs of {address}")));
    }
    if global.json {
        exactln!("{}", serde_json::to_string_pretty(&all).map_err(CliError::local)?);
    } else {
        for (address, fields) in &all {
            for (field, value) in fields.as_object().into_iter().flatten() {
                println!("{address} {field} = {value}");
            }
        }
    }
    Ok(ExitCode::Ok)
}
