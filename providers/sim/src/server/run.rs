//! Starting and stopping an embedded cloud.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use infra_sim_kube::Clock;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::connections::{serve_http, serve_plain_http};
use super::identity::Identity;
use super::ports::listen;
use super::tls::Authority;
use crate::api::{self, Api};
use crate::balancer;
use crate::control_api;
use crate::endpoint::Endpoint;
use crate::error::SimError;
use crate::faults::FaultTable;
use crate::gcp::{self, Gcp};
use crate::limits::LimitTable;
use crate::machines;
use crate::net::Net;
use crate::options::ServeOptions;
use crate::s3;
use crate::settings::SettingsTable;
use crate::sim::{Sim, SimParts};
use crate::world::{Droplet, DropletStatus, World};

/// Runs an embedded cloud until `shutdown` is cancelled, or until its control API is asked to stop it.
///
/// # Errors
/// Returns an error if the data folder can't be used, is served already, or nothing can be listened
/// on.
pub async fn serve(options: ServeOptions, shutdown: CancellationToken) -> Result<(), SimError> {
    let data = prepare(&options.data)?;
    let _lock = lock(&data).await?;
    let mut identity = Identity::open(&data, options.seed)?;
    let authority = Authority::open(&data)?;
    let tls = authority.server_config()?;
    let world = Arc::new(World::open(&data, identity.seed)?);
    let (api_listener, api_port) = listen(identity.api_port)?;
    let (s3_listener, s3_port) = listen(identity.s3_port)?;
    let (gcp_listener, gcp_port) = listen(identity.gcp.port)?;
    let ports = (Some(api_port), Some(s3_port), Some(gcp_port));
    if (identity.api_port, identity.s3_port, identity.gcp.port) != ports {
        (identity.api_port, identity.s3_port, identity.gcp.port) = ports;
        identity.save(&data)?;
    }
    let block = world.write(|w| w.claim_block());
    if block.is_none() {
        tracing::warn!("another embedded cloud uses this one's block of addresses");
    }
    let endpoint = endpoint(&identity, &authority, &world, api_port, s3_port);
    let sim = Sim::new(SimParts {
        exe: options.exe,
        seed: identity.seed,
        net: Net::default(),
        clock: Arc::new(Clock::new(options.speed)),
        faults: Arc::new(FaultTable::open(&data)?),
        limits: Arc::new(LimitTable::open(&data)?),
        settings: Arc::new(SettingsTable::open(&data)?),
        endpoint,
        gcp: identity.gcp,
        stop: shutdown.child_token(),
        world,
        data,
    });
    let result =
        run(&sim, Listeners { api: api_listener, s3: s3_listener, gcp: gcp_listener }, tls).await;
    sim.stop.cancel();
    remove_endpoint(&sim);
    result
}

struct Listeners {
    api: TcpListener,
    s3: TcpListener,
    gcp: TcpListener,
}

async fn run(
    sim: &Arc<Sim>,
    listeners: Listeners,
    tls: Arc<rustls::ServerConfig>,
) -> Result<(), SimError> {
    let api = Api::new(sim.clone());
    let balancers = balancer::Balancers::start(sim.clone());
    let machines = machines::open(sim.clone()).await?;
    sim.set_machines(machines.clone());
    let router = api::router(api.clone())
        .merge(control_api::router(api.clone(), balancers))
        .nest("/sim/machines", machines::routes(sim.clone()));
    let stop = sim.stop.clone();
    let google = Gcp::new(api.clone());
    google.gke.start();
    let gcp = gcp::http::router(google, gcp::routes());
    let s3 = s3::router(&api);
    let api_server = tokio::spawn(serve_http(listeners.api, tls.clone(), router, stop.clone()));
    let s3_server = tokio::spawn(serve_http(listeners.s3, tls, s3, stop.clone()));
    // Google's client takes no certificate authority of ours.
    let gcp_server = tokio::spawn(serve_plain_http(listeners.gcp, gcp, stop.clone()));
    let droplets = restore(sim);
    gcp::resume(sim);
    machines.restored(droplets).await;
    sim.endpoint.save(&sim.data)?;
    stop.cancelled().await;
    let _ = tokio::join!(api_server, s3_server, gcp_server);
    Ok(())
}

/// Makes the data folder; gives its absolute path.
fn prepare(data: &Path) -> Result<std::path::PathBuf, SimError> {
    crate::files::make_private(data)?;
    data.canonicalize().map_err(|e| SimError::io("open", data, e))
}

/// A predecessor that was just killed may need this long until the system has taken it down.
const LOCK_WAIT: Duration = Duration::from_secs(3);
const LOCK_POLL: Duration = Duration::from_millis(20);

/// Takes a lock that a killed process loses by itself.
async fn lock(data: &Path) -> Result<Flock<File>, SimError> {
    use std::os::unix::fs::OpenOptionsExt;
    let path = data.join("lock");
    let mut file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(|e| SimError::io("open", &path, e))?;
    let begun = Instant::now();
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(lock),
            Err((back, Errno::EWOULDBLOCK)) if begun.elapsed() < LOCK_WAIT => {
                file = back;
                tokio::time::sleep(LOCK_POLL).await;
            }
            Err((_, Errno::EWOULDBLOCK)) => {
                return Err(SimError::AlreadyServed {
                    data: data.to_owned(),
                    pid: Endpoint::load(data).ok().flatten().map_or(0, |e| e.pid),
                });
            }
            Err((_, other)) => return Err(SimError::io("lock", &path, other.into())),
        }
    }
}

fn endpoint(
    identity: &Identity,
    authority: &Authority,
    world: &World,
    api_port: u16,
    s3_port: u16,
) -> Endpoint {
    let key = world.write(|w| {
        api::ensure_defaults(w);
        api::first_spaces_key(w)
    });
    let api = format!("https://127.0.0.1:{api_port}");
    Endpoint {
        version: 1,
        pid: std::process::id(),
        digitalocean: api.clone(),
        s3: format!("https://127.0.0.1:{s3_port}"),
        control: api,
        ca_file: authority.ca_file.clone(),
        token: identity.token.clone(),
        cluster_token: identity.cluster_token.clone(),
        spaces_access_key_id: key.access_key.clone(),
        spaces_secret_access_key: key.secret_key.clone(),
        account: identity.account.clone(),
        gcp: identity.gcp.clone(),
    }
}

/// Puts what a predecessor left behind in order; gives the droplets.
fn restore(sim: &Sim) -> Vec<Droplet> {
    let droplets: Vec<Droplet> =
        sim.world.read(|w| w.droplets.iter().map(|d| Droplet::clone(d)).collect());
    for d in &droplets {
        let addresses: Vec<_> = d.public_ip.into_iter().chain([d.private_ip]).collect();
        sim.net.add_droplet(d.id, &addresses);
        // A power action that was cut off: its status was recorded first, so it is done.
        if d.locked && d.status != DropletStatus::New {
            sim.world.set_droplet_status(d.id, d.status);
        }
    }
    droplets
}

/// Removes the file, which must not point to a process that is gone. It stays if a successor has
/// written its own already.
fn remove_endpoint(sim: &Sim) {
    if let Ok(Some(e)) = Endpoint::load(&sim.data)
        && e.pid == sim.endpoint.pid
    {
        let _ = std::fs::remove_file(Endpoint::path(&sim.data));
    }
}
