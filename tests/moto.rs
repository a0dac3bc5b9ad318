//! A record in the bucket of another maker's S3: `moto_server` (PyPI: moto[server]) on loopback.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::channel,
    time::Duration,
};

use infra::{
    config,
    state::{
        ClusterLayout, LockError, LockOptions, StateErrorKind, StoreError,
        journal::Entry,
        lock::remote::{LOCK, RemoteLock, SystemClock},
        remote::StateBucket,
        store::remote::{Only, probe},
    },
    state_bucket::{self, Target},
};
use infra_cloud::CloudEnv;
use infra_test_utils::ClusterToml;
use uuid::Uuid;

struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// `None`, and a loud word, where there is none.
    fn start() -> Option<Self> {
        let mut command = Command::new("moto_server");
        command.args(["-H", "127.0.0.1", "-p", "0"]);
        let Ok(mut child) = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn() else {
            eprintln!(
                "\n======== SKIPPED: no moto_server: the record is not tried on another maker's S3 ========\n"
            );
            return None;
        };
        let (sender, said) = channel();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let url =
                    line.split_whitespace().find(|word| word.starts_with("http://127.0.0.1:"));
                if let Some(url) = url {
                    let _ = sender.send(url.to_owned());
                }
            }
        });
        let url = said.recv_timeout(Duration::from_secs(120));
        let Ok(url) = url else {
            let _ = child.kill();
            panic!("moto_server never said where it listens");
        };
        Some(Self { child, url })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const KEY: &str = "-----BEGIN PRIVATE KEY-----\nnobody may read this\n";

#[tokio::test(flavor = "multi_thread")]
async fn the_record_works_on_another_makers_s3() {
    let Some(server) = Server::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let own = age::x25519::Identity::generate();
    let identity = folder.path().join("key.txt");
    std::fs::write(&identity, age::secrecy::ExposeSecret::expose_secret(&own.to_string())).unwrap();
    let file = folder.path().join("infra.toml");
    let state = format!(
        "\n[state]\nbackend = \"s3://team-state\"\nendpoint = \"{}\"\nrecipients = [\"{}\"]\nidentity = \"key.txt\"\n",
        server.url,
        own.to_public()
    );
    let cluster = ClusterToml::new("lab").without_workers().with(&state);
    std::fs::write(&file, cluster.to_string()).unwrap();
    let project = config::load(&file, &config::Options::default()).unwrap();
    let plan = project.state.clone().unwrap();
    let variables = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let cloud_env = CloudEnv {
        variables: BTreeMap::from(variables),
        only: false,
        ca_pem: None,
        clock_speed: None,
        cluster_token: None,
        dns_token: None,
    };
    let open = async |machine: &str| {
        let target = Target::connect(&plan, &project, &cloud_env).await.unwrap();
        let layout = ClusterLayout {
            state: folder.path().join(machine).join("record"),
            pki: folder.path().join(machine).join("pki"),
        };
        let opened = state_bucket::open(target, &plan, &layout, "lab", Uuid::from_u128(7)).await;
        (opened, layout)
    };
    let target = Target::connect(&plan, &project, &cloud_env).await.unwrap();
    assert_eq!(
        open("first").await.0.map(drop).unwrap_err().kind,
        StateErrorKind::Damaged,
        "no bucket"
    );
    target.make().await.unwrap();
    let objects = target.objects();
    probe(&*objects).await.unwrap();

    let (first, layout) = open("first").await;
    let first = first.unwrap();
    let lock = first.lock(LockOptions::new("apply"), &|_| {}).await.unwrap();
    first.prepare().await.unwrap();
    first.refresh_all().await.unwrap();
    first.sign().await.unwrap();
    std::fs::create_dir_all(&layout.pki).unwrap();
    std::fs::write(layout.pki.join("ca.key"), KEY).unwrap();
    first.send().await.unwrap();
    for run in 1..=60 {
        let entry = Entry::RunFinished { run, failed: 0 };
        first.store.append([entry]).await.unwrap();
    }
    assert!(first.store.compact_if_grown().await.unwrap());

    // A second one on another machine.
    let owner = first.store.owner().clone();
    let clock = std::sync::Arc::new(SystemClock::default());
    let options = LockOptions::new("apply");
    let refused = RemoteLock::acquire(first.objects(), clock, &owner, &options).await;
    assert!(matches!(refused, Err(LockError::Held { .. })));
    let (second, other) = open("second").await;
    let second = second.unwrap();
    assert_eq!(second.store.state(), first.store.state());
    second.refresh().await.unwrap();
    assert_eq!(std::fs::read_to_string(other.pki.join("ca.key")).unwrap(), KEY);
    for key in objects.list("").await.unwrap() {
        let object = objects.get(&key).await.unwrap().unwrap();
        assert!(object.age.unwrap() < Duration::from_secs(300), "{key}");
        assert!(!String::from_utf8_lossy(&object.bytes).contains("PRIVATE KEY"), "{key}");
    }

    // Its lease is taken away: it can write nothing more.
    let signed = first.objects();
    let object = signed.get(LOCK).await.unwrap().unwrap();
    let free = String::from_utf8(object.bytes).unwrap().replacen('{', "{\"released\":true,", 1);
    signed.put(LOCK, free.into_bytes(), Only::Unchanged(object.etag)).await.unwrap().unwrap();
    let taken = second.lock(LockOptions::new("apply"), &|_| {}).await.unwrap();
    let before = objects.list("").await.unwrap();
    let error = first.store.append([Entry::RunFinished { run: 61, failed: 0 }]).await.unwrap_err();
    assert!(matches!(error, StoreError::Fenced { .. }), "{error}");
    assert_eq!(objects.list("").await.unwrap(), before);
    second.store.append([Entry::RunFinished { run: 62, failed: 0 }]).await.unwrap();
    taken.release().await;
    drop(lock);
}
