//! `infra state list`, `infra state show`

use infra_provider_api::Address;

use super::{Global, unlock};
use crate::{
    session::{CliError, ExitCode, OpenState},
    ui::table,
};

pub(super) async fn list(global: &Global) -> Result<ExitCode, CliError> {
    let open = OpenState::open(&global.session()).await?;
    let record = open.store.as_ref().map(|store| store.state()).unwrap_or_default();
    if global.json {
        let text = serde_json::to_string_pretty(&*record).map_err(CliError::local)?;
        exactln!("{text}");
        return Ok(ExitCode::Ok);
    }
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
    if let Some(lease) = unlock::holder(&open).await? {
        let (since, id) = (super::time(lease.acquired_at), &lease.id);
        println!("locked by {} ({}) since {since}, lock {id}", lease.holder, lease.verb);
    }
    Ok(ExitCode::Ok)
}

pub(super) async fn show(global: &Global, address: &Address) -> Result<ExitCode, CliError> {
    let record = global.state().await?;
    let one = record.resources.get(address).ok_or_else(|| {
        CliError::local(format!("the state has no {address}"))
            .hint("`infra state list` lists what it has")
    })?;
    exactln!("{}", serde_json::to_string_pretty(one).map_err(CliError::local)?);
    Ok(ExitCode::Ok)
}
