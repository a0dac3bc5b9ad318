//! etcd's client port on a control plane: its JSON gateway, with TLS and a client's certificate of
//! etcd's own authority. It knows what concerns members; it holds no keys.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::member_rules::MemberRefusal;
use super::record::Member;
use super::running::Running;
use crate::machines::Disk;
use crate::server::serve_http;

/// etcd's client port.
pub const PORT: u16 = 2379;
/// etcd's version, as kubeadm installs it.
const VERSION: &str = "3.6.8";
/// How often it is looked whether a majority runs again.
const NO_MAJORITY_PAUSE: Duration = Duration::from_millis(200);

/// Opens the client port of a machine's etcd until `stop`.
///
/// # Errors
/// Returns an error if its certificates are not on the machine's disk, or no port is free.
pub async fn listen(
    running: &Arc<Running>,
    droplet: u64,
    stop: CancellationToken,
) -> Result<(), String> {
    let disk = Disk::new(&running.sim.data.join("machines"), droplet);
    let tls = tls(&disk.root.join("etc/kubernetes/pki/etcd"))?;
    let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))
        .await
        .map_err(|e| format!("etcd can't listen: {e}"))?;
    let socket = listener.local_addr().map_err(|e| e.to_string())?;
    running.sim.net.register(droplet, PORT, socket);
    let router = Router::new()
        .route("/v3/cluster/member/list", post(list))
        .route("/v3/cluster/member/remove", post(remove))
        .route("/v3/kv/range", post(range))
        .route("/v3/maintenance/alarm", post(alarms))
        .route("/v3/maintenance/status", post(status))
        .route("/v3/maintenance/transfer-leadership", post(transfer))
        .route("/health", get(health))
        .with_state((running.clone(), droplet))
        .layer(middleware::from_fn_with_state((running.clone(), droplet), if_it_may_answer));
    tokio::spawn(serve_http(listener, tls, router, stop));
    Ok(())
}

/// Sets TLS up as kubeadm does for etcd: a client without a certificate of etcd's authority gets no
/// answer.
fn tls(pki: &Path) -> Result<Arc<ServerConfig>, String> {
    let read = |name: &str| {
        let path = pki.join(name);
        std::fs::read(&path).map_err(|e| format!("etcd can't read {name}: {e}"))
    };
    let bad = |e: &dyn std::fmt::Display| format!("etcd's TLS: {e}");
    let certificates = |pem: &[u8]| {
        let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        all.map_err(|e| bad(&e))
    };
    let mut roots = RootCertStore::empty();
    for ca in certificates(&read("ca.crt")?)? {
        roots.add(ca).map_err(|e| bad(&e))?;
    }
    let chain = certificates(&read("server.crt")?)?;
    let key = PrivateKeyDer::from_pem_slice(&read("server.key")?).map_err(|e| bad(&e))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|e| bad(&e))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| bad(&e))?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .map_err(|e| bad(&e))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Answers with a refusal as the gateway does: gRPC's code, and the HTTP status that stands for it.
fn refused(refusal: MemberRefusal) -> Response {
    let (status, code) = refusal.code();
    let message = refusal.to_string();
    (status, Json(json!({"error": message, "code": code, "message": message}))).into_response()
}

/// Answers with the members as the gateway writes them: 64-bit numbers are texts, and it leaves out
/// what is false or empty.
fn told(members: &[Member]) -> Response {
    let one = |m: &Member| {
        let mut value =
            json!({"ID": m.id.to_string(), "peerURLs": [format!("https://{}:2380", m.address)]});
        if !m.name.is_empty() {
            value["name"] = json!(m.name);
            value["clientURLs"] = json!([format!("https://{}:{PORT}", m.address)]);
        }
        if m.learner {
            value["isLearner"] = json!(true);
        }
        value
    };
    let members: Vec<Value> = members.iter().map(one).collect();
    Json(json!({"header": {"raft_term": "2"}, "members": members})).into_response()
}

async fn list(State((running, _)): State<Asked>) -> Response {
    running.members().await.map_or_else(refused, |members| told(&members))
}

/// A 64-bit number: the gateway takes texts and numbers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Text(String),
    Number(u64),
}

impl Number {
    fn value(&self) -> u64 {
        match self {
            Self::Number(number) => *number,
            Self::Text(text) => text.parse().unwrap_or_default(),
        }
    }
}

/// The cluster, and the machine whose etcd is asked.
type Asked = (Arc<Running>, u64);

#[derive(Deserialize)]
struct Remove {
    #[serde(rename = "ID")]
    id: Number,
}

async fn remove(State((running, _)): State<Asked>, Json(body): Json<Remove>) -> Response {
    let id = body.id.value();
    loop {
        match running.remove_member(id).await {
            // It is agreed upon once there is a majority, if the client still waits.
            Err(MemberRefusal::NoAnswer) => {
                let pause = tokio::time::sleep(NO_MAJORITY_PAUSE);
                if running.stop.run_until_cancelled(pause).await.is_none() {
                    return refused(MemberRefusal::NoAnswer);
                }
            }
            result => return result.map_or_else(refused, |members| told(&members)),
        }
    }
}

/// Answers a linearizable read. It holds no keys, but without a majority not even that is known.
async fn range(State((running, _)): State<Asked>) -> Response {
    match running.members().await {
        Ok(_) => Json(json!({"header": {"raft_term": "2"}})).into_response(),
        Err(refusal) => refused(refusal),
    }
}

/// Tells of the member itself: who leads, as far as it knows.
async fn status(State((running, droplet)): State<Asked>) -> Response {
    let members = running.record().await.members;
    let own = members.iter().find(|member| member.droplet == droplet).map_or(0, |own| own.id);
    let mut answer = json!({
        "header": {"member_id": own.to_string(), "raft_term": "2"},
        "version": VERSION,
        "dbSize": "20480",
    });
    // What is zero is left out.
    if let Some(leader) = running.leader() {
        answer["leader"] = json!(leader.to_string());
    }
    Json(answer).into_response()
}

/// Nothing is wrong with a store that holds no keys.
async fn alarms(State((running, _)): State<Asked>) -> Response {
    match running.members().await {
        Ok(_) => Json(json!({"header": {"raft_term": "2"}})).into_response(),
        Err(refusal) => refused(refusal),
    }
}

#[derive(Deserialize)]
struct Transfer {
    #[serde(rename = "targetID")]
    target: Number,
}

async fn transfer(State((running, droplet)): State<Asked>, Json(body): Json<Transfer>) -> Response {
    let target = body.target.value();
    match running.transfer(droplet, target).await {
        Ok(()) => Json(json!({"header": {"raft_term": "3"}})).into_response(),
        Err(refusal) => refused(refusal),
    }
}

async fn if_it_may_answer(
    State((running, droplet)): State<Asked>,
    request: Request,
    next: Next,
) -> Response {
    running.until_etcd_answers(droplet).await;
    let path = request.uri().path();
    // What a member says of itself, a learner says, too.
    let is_for_all = !path.starts_with("/v3/") || path.ends_with("/status");
    if !is_for_all && running.is_learner(droplet).await {
        return refused(MemberRefusal::Learner);
    }
    next.run(request).await
}

async fn health(State((running, _)): State<Asked>) -> Response {
    match running.members().await {
        Ok(_) => Json(json!({"health": "true", "reason": ""})).into_response(),
        Err(_) => {
            let body = json!({"health": "false", "reason": "RAFT NO LEADER"});
            (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
        }
    }
}
