//! Recordings of real traffic with Google Cloud, replayed: the embedded cloud answers each request with
//! the same status, and with the same fields.
//!
//! `INFRA_GCP_RECORDINGS` names the folder of the recordings, which are not in the repository. A
//! difference fails the test unless it is in `accepted.rs`, where each has its reason.

#[path = "gcp_recordings/accepted.rs"]
mod accepted;
#[path = "gcp_recordings/compare.rs"]
mod compare;
#[path = "../../../crates/test-utils/src/recordings.rs"]
mod recordings;
#[path = "gcp_recordings/replay.rs"]
mod replay;

use std::collections::BTreeMap;

use compare::Difference;
use replay::Replay;

#[tokio::test(flavor = "multi_thread")]
async fn recorded_requests_are_answered_as_google_answers_them() {
    let Some(folder) = recordings::find() else {
        eprintln!(
            "\n*** SKIPPED: set INFRA_GCP_RECORDINGS to a folder of recordings to compare the embedded cloud with Google Cloud ***\n"
        );
        return;
    };
    let mut differ: BTreeMap<Difference, Vec<String>> = BTreeMap::new();
    let (mut replayed, mut left_out) = (0, 0);
    for (name, calls) in recordings::read(&folder, replay::filled) {
        let data = tempfile::tempdir().unwrap();
        let mut replay = Replay::start(data.path(), &calls).await;
        for call in &calls {
            match replay.call(call).await {
                Some(found) => {
                    replayed += 1;
                    for one in found {
                        differ.entry(one).or_default().push(name.clone());
                    }
                }
                None => left_out += 1,
            }
        }
        replay.end().await;
    }
    println!("{replayed} requests were replayed, {left_out} are of no kind that infra makes");
    let mut wrong = Vec::new();
    for (difference, files) in differ {
        let said = format!("{difference} ({} times, in {})", files.len(), files[0]);
        match accepted::reason(&difference, &files) {
            Some(reason) => println!("accepted: {said}: {reason}"),
            None => wrong.push(said),
        }
    }
    assert!(replayed > 150, "only {replayed} requests were replayed");
    assert!(wrong.is_empty(), "{} differences from Google:\n{}", wrong.len(), wrong.join("\n"));
}
