//! Text of others reaches the terminal as text: no escape sequence of theirs is obeyed there, and
//! none of it is lost in JSON.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
};

use super::lab::{Config, Lab, Ran};

const SMALL: Config = Config { control_planes: 1, workers: 1 };
/// Clears the screen and pretends that all is well.
const EVIL: &str = "\u{1b}[2J\u{9b}31mgone\rDone.\u{202e}";
const EVIL_JSON: &str = r"\u001b[2J\u009b31mgone\rDone.\u202e";
const SHOWN: &str = r"\u{1b}[2J\u{9b}31mgone\u{d}Done.\u{202e}";

#[track_caller]
fn shown(ran: &Ran) {
    for text in [&ran.stdout, &ran.stderr] {
        let unseen = text.chars().find(|c| c.is_control() && *c != '\n' || *c == '\u{202e}');
        assert_eq!(unseen, None, "{ran}");
    }
    assert!(ran.stdout.contains(SHOWN) || ran.stderr.contains(SHOWN), "{ran}");
}

#[track_caller]
fn exact(ran: &Ran) {
    let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(value["error"].as_str().is_some_and(|text| text.contains(EVIL)), "{ran}");
}

#[test]
fn keys_of_the_file() {
    let lab = Lab::with(&format!("{}\n[pools.\"{EVIL_JSON}\"]\ncount = 1\n", SMALL.toml()));
    shown(&lab.run_bare(&["validate"]).expect(3));
    exact(&lab.run_bare(&["validate", "--json"]).expect(3));
}

#[test]
fn what_a_cloud_says() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", server.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in server.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut lines = BufReader::new(&stream).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let body = format!("{{\"id\":\"forbidden\",\"message\":\"{EVIL_JSON}\"}}");
            let head =
                "HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\nconnection: close\r\n";
            let _ = write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len());
        }
    });
    let lab = SMALL.lab();
    let plan = |words: &[&str]| {
        let mut command = lab.bare(&[&["plan"], words].concat());
        command.env("DIGITALOCEAN_TOKEN", "dop_v1_test").env("DIGITALOCEAN_API_URL", &url);
        command.env("SPACES_ACCESS_KEY_ID", "key").env("SPACES_SECRET_ACCESS_KEY", "secret");
        Ran::of(&mut command)
    };
    shown(&plan(&[]).expect(4));
    exact(&plan(&["--json"]).expect(4));
}

#[test]
fn who_holds_the_lock() {
    let lab = SMALL.lab();
    lab.run(&["apply", "--yes", "--target", "vpc.main"]).ok();
    let held = format!(
        "{{\"version\":1,\"holder\":{{\"user\":\"{EVIL_JSON}\\nall is well\",\"host\":\"elsewhere\",\"pid\":7}},\
         \"verb\":\"{EVIL_JSON}\",\"acquired_at\":\"2020-01-01T00:00:00Z\",\"expires_at\":\"2100-01-01T00:00:00Z\"}}\n"
    );
    lab.write(".infra/lab/lock", &held);
    let refused = lab.run(&["apply", "--yes"]).expect(5);
    shown(&refused);
    // It is one line, whatever is in it.
    assert!(refused.stderr.contains(r"\u{a}all is well"), "{refused}");
    shown(&lab.run_bare(&["state", "list"]).ok());
    lab.write(".infra/lab/lock", "");
}
