//! The gate, row by row.

use infra_provider_api::{Role, Source};

use super::{ControlPlane, Facts, Fate, Machine, Outlook, Refusal, RoleChange, judge};

/// Makes one control plane from a word: first its state, then what the plan does to it.
///
/// `m` member, `l` member without a vote, `-` none; `R` runs, `O` off, `S` silent, `A` absent; then `.` stays, `s` starts, `c` created,
/// `r` replaced, `d` deleted; `+` after another one votes, `*` it is that other one; `!` removed from etcd first.
fn one(number: usize, word: &str) -> ControlPlane {
    let letter = |at: usize| word.chars().nth(at);
    ControlPlane {
        name: format!("control-plane-{number}"),
        member: matches!(letter(0), Some('m' | 'l')),
        learner: letter(0) == Some('l'),
        machine: match letter(1) {
            Some('R') => Machine::Runs,
            Some('O') => Machine::Off,
            Some('S') => Machine::Silent,
            _ => Machine::Absent,
        },
        fate: match letter(2) {
            Some('s') => Fate::Starts,
            Some('c') => Fate::Made,
            Some('r') => Fate::Replaced,
            Some('d') => Fate::Deleted,
            _ => Fate::Stays,
        },
        removed_first: word.ends_with('!'),
        succeeded: word.contains('+'),
        awaited: word.contains('*'),
    }
}

fn facts(words: &str) -> Facts {
    let all = words.split_whitespace().zip(1..);
    Facts {
        control_planes: all.map(|(word, number)| one(number, word)).collect(),
        made: true,
        ..Facts::default()
    }
}

/// Returns the verdict in a word.
fn verdict(facts: &Facts) -> &'static str {
    match judge(facts) {
        Ok(_) => "ok",
        Err(Refusal::Roles(_)) => "roles",
        Err(Refusal::Lost { .. }) => "lost",
        Err(Refusal::OnlyOne { .. }) => "only one",
        Err(Refusal::All(_)) => "all",
        Err(Refusal::Several(_)) => "several",
        Err(Refusal::OthersDown { .. }) => "others down",
        Err(Refusal::StillJoins { .. }) => "still joins",
        Err(Refusal::JoinsWhileDown { .. }) => "joins while down",
        Err(Refusal::Listed(_)) => "listed",
        Err(Refusal::Mismatch { .. }) => "mismatch",
        Err(Refusal::Unread { .. }) => "unread",
    }
}

#[test]
fn every_way_by_which_a_control_plane_goes_is_judged() {
    let rows = [
        // Nothing is done.
        ("mR. mR. mR.", "ok"),
        ("mR.", "ok"),
        // Growth: nobody is down.
        ("mR. -Ac -Ac", "ok"),
        ("mO. -Ac -Ac", "lost"),
        ("mR. mR. mO. -Ac -Ac", "joins while down"),
        ("mR. mR. mOs -Ac -Ac", "ok"),
        // One is gone, and made again: the dead member goes first.
        ("mR. mAc! mR.", "ok"),
        ("mR. mAc mR.", "listed"),
        ("mAc! mR. mR.", "ok"),
        // The etcd of one does not answer, although its machine runs.
        ("mR. mS. mR.", "ok"),
        ("mR. mSr! mR.", "ok"),
        ("mR. mS. mRr!", "others down"),
        ("mR. mS. mAc!", "joins while down"),
        ("mR. mR. mR. mS. mAc!", "joins while down"),
        ("mR. mR. mS. -Ac -Ac", "joins while down"),
        // A majority has listed them, so it is there.
        ("mS. mS. mR.", "ok"),
        ("mS.", "ok"),
        ("mS. -Ac -Ac", "joins while down"),
        ("mA. mA. mS.", "lost"),
        // One has no vote yet: it is no part of the quorum, and nobody goes for its sake.
        ("mR. lR. -Ac", "ok"),
        ("mR. lAc! -Ac", "ok"),
        ("mR. lAc! mR.", "ok"),
        ("mR. mR. lR.", "ok"),
        ("mR. mRr! lR.", "still joins"),
        ("mR. mR. lRr!", "ok"),
        ("mR. mRd! lRd!", "ok"),
        ("mRr! lR.", "only one"),
        ("mO. lR. lR.", "lost"),
        // Two are gone.
        ("mR. mAc! mAc!", "lost"),
        ("mR. mAc mA.", "lost"),
        ("mR. mA. mA.", "lost"),
        ("mR. mR. mR. mAc! mAc!", "ok"),
        // One is gone and another is off.
        ("mR. mAc! mO.", "lost"),
        ("mR. mAc! mOs", "ok"),
        ("mR. mR. mR. mAc! mO.", "joins while down"),
        // --replace, or a field that forces it.
        ("mR. mRr! mR.", "ok"),
        ("mR. mRr mR.", "listed"),
        ("mR. mOr! mR.", "ok"),
        ("mR. mRr! mO.", "others down"),
        ("mR. mR. mR. mRr! mO.", "others down"),
        ("mR. mR. mR. mRr! mOs", "others down"),
        ("mR. mRr! mRr!", "several"),
        ("mR. mRr! mR. -Ac -Ac", "several"),
        ("mR. mRr! mAc!", "several"),
        ("mRr! mRr! mRr!", "all"),
        ("mRr!", "only one"),
        ("mOr!", "only one"),
        // A machine that never joined may be made again.
        ("mR. -Rr mR.", "ok"),
        // Rotated: another one joins first, then the old one leaves.
        ("mR. mRd+! mR. -Ac", "ok"),
        ("mRd+! -Ac", "ok"),
        ("mRd! -Ac", "only one"),
        ("mR. mRd+ mR. -Ac", "listed"),
        ("mRd+! lR.", "ok"),
        ("mR. mRd+! mR. lR.", "ok"),
        ("mR. mRd! mR. mR.", "ok"),
        ("mRd+! mRd+! mR. -Ac -Ac", "several"),
        ("mR. mRd+! mR. -Ac -Ac", "several"),
        ("mR. mRd+! mO. -Ac", "others down"),
        ("mR. mRd+! mAc! -Ac", "several"),
        ("mR. mRd+! mA.! -Ac", "others down"),
        ("mR. mOd+! mR. -Ac", "joins while down"),
        // Its successor has a vote, and is not up yet.
        ("mR. mRd+! mR. mS.*", "ok"),
        ("mR. mRd+! mR. mS.", "others down"),
        ("mR. mRd+! mS. mS.*", "others down"),
        ("mRd+! mS.*", "ok"),
        ("mR. mSd+! mR. -Ac", "joins while down"),
        // A member whose machine stays is never removed.
        ("mR. mR.! mR.", "mismatch"),
        // Fewer in infra.toml.
        ("mR. mRd! mRd!", "ok"),
        ("mR. mRd mRd!", "listed"),
        ("mR. mRd! mO.", "others down"),
        ("mR. mR. mR. mRd! mAd!", "others down"),
        ("mR. mR. mR. mRd! mO.", "others down"),
        ("mRd! mRd! mRd!", "all"),
        // The remains of a destroy that was interrupted.
        ("mR. mA. mA.", "lost"),
        ("mAc! mAc! mR.", "lost"),
        // Another pool takes over: the old one goes, and nobody stays who knows the data.
        ("mRd! -Ac -Ac -Ac", "only one"),
        // Switched off.
        ("mOs", "ok"),
        ("mO.", "lost"),
        ("mR. mOs mOs", "ok"),
        ("mR. mO. mR.", "ok"),
    ];
    for (words, expected) in rows {
        assert_eq!(verdict(&facts(words)), expected, "{words}");
    }
}

#[test]
fn what_can_not_be_read_is_not_safe() {
    let unread = |words: &str| Facts { unread: Some("no answer".to_owned()), ..facts(words) };
    assert_eq!(verdict(&unread("mR. mR. mR.")), "ok");
    assert_eq!(verdict(&unread("mR. -Ac -Ac")), "ok", "nobody is missed");
    assert_eq!(verdict(&unread("mR. mAc! mR.")), "unread");
    assert_eq!(verdict(&unread("mR. mRr! mR.")), "unread");
    assert_eq!(verdict(&unread("mR. mRd! mRd!")), "unread");
    assert_eq!(verdict(&unread("-R. -Ac -Ac")), "unread", "a destroy was cut off");
    assert_eq!(verdict(&unread("mOs")), "ok", "switching on needs no etcd");
}

#[test]
fn what_holds_no_data_yet_may_be_made_again() {
    for words in ["-Ac -Ac -Ac", "-Rr -R. -R.", "-Rr", "-Rd -R."] {
        assert_eq!(verdict(&Facts { made: false, ..facts(words) }), "ok", "{words}");
    }
}

#[test]
fn a_destroy_deletes_everything() {
    let all = Facts { destroys_all: true, ..facts("mRd mRd mRd") };
    assert_eq!(verdict(&all), "ok");
    assert_eq!(verdict(&facts("mR. mRd mRd")), "listed", "a part of it is no destroy");
}

#[test]
fn data_is_lost_only_by_name() {
    let lose = |words: &str, names: &[&str]| Facts {
        may_lose: names.iter().map(|name| (*name).to_owned()).collect(),
        ..facts(words)
    };
    assert_eq!(verdict(&lose("mRr!", &["control-plane-1"])), "ok");
    assert_eq!(verdict(&lose("mOr!", &["control-plane-1"])), "ok");
    assert_eq!(verdict(&lose("mRr!", &["worker-1"])), "only one");
    assert_eq!(verdict(&lose("mRr! mRr! mRr!", &["control-plane-1"])), "all");
    let judged = judge(&facts("mOr!")).unwrap_err();
    assert!(judged.hint().contains("switched off"), "{}", judged.hint());
    assert!(judged.hint().contains("--confirm-data-loss control-plane-1"), "{}", judged.hint());
}

#[test]
fn a_machine_keeps_the_role_that_it_was_made_for() {
    let change = |name: &str| RoleChange {
        name: name.to_owned(),
        pool: "extra".to_owned(),
        was: Role::Worker,
        becomes: Role::ControlPlane,
        source: Some(Source { file: "infra.toml".to_owned(), line: 21, span: None }),
    };
    let changed =
        Facts { role_changes: vec![change("extra-1"), change("extra-2")], ..facts("mR. -R. -R.") };
    let refusal = judge(&changed).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "infra.toml:21: pool `extra` can't become a control-plane pool: extra-1, extra-2 were made as workers"
    );
}

#[test]
fn losses_are_counted() {
    let outlook = |words: &str| Outlook::of(&facts(words));
    let survives = |words: &str| {
        let found = outlook(words);
        (found.survives.unwrap(), found.survives_afterwards.unwrap())
    };
    assert_eq!(survives("mR."), (0, 0));
    assert_eq!(survives("mR. mR. mR."), (1, 1));
    assert_eq!(survives("mR. mA. mR."), (0, 0), "two of three run, and both are needed");
    assert_eq!(survives("mR. mAc! mR."), (0, 1));
    assert_eq!(survives("mR. -Ac -Ac"), (0, 1));
    assert_eq!(survives("mR. mRd! mRd!"), (1, 0));
    assert_eq!(survives("mR. mR. mR. mR. mR."), (2, 2));
    assert!(outlook("mR. mA. mA.").is_lost());
    assert!(outlook("mO.").is_lost());
    assert_eq!(survives("mR. mR. lR."), (0, 1), "a member without a vote replaces none");
    assert!(!outlook("mR. lA.").is_lost(), "the only vote is there");
    assert_eq!(survives("mR. mS. mR."), (0, 0), "a plan does not make it answer");
    assert_eq!(survives("mR. mSr! mR."), (0, 1), "its successor does");
    assert!(!outlook("mS. mS. mR.").is_lost(), "a majority has listed them");
    assert_eq!(
        outlook("mR. mS. mR.").text(),
        "2 of 3 etcd members run, 1 does not answer; the cluster survives no loss of a control plane"
    );
    assert_eq!(
        outlook("mR. mAc! mR.").text(),
        "2 of 3 etcd members run; the cluster survives no loss of a control plane, afterwards the loss of 1 control plane"
    );
    assert_eq!(
        outlook("mR. mA. mA.").text(),
        "1 of 3 etcd members run, 2 are needed: quorum is lost"
    );
    let unread = Facts { unread: Some("no answer".to_owned()), ..facts("mR. mR. mR.") };
    assert_eq!(
        Outlook::of(&unread).text(),
        "unknown, etcd cannot be asked; the machines of 3 of 3 members run"
    );
    let json = serde_json::to_value(Outlook::of(&unread)).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "members": 3, "running": 3, "starting": 0, "unread": true,
            "survives": null, "survives_afterwards": null
        })
    );
    let before = Outlook::of(&Facts { made: false, ..facts("-Ac -Ac -Ac") });
    assert_eq!(before.text(), "the cluster will survive the loss of 1 control plane");
}
