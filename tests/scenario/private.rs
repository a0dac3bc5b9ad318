//! What the embedded cloud keeps is its owner's alone, whatever the umask.

use std::{
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::{Command, Stdio},
};

use super::lab::{Config, Lab, Ran};

/// Runs the binary as a shell does whose umask takes no right from anybody.
fn open_handed(lab: &Lab, words: &[&str]) -> Ran {
    let command = lab.command(words);
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 0; exec \"$0\" \"$@\""]).arg(command.get_program());
    shell.args(command.get_args()).current_dir(lab.path()).stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.process_group(0);
    Ran::of(&mut shell)
}

fn open_to_others(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let Ok(meta) = std::fs::symlink_metadata(&path) else { continue };
        if meta.is_dir() {
            open_to_others(&path, found);
        }
        if !meta.is_symlink() && meta.permissions().mode() & 0o077 != 0 {
            found.push(format!("{:o} {}", meta.permissions().mode() & 0o777, path.display()));
        }
    }
}

#[test]
fn nothing_in_the_folder_of_the_embedded_cloud_is_open_to_others() {
    let lab = Config { control_planes: 1, workers: 1 }.lab();
    open_handed(&lab, &["apply", "--yes", "--phase", "infra"]).ok();
    let folder = lab.file(".infra/sim");
    for private in [".infra", ".infra/sim", ".infra/lab", "ssl/lab"] {
        let mode = std::fs::metadata(lab.file(private)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{private}");
    }
    let mut found = Vec::new();
    open_to_others(&folder, &mut found);
    // The stand-ins of what everybody can download, and the machines' own files, which have the
    // modes that a machine gives them.
    found.retain(|one| !one.contains("/artifacts") && !one.contains("/root/"));
    assert!(found.is_empty(), "{found:#?}");
    // One that an earlier version left open is closed.
    lab.run_bare(&["sim", "stop"]).ok();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    lab.run(&["plan", "--phase", "infra"]).ok();
    let mode = std::fs::metadata(&folder).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}
