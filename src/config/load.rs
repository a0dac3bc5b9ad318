//! From a path to a [`Project`].

use std::path::{Path, PathBuf};

use infra_provider_api::Diagnostic;

use super::{
    check::check,
    diagnostic::SpecErrors,
    project::Project,
    raw::Raw,
    resolve::resolve,
    schema::schema,
    tree::{Body, Node, parse},
    values,
};

/// What the command line adds to the file.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `--env`.
    pub environment: Option<String>,
    /// `--provider`.
    pub provider: Option<String>,
    /// `--allow-remote-bases`.
    pub remote_bases: Vec<String>,
    /// `--state-dir`.
    pub state_dir: Option<PathBuf>,
    /// Only the apps are wanted: what is wrong with the cloud's part does not matter.
    pub apps_only: bool,
}

/// Why a file could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file can't be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file says what can't be done.
    #[error(transparent)]
    Spec(#[from] Box<SpecErrors>),
}

/// Reads, overlays, checks and resolves a file.
///
/// # Errors
/// Returns an error if the file cannot be read, or everything that is wrong with it.
pub fn load(path: &Path, options: &Options) -> Result<Project, LoadError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| LoadError::Read { path: path.to_owned(), source })?;
    read(path, &text, options).map_err(LoadError::Spec)
}

/// Checks and resolves a text that stands in `path`, which is not read.
///
/// # Errors
/// Returns everything that is wrong with it.
pub fn read(path: &Path, text: &str, options: &Options) -> Result<Project, Box<SpecErrors>> {
    load_text(path, text, options).map_err(|found| Box::new(SpecErrors::new(path, text, found)))
}

fn load_text(path: &Path, text: &str, options: &Options) -> Result<Project, Vec<Diagnostic>> {
    let written = parse(text).map_err(|diagnostic| vec![diagnostic])?;
    // The file is checked as written first, so that a typo in an environment that is not chosen
    // is found too, and has its place.
    let found = check(&schema(), &written);
    if !found.is_empty() {
        return Err(found);
    }
    let environment = choose_environment(&written, options).map_err(|found| vec![found])?;
    let merged = overlay(&written, environment.as_deref());
    let raw: Raw = serde_json::from_value(merged.to_json())
        .map_err(|error| vec![Diagnostic::new(error.to_string())])?;
    let environments = names(&written, "environments");
    resolve(&raw, &merged, path, text, environment, environments, options)
}

fn names(written: &Node, table: &str) -> Vec<String> {
    match written.field(table).map(|node| &node.body) {
        Some(Body::Table(fields)) => fields.keys().cloned().collect(),
        _ => Vec::new(),
    }
}

fn choose_environment(written: &Node, options: &Options) -> Result<Option<String>, Diagnostic> {
    let known = names(written, "environments");
    let default = written.at(&["cluster", "default_environment"]);
    let (name, span) = match (&options.environment, &default.body) {
        (Some(name), _) => (name.clone(), None),
        (None, Body::Leaf(serde_json::Value::String(name))) => {
            (name.clone(), Some(default.span.clone()))
        }
        _ => return Ok(None),
    };
    if known.contains(&name) {
        return Ok(Some(name));
    }
    let any = written.at(&["cluster", "any_environment"]);
    if matches!(any.body, Body::Leaf(serde_json::Value::Bool(true))) {
        // It becomes part of names: of a namespace, of a suite.
        return match values::label(&name, 40) {
            Ok(()) => Ok(Some(name)),
            Err(why) => Err(Diagnostic::new(format!("the environment `{name}` is refused: {why}"))),
        };
    }
    let mut diagnostic = Diagnostic::new(format!("there is no environment `{name}`"));
    if let Some(span) = span {
        diagnostic = diagnostic.at(span);
    }
    Err(match infra_provider_api::nearest(&name, known.iter().map(String::as_str)) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None if known.is_empty() => diagnostic.help(format!("add a table [environments.{name}]")),
        None => diagnostic.help(format!("known environments: {}", known.join(", "))),
    })
}

fn overlay(written: &Node, environment: Option<&str>) -> Node {
    let mut merged = written.clone();
    let Some(over) = environment.map(|name| written.at(&["environments", name]).clone()) else {
        return merged;
    };
    let mut over = over;
    if let Body::Table(fields) = &mut over.body
        && let Some(protected) = fields.remove("protected")
    {
        // `protected` of an environment is `cluster.protected` while that environment is chosen.
        let mut cluster = Node::empty();
        if let Body::Table(inner) = &mut cluster.body {
            inner.insert("protected".into(), protected);
        }
        merged.overlay(&wrap("cluster", cluster));
    }
    merged.overlay(&over);
    merged
}

fn wrap(name: &str, node: Node) -> Node {
    let mut outer = Node::empty();
    if let Body::Table(fields) = &mut outer.body {
        fields.insert(name.to_owned(), node);
    }
    outer
}
