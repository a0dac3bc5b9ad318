//! A text as YAML documents, each with its first line.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use serde_yaml_ng::Value as Yaml;

use super::{
    images::image_lines,
    nesting,
    scalars::{Findings, to_json},
    variables::{Fault, Marks},
};
use crate::{Origin, Problem, ProblemKind};

/// A parsed document, not yet known to be an object.
pub(super) struct Document {
    pub(super) value: Value,
    pub(super) origin: Origin,
    /// Secret variables it uses: name, line.
    pub(super) secrets: Vec<(String, usize)>,
    /// Lines of its `image:` entries, with what stands there.
    pub(super) images: Vec<(usize, String)>,
}

/// Reads the documents of a marked text. Empty ones are left out; problems are collected.
pub(super) fn documents(
    file: &Path,
    marked: &str,
    marks: &Marks,
    problems: &mut Vec<Problem>,
) -> Vec<Document> {
    let mut found = Vec::new();
    for (first_line, text) in split(marked) {
        match parse(&text) {
            Ok(None) => {}
            Ok(Some(yaml)) => {
                let mut findings = Findings::default();
                let value = to_json(yaml, marks, &mut findings);
                report(file, first_line, &findings, problems);
                let images = image_lines(&text, first_line, marks);
                let line = first_line + leading_lines(&text);
                let origin = Origin::new(file, line);
                found.push(Document { value, origin, secrets: findings.secrets, images });
            }
            Err(Unparsed::Yaml(error)) => {
                problems.push(yaml_problem(file, first_line, marks, &error));
            }
            Err(Unparsed::Nested(why)) => problems.push(why.problem(file, first_line)),
        }
    }
    found
}

/// Splits at `---` and `...`, which YAML allows only at the beginning of a line.
fn split(text: &str) -> Vec<(usize, String)> {
    let mut pieces = vec![(1, String::new())];
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let is_mark = |mark: &str| {
            line.strip_prefix(mark)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\n']))
        };
        if is_mark("---") {
            pieces.push((number + 1, line.to_owned()));
        } else if is_mark("...") {
            pieces.push((number + 2, String::new()));
        } else if let Some((_, piece)) = pieces.last_mut() {
            piece.push_str(line);
        }
    }
    pieces
}

/// Why a text is no document.
enum Unparsed {
    Yaml(serde_yaml_ng::Error),
    Nested(nesting::TooDeep),
}

fn parse(text: &str) -> Result<Option<Yaml>, Unparsed> {
    nesting::bounded(text, read).map_err(Unparsed::Nested)?.map_err(Unparsed::Yaml)
}

fn read(text: &str) -> Result<Option<Yaml>, serde_yaml_ng::Error> {
    let mut yaml = Yaml::deserialize(serde_yaml_ng::Deserializer::from_str(text))?;
    yaml.apply_merge()?;
    Ok((!yaml.is_null()).then_some(yaml))
}

/// Counts the lines of a piece that come before its first content.
fn leading_lines(text: &str) -> usize {
    text.lines()
        .take_while(|line| {
            let line = line.trim();
            line.is_empty() || line.starts_with('#') || line == "---" || line.starts_with("--- #")
        })
        .count()
}

fn report(file: &Path, first_line: usize, findings: &Findings, problems: &mut Vec<Problem>) {
    for (line, fault) in &findings.faults {
        problems.push(match fault {
            Fault::Undefined(name) => Problem::new(
                ProblemKind::UndefinedVariable,
                Origin::new(file, *line),
                format!("${{{name}}} has no value"),
            )
            .hint(format!(
                "give {name} a value, write ${{{name}:-default}}, or $${{{name}}} to keep the text as it is; \
                 --verbatim PATH (infra.toml: [apps] verbatim) keeps all of a file or folder"
            )),
            Fault::Malformed(inner) => Problem::new(
                ProblemKind::BadVariable,
                Origin::new(file, *line),
                format!("${{{inner}}} is no substitution"),
            )
            .hint("write ${NAME} or ${NAME:-default}; $${…} keeps the text as it is, --verbatim PATH all of a file"),
        });
    }
    for message in &findings.unsupported {
        problems.push(Problem::new(
            ProblemKind::Yaml,
            Origin::new(file, first_line),
            message.clone(),
        ));
    }
}

fn yaml_problem(
    file: &Path,
    first_line: usize,
    marks: &Marks,
    error: &serde_yaml_ng::Error,
) -> Problem {
    let line = first_line + error.location().map_or(1, |location| location.line().max(1)) - 1;
    let message = marks.named(&error.to_string());
    let message = message.split(" at line ").next().unwrap_or(&message);
    let mut problem = Problem::new(
        ProblemKind::Yaml,
        Origin::new(file, line),
        format!("not valid YAML: {message}"),
    );
    if message.contains("cannot start any token") {
        problem = problem.hint("indent with spaces; a tab is not allowed there");
    }
    problem
}
