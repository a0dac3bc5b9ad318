//! `infra validate`

use clap::Args;

use super::global::Global;
use crate::{
    cluster::SuiteSeed,
    config,
    session::{CliError, ExitCode, check_site_certificates, known_version},
};

/// Check infra.toml and the manifests. Needs no cloud and no credentials.
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// Print the JSON Schema of infra.toml instead, for editors.
    #[arg(long)]
    schema: bool,
}

/// Runs the verb.
pub async fn validate(global: &Global, args: &ValidateArgs) -> Result<ExitCode, CliError> {
    if args.schema {
        exactln!("{}", serde_json::to_string_pretty(&config::schema()).map_err(CliError::local)?);
        return Ok(ExitCode::Ok);
    }
    let first = global.project()?;
    // Without --env every environment is checked: a broken one is better found now.
    let environments: Vec<Option<String>> = match (&global.env, first.environments.is_empty()) {
        (None, false) => first.environments.iter().cloned().map(Some).collect(),
        _ => vec![global.env.clone()],
    };
    let mut objects = Vec::new();
    for environment in environments {
        let options = config::Options { environment: environment.clone(), ..global.spec() };
        let project = config::load(&global.file, &options)?;
        known_version(&project, false)?;
        if let Some(SuiteSeed::Folder(mut source)) = crate::session::app_seed(&project) {
            source.exported_optional = true;
            let suite = crate::apps::Suite::load(&source)?;
            if project.apps.addons.ingress {
                crate::apps::check_classes(&suite, &project.apps.ingress.other_classes)?;
            }
            check_site_certificates(&project, Some(&suite))?;
            let rules = suite.unused_wait_rules().into_iter().map(ToOwned::to_owned).collect();
            let unused = suite.unused_variables().to_vec();
            for note in suite.notes().iter().filter(|_| !global.json) {
                eprintln!("note: {note}");
            }
            objects.push((environment, suite.objects().len(), unused, rules));
        } else {
            check_site_certificates(&project, None)?;
            objects.push((environment, 0, Vec::new(), Vec::<String>::new()));
        }
    }
    if global.json {
        exactln!("{}", serde_json::json!({"valid": true, "cluster": first.cluster.name}));
        return Ok(ExitCode::Ok);
    }
    println!(
        "{} is valid: cluster {}, {} nodes.",
        global.file.display(),
        first.cluster.name,
        first.cluster.nodes().len()
    );
    for (environment, count, unused, rules) in objects {
        let name = environment.as_deref().unwrap_or("(no environment)");
        println!("  {name}: {count} app objects");
        for variable in unused {
            // These two are given to every suite.
            if variable != "DOMAIN" && variable != "ENVIRONMENT" {
                println!("  {name}: the variable `{variable}` is given, but no manifest uses it");
            }
        }
        for kind in rules {
            println!("  {name}: [[apps.wait]] names {kind}, but the suite has no such object");
        }
    }
    Ok(ExitCode::Ok)
}
