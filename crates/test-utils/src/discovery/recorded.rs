//! The judge against recordings of real traffic: what Google took and answered must fit its documents.
//! A judge that is too strict is found here.

use super::{Discovery, Exchange};
use crate::recordings;

/// Fields that real answers have and documents do not: those of the beta of GKE's API, of which the
/// recordings are, and old ones of managed groups.
const UNDOCUMENTED: [&str; 7] = [
    "answer.clusterTelemetry: ",
    "answer.master: ",
    "answer.privateCluster: ",
    "answer.protectConfig: ",
    "answer.serviceAccount: ",
    "answer.status.stateful.isStateful: ",
    "answer.updatePolicy.minReadySec: ",
];

const HOSTS: [&str; 5] = [
    "cloudresourcemanager.googleapis.com",
    "compute.googleapis.com",
    "container.googleapis.com",
    "dns.googleapis.com",
    "iam.googleapis.com",
];

/// Puts values where the recording has names of values.
fn filled(text: &str) -> String {
    let mut filled = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let is_id = ["\"id\": ", "\"targetId\": "].iter().any(|id| line.trim().starts_with(id));
        let (mut rest, value) = (line, if is_id { "1234567" } else { "a1" });
        while let Some((before, after)) = rest.split_once("${") {
            let (_, after) = after.split_once('}').expect("the end of a name");
            filled.push_str(before);
            filled.push_str(value);
            rest = after;
        }
        filled.push_str(rest);
    }
    filled.replace("\"000000000000000000000\"", "\"1234567\"")
}

#[test]
fn what_google_takes_and_answers_fits_its_documents() {
    let (Some(documents), Some(folder)) = (Discovery::find(), recordings::find()) else {
        eprintln!(
            "\n*** SKIPPED: no recordings or no documents; set INFRA_GCP_RECORDINGS and INFRA_DISCOVERY to check the validator against real traffic ***\n"
        );
        return;
    };
    let mut judged = 0;
    for (name, calls) in recordings::read(&folder, filled) {
        for call in calls.into_iter().filter(|call| HOSTS.contains(&call.host.as_str())) {
            let exchange = Exchange {
                path: call.path.replace("/v1beta1/", "/v1/").replace("/v1beta2/", "/v1/"),
                method: call.method,
                body: call.body,
                status: Some(call.status),
                answer: call.answer,
            };
            let said = documents.check(&exchange);
            let is_known = |one: &&String| UNDOCUMENTED.iter().any(|field| one.contains(field));
            let wrong: Vec<&String> = said.iter().filter(|one| !is_known(one)).collect();
            assert!(wrong.is_empty(), "{name}: {wrong:#?}");
            judged += 1;
        }
    }
    assert!(judged > 300, "only {judged} calls were judged");
}
