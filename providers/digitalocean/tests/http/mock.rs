//! A server that answers as a test tells it to, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{Method, Uri},
    response::Response,
};
use infra_digitalocean::{Connection, DigitalOcean, Scope};
use infra_provider_api::{
    Address, BootingMachine, Context, CreateRequest, Kind, MachineBoot, NoProgress, Owner,
    Progress, Provider,
};
use secrecy::SecretString;
use serde_json::Value;
use tokio::net::TcpListener;
use uuid::Uuid;

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: Method,
    pub uri: Uri,
    pub body: Value,
}

impl Asked {
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    pub fn query(&self, name: &str) -> Option<String> {
        let query = self.uri.query()?;
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.into_owned().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub fn page(&self) -> usize {
        self.query("page").map_or(1, |page| page.parse().unwrap())
    }
}

type Handler = Arc<dyn Fn(&Asked, usize) -> Response + Send + Sync>;

#[derive(Clone)]
struct Script {
    handler: Handler,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// A running server.
pub struct Mock {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

async fn answer(State(script): State<Script>, method: Method, uri: Uri, body: Bytes) -> Response {
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let asked = Asked { method, uri, body };
    let number = {
        let mut all = script.asked.lock().unwrap();
        all.push(asked.clone());
        all.len()
    };
    (script.handler)(&asked, number)
}

impl Mock {
    /// `handler` gets each request and its number, from 1.
    pub async fn start(
        handler: impl Fn(&Asked, usize) -> Response + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let script = Script { handler: Arc::new(handler), asked: Arc::clone(&asked) };
        let router = Router::new().fallback(answer).with_state(script);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, asked }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub fn provider(&self) -> DigitalOcean {
        provider(&self.url)
    }

    /// The same for a cluster of so many machines.
    pub fn provider_of(&self, machines: usize) -> DigitalOcean {
        with_scope(&self.url, machines)
    }
}

pub fn provider(url: &str) -> DigitalOcean {
    with_scope(url, 0)
}

fn with_scope(url: &str, machines: usize) -> DigitalOcean {
    let connection = Connection::from_env(|name| match name {
        "DIGITALOCEAN_ACCESS_TOKEN" => Some("dop_v1_secret".to_owned()),
        "DIGITALOCEAN_API_URL" => Some(url.to_owned()),
        _ => None,
    });
    let scope = Scope { region: "fra1".to_owned(), machines, ..Scope::default() };
    DigitalOcean::new(connection.unwrap(), scope).unwrap()
}

pub fn kind(provider: &DigitalOcean, name: &str) -> Arc<dyn Kind> {
    provider.kinds().into_iter().find(|kind| kind.name() == name).unwrap()
}

pub fn owner() -> Owner {
    Owner { cluster: "shop".to_owned(), uuid: Uuid::from_u128(0x1234_5678 << 96) }
}

/// Keeps what is reported to the user while waiting.
#[derive(Default)]
pub struct Told(pub Mutex<Vec<String>>);

impl Progress for Told {
    fn waiting(&self, _: Option<&Address>, reason: &str) {
        self.0.lock().unwrap().push(reason.to_owned());
    }
    fn bytes(&self, _: Option<&Address>, _: u64, _: u64) {}
}

/// Gives each node a user-data of its own.
pub struct Boot;

#[async_trait]
impl MachineBoot for Boot {
    async fn user_data(
        &self,
        machines: &[BootingMachine<'_>],
        _limit_bytes: usize,
    ) -> Result<SecretString, infra_provider_api::CloudError> {
        let nodes: Vec<&str> = machines.iter().map(|machine| machine.node).collect();
        Ok(SecretString::from(format!("#cloud-config\n# {}\n", nodes.join(" "))))
    }
}

pub fn context(progress: Option<Arc<Told>>) -> Context {
    let progress: Arc<dyn Progress> = match progress {
        Some(told) => told,
        None => Arc::new(NoProgress),
    };
    Context { progress, ..Context::quiet(owner()) }
}

pub fn request(address: &str, spec: Value) -> CreateRequest {
    let address: Address = address.parse().unwrap();
    let intent_key = owner().intent_key(&address, 1);
    CreateRequest { address, spec, intent_key }
}
