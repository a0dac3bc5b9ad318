#![allow(dead_code)]
//! An S3 store on loopback, with or without TLS, and small helpers.

pub mod guard;
pub mod machine;
pub mod nodes;

use std::pin::Pin;
use std::sync::Arc;

use axum::http::Request;
use guard::{Guard, session_of};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use infra_object_store::{Bucket, ObjectStore};
use infra_provider_api::{BootPlatform, BucketAccess};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

pub const KEY: &str = "EXAMPLEKEYID";
pub const SECRET: &str = "example-secret-that-must-not-show";

/// A cloud whose machines get URLs that end.
pub const WITH_URLS: BootPlatform = BootPlatform {
    cloud: "DigitalOcean",
    user_data_max: 64 * 1024,
    bucket_access: BucketAccess::PresignedUrls,
};
/// A cloud whose machines sign their own requests.
pub const SIGNING: BootPlatform =
    BootPlatform { cloud: "AWS", user_data_max: 16 * 1024, bucket_access: BucketAccess::AsMachine };

/// A store in a folder; ends with the runtime.
pub struct Store {
    pub dir: tempfile::TempDir,
    pub url: String,
    pub ca_pem: Option<Vec<u8>>,
    /// Asked before each request.
    pub guard: Arc<Guard>,
}

impl Store {
    pub async fn start(tls: bool) -> Store {
        let dir = tempfile::tempdir().unwrap();
        let service = {
            let mut b = S3ServiceBuilder::new(s3s_fs::FileSystem::new(dir.path()).unwrap());
            b.set_auth(SimpleAuth::from_single(KEY, SECRET));
            b.build()
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let guard = Arc::new(Guard::default());
        let service = Guarded { guard: Arc::clone(&guard), store: service };
        let (acceptor, ca_pem) = if tls {
            let (acceptor, ca) = acceptor();
            (Some(acceptor), Some(ca))
        } else {
            (None, None)
        };
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (service, acceptor) = (service.clone(), acceptor.clone());
                tokio::spawn(async move {
                    let http = Builder::new(TokioExecutor::new());
                    match acceptor {
                        Some(a) => {
                            if let Ok(s) = a.accept(socket).await {
                                let _ = http.serve_connection(TokioIo::new(s), service).await;
                            }
                        }
                        None => {
                            let _ = http.serve_connection(TokioIo::new(socket), service).await;
                        }
                    }
                });
            }
        });
        let scheme = if tls { "https" } else { "http" };
        Store { dir, url: format!("{scheme}://127.0.0.1:{port}"), ca_pem, guard }
    }

    pub fn settings(&self) -> ObjectStore {
        ObjectStore {
            endpoint: Some(self.url.parse().unwrap()),
            region: "us-east-1".into(),
            access_key: KEY.into(),
            secret: SECRET.into(),
            session_token: None,
            chain: None,
            ca_pem: self.ca_pem.clone(),
            path_style: true,
            owner: None,
        }
    }

    pub async fn bucket(&self, name: &str) -> Bucket {
        let bucket = self.settings().bucket(name).unwrap();
        bucket.create().await.unwrap();
        bucket
    }
}

/// A store behind its guard.
#[derive(Clone)]
struct Guarded {
    guard: Arc<Guard>,
    store: S3Service,
}

impl Service<Request<Incoming>> for Guarded {
    type Response = s3s::HttpResponse;
    type Error = s3s::HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let Guarded { guard, store } = self.clone();
        Box::pin(async move {
            match guard.pass(request).await {
                Ok(request) => store.call(request.map(s3s::Body::from)).await,
                Err(answer) => Ok(answer.map(s3s::Body::from)),
            }
        })
    }
}

fn acceptor() -> (TlsAcceptor, Vec<u8>) {
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let mut ca = rcgen::CertificateParams::new(vec![]).unwrap();
    ca.distinguished_name.push(rcgen::DnType::CommonName, "store authority");
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_cert = ca.self_signed(&ca_key).unwrap();
    let issuer = rcgen::Issuer::new(ca, ca_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(vec!["127.0.0.1".into(), "localhost".into()]).unwrap();
    let cert = leaf.signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.serialize_der().try_into().unwrap())
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), ca_cert.pem().into_bytes())
}

/// Serves the files of a folder over HTTP, one answer per connection; returns its base URL.
pub async fn file_server(folder: std::path::PathBuf) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let folder = folder.clone();
            tokio::spawn(async move {
                let mut head = Vec::new();
                let mut buffer = [0u8; 1024];
                while !head.windows(4).any(|w| w == b"\r\n\r\n") {
                    match socket.read(&mut buffer).await {
                        Ok(n) if n > 0 => head.extend_from_slice(&buffer[..n]),
                        _ => return,
                    }
                }
                let text = String::from_utf8_lossy(&head).into_owned();
                let path =
                    text.split(' ').nth(1).unwrap_or("/").trim_start_matches('/').to_string();
                let (status, body) = match std::fs::read(folder.join(path)) {
                    Ok(body) => ("200 OK", body),
                    Err(_) => ("404 Not Found", Vec::new()),
                };
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _ = socket.write_all(head.as_bytes()).await;
                let _ = socket.write_all(&body).await;
                let _ = socket.shutdown().await;
            });
        }
    });
    format!("http://127.0.0.1:{port}")
}

/// EC2's metadata service, version 2 only, of a machine with the store's key as its profile.
pub async fn imds(facts: &[(&str, &str)]) -> String {
    use axum::{
        Router,
        extract::Path,
        http::{HeaderMap, StatusCode},
        routing::{get, put},
    };
    let id = facts.iter().find(|(name, _)| *name == "instance-id").map_or("i-0", |(_, id)| id);
    let token = session_of(id);
    let credentials =
        format!(r#"{{"AccessKeyId":"{KEY}","SecretAccessKey":"{SECRET}","Token":"{token}"}}"#);
    let identity = format!(
        r#"{{"accountId":"123456789012","region":"eu-central-1","instanceId":"{id}","version":"2017-09-30"}}"#
    );
    let known = [
        ("local-ipv4", "10.10.0.7"),
        ("placement/availability-zone", "eu-central-1a"),
        ("services/partition", "aws"),
        ("instance-identity/document", &identity),
        ("iam/security-credentials/", "role-of-nodes"),
        ("iam/security-credentials/role-of-nodes", &credentials),
    ];
    let known: std::collections::HashMap<String, String> = known
        .iter()
        .chain(facts)
        .map(|(path, value)| ((*path).to_owned(), (*value).to_owned()))
        .collect();
    let answer = move |Path(path): Path<String>, headers: HeaderMap| {
        let token = headers.get("x-aws-ec2-metadata-token").is_some_and(|token| token == "t0ken");
        let said = known.get(&path).cloned();
        async move {
            match said {
                _ if !token => (StatusCode::UNAUTHORIZED, String::new()),
                Some(said) => (StatusCode::OK, said),
                None => (StatusCode::NOT_FOUND, String::new()),
            }
        }
    };
    let app = Router::new()
        .route("/latest/api/token", put(|| async { "t0ken" }))
        .route("/latest/meta-data/{*path}", get(answer.clone()))
        .route("/latest/dynamic/{*path}", get(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

/// Looks for a program; says loudly that a check is skipped when there is none.
pub fn program(name: &str, what: &str) -> bool {
    let found = std::process::Command::new(name).arg("--version").output().is_ok();
    if !found {
        eprintln!("SKIPPED: there is no `{name}` in PATH; not checked: {what}");
    }
    found
}
