//! Opening a run.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock, atomic::AtomicBool},
    time::Duration,
};

use infra_cloud::{CloudEnv, ConnectedCloud, Plane};
use infra_provider_api::{Account, Cluster, Context, Owner, Progress};
use infra_provisioning::artifacts::{self, Arch, Lock as ArtifactLock};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    artifact_lock,
    error::{CliError, ExitCode},
    served, sim,
    versions::{known_version, refuse},
};
use crate::{
    clouds,
    config::{self, Project},
    rotate::{DrainOptions, Generations},
    state::{
        ClusterLayout, Persister, Store,
        home::Home,
        remote::{RemoteState, refuse_working_copy},
        store::derived_uuid,
    },
    state_bucket::{self, Target},
};

/// What every verb takes.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// infra.toml.
    pub file: PathBuf,
    /// `--env`, `--provider`.
    pub spec: config::Options,
    /// `--sim`.
    pub sim: bool,
    /// `--sim-speed`.
    pub sim_speed: Option<f64>,
}

/// One run: the file, the cloud, the state.
pub struct Session {
    /// What the file says.
    pub project: Project,
    /// How it was read.
    pub(super) spec: config::Options,
    /// The cloud.
    pub cloud: ConnectedCloud,
    /// Whose account it is.
    pub account: Account,
    /// The cluster's identity.
    pub owner: Owner,
    /// Where its things are.
    pub layout: ClusterLayout,
    /// The state.
    pub store: Arc<Store>,
    /// Where it is in a bucket, if it is.
    pub remote: Option<Arc<RemoteState>>,
    /// What kinds get along with calls.
    pub cx: Context,
    /// First Ctrl-C.
    pub stop: CancellationToken,
    /// Cancelled when the lock is lost, once it was taken.
    pub(super) lock_lost: OnceLock<CancellationToken>,
    /// Whether this run brings the control planes to another version of Kubernetes.
    pub(super) upgrades: AtomicBool,
    /// Whether a rotation may delete pods that no controller makes again.
    pub may_delete_unmanaged: OnceLock<bool>,
    /// How nodes are drained.
    pub drain: OnceLock<DrainOptions>,
    /// Rotations that this run wants and has not written down.
    pub(super) rotations_wanted: Mutex<Option<Generations>>,
    /// Whether it is the embedded cloud.
    pub sim: bool,
    /// How much faster than real time the cloud's clock runs: 1 for every real one.
    pub speed: f64,
}

/// How long a cloud's lists may lag behind its creates and deletes.
const LAG_MAX: Duration = Duration::from_secs(20);

/// A cloud, connected, and what follows from whose it is.
pub struct Connected {
    /// Endpoints and credentials.
    pub cloud_env: CloudEnv,
    /// The cloud.
    pub cloud: ConnectedCloud,
    /// Whose account it is.
    pub account: Account,
    /// What kinds get along with calls.
    pub cx: Context,
    /// Where the cluster's things are on this machine.
    pub layout: ClusterLayout,
    /// The identity that the cluster has by default.
    pub uuid: Uuid,
}

impl Connected {
    /// Connects to the cloud of `project`.
    ///
    /// # Errors
    /// Returns an error if the embedded cloud does not start, if there are no credentials, or if
    /// the cloud does not answer.
    pub async fn to(
        project: &mut Project,
        options: &SessionOptions,
        progress: Arc<dyn Progress>,
    ) -> Result<Self, CliError> {
        if let Some(note) = project.home.check(&project.cluster.name)? {
            eprintln!("{note}");
        }
        let mut cloud_env = cloud_env(options, &project.home).await?;
        cloud_env.cluster_token.clone_from(&project.cluster_token);
        // Environments share cert-manager. Where they ask in different ways, the look says so.
        let acme = served::acme(project, &options.spec).ok().flatten();
        cloud_env.dns_token = acme.and_then(|acme| acme.token);
        let mut cloud = clouds::connect(&mut project.cluster, &cloud_env).await?;
        let cluster = project.cluster.name.clone();
        let mut cx = Context::quiet(Owner { cluster: cluster.clone(), uuid: Uuid::nil() });
        cx.progress = progress;
        let account = cloud.provider.account(&cx).await?;
        check_account(&project.cluster, &account)?;
        if let Plane::Own(plane) = &mut cloud.plane
            && plane.store_checks_owner
        {
            plane.object_store.owner = Some(account.id.clone());
        }
        let layout = ClusterLayout::of(&project.home, &cluster);
        let uuid = derived_uuid(cloud.provider.name(), &cloud.provider.realm(&account), &cluster);
        Ok(Self { cloud_env, cloud, account, cx, layout, uuid })
    }
}

/// Refuses credentials of another account than the one that the file names, if it names one.
fn check_account(cluster: &Cluster, account: &Account) -> Result<(), CliError> {
    let Some(wanted) = cluster.account.as_ref().filter(|wanted| **wanted != account.id) else {
        return Ok(());
    };
    let message = format!(
        "the credentials are of the account {} ({}), infra.toml wants {wanted}",
        account.id, account.name
    );
    let hint = format!(
        "choose other credentials, or change `account` under [providers.{}]",
        cluster.provider
    );
    Err(CliError::new(ExitCode::Credentials, message).hint(hint))
}

/// Returns endpoints and credentials: the environment's, or those of the embedded cloud, which is
/// started.
///
/// # Errors
/// Returns an error if the embedded cloud does not start.
pub(super) async fn cloud_env(options: &SessionOptions, home: &Home) -> Result<CloudEnv, CliError> {
    if !options.sim {
        return Ok(CloudEnv::default());
    }
    let endpoint = sim::start(&home.sim(), options.sim_speed, None).await?;
    let speed = sim::clock_speed(&endpoint).await?;
    sim::cloud_env(&endpoint, speed)
}

impl Session {
    /// Loads the file, connects, and opens the state.
    ///
    /// # Errors
    /// Returns an error if the file is invalid, the cloud cannot be reached or the state cannot be
    /// read. Nothing is changed.
    pub async fn open(
        options: &SessionOptions,
        progress: Arc<dyn Progress>,
    ) -> Result<Self, CliError> {
        let mut project = config::load(&options.file, &options.spec)?;
        let Connected { cloud_env, cloud, account, mut cx, layout, uuid } =
            Connected::to(&mut project, options, progress).await?;
        let cluster = &project.cluster.name;
        let remote = match &project.state {
            None => {
                refuse_working_copy(&layout)?;
                None
            }
            Some(plan) => {
                let target = Target::connect(plan, &project, &cloud_env).await?;
                if options.sim {
                    target.make().await?;
                }
                let remote = state_bucket::open(target, plan, &layout, cluster, uuid).await?;
                remote.refresh().await?;
                Some(Arc::new(remote))
            }
        };
        let store = match &remote {
            Some(remote) => Arc::clone(&remote.store),
            None => Arc::new(Store::open(&layout.state, cluster, uuid).await?),
        };
        let owner = store.owner().clone();
        if owner.uuid != uuid && options.sim {
            return Err(CliError::new(
                ExitCode::State,
                format!(
                    "{} is the state of a cluster elsewhere, not on this embedded cloud",
                    remote.as_ref().map_or_else(
                        || layout.state.display().to_string(),
                        |remote| remote.bucket.url().to_owned()
                    )
                ),
            )
            .hint("run --sim in a folder of its own, or without --sim for the real one"));
        }
        let speed = cloud_env.clock_speed.unwrap_or(1.0).max(1.0);
        cx.owner = owner.clone();
        let stop = CancellationToken::new();
        cx.wind_down = stop.clone();
        Ok(Self {
            project,
            spec: options.spec.clone(),
            cloud,
            account,
            owner,
            layout,
            store,
            remote,
            cx,
            stop,
            lock_lost: OnceLock::new(),
            upgrades: AtomicBool::new(false),
            may_delete_unmanaged: OnceLock::new(),
            drain: OnceLock::new(),
            rotations_wanted: Mutex::new(None),
            sim: options.sim,
            speed,
        })
    }

    /// Returns the files that nodes download: small stand-ins on the embedded cloud, otherwise what
    /// `infra artifacts fetch` has put into the cache.
    ///
    /// # Errors
    /// Returns an error if there are none yet, or if they are of another Kubernetes version.
    pub fn artifacts(&self) -> Result<(PathBuf, ArtifactLock), CliError> {
        let versions = &self.project.cluster.versions;
        let version = &versions.kubernetes;
        known_version(&self.project, self.sim)?;
        if self.sim {
            let folder = self.project.home.sim().join("artifacts").join(version);
            let lock =
                artifacts::stand_ins(&folder, version, Arch::Amd64).map_err(CliError::local)?;
            return Ok((folder, lock));
        }
        let folder = self.project.artifact_cache.clone();
        let lock = artifact_lock::read(&self.project).map_err(CliError::local)?.ok_or_else(|| {
            CliError::new(
                ExitCode::Failed,
                format!("there are no artifacts for the nodes in {}", folder.display()),
            )
            .hint("`infra artifacts fetch` downloads them, `infra artifacts fetch --from DIR` takes local files")
        })?;
        if lock.kubernetes != *version {
            return Err(refuse(
                versions.source.as_ref(),
                format!(
                    "the artifacts in {} are for Kubernetes {}, infra.toml asks for {version}",
                    folder.display(),
                    lock.kubernetes
                ),
                "run `infra artifacts fetch`".to_owned(),
            ));
        }
        Ok((folder, lock))
    }

    /// Returns how long a list may lag behind a create or a delete, on the cloud's clock.
    pub fn grace(&self) -> Duration {
        LAG_MAX.div_f64(self.speed)
    }

    /// Returns the keeper that is sent what is made on this machine, if there is one.
    pub(super) fn keeper(&self) -> Option<Arc<dyn Persister>> {
        self.remote.clone().map(|remote| remote as Arc<dyn Persister>)
    }

    /// Sends what is new on this machine (rotations) to where the state is. The lock must be held.
    ///
    /// # Errors
    /// Returns an error if it cannot be written.
    pub async fn keep(&self) -> Result<(), CliError> {
        match &self.remote {
            Some(remote) => Ok(remote.send().await?),
            None => Ok(()),
        }
    }

    /// Removes the record of finished rotations, here and where the state is. The lock must be held.
    ///
    /// # Errors
    /// Returns an error if it cannot be removed.
    pub async fn forget_rotations(&self) -> Result<(), CliError> {
        let rotations = self.layout.rotations();
        if rotations.exists() {
            std::fs::remove_file(&rotations).map_err(CliError::local)?;
        }
        if let Some(remote) = &self.remote {
            remote.removed(&[rotations]);
        }
        self.keep().await
    }

    /// Returns the first line of every run.
    pub fn banner(&self, verb: &str) -> String {
        let cluster = &self.project.cluster;
        let mut parts = vec![format!("infra {verb}"), format!("cluster {}", cluster.name)];
        if let Some(environment) = &cluster.environment {
            parts.push(format!("environment {environment}"));
        }
        let embedded = if self.sim { " (embedded cloud)" } else { "" };
        parts.push(format!("provider {}{embedded}", cluster.provider));
        parts.push(format!("region {}", cluster.region));
        parts.push(format!("account {}", self.account.name));
        parts.join(" · ")
    }
}
