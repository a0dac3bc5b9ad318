//! From this machine to a bucket and back.

use super::{APPLY, BUCKET, PLAN, lab};
use crate::lab::Config;

#[test]
fn a_record_moves_to_a_bucket_and_back_and_nothing_is_lost() {
    let lab = lab("");
    let remote = lab.read("infra.toml");
    let local = Config { control_planes: 1, workers: 1 }.toml();
    lab.write("infra.toml", &local);
    lab.run(&APPLY).ok();
    let before = lab.inventory();
    let record = lab.run(&["state", "list"]).ok().stdout;
    let history = lab.run(&["state", "history"]).ok().says("apply").stdout;
    let ca = lab.read("ssl/lab/ca.key");

    // Not moved yet: nothing is done behind the user's back.
    lab.write("infra.toml", &remote);
    lab.run(&APPLY).expect(9).warns("infra state migrate");
    lab.run(&["state", "migrate"]).ok().says("pki/ca.key").says("read back and compared");
    assert!(!lab.file(".infra/lab/journal").exists());
    assert!(!lab.file(".infra/lab/identity.json").exists());
    assert_eq!(lab.run(&["state", "list"]).ok().stdout, record);
    assert_eq!(lab.run(&["state", "history"]).ok().stdout, history);
    lab.run(&PLAN).ok();
    // Again: there is nothing left to move.
    lab.run(&["state", "migrate"]).ok().says("has no record to move");

    // Without [state] the copy here is not taken for the record.
    lab.write("infra.toml", &local);
    lab.run(&PLAN).expect(1).warns("infra state migrate --from s3://team-state/clusters");
    // It goes back, and the bucket is empty then. A damaged object stops it before anything is lost.
    let objects = lab.objects(BUCKET);
    let (key, good) = objects.iter().find(|(key, _)| key.ends_with("sa.key.age")).unwrap();
    let back = ["state", "migrate", "--from", "s3://team-state/clusters"];
    let identity = |words: &[&str]| {
        crate::lab::Ran::of(lab.command(words).env("INFRA_STATE_IDENTITY", "key.txt"))
    };
    std::fs::remove_dir_all(lab.file("ssl")).unwrap();
    lab.put_object(BUCKET, key, b"flipped");
    identity(&back).expect(9).warns("is damaged");
    assert!(lab.objects(BUCKET).len() >= objects.len(), "nothing was deleted");
    lab.put_object(BUCKET, key, good);
    identity(&back).ok().says("read back and compared");
    assert!(lab.objects(BUCKET).is_empty(), "{:?}", lab.objects(BUCKET).keys());
    assert_eq!(lab.read("ssl/lab/ca.key"), ca);
    assert_eq!(lab.run(&["state", "list"]).ok().stdout, record);
    assert_eq!(lab.run(&["state", "history"]).ok().stdout, history);
    lab.run(&PLAN).ok();
    assert_eq!(lab.inventory().ids_of("droplets"), before.ids_of("droplets"));
}
