//! A member, as etcd lists it.

use serde::Deserialize;
use serde_json::Value;

/// A member, as etcd lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its number.
    pub id: u64,
    /// The name that it gave itself, its node's; empty until it has started once.
    pub name: String,
    /// The addresses that other members reach it at, without port.
    pub addresses: Vec<String>,
    /// It receives the log and does not vote yet.
    pub learner: bool,
}

impl Member {
    /// Returns its number, as etcdctl writes it.
    pub fn hex(&self) -> String {
        format!("{:x}", self.id)
    }

    /// Returns true once it has started and votes.
    pub fn votes(&self) -> bool {
        !self.learner && !self.name.is_empty()
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    members: Vec<Told>,
}

/// What is false, zero or empty is left out; 64-bit numbers are texts.
#[derive(Deserialize)]
struct Told {
    #[serde(rename = "ID")]
    id: Value,
    #[serde(default)]
    name: String,
    #[serde(default, rename = "peerURLs")]
    peer_urls: Vec<String>,
    #[serde(default, rename = "isLearner")]
    learner: bool,
}

/// Reads the answer to a list.
///
/// # Errors
/// Returns what is wrong with it.
pub(super) fn parse(body: &[u8]) -> Result<Vec<Member>, String> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    answer.members.into_iter().map(member).collect()
}

fn member(told: Told) -> Result<Member, String> {
    let id = match &told.id {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_u64(),
        _ => None,
    };
    let id = id.ok_or_else(|| format!("a member has the number {}", told.id))?;
    let host = |url: &String| {
        let url = url::Url::parse(url).ok()?;
        url.host_str().map(|host| host.trim_matches(['[', ']']).to_owned())
    };
    let addresses = told.peer_urls.iter().filter_map(host).collect();
    Ok(Member { id, name: told.name, addresses, learner: told.learner })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_64_bits_are_texts_and_what_is_false_is_absent() {
        let body = br#"{"header":{"cluster_id":"1"},"members":[
            {"ID":"10501334649042878790","name":"control-plane-1","peerURLs":["https://10.0.0.3:2380"],"clientURLs":["https://10.0.0.3:2379"]},
            {"ID":"17","peerURLs":["https://[fd00::5]:2380"],"isLearner":true}]}"#;
        let members = parse(body).unwrap();
        assert_eq!(members[0].id, 10_501_334_649_042_878_790);
        assert!(members[0].votes());
        assert_eq!(members[0].addresses, ["10.0.0.3"]);
        assert_eq!(members[1].addresses, ["fd00::5"]);
        assert!(!members[1].votes());
        assert!(parse(b"{\"members\":[{\"name\":\"x\"}]}").is_err());
        assert!(parse(b"<html>").is_err());
    }
}
