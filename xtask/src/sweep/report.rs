//! What came of the cases.

use std::{collections::BTreeMap, time::Duration};

use super::SweepError;

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Killed there, and the next run converged.
    Killed,
    /// The run was over before it came to that point, and all is well.
    NotReached,
    /// Disturbed, and the same run converged.
    ByItself,
    /// Disturbed, and ended with a clear error; the next run converged.
    Refused {
        /// Exit code.
        code: i32,
        /// The first line that says what went wrong.
        said: String,
    },
    /// The disturbance met nothing in this scenario.
    NotMet,
}

impl Outcome {
    fn word(&self) -> String {
        match self {
            Self::Killed => "killed, next run converged".to_owned(),
            Self::NotReached => "not reached".to_owned(),
            Self::ByItself => "converged by itself".to_owned(),
            Self::Refused { code, .. } => format!("ended with {code}, next run converged"),
            Self::NotMet => "met nothing".to_owned(),
        }
    }
}

/// What came of all cases.
#[derive(Debug, Default)]
pub struct Report {
    counts: BTreeMap<(String, &'static str, String), usize>,
    left_out: BTreeMap<(String, &'static str), usize>,
    broken: Vec<String>,
}

impl Report {
    /// Takes in one case, and says it.
    pub fn take(
        &mut self,
        scenario: &str,
        class: &'static str,
        case: &str,
        took: Duration,
        result: Result<Outcome, SweepError>,
    ) {
        let seconds = took.as_secs_f64();
        match result {
            Ok(outcome) => {
                let said = match &outcome {
                    Outcome::Refused { said, .. } => format!(": {said}"),
                    _ => String::new(),
                };
                let word = outcome.word();
                println!("{scenario}, {case}: {word}{said} ({seconds:.1} s)");
                *self.counts.entry((scenario.to_owned(), class, word)).or_default() += 1;
            }
            Err(error) => {
                println!("BROKEN {scenario}, {case} ({seconds:.1} s): {error}");
                self.broken.push(format!("{scenario}, {case}"));
            }
        }
    }

    /// Counts one case that there was no time for.
    pub fn leave_out(&mut self, scenario: &str, class: &'static str) {
        *self.left_out.entry((scenario.to_owned(), class)).or_default() += 1;
    }

    /// Returns true if every promise held, and at least one was put to the test.
    pub fn is_good(&self) -> bool {
        let idle = [Outcome::NotReached.word(), Outcome::NotMet.word()];
        let is_tested = self.counts.keys().any(|(_, _, word)| !idle.contains(word));
        is_tested && self.broken.is_empty()
    }

    /// Returns how many cases ended well.
    pub fn passed(&self) -> usize {
        self.counts.values().sum()
    }

    /// Prints the closing table.
    pub fn print(&self) {
        println!();
        for ((scenario, class, word), count) in &self.counts {
            println!("{scenario:<16} {class:<24} {count:>5} {word}");
        }
        for ((scenario, class), count) in &self.left_out {
            println!("{scenario:<16} {class:<24} {count:>5} left out: no time");
        }
        println!("{:<16} {:<24} {:>5}", "in all", "", self.passed());
        for broken in &self.broken {
            println!("BROKEN: {broken}");
        }
        if self.broken.is_empty() && !self.is_good() {
            println!("No case met anything: nothing was tested.");
        }
    }
}
