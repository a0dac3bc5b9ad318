//! What is refused before anything is made, and left as it was found.

use std::time::Duration;

use jiff::Timestamp;

use super::lab::{Config, Lab};

const SMALL: Config = Config { control_planes: 1, workers: 1 };

/// Standard error, without the line that every run begins with.
fn refusal(lab: &Lab, words: &[&str], code: i32) -> String {
    let ran = lab.run(words).expect(code);
    let lines = ran.stderr.lines().filter(|line| !line.starts_with("infra "));
    let folder = lab.path().display().to_string();
    lines.map(|line| format!("{}\n", line.replace(&folder, "[folder]"))).collect()
}

#[test]
fn a_zone_of_another_cluster_is_refused_by_the_plan() {
    let dns = "\n[dns]\ndomain = \"example.org\"\n";
    let lab = Lab::with(&(SMALL.toml() + dns));
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    let before = lab.inventory();
    let other = (SMALL.toml() + dns).replacen("\"lab\"", "\"other\"", 1);
    // Its range is free: only the zone is in the way.
    lab.write("other.toml", &other.replace("10.110.0.0/16", "10.112.0.0/16"));
    for verb in [&["plan", "-f", "other.toml"][..], &["apply", "--yes", "-f", "other.toml"]] {
        let text = refusal(&lab, verb, 3);
        insta::assert_snapshot!("zone_of_another", text);
    }
    assert_eq!(lab.inventory().ids(), before.ids());
    assert!(!lab.file("ssl/other").exists(), "no keys were made");
}

#[test]
fn authorities_are_never_replaced_by_accident() {
    let pki = || infra_ssl::PkiSpec::new("lab");
    let made = |lab: &Lab, at: Timestamp| {
        infra_ssl::ensure(&lab.file("ssl/lab"), &pki(), at).unwrap();
    };

    let lab = SMALL.lab();
    let twelve_years = Duration::from_secs(12 * 366 * 24 * 3600);
    made(&lab, Timestamp::now() - twelve_years);
    let ca = lab.read("ssl/lab/ca.crt");
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\d{4}-\d{2}-\d{2}T[0-9:.]+Z", "[time]");
    settings.bind(|| {
        insta::assert_snapshot!("expired_authority", refusal(&lab, &["apply", "--yes"], 9));
    });
    assert_eq!(lab.read("ssl/lab/ca.crt"), ca);
    lab.inventory().assert_empty();

    let lab = SMALL.lab();
    made(&lab, Timestamp::now());
    std::fs::remove_file(lab.file("ssl/lab/ca.key")).unwrap();
    let ca = lab.read("ssl/lab/ca.crt");
    insta::assert_snapshot!("authority_without_key", refusal(&lab, &["apply", "--yes"], 9));
    assert_eq!(lab.read("ssl/lab/ca.crt"), ca);
    lab.inventory().assert_empty();
}

#[test]
fn a_journal_of_a_newer_version_is_left_untouched() {
    let lab = SMALL.lab();
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    let journal = lab.read(".infra/lab/journal");
    let newer = journal.replacen("\"version\":1", "\"version\":9", 1);
    // The checksum is that of the line as a newer version would write it.
    let (first, rest) = newer.split_once('\n').unwrap();
    let body = &first[..first.find(",\"crc\":").unwrap()];
    let crc = crc32fast::hash(body.as_bytes());
    let newer = format!("{body},\"crc\":\"{crc:08x}\"}}\n{rest}");
    lab.write(".infra/lab/journal", &newer);
    for verb in [&["plan"][..], &["apply", "--yes"], &["destroy", "--yes"]] {
        insta::assert_snapshot!("newer_journal", refusal(&lab, verb, 9));
        assert_eq!(lab.read(".infra/lab/journal"), newer);
    }
    lab.write(".infra/lab/journal", &journal);
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}
