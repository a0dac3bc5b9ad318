//! `${VAR}` and `${VAR:-default}` in manifests.
//!
//! A value must not be able to change a manifest's structure, and an error must name the line. So
//! the text is marked first (each `${…}` becomes a harmless word), then parsed as YAML, and the
//! words are replaced in the parsed scalars. Comments take no part: what stands there vanishes when
//! the text is parsed.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::{ExposeSecret, SecretString};

/// The values that `${VAR}` can take.
pub(crate) struct Variables<'a> {
    pub(crate) plain: &'a BTreeMap<String, String>,
    pub(crate) secret: &'a BTreeMap<String, SecretString>,
}

/// One `${…}` of a text.
struct Mark {
    line: usize,
    /// Whether it stands in a plain (unquoted) scalar that begins on its line.
    plain: bool,
    content: Result<Content, Fault>,
}

struct Content {
    name: String,
    text: String,
    secret: bool,
}

/// Why a `${…}` has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// No value given and no default.
    Undefined(String),
    /// Not of a known form.
    Malformed(String),
}

/// A scalar with its marks replaced.
pub(super) struct Filled {
    pub(super) text: String,
    /// Whether YAML's rules for plain scalars (numbers, booleans) apply to `text`.
    pub(super) plain: bool,
    pub(super) secret: Option<(String, usize)>,
}

/// The marks of one text.
pub(super) struct Marks {
    word: String,
    marks: Vec<Mark>,
    used: std::cell::RefCell<BTreeSet<String>>,
}

const DIGITS: usize = 6;

impl Marks {
    /// Returns the text as it is, with nothing marked.
    pub(super) fn none(text: &str) -> (String, Marks) {
        let word = "\0".to_owned();
        (text.to_owned(), Marks { word, marks: Vec::new(), used: std::cell::RefCell::default() })
    }

    /// Marks `text`: gives it back with a word in the place of each `${…}`, line for line.
    pub(super) fn mark(text: &str, variables: &Variables<'_>) -> (String, Marks) {
        let mut word = "infraVariable".to_owned();
        while text.contains(&word) {
            word.push('X');
        }
        let mut marked = String::with_capacity(text.len());
        let mut marks = Vec::new();
        for (number, line) in text.split_inclusive('\n').enumerate() {
            let mut rest = line;
            let mut before = 0;
            while let Some(at) = rest.find("${") {
                if rest[..at].ends_with('$') {
                    marked.push_str(&rest[..at - 1]);
                    marked.push_str("${");
                    before += at + 2;
                    rest = &rest[at + 2..];
                    continue;
                }
                marked.push_str(&rest[..at]);
                let (content, length) = parse(&rest[at..], variables);
                let plain = is_plain(&line[..before + at]);
                marked.push_str(&format!("{word}{:0DIGITS$}", marks.len()));
                marks.push(Mark { line: number + 1, plain, content });
                before += at + length;
                rest = &rest[at + length..];
            }
            marked.push_str(rest);
        }
        (marked, Marks { word, marks, used: std::cell::RefCell::default() })
    }

    /// Replaces the words in a parsed scalar; `None` when it has none. Problems go to `faults`
    /// with their lines.
    pub(super) fn fill(&self, scalar: &str, faults: &mut Vec<(usize, Fault)>) -> Option<Filled> {
        if !scalar.contains(&self.word) {
            return None;
        }
        let mut filled = Filled { text: String::new(), plain: true, secret: None };
        let mut rest = scalar;
        while let Some(at) = rest.find(&self.word) {
            filled.text.push_str(&rest[..at]);
            let number_at = at + self.word.len();
            let number = rest.get(number_at..number_at + DIGITS).unwrap_or_default();
            rest = rest.get(number_at + DIGITS..).unwrap_or_default();
            let Some(mark) = number.parse().ok().and_then(|n: usize| self.marks.get(n)) else {
                continue;
            };
            filled.plain &= mark.plain;
            match &mark.content {
                Ok(content) => {
                    self.used.borrow_mut().insert(content.name.clone());
                    filled.text.push_str(&content.text);
                    if content.secret {
                        filled.secret = Some((content.name.clone(), mark.line));
                    }
                }
                Err(fault) => faults.push((mark.line, fault.clone())),
            }
        }
        filled.text.push_str(rest);
        filled.plain &= !scalar.contains('\n');
        Some(filled)
    }

    /// Turns each word in `text` back into `${NAME}`, for messages.
    pub(super) fn named(&self, text: &str) -> String {
        let mut named = text.to_owned();
        for (number, mark) in self.marks.iter().enumerate() {
            let name = match &mark.content {
                Ok(content) => content.name.as_str(),
                Err(Fault::Undefined(name) | Fault::Malformed(name)) => name,
            };
            named =
                named.replace(&format!("{}{number:0DIGITS$}", self.word), &format!("${{{name}}}"));
        }
        named
    }

    /// Returns the variables that [`Self::fill`] met.
    pub(super) fn used(&self) -> BTreeSet<String> {
        self.used.borrow().clone()
    }
}

/// Reads the `${…}` that `text` begins with, and says how long it is.
fn parse(text: &str, variables: &Variables<'_>) -> (Result<Content, Fault>, usize) {
    let line_end = text.find('\n').unwrap_or(text.len());
    let Some(close) = text[..line_end].find('}') else {
        return (Err(Fault::Malformed(text[2..line_end].trim_end().to_owned())), 2);
    };
    let inner = &text[2..close];
    let length = close + 1;
    let (name, default) = match inner.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inner, None),
    };
    if !is_name(name) || default.is_some_and(|d| d.contains("${")) {
        return (Err(Fault::Malformed(inner.to_owned())), length);
    }
    let content =
        |text: &str, secret| Content { name: name.to_owned(), text: text.to_owned(), secret };
    let found = if let Some(secret) = variables.secret.get(name) {
        Ok(content(secret.expose_secret(), true))
    } else if let Some(value) =
        variables.plain.get(name).filter(|v| default.is_none() || !v.is_empty())
    {
        Ok(content(value, false))
    } else if let Some(default) = default {
        Ok(content(default, false))
    } else {
        Err(Fault::Undefined(name.to_owned()))
    };
    (found, length)
}

fn is_name(name: &str) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit())
}

/// Returns true if a `${` after `before` (its line so far) stands in an unquoted scalar.
fn is_plain(before: &str) -> bool {
    let begin = [": ", "- ", ", ", "[", "{"]
        .iter()
        .filter_map(|sign| before.rfind(sign).map(|at| at + sign.len()))
        .max();
    begin.is_some_and(|at| !before[at..].contains(['"', '\'']))
}
