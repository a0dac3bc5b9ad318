//! Recordings of real traffic with Google's APIs, as text: requests and answers, with `---` between.
//!
//! The folder is not part of the project: `INFRA_GCP_RECORDINGS` names it. Values that differ from run to
//! run stand there as `${projectId}` and the like.

use std::{env, fs, path::Path, path::PathBuf};

use serde_json::Value;

/// Names the folder of the recordings.
const VARIABLE: &str = "INFRA_GCP_RECORDINGS";

/// One call and its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The host of the API, as `dns.googleapis.com`.
    pub host: String,
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The request's body.
    pub body: Option<Value>,
    /// The answer's status.
    pub status: u16,
    /// The answer's body.
    pub answer: Option<Value>,
}

/// Finds the folder; `None` where there is none.
pub fn find() -> Option<PathBuf> {
    env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Reads the calls of each recording, by the file's name. `filled` puts values into the text of one.
///
/// # Panics
/// Panics if a file cannot be read, or if there is none.
pub fn read(folder: &Path, filled: impl Fn(&str) -> String) -> Vec<(String, Vec<Recorded>)> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut all: Vec<(String, Vec<Recorded>)> = entries
        .filter_map(|entry| {
            let path = entry.expect("an entry of the folder").path();
            let name = path.file_name()?.to_str()?.strip_suffix(".http.log")?.to_owned();
            let text = fs::read_to_string(&path).expect("a recording");
            Some((name, parse(&filled(&text))))
        })
        .collect();
    assert!(!all.is_empty(), "{} holds no recording", folder.display());
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    all
}

/// Reads the calls of one recording, in order.
///
/// # Panics
/// Panics if the text is none.
pub fn parse(text: &str) -> Vec<Recorded> {
    text.split("\n---\n").map(str::trim).filter(|part| !part.is_empty()).map(one).collect()
}

fn one(text: &str) -> Recorded {
    let (request, answer) = split(text);
    let (head, body) = halves(request);
    let first = head.lines().next().unwrap_or_default();
    let (method, url) = first.split_once(' ').unwrap_or_else(|| panic!("no request: {first}"));
    let url = url.strip_prefix("https://").unwrap_or_else(|| panic!("no address: {url}"));
    let (host, path) = url.split_once('/').unwrap_or((url, ""));
    let (answer_head, answer) = halves(answer);
    let status = answer_head.split(' ').next().and_then(|status| status.parse().ok());
    Recorded {
        host: host.to_owned(),
        method: method.to_owned(),
        path: format!("/{path}"),
        body: json(body),
        status: status.unwrap_or_else(|| panic!("no status: {answer_head}")),
        answer: json(answer),
    }
}

/// Parts a request from its answer, which begins with a status after an empty line.
fn split(text: &str) -> (&str, &str) {
    let is_status = |line: &str| {
        let (number, words) = line.split_once(' ').unwrap_or_default();
        number.len() == 3 && number.parse::<u16>().is_ok() && !words.is_empty()
    };
    let breaks = text.match_indices("\n\n");
    let at = breaks
        .map(|(at, _)| at + 2)
        .find(|at| is_status(text[*at..].lines().next().unwrap_or_default()));
    text.split_at(at.unwrap_or_else(|| panic!("no answer: {text}")))
}

/// Parts a head from its body.
fn halves(text: &str) -> (&str, &str) {
    text.split_once("\n\n").unwrap_or((text, ""))
}

fn json(text: &str) -> Option<Value> {
    let text = text.trim();
    (!text.is_empty()).then(|| serde_json::from_str(text).unwrap_or_else(|_| text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn calls_are_read_with_and_without_bodies() {
        let text = "GET https://dns.googleapis.com/dns/v1/projects/${projectId}?alt=json\nA: b\n\n\
                    404 Not Found\nC: d\n\n{\"error\": {\n\"code\": 404}}\n\n---\n\n\
                    POST https://dns.googleapis.com/x\nA: b\n\n{\n  \"n\": 1\n}\n\n\
                    200 OK\nC: d\n\n\n---\n\n";
        let calls = parse(text);
        assert_eq!(calls.len(), 2);
        assert_eq!(calls[0].path, "/dns/v1/projects/${projectId}?alt=json");
        assert_eq!((calls[0].status, calls[0].body.clone()), (404, None));
        assert_eq!(calls[0].answer, Some(json!({"error": {"code": 404}})));
        assert_eq!((calls[1].method.as_str(), calls[1].status), ("POST", 200));
        assert_eq!((calls[1].body.clone(), calls[1].answer.clone()), (Some(json!({"n": 1})), None));
    }
}
