//! A client that asks again and again, each time over a new connection, and counts what fails.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use serde_json::Value;

use crate::lab::Lab;

/// The pause between two questions.
const PAUSE: Duration = Duration::from_millis(20);
/// No answer may take longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A client that asks until it is told to stop.
pub struct Prober {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    failed: Arc<Mutex<Vec<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl Prober {
    /// Asks the API server of the cluster `cluster`, as its administrator.
    pub fn of_api_server(lab: &Lab, cluster: &str) -> Self {
        // The load balancer of these clusters listens there.
        let url = format!("https://{}:6443/api/v1/namespaces/default", status(lab, "api_address"));
        let folder = lab.file("ssl").join(cluster);
        let read = |name: &str| std::fs::read(Path::new(&folder).join(name)).unwrap();
        let ca = reqwest::Certificate::from_pem(&read("ca.crt")).unwrap();
        let identity = [read("admin.crt"), read("admin.key")].concat();
        let identity = reqwest::Identity::from_pem(&identity).unwrap();
        Self::start(reqwest::Client::builder().tls_certs_only([ca]).identity(identity), url, None)
    }

    /// Asks for the start page of `host` through the ingress.
    pub fn of_site(lab: &Lab, host: &str) -> Self {
        let url = format!("http://{}/", status(lab, "ingress_address"));
        Self::start(reqwest::Client::builder(), url, Some(host.to_owned()))
    }

    fn start(client: reqwest::ClientBuilder, url: String, host: Option<String>) -> Self {
        // Each question finds its own way through the load balancer.
        let client = client.pool_max_idle_per_host(0).no_proxy().timeout(PATIENCE).build().unwrap();
        let (stop, asked, failed) = (Arc::default(), Arc::default(), Arc::default());
        let prober = Self { stop, asked, failed, thread: None };
        let (stop, asked, failed) =
            (Arc::clone(&prober.stop), Arc::clone(&prober.asked), Arc::clone(&prober.failed));
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            while !stop.load(Ordering::Relaxed) {
                let said = runtime.block_on(async {
                    let mut request = client.get(&url);
                    if let Some(host) = &host {
                        request = request.header("host", host);
                    }
                    request.send().await.and_then(reqwest::Response::error_for_status)
                });
                asked.fetch_add(1, Ordering::Relaxed);
                if let Err(error) = said {
                    failed.lock().unwrap().push(format!("{error:?}"));
                }
                std::thread::sleep(PAUSE);
            }
        });
        Self { thread: Some(thread), ..prober }
    }

    /// Stops, and panics unless every question was answered.
    #[track_caller]
    pub fn assert_none_failed(self) {
        let (asked, failed) = self.stop();
        assert!(asked > 50, "{asked}");
        assert_eq!(failed, Vec::<String>::new(), "of {asked}");
    }

    /// Stops, and returns how many questions there were, and what failed.
    fn stop(mut self) -> (usize, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
        let failed = self.failed.lock().unwrap().clone();
        (self.asked.load(Ordering::Relaxed), failed)
    }
}

fn status(lab: &Lab, field: &str) -> String {
    let status: Value = serde_json::from_str(&lab.run(&["status", "--json"]).ok().stdout).unwrap();
    status[field].as_str().unwrap().to_owned()
}
