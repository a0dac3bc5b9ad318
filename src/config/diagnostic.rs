//! Errors of infra.toml: everything that is wrong with one file, each with its place.

use std::{fmt, path::Path};

use infra_provider_api::Diagnostic;

use crate::ui::drawn;

/// Everything that is wrong with a file. Nothing has been done.
#[derive(Clone, Debug)]
pub struct SpecErrors {
    /// The file's text.
    pub text: String,
    /// The findings, in the order of their places.
    pub diagnostics: Vec<Diagnostic>,
}

impl std::error::Error for SpecErrors {}

impl SpecErrors {
    /// Makes the findings of one file, sorted by place.
    pub fn new(file: &Path, text: &str, found: Vec<Diagnostic>) -> Self {
        let file = file.display().to_string();
        let mut diagnostics: Vec<Diagnostic> =
            found.into_iter().map(|one| one.in_text(&file, text)).collect();
        diagnostics.sort_by_key(|one| one.span.as_ref().map_or(0, |span| span.start));
        diagnostics.dedup();
        Self { text: text.to_owned(), diagnostics }
    }
}

impl fmt::Display for SpecErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&drawn(&self.diagnostics, |_| Some(self.text.clone())))
    }
}
