//! What etcd's members say of their state.

use serde::Deserialize;
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
