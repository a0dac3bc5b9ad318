//! One discovery document: its methods by path, and what a call of each may hold.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use regex::Regex;
use serde_json::{Map, Value};

use super::{Exchange, envelope, parameters, schema::Checker, text};

/// The document of one API.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) schemas: Map<String, Value>,
    /// The parameters that every method takes.
    pub(super) parameters: Map<String, Value>,
    methods: Vec<Method>,
    /// Patterns are many times the same, and slow to read.
    patterns: Mutex<HashMap<String, Option<Regex>>>,
}

#[derive(Debug)]
struct Method {
    /// Segments of its path, with `{names}` for variables.
    path: Vec<String>,
    /// The same with variables that stand for several segments.
    template: String,
    described: Value,
}

/// A method that fits a call.
#[derive(Debug)]
pub(super) struct Found<'a> {
    document: &'a Document,
    method: &'a Method,
    values: Vec<(String, String)>,
    /// The whole path, decoded.
    path: String,
}

fn object(value: &Value, name: &str) -> Map<String, Value> {
    value[name].as_object().cloned().unwrap_or_default()
}

/// Adds the methods of a resource and of those below it.
fn collect(resource: &Value, base: &str, methods: &mut Vec<Method>) {
    for method in object(resource, "methods").values() {
        let template = method["path"].as_str().unwrap_or_default();
        let path = format!("{base}{}", method["flatPath"].as_str().unwrap_or(template));
        methods.push(Method {
            path: path.split('/').map(str::to_owned).collect(),
            template: format!("{base}{template}"),
            described: method.clone(),
        });
    }
    for below in object(resource, "resources").values() {
        collect(below, base, methods);
    }
}

impl Document {
    pub(super) fn new(document: Value) -> Self {
        let base = document["servicePath"].as_str().unwrap_or_default().to_owned();
        let mut methods = Vec::new();
        collect(&document, &base, &mut methods);
        Self {
            schemas: object(&document, "schemas"),
            parameters: object(&document, "parameters"),
            methods,
            patterns: Mutex::default(),
        }
    }

    /// Adds the methods that fit a call to `found`, and to `others` the verbs that a path is known for
    /// when it fits no method with this one.
    pub(super) fn find<'a>(
        &'a self,
        verb: &str,
        path: &str,
        found: &mut Vec<Found<'a>>,
        others: &mut Vec<&'a str>,
    ) {
        let path = path.trim_start_matches('/');
        for method in &self.methods {
            let Some(values) = fit(&method.path, path) else { continue };
            let known = method.described["httpMethod"].as_str().unwrap_or_default();
            if known != verb {
                others.push(known);
                continue;
            }
            let path = text::decoded(path, false).unwrap_or_default();
            found.push(Found { document: self, method, values, path });
        }
    }

    /// Returns true if a whole text is of a pattern. What the engine here cannot read fits all.
    pub(super) fn fits(&self, pattern: &str, text: &str) -> bool {
        let mut known = self.patterns.lock().unwrap_or_else(PoisonError::into_inner);
        let regex = known
            .entry(pattern.to_owned())
            .or_insert_with(|| Regex::new(&format!("^(?:{pattern})$")).ok());
        regex.as_ref().is_none_or(|regex| regex.is_match(text))
    }
}

/// Returns the values of a path's variables if it is of this form.
fn fit(template: &[String], path: &str) -> Option<Vec<(String, String)>> {
    let mut values = Vec::new();
    let mut given = path.split('/');
    let last = template.len() - 1;
    for (at, wanted) in template.iter().enumerate() {
        let segment = given.next()?;
        let Some(variable) = wanted.strip_prefix('{') else {
            if wanted != segment {
                return None;
            }
            continue;
        };
        let (name, verb) = variable.split_once('}')?;
        // A colon in the last segment begins a verb.
        let value = match verb {
            "" if at == last && segment.contains(':') => return None,
            "" => segment,
            verb => segment.strip_suffix(verb)?,
        };
        let value = text::decoded(value, false)?;
        if value.is_empty() {
            return None;
        }
        values.push((name.to_owned(), value));
    }
    given.next().is_none().then_some(values)
}

impl<'d> Found<'d> {
    pub(super) fn method_id(&self) -> &'d str {
        self.method.described["id"].as_str().unwrap_or_default()
    }

    /// Counts the segments that are no variables.
    pub(super) fn literals(&self) -> usize {
        self.method.path.iter().filter(|segment| !segment.starts_with('{')).count()
    }

    fn checker<'a>(&'a self, query: &[(String, String)], is_request: bool) -> Checker<'a> {
        let numbers = query.iter().any(|(name, value)| {
            name.trim_start_matches('$') == "alt" && value.contains("enum-encoding=int")
        });
        Checker::new(self.document, self.method_id(), is_request, numbers)
    }

    /// Checks the parameters and the body.
    pub(super) fn request(&self, query: &[(String, String)], body: Option<&Value>) -> Vec<String> {
        let mut said = parameters::check_path(
            self.document,
            &self.method.described,
            &self.values,
            (&self.method.template, &self.path),
        );
        said.extend(parameters::check_query(self.document, &self.method.described, query));
        let described = &self.method.described["request"];
        match (described.is_object(), body) {
            (true, body) => {
                let empty = Value::Object(Map::new());
                let mut checker = self.checker(query, true);
                checker.check(body.unwrap_or(&empty), described, "request");
                said.extend(checker.violations);
            }
            (false, Some(_)) => said.push("request: this call takes no body".to_owned()),
            (false, None) => {}
        }
        said
    }

    /// Checks the answer.
    pub(super) fn answer(&self, query: &[(String, String)], exchange: &Exchange) -> Vec<String> {
        let Some(status) = exchange.status else { return Vec::new() };
        if !(200..300).contains(&status) {
            return envelope::check(status, exchange.answer.as_ref());
        }
        let described = &self.method.described["response"];
        match (described.is_object(), exchange.answer.as_ref()) {
            (true, None) => vec!["answer: the body is missing".to_owned()],
            (true, Some(answer)) => {
                let mut checker = self.checker(query, false);
                checker.check(answer, described, "answer");
                checker.violations
            }
            (false, Some(answer)) if !is_nothing(answer) => {
                vec!["answer: this call is answered without a body".to_owned()]
            }
            (false, _) => Vec::new(),
        }
    }
}

fn is_nothing(answer: &Value) -> bool {
    match answer {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}
