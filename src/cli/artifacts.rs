//! `infra artifacts`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use infra_provisioning::artifacts::{self, Arch, CacheState, Catalog, Lock, Mirrors, Progress};
use serde_json::json;

use super::{global::Global, run::Run};
use crate::{
    config::Project,
    session::{CliError, ExitCode, Purpose, artifact_lock, refuse_managed},
    ui::table,
    visible::one_line,
};

/// Manage the files that nodes download at boot
#[derive(Debug, Args)]
pub struct ArtifactsArgs {
    #[command(subcommand)]
    verb: ArtifactsVerb,
}

#[derive(Debug, Subcommand)]
enum ArtifactsVerb {
    /// List the files with versions and SHA-256.
    List,
    /// Download them from their official places into the local cache, or take local files.
    Fetch {
        /// Take files of the same names from this folder (with SHA256SUMS, if there is one).
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
        /// Accept files whose SHA-256 is not the one that this version of infra knows: builds of your own.
        #[arg(long)]
        allow_unknown_checksums: bool,
    },
    /// Check the local cache against the recorded SHA-256.
    Verify,
    /// Send what is absent to the cluster's bucket; a second time sends nothing.
    Sync,
}

struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let bar = ProgressBar::new(0);
        let template = "  {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {wide_msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self(bar)
    }
}

impl Progress for Bar {
    fn begin(&self, _files: usize, bytes: u64) {
        self.0.set_length(bytes);
    }

    fn moved(&self, file: &str, bytes: u64) {
        self.0.set_message(one_line(file).into_owned());
        self.0.inc(bytes);
    }

    fn skipped(&self, _file: &str, bytes: u64) {
        self.0.inc(bytes);
    }
}

/// Runs the verb.
pub async fn artifacts(global: &Global, args: &ArtifactsArgs) -> Result<ExitCode, CliError> {
    refuse_managed(&global.project()?, "artifacts")?;
    match &args.verb {
        ArtifactsVerb::List => list(global),
        ArtifactsVerb::Fetch { from, allow_unknown_checksums } => {
            fetch(global, from.as_ref(), *allow_unknown_checksums).await
        }
        ArtifactsVerb::Verify => verify(global),
        ArtifactsVerb::Sync => sync(global).await,
    }
}

fn catalog(project: &Project) -> Result<Catalog, CliError> {
    Catalog::new(&project.cluster.versions.kubernetes, Arch::Amd64, &Mirrors::default())
        .map_err(CliError::local)
}

fn lock(project: &Project) -> Result<Option<Lock>, CliError> {
    artifact_lock::read(project).map_err(CliError::local)
}

fn list(global: &Global) -> Result<ExitCode, CliError> {
    let project = global.project()?;
    let locked = lock(&project)?;
    let sha = |name: &str| {
        locked
            .iter()
            .flat_map(|lock| &lock.artifacts)
            .find(|one| one.name == name)
            .map_or_else(|| "(not fetched)".to_owned(), |one| one.sha256.clone())
    };
    let catalog = catalog(&project)?;
    let mut rows: Vec<Vec<String>> = catalog
        .files
        .iter()
        .map(|file| {
            let url = file.url.clone().unwrap_or_else(|| "(--from only)".into());
            vec![file.name.clone(), file.version.clone(), sha(&file.name), url]
        })
        .collect();
    for (image, tag) in catalog.images() {
        let tag = tag.unwrap_or_else(|| "(kubeadm's choice)".into());
        rows.push(vec![format!("image {image}"), tag, sha(&image), "(--from only)".into()]);
    }
    if global.json {
        let all: Vec<_> = rows
            .iter()
            .map(|row| json!({"name": row[0], "version": row[1], "sha256": row[2], "from": row[3]}))
            .collect();
        exactln!("{}", serde_json::to_string_pretty(&all).map_err(CliError::local)?);
        return Ok(ExitCode::Ok);
    }
    print!("{}", table(&["name", "version", "sha256", "from"], rows));
    Ok(ExitCode::Ok)
}

async fn fetch(
    global: &Global,
    from: Option<&PathBuf>,
    allow_unknown_checksums: bool,
) -> Result<ExitCode, CliError> {
    let project = global.project()?;
    let mut catalog = catalog(&project)?;
    if allow_unknown_checksums {
        catalog = catalog.without_known_sums();
    }
    let cache = &project.artifact_cache;
    let bar = Bar::new();
    let fetched = match from {
        Some(folder) => artifacts::take_from_folder(&catalog, folder, cache, &bar),
        None => artifacts::fetch(&catalog, cache, lock(&project)?.as_ref(), &bar).await,
    };
    bar.0.finish_and_clear();
    let fetched = fetched.map_err(|error| {
        CliError::local(error).hint("machines without internet: `infra artifacts fetch --from DIR`")
    })?;
    // Last: what is recorded is all there.
    let pinned = artifact_lock::path(&project);
    fetched.write(&pinned).map_err(CliError::local)?;
    let bytes: u64 = fetched.artifacts.iter().map(|one| one.size).sum();
    if global.json {
        exactln!(
            "{}",
            json!({"files": fetched.artifacts.len(), "bytes": bytes, "folder": cache,
                              "lock": pinned})
        );
        return Ok(ExitCode::Ok);
    }
    let count = super::run::plural(fetched.artifacts.len(), "file");
    println!(
        "{count}, {}, in {}. Their SHA-256 are pinned in {}; keep it with infra.toml.",
        HumanBytes(bytes),
        cache.display(),
        pinned.display()
    );
    Ok(ExitCode::Ok)
}

fn verify(global: &Global) -> Result<ExitCode, CliError> {
    let project = global.project()?;
    let lock = lock(&project)?.ok_or_else(|| {
        CliError::local(format!("nothing is fetched yet in {}", project.artifact_cache.display()))
            .hint("run `infra artifacts fetch`")
    })?;
    let all = artifacts::verify(&lock, &project.artifact_cache).map_err(CliError::local)?;
    let good = all.iter().all(|one| one.state == CacheState::Good);
    let rows: Vec<_> =
        all.into_iter().map(|one| vec![one.name, one.file, cache_state(&one.state)]).collect();
    if !global.json {
        print!("{}", table(&["name", "file", "state"], rows));
    } else if good {
        // Otherwise the failure is the one document that is printed.
        let all: Vec<_> = rows
            .iter()
            .map(|row| json!({"name": row[0], "file": row[1], "state": row[2]}))
            .collect();
        exactln!("{}", serde_json::to_string_pretty(&all).map_err(CliError::local)?);
    }
    if good {
        return Ok(ExitCode::Ok);
    }
    Err(CliError::local("some files are not what was fetched").hint("run `infra artifacts fetch`"))
}

fn cache_state(state: &CacheState) -> String {
    match state {
        CacheState::Good => "good".into(),
        CacheState::Missing => "missing".into(),
        CacheState::Mismatch { found } => format!("another file: {found}"),
    }
}

async fn sync(global: &Global) -> Result<ExitCode, CliError> {
    let run = Run::open(global, "artifacts sync").await?;
    let looked = run.session.observe(Purpose::Nodes).await?;
    let plane = run.session.own_plane("artifacts sync")?;
    if looked.observed.get(&plane.bucket).is_none() {
        return Err(CliError::local("the cluster has no bucket yet")
            .hint("`infra apply --phase infra` makes it, and syncs"));
    }
    let (cache, lock) = run.session.artifacts()?;
    let bar = Bar::new();
    let report = artifacts::sync(looked.own()?.kits.bucket(), &lock, &cache, &bar).await;
    bar.0.finish_and_clear();
    let report = report.map_err(CliError::local)?;
    if global.json {
        let value = json!({"sent_files": report.sent_files, "sent_bytes": report.sent_bytes,
                           "skipped_files": report.skipped_files,
                           "skipped_bytes": report.skipped_bytes});
        exactln!("{value}");
        return Ok(ExitCode::Ok);
    }
    println!(
        "Sent {} ({} bytes), {} were there already ({}).",
        super::run::plural(report.sent_files, "file"),
        report.sent_bytes,
        report.skipped_files,
        HumanBytes(report.skipped_bytes)
    );
    Ok(ExitCode::Ok)
}
