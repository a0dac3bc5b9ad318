//! One `moto` server for all tests of the process: AWS as somebody else wrote it down.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::lab::skipped;

/// Ends when its standard input does: so it never outlives the tests, however they end.
const SERVER: &str = include_str!("moto_server.py");

/// The id of the request in every refusal that a test asked for.
pub const REQUEST_ID: &str = "7a62c49f-347e-4fc4-9331-6e8e00000000";

/// The server.
pub struct Moto {
    port: u16,
    /// Its standard input: the server lives as long as this.
    _child: Child,
}

static SERVING: OnceLock<Option<Moto>> = OnceLock::new();
static CALLS: Mutex<Vec<String>> = Mutex::new(Vec::new());
static ACCOUNTS: AtomicU64 = AtomicU64::new(100_000_000_000);

/// Who a test is: each has an account of its own.
#[derive(Clone, Debug)]
pub struct Keys {
    pub account: String,
    pub id: String,
    pub secret: String,
    pub token: String,
}

fn start() -> Option<Moto> {
    let there = Command::new("python3")
        .args(["-c", "from moto.moto_server.werkzeug_app import MotoRequestHandler"])
        .output();
    if !there.is_ok_and(|output| output.status.success()) {
        skipped("no moto in python3's packages: nothing is checked against AWS's API");
        return None;
    }
    let mut child = Command::new("python3")
        .args(["-c", SERVER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let port = lines.by_ref().find_map(|line| line.strip_prefix("port ")?.parse().ok()).unwrap();
    std::thread::spawn(move || {
        for line in lines {
            if let Some(call) = line.strip_prefix("call ") {
                CALLS.lock().unwrap().push(call.to_owned());
            }
        }
    });
    Some(Moto { port, _child: child })
}

/// The server; `None`, and a loud word, where there is no moto.
pub fn serving() -> Option<&'static Moto> {
    SERVING.get_or_init(start).as_ref()
}

impl Moto {
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// An account that nobody has used. Keys of a role in it are what leads there.
    pub fn account(&self) -> Keys {
        let account = ACCOUNTS.fetch_add(1, Ordering::Relaxed).to_string();
        let body = format!(
            "Action=AssumeRole&Version=2011-06-15&RoleSessionName=test&RoleArn=arn:aws:iam::{account}:role/ops"
        );
        let answer = self.post("sts", "us-east-1", "ops", &body);
        let part =
            |tag: &str| texts(&answer, tag).pop().unwrap_or_else(|| panic!("{tag} in {answer}"));
        Keys {
            account,
            id: part("AccessKeyId"),
            secret: part("SecretAccessKey"),
            token: part("SessionToken"),
        }
    }

    /// A call of the query protocol, signed by nobody: moto does not check.
    pub fn post(&self, service: &str, region: &str, key: &str, body: &str) -> String {
        self.send("POST", "/", service, region, key, body)
    }

    pub fn get(&self, path: &str, service: &str, region: &str, key: &str) -> String {
        self.send("GET", path, service, region, key, "")
    }

    pub fn send(
        &self,
        method: &str,
        path: &str,
        service: &str,
        region: &str,
        key: &str,
        body: &str,
    ) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let port = self.port;
        let form = match body.starts_with("Action=") || body.starts_with("Version=") {
            true => "Content-Type: application/x-www-form-urlencoded\r\n",
            false => "",
        };
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential={key}/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0\r\n\
             {form}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Lets a call of these keys fail: `{"call", "code", "message", "status", "skip", "count"}`; without
    /// a code it has its effect, and its answer is lost.
    pub fn fault(&self, keys: &Keys, fault: serde_json::Value) {
        let mut fault = fault;
        fault["key"] = keys.id.clone().into();
        let path = "/infra-test/faults";
        self.send("POST", path, "ec2", "us-east-1", &keys.id, &fault.to_string());
    }

    /// Calls of these keys succeed again.
    pub fn clear_faults(&self, keys: &Keys) {
        self.send("DELETE", "/infra-test/faults", "ec2", "us-east-1", &keys.id, &keys.id);
    }

    /// The calls that were made with these keys and not asked for before, as `service Name`.
    pub fn calls(&self, keys: &Keys) -> Vec<String> {
        let mut all = CALLS.lock().unwrap();
        let prefix = format!("{} ", keys.id);
        let (mine, others) = all.drain(..).partition(|call: &String| call.starts_with(&prefix));
        *all = others;
        mine.into_iter().map(|call| call[prefix.len()..].to_owned()).collect()
    }
}

/// What stands between `<tag>` and its end, each time.
pub fn texts(xml: &str, tag: &str) -> Vec<String> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    xml.split(open.as_str())
        .skip(1)
        .filter_map(|rest| Some(rest.split_once(close.as_str())?.0.to_owned()))
        .collect()
}
