//! Fast machines: workers that boot without a process or a disk of their own, so that thousands fit
//! on one host.
//!
//! What others can see is as with a real boot: the bundle is fetched through its URL and its sum is
//! checked, the stages are reported through their URL, the bootstrap token and the authority's pin
//! must be good, the node registers. What nobody else can see is left out: bash, files, artifacts.

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use flate2::read::GzDecoder;
use http::{Method, StatusCode};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::disk::Disk;
use super::record::{BootState, MachineRecord};
use super::set::MachineSet;
use super::user_data::UserData;
use crate::clusters::ClusterRefusal;
use crate::control::send;
use crate::faults::Effect;
use crate::stand_in::kubeadm::{Worker, read_worker};
use crate::world::Droplet;

/// The stages of a worker's boot, as the boot script calls them.
const STAGES: [&str; 8] =
    ["metadata", "bundle", "host", "artifacts", "containerd", "kubeadm", "kubelet", "done"];
/// How often a machine that waits for its cluster tries again, on the embedded cloud's clock.
const AGAIN: Duration = Duration::from_secs(1);
const AGAIN_MIN: Duration = Duration::from_millis(50);
/// Thousands that wait ask less often, so that asking does not take the whole host.
const AGAIN_EACH: Duration = Duration::from_micros(200);
/// How often a request that got no answer is made again.
const TRIES: u32 = 5;
const TRY_PAUSE: Duration = Duration::from_millis(300);
const BUNDLE_MAX_BYTES: u64 = 8 << 20;

/// What the boot file of user-data says.
struct BootFile(HashMap<String, String>);

impl BootFile {
    /// Finds the boot file of a machine with this name; returns `None` if the user-data has none.
    fn find(user_data: &str, name: &str) -> Option<Self> {
        let UserData::Config(config) = UserData::parse(user_data).ok()? else {
            return None;
        };
        let own = format!("/etc/infra/boot.d/{name}.env");
        let file = config
            .write_files
            .iter()
            .find(|file| file.path == "/etc/infra/boot.env" || file.path == own)?;
        let pairs = file.content.lines().filter_map(|line| {
            let (key, value) = line.split_once('=')?;
            Some((key.to_owned(), value.trim_matches('\'').to_owned()))
        });
        Some(Self(pairs.collect()))
    }

    fn get(&self, key: &str) -> Result<&str, String> {
        self.0.get(key).map(String::as_str).ok_or_else(|| format!("the boot file has no {key}"))
    }
}

/// How a fast boot ended.
enum Ended {
    Done,
    /// At this stage, for this reason.
    Failed(&'static str, String),
    /// The machine went down.
    Killed,
}

impl MachineSet {
    /// Boots a worker without running anything. `false` when this is no worker whose user-data is
    /// understood: then the machine has to boot for real.
    pub(super) async fn boot_fast(
        &self,
        droplet: &Droplet,
        disk: &Disk,
        user_data: &str,
        stop: &CancellationToken,
    ) -> bool {
        let Some(boot) = BootFile::find(user_data, &droplet.name) else {
            return false;
        };
        let worker = {
            let Ok(_slot) = self.slots.acquire().await else {
                return true;
            };
            self.fetch_worker(&boot).await
        };
        let worker = match worker {
            Ok(Some(worker)) => Ok(worker),
            Ok(None) => return false,
            Err(reason) => Err(reason),
        };
        if let Err(e) = lay_out(disk) {
            tracing::warn!("{}: {e}", disk.folder.display());
        }
        let ended = match worker {
            Ok(_) if self.sim.faults.machine(&droplet.name, Effect::BootFails) => Ended::Failed(
                "containerd",
                "the container runtime does not start (a fault that was set)".to_owned(),
            ),
            Ok(worker) => {
                self.waiting.fetch_add(1, Ordering::Relaxed);
                let ended = self.join_fast(droplet, &boot, worker, stop).await;
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                ended
            }
            Err(reason) => Ended::Failed("bundle", reason),
        };
        let record = match ended {
            Ended::Killed => return true,
            Ended::Done => {
                self.report(&boot, "done", "done", "").await;
                MachineRecord::new(BootState::Done)
            }
            Ended::Failed(stage, reason) => {
                let message = format!("failed at {stage}: {reason}");
                self.report(&boot, stage, "failed", &message).await;
                disk.say(&message);
                let mut record = MachineRecord::new(BootState::Failed);
                record.exit_code = Some(1);
                record.tail = vec![message];
                record
            }
        };
        record.save(disk);
        true
    }

    /// Fetches the bundle and reads what it says of the worker; returns `None` for a control plane.
    async fn fetch_worker(&self, boot: &BootFile) -> Result<Option<Worker>, String> {
        let bundle = self.request(Method::GET, boot.get("BUNDLE_URL")?, None).await?;
        if hex::encode(Sha256::digest(&bundle)) != boot.get("BUNDLE_SHA256")? {
            return Err("checksum mismatch for bundle.tar.gz".to_owned());
        }
        let files = unpack(&bundle).map_err(|e| format!("cannot unpack the bundle: {e}"))?;
        let file =
            |name: &str| files.get(name).ok_or_else(|| format!("the bundle has no file {name}"));
        if file("node.env")?.lines().any(|line| line == "ROLE=control-plane") {
            return Ok(None);
        }
        read_worker(file("kubeadm.yaml")?).map(Some).map_err(|e| e.message)
    }

    async fn join_fast(
        &self,
        droplet: &Droplet,
        boot: &BootFile,
        worker: Worker,
        stop: &CancellationToken,
    ) -> Ended {
        let worker = Arc::new(worker);
        let mut said = false;
        let mut waited = Duration::ZERO;
        loop {
            match self.clusters.join_worker(droplet, &worker).await {
                Ok(()) => return Ended::Done,
                Err(ClusterRefusal::NotNow(_)) if waited < worker.patience => {}
                Err(refusal) => return Ended::Failed("kubeadm", refusal.to_string()),
            }
            if !said {
                self.report(boot, "kubeadm", "running", "").await;
                said = true;
            }
            let others = AGAIN_EACH * self.waiting.load(Ordering::Relaxed);
            let pause = self.sim.clock.scale(AGAIN).max(AGAIN_MIN).max(others);
            if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return Ended::Killed;
            }
            waited += AGAIN;
        }
    }

    /// Reports a stage and all before it. A boot never fails because this could not be sent.
    async fn report(&self, boot: &BootFile, stage: &'static str, state: &str, message: &str) {
        let now = jiff::Timestamp::now().to_string();
        let mut stages: Vec<_> = STAGES
            .iter()
            .take_while(|known| **known != stage)
            .map(|known| json!({"stage": known, "state": "done", "at": now}))
            .collect();
        stages.push(json!({"stage": stage, "state": state, "at": now}));
        let (Ok(url), Ok(node)) = (boot.get("STATUS_PUT_URL"), boot.get("NODE")) else {
            return;
        };
        let report = json!({
            "node": node, "stage": stage, "state": state, "message": message, "at": now,
            "stages": stages,
        });
        let sent = self.request(Method::PUT, url, Some(report.to_string().into_bytes())).await;
        if let Err(reason) = sent {
            tracing::warn!("the report of stage {stage} could not be sent: {reason}");
        }
    }

    /// Sends a request to the embedded S3, as curl does on a real machine: it tries again on a 503
    /// or without an answer.
    async fn request(
        &self,
        method: Method,
        url: &str,
        body: Option<Vec<u8>>,
    ) -> Result<Vec<u8>, String> {
        let url = Url::parse(url).map_err(|_| "a URL of the boot file is none".to_owned())?;
        let mut tried = 0;
        loop {
            tried += 1;
            match send(&self.s3_tls, method.clone(), &url, None, body.clone()).await {
                Ok((status, bytes)) if status.is_success() => return Ok(bytes.to_vec()),
                Ok((status, _)) if status != StatusCode::SERVICE_UNAVAILABLE || tried == TRIES => {
                    return Err(format!("HTTP {}", status.as_u16()));
                }
                Err(e) if tried == TRIES => return Err(e.to_string()),
                Ok(_) | Err(_) => tokio::time::sleep(TRY_PAUSE * tried).await,
            }
        }
    }
}

/// Marks the disk for the others: this machine has no processes, and its kubelet runs.
fn lay_out(disk: &Disk) -> std::io::Result<()> {
    let active = disk.root.join("run/systemd/active");
    std::fs::create_dir_all(&active)?;
    std::fs::write(disk.fast_marker(), "")?;
    std::fs::write(active.join("kubelet.service"), "")
}

/// Unpacks the text files of a `.tar.gz`, by path.
fn unpack(archive: &[u8]) -> std::io::Result<HashMap<String, String>> {
    let mut files = HashMap::new();
    let mut archive = tar::Archive::new(GzDecoder::new(archive).take(BUNDLE_MAX_BYTES));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.display().to_string();
        let mut text = String::new();
        if entry.read_to_string(&mut text).is_ok() {
            files.insert(path.trim_start_matches("./").to_owned(), text);
        }
    }
    Ok(files)
}
