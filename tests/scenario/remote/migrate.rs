//! From this machine to a bucket and back.

use super::{APPLY, BUCKET, PLAN, lab};
use crate::lab::{Config, Watched};

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
    lab.run(&["state", "migrate"]).ok().says("has no state to move");

    // Without [state] the copy here is not taken for the state.
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
    // Killed while it empties the bucket: the state here counts, and nobody takes the rest for one.
    let journal = "/team-state/clusters/lab/journal/*";
    lab.fault(
        &["slow", "--delay-ms", "600000", "--count", "1", "--after", "1"]
            .into_iter()
            .chain(["--api", "s3", "--method", "DELETE", "--path", journal])
            .collect::<Vec<_>>(),
    );
    let mut command = lab.command(&back);
    command.env("INFRA_STATE_IDENTITY", "key.txt");
    let mut killed = Watched::start(command);
    assert!(killed.until(|| lab.struck() > 0));
    killed.kill();
    lab.run_bare(&["sim", "fault", "clear"]).ok();
    assert!(lab.objects(BUCKET).contains_key("clusters/lab/identity.json"));
    lab.run(&PLAN).ok();
    lab.write("infra.toml", &remote);
    lab.run(&PLAN).expect(1).warns("let it finish: infra state migrate --from s3://team-state");
    lab.write("infra.toml", &local);
    identity(&back).ok().says("Finished the move");
    assert!(lab.objects(BUCKET).is_empty(), "{:?}", lab.objects(BUCKET).keys());
    assert_eq!(lab.read("ssl/lab/ca.key"), ca);
    assert_eq!(lab.run(&["state", "list"]).ok().stdout, record);
    assert_eq!(lab.run(&["state", "history"]).ok().stdout, history);
    lab.run(&PLAN).ok();
    assert_eq!(lab.inventory().ids_of("droplets"), before.ids_of("droplets"));
}
