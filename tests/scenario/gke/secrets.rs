//! The access token is nowhere but in the requests.

use super::bare;

fn files(folder: &std::path::Path, all: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.ends_with(".infra/sim") {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            files(&path, all);
        } else {
            all.push(path);
        }
    }
}

#[test]
fn the_access_token_is_in_no_plan_log_state_kubeconfig_or_error() {
    let lab = bare();
    lab.start_cloud();
    let token = lab.endpoint()["gcp"]["token"].as_str().unwrap().to_owned();
    let log = ["-vv", "--log-file", "calls.log"];
    let run = |words: &[&str]| {
        let ran = lab.run(&[words, &log].concat());
        assert!(!format!("{}{}", ran.stdout, ran.stderr).contains(&token), "{words:?}");
        ran
    };
    run(&["plan", "-o", "saved.plan"]).ok();
    run(&["apply", "saved.plan", "--yes"]).ok();
    run(&["status", "--json"]).ok();
    run(&["kubeconfig", "--print"]).ok();
    lab.fault(&["403", "--api", "gcp", "--path", "*/clusters", "--count", "1"]);
    run(&["plan"]).expect(4);
    let mut all = Vec::new();
    files(lab.path(), &mut all);
    assert!(all.iter().any(|path| path.ends_with("calls.log")), "{all:?}");
    assert!(all.iter().any(|path| path.ends_with("kubeconfig")), "{all:?}");
    for path in all {
        let text = std::fs::read(&path).unwrap();
        let holds = text.windows(token.len()).any(|part| part == token.as_bytes());
        assert!(!holds, "{} holds the token", path.display());
    }
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}
