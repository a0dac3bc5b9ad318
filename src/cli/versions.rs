//! `infra versions`

use clap::Args;
use infra_versions::{Component, Finding, Versions, minor_of, versions};
use jiff::{Zoned, civil::Date};
use serde_json::json;

use super::global::Global;
use crate::{
    clouds,
    session::{CliError, ExitCode},
    ui::table,
};

/// Show what is installed in which version, and how long its makers support it.
///
/// The Kubernetes version is that of infra.toml; without an infra.toml it is the newest one known. Needs
/// no cloud and no credentials.
#[derive(Debug, Args)]
pub struct VersionsArgs {
    /// Exit with 1 if something has ended, does not support the Kubernetes version, or was not looked at
    /// for half a year
    #[arg(long)]
    check: bool,
}

/// Runs the verb.
pub fn show(global: &Global, args: &VersionsArgs) -> Result<ExitCode, CliError> {
    let kubernetes = kubernetes(global)?;
    let minor = minor_of(&kubernetes).map_err(CliError::local)?;
    let today = Zoned::now().date();
    let mut fatal = 0;
    let mut rows = Vec::new();
    let mut documents = Vec::new();
    let mut unknown = Vec::new();
    for component in &components()? {
        let findings = component.findings(today, &minor);
        fatal += findings.iter().filter(|finding| is_counted(component, finding, &minor)).count();
        for finding in &findings {
            if let Finding::NoDigest { image } = finding {
                unknown.push(image.clone());
            }
        }
        rows.push(row(component, &findings, today));
        documents.push(json!({ "component": component, "findings": findings }));
    }
    if global.json {
        let document = json!({"kubernetes": kubernetes, "components": documents, "wrong": fatal});
        exactln!("{}", serde_json::to_string_pretty(&document).map_err(CliError::local)?);
    } else {
        println!("For Kubernetes {kubernetes}:");
        let headings = ["name", "version", "part of", "supported until", "looked at", "state"];
        print!("{}", table(&headings, rows));
        if !unknown.is_empty() {
            println!(
                "\nNo public source that could be read shows the digest of {}. Their tags alone are pinned: \
                 whoever can push to their registry can change what runs.",
                unknown.join(", ")
            );
        }
    }
    Ok(if args.check && fatal > 0 { ExitCode::Failed } else { ExitCode::Ok })
}

/// Lists what every cluster gets, then what each cloud of this build adds.
fn components() -> Result<Vec<Component>, CliError> {
    let mut all = versions().map_err(CliError::local)?.components.clone();
    for cloud in clouds::all() {
        let own = Versions::parse(cloud.manifests.versions).map_err(CliError::local)?;
        all.extend(own.components);
    }
    Ok(all)
}

/// Returns the version of infra.toml, or the newest one known where there is no file.
fn kubernetes(global: &Global) -> Result<String, CliError> {
    if global.file.exists() {
        return Ok(global.project()?.cluster.versions.kubernetes);
    }
    infra_provisioning::artifacts::default_version().map_err(CliError::local)
}

/// Returns true for a finding that matters to a cluster of that minor version: the end of another minor
/// version of Kubernetes does not.
fn is_counted(component: &Component, finding: &Finding, minor: &str) -> bool {
    let other = component.name.strip_prefix("kubernetes-").is_some_and(|one| one != minor);
    finding.is_fatal() && !other
}

fn row(component: &Component, findings: &[Finding], today: Date) -> Vec<String> {
    let until = match (component.end_of_life, &component.support) {
        (Some(end), _) => end.to_string(),
        (None, Some(rule)) => rule.clone(),
        (None, None) => "-".to_owned(),
    };
    let mut state: Vec<String> = Vec::new();
    for finding in findings {
        state.push(match finding {
            Finding::NoDigest { .. } => "DIGEST UNKNOWN".to_owned(),
            other => other.to_string(),
        });
    }
    state.dedup();
    if state.is_empty() {
        let days = component.end_of_life.and_then(|end| end.since(today).ok());
        state.push(
            days.map_or_else(|| "ok".to_owned(), |span| format!("ok, {} days", span.get_days())),
        );
    }
    vec![
        component.name.clone(),
        component.version.clone(),
        component.part_of.clone(),
        until,
        component.looked_at.to_string(),
        state.join("; "),
    ]
}
