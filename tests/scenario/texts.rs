//! What plan and apply say.

use super::lab::{Config, Lab, quickstart};

fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "[uuid]");
    settings.add_filter(r"([0-9a-f]{2}:){15}[0-9a-f]{2}", "[fingerprint]");
    settings.add_filter(r"\b[0-9a-f]{16}\b", "[hash]");
    settings.add_filter(r"([-:])[0-9a-f]{8}\b", "$1[short]");
    settings.add_filter(r"(infra-[a-z]+-\[short\])-[a-z0-9]{7}\b", "$1-[random]");
    // Columns are as wide as the addresses that happen to be in them.
    settings.add_filter(r"(\S) {2,}", "$1  ");
    settings.add_filter(r"127\.\d+\.\d+\.\d+", "[ip]");
    settings.add_filter(r"\b\d+\.\d s\b", "[time]");
    settings.add_filter(r"\b\d{9}\b", "[id]");
    settings
}

fn plan(lab: &Lab, words: &[&str]) -> String {
    lab.run(&[&["plan"], words].concat()).ok().stdout
}

#[test]
fn the_first_plan_of_the_quickstart() {
    let lab = quickstart();
    let text = plan(&lab, &[]);
    settings().bind(|| insta::assert_snapshot!(text));
}

#[test]
fn a_small_cluster_from_first_plan_to_last() {
    let lab = Config { control_planes: 1, workers: 1 }.lab();
    settings().bind(|| {
        insta::assert_snapshot!("small_verbose", plan(&lab, &["--phase", "infra", "--verbose"]));
    });
    let ran = lab.run(&["apply", "--yes"]).ok();
    // Machines get their private addresses in the order in which they happen to be made.
    let table = ran.stdout.split("\n\n").skip_while(|part| !part.starts_with("NODE"));
    let ended: Vec<&str> = table.collect();
    let mut settings = settings();
    settings.add_filter(r"10\.110\.\d+\.\d+", "[private]");
    settings.bind(|| insta::assert_snapshot!("small_applied", ended.join("\n\n")));
    let gone = lab.run(&["destroy", "--yes"]).ok();
    settings.bind(|| insta::assert_snapshot!("small_destroyed", gone.stdout));
    lab.inventory().assert_empty();
}
