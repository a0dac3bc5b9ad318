//! Keys that Secrets are encrypted with.

mod support;

use infra_ssl::{
    ENCRYPTION_KEYS, EncryptionKeys, EncryptionStage, EncryptionStart, ensure, plan, remove,
};
use secrecy::ExposeSecret;
use support::{actions, snapshot, spec, t0};

/// Names of the keys that read, by what writes.
fn orders(mut keys: EncryptionKeys, steps: usize) -> Vec<String> {
    let mut orders = vec![keys.order().join(" ")];
    for _ in 0..steps {
        keys = keys.next().unwrap();
        orders.push(keys.order().join(" "));
    }
    orders
}

#[test]
fn a_key_reads_everywhere_before_it_writes_and_goes_after_nothing_is_written_with_it() {
    let new = EncryptionKeys::generate(true).unwrap();
    assert_eq!(new.order(), EncryptionKeys::first_order(true));
    let expected = [
        "key1 identity",
        "key1 key2 identity",
        "key2 key1 identity",
        "key2 identity",
        "key2 key3 identity",
    ];
    assert_eq!(orders(new, 4), expected);

    let old = EncryptionKeys::generate(false).unwrap();
    assert_eq!(old.order(), EncryptionKeys::first_order(false));
    let expected = ["identity key1", "key1 identity", "key1 identity", "key1 key2 identity"];
    assert_eq!(orders(old, 3), expected);
}

/// Whatever two control planes that are one step apart write, the other one can read it.
#[test]
fn neighbouring_steps_read_each_other() {
    for is_new in [true, false] {
        let mut keys = EncryptionKeys::generate(is_new).unwrap();
        for _ in 0..9 {
            let next = keys.next().unwrap();
            let (before, after) = (keys.order(), next.order());
            assert!(after.contains(&before[0]), "{after:?} can't read what {before:?} writes");
            // The last step of a rotation changes nothing of what writes, so it may drop a key.
            assert!(before.contains(&after[0]), "{before:?} can't read what {after:?} writes");
            keys = next;
        }
    }
}

#[test]
fn the_configuration_is_what_an_api_server_reads() {
    let keys = EncryptionKeys::generate(true).unwrap().next().unwrap();
    let text = keys.configuration().unwrap();
    let value: serde_yaml_ng::Value = serde_yaml_ng::from_str(text.expose_secret()).unwrap();
    assert_eq!(value["apiVersion"], "apiserver.config.k8s.io/v1");
    assert_eq!(value["kind"], "EncryptionConfiguration");
    let rule = &value["resources"][0];
    assert_eq!(rule["resources"][0], "secrets");
    assert_eq!(rule["providers"][0]["secretbox"]["keys"][1]["name"], "key2");
    assert!(rule["providers"][1]["identity"].is_mapping());
    let secret = rule["providers"][0]["secretbox"]["keys"][0]["secret"].as_str().unwrap();
    assert_eq!(secret.len(), 44, "32 bytes in base64");
    assert!(!format!("{keys:?}").contains(secret), "{keys:?}");
}

#[test]
fn the_folder_gets_a_key_once_and_keeps_it() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("demo");
    ensure(&dir, &spec(), t0()).unwrap();
    let spec = spec().with_encryption(Some(EncryptionStart::Existing));
    assert_eq!(actions(&plan(&dir, &spec, t0()).unwrap()), ["create encryption.keys"]);
    ensure(&dir, &spec, t0()).unwrap();
    let before = snapshot(&dir);
    assert_eq!(before[ENCRYPTION_KEYS].1, 0o600);
    let path = dir.join(ENCRYPTION_KEYS);
    let keys = EncryptionKeys::read(&path).unwrap().unwrap();
    assert_eq!(keys.stage(), EncryptionStage::Reading);
    let again = spec.clone().with_encryption(Some(EncryptionStart::New));
    assert_eq!(actions(&ensure(&dir, &again, t0()).unwrap()), [""; 0]);
    assert!(snapshot(&dir) == before);

    keys.next().unwrap().write(&path).unwrap();
    let read = EncryptionKeys::read(&path).unwrap().unwrap();
    assert_eq!(
        (read.stage(), read.order()),
        (EncryptionStage::Writing, keys.next().unwrap().order())
    );
    remove(&dir, ENCRYPTION_KEYS).unwrap();
    assert!(EncryptionKeys::read(&path).unwrap().is_none());
}

#[test]
fn a_cluster_that_is_made_anew_writes_with_its_newest_key_at_once() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("demo");
    let path = dir.join(ENCRYPTION_KEYS);
    let spec = spec().with_encryption(Some(EncryptionStart::Existing));
    ensure(&dir, &spec, t0()).unwrap();
    let anew = spec.with_encryption(Some(EncryptionStart::Anew));
    let reading = EncryptionKeys::read(&path).unwrap().unwrap();
    assert_eq!(reading.order(), ["identity", "key1"]);
    assert_eq!(actions(&plan(&dir, &anew, t0()).unwrap()), ["re-issue encryption.keys"]);
    ensure(&dir, &anew, t0()).unwrap();
    let settled = EncryptionKeys::read(&path).unwrap().unwrap();
    assert_eq!(
        (settled.stage(), settled.order()),
        (EncryptionStage::Settled, reading.anew().order())
    );
    assert_eq!(settled.fingerprints()[0], reading.fingerprints()[1], "it is the same key");
    assert_eq!(actions(&ensure(&dir, &anew, t0()).unwrap()), [""; 0]);

    // What was begun with an older key ends with that.
    let added = settled.next().unwrap();
    for keys in [added.next().unwrap(), added] {
        assert_eq!(keys.anew().order(), ["key2", "identity"]);
    }
}

#[test]
fn a_damaged_file_is_refused_and_never_shown() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join(ENCRYPTION_KEYS);
    EncryptionKeys::generate(true).unwrap().write(&path).unwrap();
    let good = std::fs::read_to_string(&path).unwrap();
    let value: serde_json::Value = serde_json::from_str(&good).unwrap();
    let secret = value["keys"][0]["secret"].as_str().unwrap().to_owned();
    for bad in [
        good.replace("settled", "added"),
        good.replace("\"version\": 1", "\"version\": 2"),
        good.replace(&secret, &secret[4..]),
        good.replace(&format!("\"{secret}\""), &secret),
        good.replace("key1", "identity"),
        String::new(),
    ] {
        assert_ne!(bad, good);
        std::fs::write(&path, bad).unwrap();
        let error = EncryptionKeys::read(&path).unwrap_err();
        assert_eq!(error.code(), "malformed");
        assert!(!error.to_string().contains(&secret[4..20]), "{error}");
    }
}
