//! Diagnostic: one thing that is wrong in a file of the user, and where. The parser of infra.toml, the
//! clouds and the suites all report with it, so that `src/ui` draws every finding in one way.

use std::{fmt, ops::Range};

use serde::Serialize;

use crate::Source;

/// One thing that is wrong. It holds no secret.
///
/// ```
/// use infra_provider_api::{Diagnostic, Source};
///
/// let place = Source { file: "infra.toml".into(), line: 6, span: Some(80..86) };
/// let found = Diagnostic::new("region `fra9` does not exist")
///     .help("did you mean `fra1`?")
///     .in_source(Some(&place));
/// assert_eq!(found.to_string(), "infra.toml:6: region `fra9` does not exist");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The file, as the user named it; `None` for what is not wrong in a file, such as an account's
    /// limit.
    pub file: Option<String>,
    /// Line, from 1; `None` for the file as a whole.
    pub line: Option<usize>,
    /// Bytes of the file that it is about. Scripts get the line instead.
    #[serde(skip)]
    pub span: Option<Range<usize>>,
    /// What is wrong: `region "fra9" does not exist`.
    pub message: String,
    /// What to do: `did you mean "fra1"?`.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Makes a diagnostic without a place.
    pub fn new(message: impl Into<String>) -> Self {
        Self { file: None, line: None, span: None, message: message.into(), help: None }
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds the bytes it is about. Who knows the file adds it, and the line, with
    /// [`Self::in_text`].
    #[must_use]
    pub fn at(mut self, span: Range<usize>) -> Self {
        self.span = Some(span);
        self
    }

    /// Adds the file, and the line of the bytes in the file's text.
    #[must_use]
    pub fn in_text(mut self, file: impl Into<String>, text: &str) -> Self {
        self.file = Some(file.into());
        self.line = self.span.as_ref().map(|span| line_of(text, span.start));
        self
    }

    /// Adds the place where a value was written, if that is known.
    #[must_use]
    pub fn in_source(mut self, source: Option<&Source>) -> Self {
        if let Some(source) = source {
            self.file = Some(source.file.clone());
            self.line = usize::try_from(source.line).ok();
            self.span.clone_from(&source.span);
        }
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, "{file}:{line}: ")?,
            (Some(file), None) => write!(f, "{file}: ")?,
            (None, _) => {}
        }
        f.write_str(&self.message)
    }
}

/// Returns the line, from 1, of a byte of a text.
pub fn line_of(text: &str, byte: usize) -> usize {
    text.as_bytes().iter().take(byte).filter(|byte| **byte == b'\n').count() + 1
}
