//! `infra etcd`

use clap::{Args, Subcommand};
use serde_json::json;

use super::{global::Global, rotate_node::require_cluster, run::Run};
use crate::{
    etcd::{EtcdAccess, MemberStatus},
    session::{CliError, ExitCode, Purpose, refuse_managed},
    ui::Style,
};

/// Look after etcd, which holds everything that the cluster knows
#[derive(Debug, Args)]
pub struct EtcdArgs {
    #[command(subcommand)]
    verb: EtcdVerb,
}

#[derive(Debug, Subcommand)]
enum EtcdVerb {
    /// List the members: who leads, who has a vote, versions, sizes, alarms, and how many losses etcd survives
    Status,
}

/// Runs the verb.
pub async fn etcd(global: &Global, args: &EtcdArgs) -> Result<ExitCode, CliError> {
    let EtcdVerb::Status = &args.verb;
    refuse_managed(&global.project()?, "etcd status")?;
    let run = Run::open(global, "etcd status").await?;
    let looked = run.observe(Purpose::Show).await?;
    require_cluster(&looked)?;
    let session = &run.session;
    let etcd = EtcdAccess::new(looked.kube.clone(), session.layout.pki.clone());
    let members = etcd.members().await?;
    let (statuses, alarms) = futures::try_join!(etcd.statuses(&members), etcd.alarms(&members))?;
    let outlook = session.outlook(&looked);
    if run.style == Style::Json {
        let value = json!({"members": statuses, "alarms": alarms, "quorum": outlook});
        exactln!("{}", serde_json::to_string_pretty(&value).map_err(CliError::local)?);
    } else {
        print!("{}", table(&statuses));
        println!("\nQuorum   {}", outlook.text());
        println!(
            "Alarms   {}",
            if alarms.is_empty() { "none".to_owned() } else { alarms.join(", ") }
        );
    }
    let is_well = alarms.is_empty() && statuses.iter().all(|one| one.silent.is_none());
    Ok(if is_well { ExitCode::Ok } else { ExitCode::Failed })
}

/// Writes the members as a table.
fn table(members: &[MemberStatus]) -> String {
    let rows: Vec<[String; 5]> = members
        .iter()
        .map(|one| {
            let role = match (one.leads, one.votes) {
                (true, _) => "leader",
                (false, true) => "voter",
                (false, false) => "learner",
            };
            let size = one.db_bytes.map(|bytes| indicatif::HumanBytes(bytes).to_string());
            let state = match &one.silent {
                Some(why) => format!("does not answer: {why}"),
                None => "answers".to_owned(),
            };
            let name = if one.name.is_empty() { "(not started)" } else { &one.name };
            [
                name.to_owned(),
                role.to_owned(),
                one.version.clone().unwrap_or_else(|| "-".to_owned()),
                size.unwrap_or_else(|| "-".to_owned()),
                state,
            ]
        })
        .collect();
    let head = ["MEMBER", "ROLE", "VERSION", "SIZE", "STATE"].map(str::to_owned);
    let all: Vec<&[String; 5]> = std::iter::once(&head).chain(&rows).collect();
    let width =
        |column: usize| all.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..4).map(width).collect();
    let mut text = String::new();
    for row in &all {
        for (column, width) in widths.iter().enumerate() {
            text.push_str(&format!("{:<width$}   ", row[column]));
        }
        text.push_str(&row[4]);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_shown_with_its_role_and_state() {
        let one = |name: &str, leads, votes, silent: Option<&str>| MemberStatus {
            name: name.to_owned(),
            id: "1f".to_owned(),
            leads,
            votes,
            version: silent.is_none().then(|| "3.6.8".to_owned()),
            db_bytes: silent.is_none().then_some(20_480),
            silent: silent.map(str::to_owned),
        };
        let all = [
            one("control-plane-1", true, true, None),
            one("control-plane-2", false, true, Some("connection refused")),
            one("", false, false, None),
        ];
        insta::assert_snapshot!(table(&all), @r"
        MEMBER            ROLE      VERSION   SIZE        STATE
        control-plane-1   leader    3.6.8     20.00 KiB   answers
        control-plane-2   voter     -         -           does not answer: connection refused
        (not started)     learner   3.6.8     20.00 KiB   answers
        ");
    }
}
