//! What etcd's members say of their state.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Member;

/// 64-bit numbers are texts.
fn number(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_u64(),
        _ => None,
    }
}

/// A member, as it says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MemberStatus {
    /// Its name; empty until it has started once.
    pub name: String,
    /// Its number, as etcdctl writes it.
    pub id: String,
    /// It leads.
    pub leads: bool,
    /// It has a vote.
    pub votes: bool,
    /// etcd's version.
    pub version: Option<String>,
    /// How many bytes its store has on the disk.
    pub db_bytes: Option<u64>,
    /// Why it does not answer, if it does not.
    pub silent: Option<String>,
}

impl MemberStatus {
    /// Reads the answer of `member`.
    pub(super) fn of(member: &Member, answer: Result<Vec<u8>, String>) -> Self {
        let (told, silent): (Value, _) = match answer {
            Ok(body) => (serde_json::from_slice(&body).unwrap_or_default(), None),
            Err(why) => (Value::Null, Some(why)),
        };
        Self {
            name: member.name.clone(),
            id: member.hex(),
            leads: number(&told["leader"]) == Some(member.id),
            votes: member.votes(),
            version: told["version"].as_str().map(str::to_owned),
            db_bytes: number(&told["dbSize"]),
            silent,
        }
    }
}

/// Returns the number of the member that leads, as a member's status has it; `None` while none does.
pub(super) fn leader_of(body: &[u8]) -> Option<u64> {
    let told: Value = serde_json::from_slice(body).ok()?;
    number(&told["leader"]).filter(|id| *id != 0)
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    alarms: Vec<Told>,
}

#[derive(Deserialize)]
struct Told {
    #[serde(default, rename = "memberID")]
    member: Value,
    #[serde(default)]
    alarm: String,
}

/// Reads the answer to a list of alarms: each with the name of its member.
///
/// # Errors
/// Returns what is wrong with it.
pub(super) fn parse_alarms(body: &[u8], members: &[Member]) -> Result<Vec<String>, String> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let name = |told: &Told| {
        let id = number(&told.member).unwrap_or_default();
        let member = members.iter().find(|member| member.id == id);
        member.map_or_else(|| format!("member {id:x}"), |member| member.name.clone())
    };
    let alarms = answer.alarms.iter().filter(|told| told.alarm != "NONE" && !told.alarm.is_empty());
    Ok(alarms.map(|told| format!("{}: {}", name(told), told.alarm)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_names_the_leader_and_alarms_their_members() {
        let status =
            br#"{"header":{"member_id":"17"},"version":"3.6.8","leader":"10501334649042878790"}"#;
        assert_eq!(leader_of(status), Some(10_501_334_649_042_878_790));
        assert_eq!(leader_of(br#"{"version":"3.6.8"}"#), None);
        let member = Member { id: 17, name: "a".into(), addresses: Vec::new(), learner: false };
        let body = br#"{"alarms":[{"memberID":"17","alarm":"NOSPACE"},{"memberID":"255","alarm":"CORRUPT"}]}"#;
        let alarms = parse_alarms(body, &[member]).unwrap();
        assert_eq!(alarms, ["a: NOSPACE", "member ff: CORRUPT"]);
        assert!(parse_alarms(b"{}", &[]).unwrap().is_empty());
        assert!(parse_alarms(b"<html>", &[]).is_err());
    }
}
