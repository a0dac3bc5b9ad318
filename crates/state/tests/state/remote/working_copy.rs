//! The files of a state on one machine, with several runs in the same folder.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use age::secrecy::ExposeSecret;
use async_trait::async_trait;
use infra_state::{
    ClusterLayout, Persister, StateError, StateErrorKind,
    remote::{RemoteOptions, RemoteState, StateBucket, User},
    store::remote::Objects,
};
use secrecy::SecretString;
use tokio::sync::Notify;

use super::{
    bucket::Bucket,
    leases::{options, owner},
};

#[async_trait]
impl StateBucket for Bucket {
    fn url(&self) -> &str {
        "s3://bucket/lab"
    }

    fn objects(&self) -> Arc<dyn Objects> {
        Bucket::objects(self)
    }

    async fn check(&self) -> Result<(), StateError> {
        Ok(())
    }
}

/// Somebody who can't answer, and can be asked whether something was said.
#[derive(Default)]
struct Listener(Notify);

#[async_trait]
impl User for Listener {
    fn tell(&self, text: &str) {
        assert!(text.contains("another run on this machine"), "{text}");
        self.0.notify_one();
    }

    fn can_answer(&self) -> bool {
        false
    }

    async fn passphrase(&self, question: &'static str) -> Result<SecretString, StateError> {
        Err(StateError::new(StateErrorKind::Invalid, question))
    }
}

/// A folder with a cluster's files, and the bucket that they are a copy of.
struct Machine {
    folder: tempfile::TempDir,
    bucket: Bucket,
    options: RemoteOptions,
    user: Arc<Listener>,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = age::x25519::Identity::generate();
        let identity = folder.path().join("key");
        fs::write(&identity, key.to_string().expose_secret()).unwrap();
        let user = Arc::new(Listener::default());
        let options = RemoteOptions {
            recipients: vec![key.to_public().to_string()],
            identity: Some(identity),
            lease: Duration::from_secs(60),
            user: user.clone(),
        };
        Self { folder, bucket: Bucket::new(), options, user }
    }

    fn layout(&self) -> ClusterLayout {
        let folder = self.folder.path();
        ClusterLayout { state: folder.join(".infra/lab"), pki: folder.join("ssl/lab") }
    }

    fn pki(&self, file: &str) -> PathBuf {
        self.layout().pki.join(file)
    }

    fn make(&self, file: &str, content: &str) {
        infra_ssl::files::ensure_folder(&self.layout().pki).unwrap();
        infra_ssl::files::write_atomic(&self.pki(file), content.as_bytes(), 0o644).unwrap();
    }

    async fn open(&self) -> RemoteState {
        let bucket = Arc::new(self.bucket.clone());
        let layout = self.layout();
        RemoteState::open(bucket, &self.options, &layout, "lab", owner().uuid).await.unwrap()
    }

    /// Opens the state, and takes its lock as `apply` does.
    async fn run(&self) -> (RemoteState, infra_state::RemoteLock) {
        let run = self.open().await;
        let lock = run.lock(options("ada"), &|_| {}).await.unwrap();
        run.prepare().await.unwrap();
        run.refresh_all().await.unwrap();
        run.sign().await.unwrap();
        (run, lock)
    }
}

/// The names of the files that the state has.
fn kept(state: &RemoteState) -> Vec<String> {
    state.store.state().files.keys().cloned().collect()
}

#[tokio::test]
async fn one_that_only_looks_takes_nothing_from_one_that_works() {
    let machine = Machine::new();
    let (run, lock) = machine.run().await;
    machine.make("sa.pub", "first");
    run.persist().await.unwrap();
    // It has read the state, and does not know yet of what comes now.
    let looker = machine.open().await;
    assert_eq!(kept(&looker), ["pki/sa.pub"]);
    machine.make("ca.crt", "authority");
    machine.make("ca.key", "key");
    machine.make("sa.pub", "second");
    run.persist().await.unwrap();

    looker.refresh().await.unwrap();
    for (file, content) in [("ca.crt", "authority"), ("ca.key", "key"), ("sa.pub", "second")] {
        assert_eq!(fs::read_to_string(machine.pki(file)).unwrap(), content, "{file}");
    }
    // What it found did not confuse the other, either: nothing goes from the bucket.
    machine.make("admin.crt", "leaf");
    run.persist().await.unwrap();
    assert_eq!(kept(&run), ["pki/admin.crt", "pki/ca.crt", "pki/ca.key", "pki/sa.pub"]);
    lock.release().await;

    // Once it has read the state again, it is as good as any.
    let later = machine.open().await;
    fs::remove_file(machine.pki("ca.crt")).unwrap();
    later.refresh().await.unwrap();
    assert_eq!(fs::read_to_string(machine.pki("ca.crt")).unwrap(), "authority");
}

#[tokio::test]
async fn a_lost_file_stays_in_the_state_and_a_removed_one_goes() {
    let machine = Machine::new();
    let (run, lock) = machine.run().await;
    for file in ["ca.crt", "ca.key.new", "admin.crt", "admin.key"] {
        machine.make(file, file);
    }
    run.persist().await.unwrap();
    // The key gets its name at last; that is no loss.
    fs::rename(machine.pki("ca.key.new"), machine.pki("ca.key")).unwrap();
    fs::remove_file(machine.pki("ca.crt")).unwrap();
    fs::remove_file(machine.pki("admin.key")).unwrap();
    run.removed(&[machine.pki("admin.key"), machine.folder.path().join("elsewhere")]);
    run.persist().await.unwrap();
    assert_eq!(kept(&run), ["pki/admin.crt", "pki/ca.crt", "pki/ca.key"]);
    let objects = machine.bucket.keys("files/");
    assert_eq!(objects.len(), 3, "{objects:?}");
    lock.release().await;

    let (run, _lock) = machine.run().await;
    assert_eq!(fs::read_to_string(machine.pki("ca.crt")).unwrap(), "ca.crt");
    assert!(!machine.pki("admin.key").exists());
    // A file of that name that is made later is a new one.
    machine.make("admin.key", "next");
    run.persist().await.unwrap();
    assert_eq!(kept(&run).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn one_process_at_a_time_works_on_the_copy() {
    let machine = Machine::new();
    let (run, lock) = machine.run().await;
    machine.make("ca.crt", "authority");
    run.persist().await.unwrap();
    lock.release().await;
    let later = machine.open().await;
    fs::remove_file(machine.pki("ca.crt")).unwrap();
    // Another process has it: a file that is open twice is locked for the other.
    let path = machine.layout().state.join("working-copy.lock");
    let other = fs::File::options().write(true).open(path).unwrap();
    other.lock().unwrap();
    let waiting = tokio::spawn(async move { later.refresh().await });
    let told = tokio::time::timeout(Duration::from_secs(60), machine.user.0.notified());
    told.await.expect("it waits, and says so");
    assert!(!waiting.is_finished() && !machine.pki("ca.crt").exists());
    other.unlock().unwrap();
    waiting.await.unwrap().unwrap();
    assert!(machine.pki("ca.crt").exists());
}
