//! The tutorial: its commands in order, in an empty folder, as a reader types them.

use std::{
    env,
    ffi::OsString,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::lab::Lab;

/// How a block of commands begins in the document.
const SHELL: &str = "```sh";

/// How every block ends.
const END: &str = "```";

/// A block of commands of the tutorial.
#[derive(Debug, PartialEq)]
struct Block {
    /// The line of its first command.
    line: usize,
    /// Its commands.
    text: String,
}

/// Returns the blocks of commands of a document, in order. One that never ends is left out.
fn blocks(document: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in document.lines().enumerate() {
        if let Some(block) = &mut open {
            if line == END {
                blocks.extend(open.take());
            } else {
                block.text.push_str(line);
                block.text.push('\n');
            }
        } else if line == SHELL {
            open = Some(Block { line: index + 2, text: String::new() });
        }
    }
    blocks
}

/// A folder in which the binary is called `infra`, and the PATH that begins with it.
fn path_with_infra() -> (TempDir, OsString) {
    let folder = tempfile::Builder::new().prefix("infra-tutorial-").tempdir().unwrap();
    symlink(env!("CARGO_BIN_EXE_infra"), folder.path().join("infra")).unwrap();
    let old = env::var_os("PATH").unwrap_or_default();
    let all: Vec<PathBuf> =
        std::iter::once(folder.path().to_owned()).chain(env::split_paths(&old)).collect();
    let path = env::join_paths(all).unwrap();
    (folder, path)
}

#[test]
fn every_command_of_the_tutorial_works() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tutorial.md");
    let blocks = blocks(&fs::read_to_string(document).unwrap());
    assert!(blocks.len() > 10, "the tutorial has {} blocks of commands", blocks.len());
    // The last block stops the embedded cloud; if one before it fails, the lab does.
    let lab = Lab::empty();
    // A cloud that runs already is used by --sim; only its clock is faster.
    lab.start_cloud();
    let (_folder, path) = path_with_infra();
    for block in &blocks {
        let mut command = lab.clean("bash");
        command.env("PATH", &path).args(["-e", "-c", &block.text]);
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "docs/tutorial.md:{}: these commands ended with {:?}:\n{}--- stdout\n{}\n--- stderr\n{}",
            block.line,
            output.status.code(),
            block.text,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
    }
}

#[test]
fn blocks_of_other_languages_are_not_run() {
    let document =
        "One\n```sh\ninfra plan\ninfra apply\n```\n```text\nDone.\n```\n```sh\ntrue\n```\n";
    let found = blocks(document);
    let wanted = [(3, "infra plan\ninfra apply\n"), (10, "true\n")];
    let wanted = wanted.map(|(line, text)| Block { line, text: text.to_owned() });
    assert_eq!(found, wanted);
}
