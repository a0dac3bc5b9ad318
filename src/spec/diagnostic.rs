//! What is wrong with infra.toml, and where.

use std::{fmt, ops::Range, path::Path};

use miette::{
    Diagnostic as Miette, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource,
    SourceCode,
};

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong.
    pub message: String,
    /// Bytes of the file it is about.
    pub span: Option<Range<usize>>,
    /// What stands at the place, in a few words.
    pub label: Option<String>,
    /// What to do.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// Makes a finding without a place.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), span: None, label: None, hint: None }
    }

    /// Adds its place.
    #[must_use]
    pub fn at(mut self, span: Range<usize>) -> Self {
        self.span = Some(span);
        self
    }

    /// Adds a hint about what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Everything that is wrong with a file. Nothing has been done.
#[derive(Clone, Debug)]
pub struct SpecErrors {
    /// Path as the user gave it.
    pub file: String,
    /// The file's text.
    pub text: String,
    /// The findings, in the order of their places.
    pub diagnostics: Vec<Diagnostic>,
}

impl std::error::Error for SpecErrors {}

impl SpecErrors {
    /// Makes the findings of one file, sorted by place.
    pub fn new(file: &Path, text: &str, mut diagnostics: Vec<Diagnostic>) -> Self {
        diagnostics.sort_by_key(|d| d.span.as_ref().map_or(0, |span| span.start));
        diagnostics.dedup();
        Self { file: file.display().to_string(), text: text.to_owned(), diagnostics }
    }

    /// Returns the line, from 1, of a place in the file.
    pub fn line(&self, span: &Range<usize>) -> usize {
        line_of(&self.text, span.start)
    }
}

/// Returns the line, from 1, of a byte of a text.
pub fn line_of(text: &str, byte: usize) -> usize {
    text.as_bytes().iter().take(byte).filter(|byte| **byte == b'\n').count() + 1
}

impl fmt::Display for SpecErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
            .with_width(100)
            .with_context_lines(1);
        for diagnostic in &self.diagnostics {
            let report =
                Shown { diagnostic, source: NamedSource::new(&self.file, self.text.clone()) };
            handler.render_report(f, &report)?;
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Shown<'a> {
    diagnostic: &'a Diagnostic,
    source: NamedSource<String>,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.diagnostic.message)
    }
}

impl std::error::Error for Shown<'_> {}

impl Miette for Shown<'_> {
    fn help<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        self.diagnostic.hint.as_ref().map(|hint| Box::new(hint) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.diagnostic.span.as_ref().map(|_| &self.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.diagnostic.span.clone()?;
        let label = LabeledSpan::new(
            Some(self.diagnostic.label.clone().unwrap_or_else(|| "here".to_owned())),
            span.start,
            span.len(),
        );
        Some(Box::new(std::iter::once(label)))
    }
}
