//! Documents that say what the program says: they are compared with it.

use std::path::{Path, PathBuf};

use infra::session::ExitCode;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

#[test]
fn the_cli_reference_is_current() {
    let (path, wanted) = (file("docs/cli.md"), infra::cli::reference());
    if std::env::var_os("INFRA_WRITE_DOCS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == wanted,
        "docs/cli.md is not current: INFRA_WRITE_DOCS=1 cargo test --test reference"
    );
}

/// Returns the first cells of the table below a heading.
fn first_cells(text: &str, heading: &str) -> Vec<String> {
    let (_, below) = text.split_once(heading).unwrap();
    let rows = below.lines().skip_while(|line| !line.starts_with('|')).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    rows.map(|row| row.split('|').nth(1).unwrap().trim().trim_matches('`').to_owned()).collect()
}

#[test]
fn the_readme_has_each_exit_code_once() {
    let readme = std::fs::read_to_string(file("README.md")).unwrap();
    let codes = ExitCode::ALL.map(|code| (code as u8).to_string());
    assert_eq!(first_cells(&readme, "## Exit codes"), codes);
    // A code that is added to the enum and forgotten in the list would not be compared at all.
    let source = std::fs::read_to_string(file("src/session/error.rs")).unwrap();
    let (_, body) = source.split_once("pub enum ExitCode {").unwrap();
    let (body, _) = body.split_once('}').unwrap();
    assert_eq!(body.matches(" = ").count(), ExitCode::ALL.len());
}

#[test]
fn the_readme_has_each_verb() {
    let readme = std::fs::read_to_string(file("README.md")).unwrap();
    let known: Vec<String> = first_cells(&readme, "## Verbs")
        .iter()
        .map(|cell| cell.split_whitespace().next().unwrap().to_owned())
        .collect();
    let reference = infra::cli::reference();
    let verbs = reference.lines().filter_map(|line| line.strip_prefix("## infra "));
    for verb in verbs {
        assert!(known.iter().any(|one| one == verb), "the README's table lacks `{verb}`");
    }
}
