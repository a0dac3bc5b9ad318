//! Absolute paths in commands: those that lie on the machine's disk are made real.

use super::cloud_config::{CommandLine, Word};
use super::disk::Disk;

/// Writes the shell script that runs the commands in order, as cloud-init writes it. A command that
/// fails does not stop the next, unless the script says so itself.
pub fn script(disk: &Disk, commands: &[CommandLine]) -> String {
    let mut text = "#!/bin/sh\n".to_owned();
    for command in commands {
        match command {
            CommandLine::Shell(code) => text.push_str(&shell(disk, code)),
            CommandLine::Words(words) => {
                let quoted: Vec<String> = words.iter().map(|w| quote(&word(disk, w))).collect();
                text.push_str(&quoted.join(" "));
            }
        }
        text.push('\n');
    }
    text
}

fn word(disk: &Disk, word: &Word) -> String {
    let text = match word {
        Word::Text(text) => text.clone(),
        Word::Number(number) => return number.to_string(),
    };
    real(disk, &text).unwrap_or(text)
}

/// Returns the real path if this absolute path is on the machine's disk.
fn real(disk: &Disk, text: &str) -> Option<String> {
    if !text.starts_with('/') || text.len() < 2 {
        return None;
    }
    let path = disk.inside(text)?;
    path.exists().then(|| path.to_string_lossy().into_owned())
}

/// Rewrites the absolute paths of shell code word by word.
fn shell(disk: &Disk, code: &str) -> String {
    let stops = |c: char| c.is_whitespace() || "\"'`;|&()<>=$,:".contains(c);
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    let mut at_start = true;
    while let Some(c) = rest.chars().next() {
        if c == '/' && at_start {
            let end = rest.find(stops).unwrap_or(rest.len());
            let path = &rest[..end];
            match real(disk, path) {
                Some(found) => out.push_str(&found),
                None => out.push_str(path),
            }
            rest = &rest[end..];
            at_start = false;
            continue;
        }
        at_start = stops(c) && c != '$';
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
