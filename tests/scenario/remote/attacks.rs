//! Attacks by somebody who may write to the bucket and has neither key nor passphrase.

use std::{collections::BTreeMap, io::Write};

use infra::state::journal::{Entry, encode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{APPLY, BUCKET, lab};
use crate::lab::{Lab, Ran};

const AT: &str = "clusters/lab/";
const PLAN: [&str; 3] = ["plan", "--phase", "infra"];
const SIGNING: &str = "clusters/lab/keys/signing.json";

/// The bucket as it was before there were signatures.
fn unsigned(objects: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for (key, bytes) in objects.iter().filter(|(key, _)| *key != SIGNING) {
        let text = String::from_utf8_lossy(bytes);
        let (signature, rest) = text.split_once('\n').unwrap_or_default();
        let body = if signature.starts_with(r#"{"entry":"opened","version":2,"mac":"#) {
            rest.as_bytes().to_vec()
        } else if let Some((_, rest)) = text.split_once("\"signed\":") {
            rest.trim_end().strip_suffix('}').unwrap().as_bytes().to_vec()
        } else {
            bytes.clone()
        };
        all.insert(key.clone(), body);
    }
    all
}

fn put_all(lab: &Lab, objects: &BTreeMap<String, Vec<u8>>) {
    for key in lab.objects(BUCKET).keys().filter(|key| !objects.contains_key(*key)) {
        lab.remove_object(BUCKET, key);
    }
    for (key, bytes) in objects {
        lab.put_object(BUCKET, key, bytes);
    }
}

/// Says that these files are kept, in a line with a fitting number and checksum.
fn forge(lab: &Lab, files: &[(&str, &[u8], bool)]) {
    let objects = unsigned(&lab.objects(BUCKET));
    let mut last = (0, 0);
    for (key, bytes) in objects.iter().filter(|(key, _)| key.ends_with(".jsonl")) {
        last.0 = key.rsplit('/').next().unwrap()[..12].parse::<u64>().unwrap();
        for line in String::from_utf8_lossy(bytes).lines() {
            let value: Value = serde_json::from_str(line).unwrap();
            last.1 = value["seq"].as_u64().unwrap().max(last.1);
        }
    }
    let mut kept = serde_json::Map::new();
    for (name, bytes, encrypted) in files {
        let object = format!("files/999999-forged/{name}");
        lab.put_object(BUCKET, &format!("{AT}{object}"), bytes);
        let sum = hex::encode(Sha256::digest(bytes));
        kept.insert(
            (*name).to_owned(),
            json!({"object": object, "sum": sum, "encrypted": encrypted, "mode": 0o600}),
        );
    }
    let entry: Entry = serde_json::from_value(json!({"entry": "kept", "files": kept})).unwrap();
    let line = encode(last.1 + 1, jiff::Timestamp::now(), &entry).unwrap();
    lab.put_object(BUCKET, &format!("{AT}journal/{:012}.jsonl", last.0 + 1), &line);
}

/// Encrypts as everybody can who has read infra.toml.
fn sealed(lab: &Lab, plain: &[u8]) -> Vec<u8> {
    let own: age::x25519::Identity = lab.read("key.txt").parse().unwrap();
    let to = own.to_public();
    let encryptor =
        age::Encryptor::with_recipients([&to as &dyn age::Recipient].into_iter()).unwrap();
    let mut bytes = Vec::new();
    let mut writer = encryptor.wrap_output(&mut bytes).unwrap();
    writer.write_all(plain).unwrap();
    writer.finish().unwrap();
    bytes
}

/// The kubeconfig of the lab, with a user that runs something.
fn running(lab: &Lab) -> String {
    let mark = lab.file("ran").display().to_string();
    let exec = format!(
        "exec: {{apiVersion: client.authentication.k8s.io/v1, command: touch, args: ['{mark}'], interactiveMode: Never}}"
    );
    let config = lab.read("ssl/lab/kubeconfig");
    let with = config.replace("    client-key-data:", &format!("    {exec}\n    client-key-data:"));
    assert_ne!(with, config);
    with
}

/// Another authority of the same name.
fn another_authority(lab: &Lab) -> (Vec<u8>, Vec<u8>) {
    let folder = lab.file("evil");
    infra_ssl::ensure(&folder, &infra_ssl::PkiSpec::new("lab"), jiff::Timestamp::now()).unwrap();
    (std::fs::read(folder.join("ca.crt")).unwrap(), std::fs::read(folder.join("ca.key")).unwrap())
}

fn forget_this_machine(lab: &Lab) {
    std::fs::remove_dir_all(lab.file("ssl")).unwrap();
    std::fs::remove_dir_all(lab.file(".infra/lab")).unwrap();
}

#[test]
fn a_forged_line_neither_runs_anything_nor_exchanges_an_authority() {
    let lab = lab("");
    lab.run(&APPLY).ok();
    let signed = lab.objects(BUCKET);
    let (config, ca) = (lab.read("ssl/lab/kubeconfig"), lab.read("ssl/lab/ca.crt"));
    let evil = running(&lab);
    let (evil_ca, evil_key) = another_authority(&lab);
    let other_ca = config.replace(
        config.lines().find(|line| line.contains("certificate-authority-data")).unwrap(),
        &format!(
            "    certificate-authority-data: {}",
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &evil_ca)
        ),
    );
    let (evil_age, key_age, other_age) =
        (sealed(&lab, evil.as_bytes()), sealed(&lab, &evil_key), sealed(&lab, other_ca.as_bytes()));
    type Files<'a> = Vec<(&'a str, &'a [u8], bool)>;
    let attacks: [(Files<'_>, &str); 5] = [
        (vec![("pki/kubeconfig", evil.as_bytes(), false)], "is not encrypted"),
        (vec![("pki/ca.key", &evil_key, false)], "is not encrypted"),
        (vec![("pki/kubeconfig", &evil_age, true)], "`users.user.exec`, which this program never"),
        (
            vec![("pki/ca.crt", &evil_ca, false), ("pki/ca.key", &key_age, true)],
            "is another authority than the one in the working copy",
        ),
        (vec![("pki/kubeconfig", &other_age, true)], "trusts another authority than the cluster's"),
    ];
    let nothing_happened = |ran: &Ran| {
        assert!(!lab.file("ran").exists(), "{ran}");
        assert_eq!(lab.read("ssl/lab/kubeconfig"), config, "{ran}");
        assert_eq!(lab.read("ssl/lab/ca.crt"), ca, "{ran}");
    };
    // On a state that is signed nothing of it is even looked at,
    for (files, _) in &attacks {
        forge(&lab, files);
        let ran = lab.run(&PLAN).expect(9).warns("can't be trusted: it is not signed");
        nothing_happened(&ran);
        put_all(&lab, &signed);
    }
    // on one from before it is looked at, and refused.
    let old = unsigned(&signed);
    std::fs::remove_file(lab.file(".infra/lab/signing.json")).unwrap();
    for (files, why) in &attacks {
        put_all(&lab, &old);
        forge(&lab, files);
        for words in [&PLAN[..], &APPLY[..]] {
            let ran = lab.run(words).expect(9).warns(why);
            nothing_happened(&ran);
        }
        assert!(!lab.objects(BUCKET).contains_key(SIGNING), "what was refused is not signed");
    }
}

#[test]
fn a_record_from_before_is_read_signed_once_and_then_refused_unsigned() {
    let lab = lab("");
    lab.run(&APPLY).ok();
    let old = unsigned(&lab.objects(BUCKET));
    put_all(&lab, &old);
    std::fs::remove_file(lab.file(".infra/lab/signing.json")).unwrap();
    let history = lab.run(&["state", "history"]).ok().warns("is not signed yet").stdout;
    lab.run(&PLAN).ok().says("No changes").warns("is not signed yet");
    assert!(!lab.objects(BUCKET).contains_key(SIGNING), "reading writes nothing");
    lab.run(&APPLY).ok().warns("is signed from now on");
    let second = lab.run(&APPLY).ok();
    assert!(!second.stderr.contains("signed"), "{second}");
    assert!(lab.run(&["state", "history"]).ok().stdout.starts_with(&history));

    // Its signatures removed again: by everybody who has seen it that is refused.
    let signed = lab.objects(BUCKET);
    put_all(&lab, &unsigned(&signed));
    lab.run(&PLAN).expect(9).warns("it is gone, and this machine has seen it");
    let keys = lab.file(".infra/lab/signing.json").display().to_string();
    assert!(std::path::Path::new(&keys).exists());
    // By one who has not, too; unless nobody else may write there.
    forget_this_machine(&lab);
    lab.run(&PLAN).expect(9).warns("this machine has never seen it");
    let mut plan = lab.command(&PLAN);
    Ran::of(plan.env("INFRA_STATE_ACCEPT_UNSIGNED", "1")).ok().warns("is not signed yet");

    // The key alone gone.
    forget_this_machine(&lab);
    put_all(&lab, &signed);
    lab.remove_object(BUCKET, SIGNING);
    lab.run(&PLAN).expect(9).warns("it is signed, and the state says with no key");
    put_all(&lab, &signed);
    lab.run(&PLAN).ok().says("No changes");
    // One object of before in the place of the signed one.
    let (last, body) =
        unsigned(&signed).into_iter().rfind(|(key, _)| key.ends_with(".jsonl")).unwrap();
    lab.put_object(BUCKET, &last, &body);
    lab.run(&PLAN).expect(9).warns("it is not signed");
}

#[test]
fn a_key_that_none_of_the_recipients_made_is_refused() {
    let lab = lab("");
    lab.run(&APPLY).ok();
    let whole = lab.objects(BUCKET);
    let document: Value = serde_json::from_slice(&whole[SIGNING]).unwrap();
    let own = document["made_by"].as_str().unwrap().to_owned();
    let eve = age::x25519::Identity::generate();
    let base64 =
        |bytes: &[u8]| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
    let mut by_eve = document.clone();
    by_eve["made_by"] = eve.to_public().to_string().into();
    by_eve["sealed"] = base64(&sealed(&lab, &[7; 32])).into();
    let mut as_own = document.clone();
    as_own["sealed"] = base64(&sealed(&lab, &[7; 32])).into();
    let mut no_proof = document.clone();
    no_proof["proofs"][&own] = "00".repeat(32).into();
    for seen in [true, false] {
        for (forged, why) in [
            (&by_eve, "made it, who is not in `recipients`"),
            (&as_own, "did not make it"),
            (&no_proof, "did not make it"),
        ] {
            lab.put_object(BUCKET, SIGNING, forged.to_string().as_bytes());
            let why = if seen && *forged != as_own {
                "another one than this machine has seen"
            } else {
                why
            };
            let ran = lab.run(&PLAN);
            // Whoever has the key need not open the one that is there.
            if seen && *forged == as_own {
                ran.ok();
            } else {
                ran.expect(9).warns(why);
            }
        }
        lab.put_object(BUCKET, SIGNING, &whole[SIGNING]);
        if seen {
            forget_this_machine(&lab);
        }
    }
    lab.run(&PLAN).ok();
    // The key itself is readable for nobody else.
    let pin: Value = serde_json::from_str(&lab.read(".infra/lab/signing.json")).unwrap();
    let key = hex::decode(pin["key"].as_str().unwrap()).unwrap();
    for (name, bytes) in lab.objects(BUCKET) {
        assert!(!bytes.windows(32).any(|window| window == key), "{name}");
        assert!(!String::from_utf8_lossy(&bytes).contains(pin["key"].as_str().unwrap()), "{name}");
    }
}

#[test]
fn a_bucket_that_was_set_back_is_noticed() {
    let lab = lab("");
    lab.run(&APPLY).ok();
    let earlier = lab.objects(BUCKET);
    let more = lab.read("infra.toml").replacen(
        "[pools.worker]\ncount = 1",
        "[pools.worker]\ncount = 2",
        1,
    );
    lab.write("infra.toml", &more);
    lab.run(&APPLY).ok();
    let later = lab.objects(BUCKET);
    let before = lab.inventory();
    put_all(&lab, &earlier);
    lab.run(&PLAN).expect(9).warns("was set back: this machine has seen");
    lab.run(&APPLY).expect(9).warns("was set back: this machine has seen");
    assert!(lab.objects(BUCKET) == earlier, "nothing was written");
    put_all(&lab, &BTreeMap::new());
    lab.run(&APPLY).expect(9).warns("it is gone, and this machine has seen it");
    assert_eq!(lab.inventory().ids(), before.ids());
    put_all(&lab, &later);
    lab.run(&PLAN).ok().says("No changes");
}

#[test]
fn forged_locks_and_histories_are_refused() {
    let lab = lab("");
    lab.run(&APPLY).ok();
    let whole = lab.objects(BUCKET);
    let old = unsigned(&whole);
    let lock = format!("{AT}lock.json");
    let held =
        String::from_utf8_lossy(&old[&lock]).replace("\"released\": true", "\"released\": false");
    lab.put_object(BUCKET, &lock, held.as_bytes());
    lab.run(&APPLY).expect(9).warns("lock.json can't be trusted: it is not signed");
    lab.run(&["state", "list"]).expect(9).warns("lock.json can't be trusted");
    lab.put_object(BUCKET, &lock, &whole[&lock]);
    for (key, body) in old.iter().filter(|(key, _)| key.contains("/history/")) {
        lab.put_object(BUCKET, key, body);
    }
    lab.run(&["state", "history"]).expect(9).warns("can't be trusted: it is not signed");
    lab.run(&["state", "rollback", "1", "--yes"]).expect(9).warns("can't be trusted");
    for (key, bytes) in whole.iter().filter(|(key, _)| key.contains("/history/")) {
        lab.put_object(BUCKET, key, bytes);
    }
    lab.run(&PLAN).ok().says("No changes");
}

#[test]
fn those_in_recipients_trust_each_other_and_nobody_else() {
    let lab = lab("");
    let ada = lab.read("infra.toml");
    lab.run(&APPLY).ok();
    // Bob comes in; until somebody who can read the key has named him, he can't.
    let bob = age::x25519::Identity::generate();
    lab.write("bob.txt", age::secrecy::ExposeSecret::expose_secret(&bob.to_string()));
    let both = ada.replace("recipients = [", &format!("recipients = [\"{}\", ", bob.to_public()));
    lab.write("infra.toml", &both.replace("key.txt", "bob.txt"));
    std::fs::rename(lab.file(".infra/lab"), lab.file("ada-record")).unwrap();
    std::fs::rename(lab.file("ssl"), lab.file("ada-ssl")).unwrap();
    lab.run(&["state", "list"]).expect(4).warns("was not made readable for a key that is here");
    let home = |of: &str| {
        std::fs::remove_dir_all(lab.file(".infra/lab")).ok();
        std::fs::remove_dir_all(lab.file("ssl")).ok();
        std::fs::rename(lab.file(&format!("{of}-record")), lab.file(".infra/lab")).unwrap();
        std::fs::rename(lab.file(&format!("{of}-ssl")), lab.file("ssl")).unwrap();
    };
    home("ada");
    lab.write("infra.toml", &both);
    lab.run(&APPLY).ok();
    std::fs::remove_dir_all(lab.file(".infra/lab")).unwrap();
    lab.write("infra.toml", &both.replace("key.txt", "bob.txt"));
    lab.run(&["state", "list"]).ok().says("droplet.worker-1");
    // He reads everything: also what was encrypted before he came.
    std::fs::remove_dir_all(lab.file("ssl")).unwrap();
    lab.run(&PLAN).ok().says("No changes");
    std::fs::rename(lab.file(".infra/lab"), lab.file("bob-record")).unwrap();
    std::fs::rename(lab.file("ssl"), lab.file("bob-ssl")).unwrap();
    let ada_left = both.replace(&format!("\"{}\"", recipient(&lab, "key.txt")), "");
    let ada_left = ada_left.replace("key.txt", "bob.txt");
    // What she made is not trusted by whoever has never seen it.
    lab.write("infra.toml", &ada_left);
    lab.run(&["state", "list"]).expect(9).warns("who is not in `recipients`");

    // Bob has seen it. With the next run that takes the lock, it has a key that she does not know.
    home("bob");
    let signing = || {
        let mut objects = lab.objects(BUCKET).into_iter();
        objects.find(|(key, _)| key.ends_with("keys/signing.json")).unwrap()
    };
    let (document, before) = signing();
    let pin = lab.read(".infra/lab/signing.json");
    lab.run(&APPLY).ok().warns("has another key");
    lab.run(&PLAN).ok().says("No changes");
    // Another machine of his, that has seen the old key, follows.
    let newer = lab.read(".infra/lab/signing.json");
    lab.write(".infra/lab/signing.json", &pin);
    lab.run(&PLAN).ok().says("No changes");
    assert_eq!(key_in(&lab.read(".infra/lab/signing.json")), key_in(&newer));
    assert_ne!(key_in(&pin), key_in(&newer));
    // Ada puts back the one that she knows.
    let (_, after) = signing();
    lab.put_object(BUCKET, &document, &before);
    lab.run(&["state", "list"]).expect(9).warns("an earlier one than this machine has seen");
    // Or passes her key off as a later one.
    let mut forged: serde_json::Value = serde_json::from_slice(&before).unwrap();
    forged["generation"] = 7.into();
    lab.put_object(BUCKET, &document, forged.to_string().as_bytes());
    lab.run(&["state", "list"]).expect(9).warns("can't be trusted");
    lab.put_object(BUCKET, &document, &after);
    lab.run(&PLAN).ok().says("No changes");
    // She reads nothing more.
    lab.write("infra.toml", &both);
    std::fs::remove_dir_all(lab.file(".infra/lab")).unwrap();
    std::fs::remove_dir_all(lab.file("ssl")).unwrap();
    lab.run(&["state", "list"]).expect(4).warns("was not made readable for a key that is here");
}

fn key_in(pin: &str) -> String {
    let pin: serde_json::Value = serde_json::from_str(pin).unwrap();
    pin["key"].as_str().unwrap().to_owned()
}

fn recipient(lab: &Lab, file: &str) -> String {
    lab.read(file).parse::<age::x25519::Identity>().unwrap().to_public().to_string()
}
