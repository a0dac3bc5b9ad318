//! What a stranger tries who knows the names of things: they are shared by everybody.

use super::lab::{Config, Lab};

const SMALL: Config = Config { control_planes: 1, workers: 1 };

/// A stranger has made the bucket of `[state]` beforehand, and lets everybody write to it.
#[test]
fn nothing_is_written_to_a_strangers_bucket() {
    let lab = Lab::with(&format!("{}\n[state]\nbackend = \"s3://lure-state/x\"\n", SMALL.toml()));
    lab.start_cloud();
    for words in [&["apply", "--yes", "--phase", "infra"][..], &["plan"], &["state", "migrate"]] {
        let mut run = lab.command(words);
        run.env("INFRA_STATE_PASSPHRASE", "correct horse battery staple");
        let ran = super::lab::Ran::of(&mut run).expect(4);
        ran.warns("is not in the account of these credentials");
        let found = lab.objects("lure-state");
        assert!(found.is_empty(), "the stranger has {:?}", found.keys());
    }
    assert_eq!(lab.inventory().names("droplets"), Vec::<String>::new());
}
