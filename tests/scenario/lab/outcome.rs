//! How a run ended.

use std::process::{Command, Output};

/// A run that has ended.
pub struct Ran {
    words: String,
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(command: &mut Command) -> Self {
        let words = words(command);
        Self::from(words, command.output().unwrap())
    }

    pub(super) fn from(words: String, output: Output) -> Self {
        Self {
            words,
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Panics with everything it said unless it ended with `code`.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    #[track_caller]
    pub fn ok(self) -> Self {
        self.expect(0)
    }

    /// Panics unless standard output holds `text`.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "no {text:?} in:\n{self}");
        self
    }

    /// Panics unless standard error holds `text`.
    #[track_caller]
    pub fn warns(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "no {text:?} in:\n{self}");
        self
    }

    /// The lines of a plan that name a change, as `(mark, address)`: `("+", "droplet.worker-3")`.
    pub fn changes(&self) -> Vec<(String, String)> {
        self.stdout
            .lines()
            .filter_map(|line| {
                let mut words = line.strip_prefix("  ")?.split_whitespace();
                let (mark, address) = (words.next()?, words.next()?);
                let is_mark = mark.chars().all(|c| !c.is_alphanumeric() && c != '"');
                (is_mark && address.contains('.')).then(|| (mark.to_owned(), address.to_owned()))
            })
            .collect()
    }

    /// The addresses of [`Ran::changes`] with that mark, sorted.
    pub fn changed(&self, mark: &str) -> Vec<String> {
        let mut all: Vec<String> =
            self.changes().into_iter().filter(|(m, _)| m == mark).map(|(_, a)| a).collect();
        all.sort();
        all
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "`{}` ended with {:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.words, self.code, self.stdout, self.stderr
        )
    }
}

pub(super) fn words(command: &Command) -> String {
    let mut words = vec!["infra".to_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}
