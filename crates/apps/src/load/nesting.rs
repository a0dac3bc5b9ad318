//! How deeply a text is nested, before its parser sees it. For each token the YAML parser looks at
//! every bracket that is open: 60 kB of `[` take it ten seconds, a megabyte an hour.

use std::{path::Path, sync::mpsc, thread, time::Duration};

use crate::{Origin, Problem, ProblemKind};

/// The most brackets that may be open at once. No object of Kubernetes comes near it.
const DEPTH_MAX: usize = 1_000;
/// How long a text with more brackets than that may take.
const LIMIT: Duration = Duration::from_secs(20);

/// Why a text is not parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TooDeep {
    /// At this line (from 1) too many brackets are open.
    At(usize),
    /// Parsing took too long.
    Slow,
}

impl TooDeep {
    /// Returns the problem, in a text that begins at `first_line` of `file`.
    pub(super) fn problem(self, file: &Path, first_line: usize) -> Problem {
        let (line, message) = match self {
            Self::At(line) => (
                first_line + line - 1,
                format!("more than {DEPTH_MAX} brackets are open here; nothing nests as deeply"),
            ),
            Self::Slow => (first_line, format!("it cannot be parsed within {LIMIT:?}")),
        };
        Problem::new(ProblemKind::Yaml, Origin::new(file, line), message)
            .hint("is this the right file?")
    }
}

/// Counts open brackets, those in quotes and comments too: nothing has to be parsed for it. Closing
/// ones in quotes hide others from it, which [`bounded`] makes up for.
///
/// # Errors
/// Returns an error if the text is nested too deeply.
pub(super) fn check(text: &str) -> Result<(), TooDeep> {
    let mut depth = 0_usize;
    for (number, line) in text.lines().enumerate() {
        for byte in line.bytes() {
            match byte {
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        if depth > DEPTH_MAX {
            return Err(TooDeep::At(number + 1));
        }
    }
    Ok(())
}

/// Parses a text that is not nested too deeply. One that has the brackets to be so is parsed beside,
/// and given up after a while.
///
/// # Errors
/// Returns an error if the text is nested too deeply, or takes too long.
pub(super) fn bounded<T: Send + 'static>(text: &str, parse: fn(&str) -> T) -> Result<T, TooDeep> {
    check(text)?;
    let opening = text.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count();
    if opening <= DEPTH_MAX {
        return Ok(parse(text));
    }
    let (sender, receiver) = mpsc::channel();
    let text = text.to_owned();
    thread::spawn(move || {
        // Nobody waits any more for what comes too late.
        let _ = sender.send(parse(&text));
    });
    receiver.recv_timeout(LIMIT).map_err(|_| TooDeep::Slow)
}
