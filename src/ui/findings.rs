//! Findings drawn for people: the message, an excerpt of the file with a mark below what is wrong, and
//! what to do.

use std::{fmt, fmt::Write};

use infra_provider_api::{Diagnostic, line_of};
use miette::{
    Diagnostic as Miette, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource,
    SourceCode,
};

/// Renders findings one below the other. `text_of` gives the text of a file; without it, or with a
/// text that has changed, a finding has its line and no excerpt.
pub fn drawn(found: &[Diagnostic], text_of: impl Fn(&str) -> Option<String>) -> String {
    // A long message stays one line, so that it can be searched for.
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_wrap_lines(false)
        .with_context_lines(1);
    let mut text = String::new();
    for one in found {
        if one.file.is_none() {
            let _ = writeln!(text, "error: {one}");
            if let Some(help) = &one.help {
                let _ = writeln!(text, "  help: {help}");
            }
            continue;
        }
        let _ = handler.render_report(&mut text, &Drawn::new(one, &text_of));
    }
    text
}

/// Reads a file again for excerpts. What is no plain file, such as a pipe, can be read only once.
pub fn text_again(file: &str) -> Option<String> {
    let is_file = std::fs::metadata(file).is_ok_and(|about| about.is_file());
    if is_file { std::fs::read_to_string(file).ok() } else { None }
}

/// What tokens and private keys begin with, in the words of those who make them.
const SECRETS: [&str; 7] =
    ["dop_v1_", "doo_v1_", "AKIA", "ASIA", "AGE-SECRET-KEY-", "ghp_", "github_pat_"];

/// Masks what may be a secret: somebody may have written a token where the name of a variable belongs,
/// and an excerpt shows the lines around a finding, too. No byte changes its place.
fn masked(text: String) -> String {
    let mask = |line: &str| -> String {
        let key = line.split('#').next().unwrap_or_default();
        let is_token = key.contains("token");
        let mut open: Option<char> = None;
        let parts = line.split_inclusive(['"', '\'']).map(|part| {
            let value = part
                .strip_suffix(['"', '\''])
                .unwrap_or_else(|| part.trim_end_matches(['\r', '\n']));
            let is_value = open.is_some();
            let quote = part.chars().next_back().filter(|last| *last == '"' || *last == '\'');
            open = match (open, quote) {
                (None, quote) => quote,
                (Some(open), Some(quote)) if open == quote => None,
                (open, _) => open,
            };
            let is_secret = SECRETS.iter().any(|begin| value.contains(begin));
            let is_name = value
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
            if is_secret
                || is_token && is_value && !is_name && !value.contains(['{', '}', '=', ','])
            {
                format!("{}{}", "*".repeat(value.len()), &part[value.len()..])
            } else {
                part.to_owned()
            }
        });
        parts.collect()
    };
    text.split_inclusive('\n').map(mask).collect()
}

/// A finding with the text that its excerpt is taken from.
#[derive(Debug)]
struct Drawn<'a> {
    found: &'a Diagnostic,
    source: Option<NamedSource<String>>,
}

impl<'a> Drawn<'a> {
    fn new(found: &'a Diagnostic, text_of: impl Fn(&str) -> Option<String>) -> Self {
        let source = found.file.as_ref().zip(found.span.as_ref()).and_then(|(file, span)| {
            let text = masked(text_of(file)?);
            // Somebody may have edited the file since it was read.
            let is_same = text.get(span.clone()).is_some()
                && found.line.is_none_or(|line| line == line_of(&text, span.start));
            is_same.then(|| NamedSource::new(file, text))
        });
        Self { found, source }
    }
}

impl fmt::Display for Drawn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.source, self.found.line) {
            (None, Some(_)) => write!(f, "{}", self.found),
            _ => f.write_str(&self.found.message),
        }
    }
}

impl std::error::Error for Drawn<'_> {}

impl Miette for Drawn<'_> {
    fn help<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        self.found.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.found.span.clone().filter(|_| self.source.is_some())?;
        let label = LabeledSpan::new(Some("here".to_owned()), span.start, span.len());
        Some(Box::new(std::iter::once(label)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[providers.do]\nregion = \"fra9\"\n";

    fn found() -> Diagnostic {
        let span = TEXT.find("\"fra9\"").unwrap();
        Diagnostic::new("region `fra9` does not exist")
            .help("did you mean `fra1`?")
            .at(span..span + 6)
            .in_text("infra.toml", TEXT)
    }

    #[test]
    fn a_finding_shows_its_line_and_what_to_do() {
        let text = drawn(&[found()], |_| Some(TEXT.to_owned()));
        for part in ["× region `fra9`", "[infra.toml:2:10]", "╰── here", "help: did you mean"]
        {
            assert!(text.contains(part), "no {part} in {text}");
        }
    }

    #[test]
    fn no_excerpt_shows_a_token() {
        let lines = [
            "cluster_token = { env = \"dop_v1_0123456789abcdef\" }",
            "cluster_token = \"0123456789abcdef\"",
            "token = { env = 'zzz-secret' } # mine",
            "note = \"AKIA0123456789ABCDEF\"",
        ];
        for line in lines {
            // It stands beside the line that is wrong.
            let text = format!("{line}\n{TEXT}");
            let at = text.find("[providers.do]").unwrap();
            let one = Diagnostic::new("wrong").at(at..at + 3).in_text("infra.toml", &text);
            let shown = drawn(&[one], |_| Some(text.clone()));
            assert!(shown.contains("***"), "{shown}");
            for secret in ["0123456789", "zzz-secret"] {
                assert!(!shown.contains(secret), "{shown}");
            }
        }
        for harmless in [
            "cluster_token = { env = \"TEAM_TOKEN\" }\n",
            "# a token's place\nimage = 'ubuntu'\n",
            "token = { env = \"A\" }\r\n[pools]\nlabels = { a = \"it's\" }\n",
        ] {
            assert_eq!(masked(harmless.to_owned()), harmless);
        }
    }

    #[test]
    fn a_file_that_has_changed_gives_no_excerpt() {
        for now in [None, Some(String::new()), Some(format!("\n{TEXT}"))] {
            let text = drawn(&[found()], |_| now.clone());
            assert!(text.contains("× infra.toml:2: region `fra9` does not exist"), "{text}");
            assert!(!text.contains("here"), "{text}");
        }
    }

    #[test]
    fn what_is_not_in_a_file_is_an_error_like_others() {
        let found = Diagnostic::new("the account is locked").help("see the console");
        let text = drawn(&[found], |_| None);
        assert_eq!(text, "error: the account is locked\n  help: see the console\n");
    }
}
