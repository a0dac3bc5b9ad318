//! A log of exchanges: a line of JSON for each, as the embedded cloud writes it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::{Discovery, Exchange};

/// The verdict about a log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Log {
    /// How often each method was called, by its id.
    pub calls: BTreeMap<String, usize>,
    /// What does not fit the documents, each once, with the number of the line it was seen in first.
    pub violations: Vec<String>,
}

/// Checks each line of a log against the vendor's documents; `None` where there are none. A last line
/// that is cut off is that of a call under way.
///
/// # Panics
/// Panics if the log cannot be read.
pub fn check_log(path: &Path) -> Option<Log> {
    Some(Discovery::find()?.check_lines(&read(path)))
}

/// Checks the answers in a log, and not what was asked: for calls that tools of others made.
///
/// # Panics
/// Panics if the log cannot be read.
pub fn check_log_answers(path: &Path) -> Option<Log> {
    let discovery = Discovery::find()?;
    Some(discovery.judge_lines(&read(path), |exchange| discovery.check_answer(exchange)))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Returns what is said without the numbers of list items, and without the call that it is said of.
fn place(said: &str) -> String {
    let place = said.split_once(": ").map_or(said, |(_, place)| place);
    let mut parts = place.split('[');
    let mut short = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        short.push('[');
        short.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    short
}

impl Discovery {
    /// Checks the lines of a log.
    pub fn check_lines(&self, text: &str) -> Log {
        self.judge_lines(text, |exchange| self.check(exchange))
    }

    fn judge_lines(&self, text: &str, judge: impl Fn(&Exchange) -> Vec<String>) -> Log {
        let mut log = Log::default();
        let mut seen = BTreeSet::new();
        for (at, line) in text.split_inclusive('\n').enumerate() {
            let exchange = match serde_json::from_str::<Exchange>(line) {
                Ok(exchange) => exchange,
                Err(_) if !line.ends_with('\n') => break,
                Err(why) => {
                    log.violations.push(format!("line {}: it is no exchange: {why}", at + 1));
                    continue;
                }
            };
            let id = self.method(&exchange.method, &exchange.path).unwrap_or("(unknown)");
            *log.calls.entry(id.to_owned()).or_default() += 1;
            for said in judge(&exchange) {
                // The same fault in many calls of a method is one fault.
                if seen.insert((id.to_owned(), place(&said))) {
                    log.violations.push(format!("line {}: {said}", at + 1));
                }
            }
        }
        log
    }
}

impl Log {
    /// Counts all calls.
    pub fn count(&self) -> usize {
        self.calls.values().sum()
    }

    /// Panics with all violations if there are any, or if there was no call: an empty log proves nothing.
    ///
    /// # Panics
    /// Panics as said.
    #[track_caller]
    pub fn assert_clean(&self) {
        assert!(self.count() > 0, "the log holds no call");
        let said = self.violations.join("\n");
        assert!(said.is_empty(), "calls that the vendor's documents do not allow:\n{said}");
    }
}
