//! A loaded suite.

use std::{collections::BTreeSet, fs, io::Write, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{
    AppsError, MaskKey, Object, Order, Problem, SUITE_ANNOTATION, SuiteSource, WaitRule,
    load::{self, Manifest},
    yaml,
};
use infra_provider_api::visible::one_line;

/// Whether rendered Secrets show their content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reveal {
    /// A hash with a key stands in the place of each value.
    Masked,
    /// As they are; files are made 0600.
    Plain,
}

/// A suite, loaded, checked and ordered. Nothing of it depends on a cluster.
#[derive(Clone, Debug)]
pub struct Suite {
    name: String,
    objects: Vec<Object>,
    unused: Vec<String>,
    order: Order,
    version: Option<String>,
    promote_from: Option<String>,
    project: Option<String>,
    wait_rules: Vec<WaitRule>,
    hide_container_logs: bool,
    ensured: BTreeSet<String>,
    notes: Vec<String>,
    mask_key: MaskKey,
}

impl Suite {
    /// Loads base, overlay and Secrets, substitutes, merges, checks and orders.
    ///
    /// # Errors
    /// Returns [`AppsError::Manifests`] with all that is wrong, [`AppsError::Cycle`] or
    /// [`AppsError::File`].
    pub fn load(source: &SuiteSource) -> Result<Self, AppsError> {
        let source =
            &load::with_version(source).map_err(|found| AppsError::Manifests(vec![found]))?;
        Self::of(source, load::load(source)?)
    }

    pub(super) fn from_manifests(
        source: &SuiteSource,
        manifests: Vec<Manifest>,
        used: std::collections::BTreeSet<String>,
        problems: Vec<Problem>,
    ) -> Result<Self, AppsError> {
        Self::of(source, load::finish(manifests, source, used, problems)?)
    }

    fn of(source: &SuiteSource, loaded: load::Loaded) -> Result<Self, AppsError> {
        let name = &source.name;
        let mut objects = loaded.objects;
        for object in &mut objects {
            annotate(&mut object.value, name);
        }
        let order = Order::of(&objects)?;
        Ok(Self {
            name: name.to_owned(),
            objects,
            unused: loaded.unused,
            order,
            version: source.version.clone(),
            promote_from: source.promote_from.clone(),
            project: source.project.clone(),
            wait_rules: source.wait_rules.clone(),
            hide_container_logs: source.hide_container_logs,
            ensured: source.ensured_namespaces.clone(),
            notes: loaded.notes,
            mask_key: source.mask_key.clone().unwrap_or_else(|| MaskKey::of_this_run().clone()),
        })
    }

    /// Returns the suite's name, which also names its inventory.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the project that the suite belongs to.
    pub fn project(&self) -> Option<&str> {
        self.project.as_deref()
    }

    /// Returns the namespaces of others that an apply makes if they are not there.
    pub fn ensured_namespaces(&self) -> &BTreeSet<String> {
        &self.ensured
    }

    /// Returns the version that is rolled out.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Returns the suite that must have run that version before.
    pub fn promote_from(&self) -> Option<&str> {
        self.promote_from.as_deref()
    }

    /// Returns the objects, sorted by id.
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// Returns the order that the objects are applied in.
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// Variables that were given and that nothing uses.
    pub fn unused_variables(&self) -> &[String] {
        &self.unused
    }

    /// Returns the rules that say when objects of kinds with an unknown readiness are ready.
    pub fn wait_rules(&self) -> &[WaitRule] {
        &self.wait_rules
    }

    /// Returns true if the last line that a crashing container printed may be shown.
    pub fn shows_container_logs(&self) -> bool {
        !self.hide_container_logs
    }

    /// Lists the kinds of wait rules that fit no object of the suite.
    pub fn unused_wait_rules(&self) -> Vec<&str> {
        let is_unused =
            |rule: &&WaitRule| !self.objects.iter().any(|object| rule.covers(&object.id));
        self.wait_rules.iter().filter(is_unused).map(|rule| rule.kind.as_str()).collect()
    }

    /// Returns remarks about the suite's files that are worth printing.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Returns the object with a stand-in for each value of a Secret.
    pub(super) fn masked(&self, object: &Object) -> Value {
        masked(object, |value| self.mask_key.mask(value))
    }

    /// Hashes the rendered content (SHA-256, hex), whatever the order of files and keys. No value
    /// of a Secret goes into it, because more people can read the hash than the Secret. A changed
    /// value shows only by a comparison with the cluster.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for object in &self.objects {
            let masked = masked(object, |_| "(secret)".to_owned());
            hash.update(canonical(&masked).to_string());
            hash.update([0]);
        }
        hex::encode(hash.finalize())
    }

    /// Writes all objects as one YAML text, in the order of an apply.
    ///
    /// # Errors
    /// Returns [`AppsError::File`] if an object cannot be written as YAML.
    pub fn to_yaml(&self, reveal: Reveal) -> Result<String, AppsError> {
        let mut text = String::new();
        for place in self.order.sequence() {
            let object = &self.objects[place];
            let value =
                if reveal == Reveal::Plain { object.value.clone() } else { self.masked(object) };
            let yaml = yaml::text(&canonical(&value)).map_err(|error| AppsError::File {
                path: "-".into(),
                source: std::io::Error::other(error),
            })?;
            let origin = object.origin.to_string();
            text.push_str(&format!("---\n# {}\n{yaml}", one_line(&origin)));
        }
        Ok(text)
    }

    /// Writes each object to a file of its own below `dir`: `<namespace>/<kind>-<name>.yaml`, with
    /// `_cluster` for what is in no namespace. It deletes what an earlier render left there.
    ///
    /// # Errors
    /// Returns [`AppsError::File`] if a file cannot be written.
    pub fn render_to(&self, dir: &Path, reveal: Reveal) -> Result<(), AppsError> {
        remove_earlier(dir)?;
        for object in &self.objects {
            let folder = dir.join(object.id.namespace.as_deref().unwrap_or("_cluster"));
            let group = match object.id.group.split('.').next() {
                Some(group) if !group.is_empty() => format!("{group}-"),
                _ => String::new(),
            };
            let name = object.id.name.replace([':', '/'], "_");
            let path = folder.join(format!("{group}{}-{name}.yaml", object.id.kind.to_lowercase()));
            let value =
                if reveal == Reveal::Plain { object.value.clone() } else { self.masked(object) };
            let failed = |source| AppsError::File { path: path.clone(), source };
            let text = yaml::text(&canonical(&value))
                .map_err(|error| failed(std::io::Error::other(error)))?;
            fs::create_dir_all(&folder).map_err(failed)?;
            write(&path, &text, object.id.is_secret() && reveal == Reveal::Plain)
                .map_err(failed)?;
        }
        Ok(())
    }
}

/// Marks a folder as one that a render may empty.
const RENDERED: &str = ".infra-render";

/// Empties a folder of an earlier render; any other that holds something is refused.
fn remove_earlier(dir: &Path) -> Result<(), AppsError> {
    let failed = |source| AppsError::File { path: dir.to_owned(), source };
    let is_empty = match fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => return Err(failed(error)),
    };
    let mark = dir.join(RENDERED);
    if !is_empty {
        if !mark.exists() {
            let why = "the folder holds something else than an earlier render; choose another";
            return Err(failed(std::io::Error::other(why)));
        }
        fs::remove_dir_all(dir).map_err(failed)?;
    }
    fs::create_dir_all(dir).and_then(|()| fs::write(mark, "")).map_err(failed)
}

fn write(path: &Path, text: &str, private: bool) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    if private {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        options.mode(0o600);
        if path.exists() {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        }
    }
    options.open(path)?.write_all(text.as_bytes())
}

/// Returns the object with each value of a Secret replaced by what `mask` makes of it.
pub(super) fn masked(object: &Object, mask: impl Fn(&[u8]) -> String) -> Value {
    let mut value = object.value.clone();
    if object.id.is_secret()
        && let Some(Value::Object(data)) = value.get_mut("data")
    {
        for content in data.values_mut() {
            let text = content.as_str().unwrap_or_default();
            let bytes = STANDARD.decode(text).unwrap_or_else(|_| text.as_bytes().to_vec());
            *content = Value::from(mask(&bytes));
        }
    }
    value
}

/// Sorts the keys of all maps, whatever order the parser kept.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            let sorted = keys.into_iter().map(|key| (key.clone(), canonical(&map[key])));
            Value::Object(sorted.collect::<Map<_, _>>())
        }
        Value::Array(items) => items.iter().map(canonical).collect(),
        other => other.clone(),
    }
}

fn annotate(value: &mut Value, suite: &str) {
    let Some(Value::Object(metadata)) = value.get_mut("metadata") else { return };
    let annotations = metadata.entry("annotations").or_insert_with(|| Map::new().into());
    if annotations.is_null() {
        *annotations = Map::new().into();
    }
    if let Some(annotations) = annotations.as_object_mut() {
        annotations.insert(SUITE_ANNOTATION.to_owned(), Value::from(suite));
    }
}
