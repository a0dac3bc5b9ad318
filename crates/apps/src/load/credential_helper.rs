//! docker's credential helpers: `docker-credential-NAME get`, the registry on standard input.

use std::{
    io::{Read, Write},
    process::{Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

/// The longest a helper may take; some ask a service.
const HELPER_MAX: Duration = Duration::from_secs(30);
/// What a helper gives as the name when the secret is an identity token.
const TOKEN_USER: &str = "<token>";

/// What came of asking a helper.
#[derive(Debug)]
pub(super) enum Asked {
    /// The entry for `auths`.
    Credentials(Value),
    /// There is no such program.
    Missing,
    /// It failed, and said this.
    Failed(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// Asks `docker-credential-<helper>` for the credentials of `registry`.
pub(super) fn ask(helper: &str, registry: &str) -> Asked {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !helper.chars().all(is_name) {
        return Asked::Failed("its name is not that of a program".to_owned());
    }
    let program = format!("docker-credential-{helper}");
    let spawned = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Asked::Missing,
        Err(error) => return Asked::Failed(error.to_string()),
    };
    if let Some(mut stdin) = child.stdin.take() {
        // A helper that reads nothing answers all the same.
        let _ = stdin.write_all(registry.as_bytes());
    }
    let (sender, receiver) = mpsc::channel();
    if let Some(mut stdout) = child.stdout.take() {
        std::thread::spawn(move || {
            let mut text = String::new();
            let read = stdout.read_to_string(&mut text).map(|_| text);
            let _ = sender.send(read);
        });
    }
    let text = match receiver.recv_timeout(HELPER_MAX) {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => return Asked::Failed(error.to_string()),
        Err(_) => {
            let _ = child.kill();
            let _ = child.wait();
            return Asked::Failed(format!("no answer within {} s", HELPER_MAX.as_secs()));
        }
    };
    match child.wait() {
        Ok(status) if status.success() => answer(&text),
        // Helpers say on standard output why they fail; there is no secret in that.
        Ok(_) => Asked::Failed(text.lines().next().unwrap_or("it failed").to_owned()),
        Err(error) => Asked::Failed(error.to_string()),
    }
}

fn answer(text: &str) -> Asked {
    match serde_json::from_str::<Answer>(text) {
        Ok(Answer { username, secret }) if username == TOKEN_USER => {
            Asked::Credentials(json!({ "identitytoken": secret }))
        }
        Ok(Answer { username, secret }) => {
            let auth = STANDARD.encode(format!("{username}:{secret}"));
            Asked::Credentials(json!({ "auth": auth }))
        }
        Err(_) => Asked::Failed("its answer makes no sense".to_owned()),
    }
}
