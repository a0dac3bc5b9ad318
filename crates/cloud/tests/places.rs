//! A cloud is one crate: no other code names it, but for its line in the registry and in Cargo.toml.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The places outside its crate that name a cloud.
const PLACES: [&str; 2] = ["Cargo.toml", "src/clouds.rs"];

/// Folders with code that belongs to no cloud. The embedded cloud, tests and documents are not among
/// them: they name the clouds that they imitate, use or describe.
const COMMON: [&str; 5] = ["src", "crates", "provisioning", "providers/api", "ssl"];

/// What vendors call their things.
const PRODUCTS: [&str; 11] = [
    "droplet", "Droplet", "Spaces", "SPACES", "ec2", "Ec2", "EC2", "route53", "Route53", "gke",
    "GKE",
];

/// Libraries whose name is a vendor's, and that are used for all clouds: S3's client, and TLS.
const LIBRARIES: [&str; 5] =
    ["aws_sdk_s3", "aws_smithy", "aws_credential_types", "aws_lc", "verify_aws"];

/// Files that need no change for a new cloud, each with the reason why it holds a word of an old one.
const EXCEPTIONS: [(&str, &str); 12] = [
    ("crates/cloud/src/state_store.rs", "the variables that every tool for S3 reads"),
    ("crates/engine/src/quorum/refusal.rs", "the English verb"),
    ("crates/sdk-log/Cargo.toml", "the maker of S3's client"),
    ("crates/sdk-log/src/lib.rs", "the maker of S3's client"),
    ("crates/state/src/store/error.rs", "examples of stores, in a hint"),
    ("providers/api/src/address.rs", "an example of an address, in an error"),
    ("provisioning/src/boot/", "EC2's dialect of metadata; it is part of each node's revision"),
    ("provisioning/src/userdata/cloud_config.rs", "EC2's dialect of metadata"),
    ("provisioning/templates/", "two dialects of metadata; a change renews every node"),
    ("src/cli/sim.rs", "the verb of the embedded cloud"),
    ("src/config/resolve/state.rs", "the account of S3 that `[state]` may name"),
    ("src/config/starter.rs", "the file that `infra init` writes is for one cloud"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Lists the files below `folder` that are part of the product.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !["tests", "target", "test-utils"].contains(&name.as_str()) {
                files(&path, found);
            }
        } else if !name.ends_with("tests.rs") && !name.ends_with(".md") {
            found.push(path);
        }
    }
}

/// The words that mean one of the clouds: the folder of its crate, and the name in its entry.
fn words() -> BTreeSet<String> {
    let mut words: BTreeSet<String> = PRODUCTS.map(str::to_owned).into();
    for cloud in fs::read_dir(root().join("providers")).unwrap() {
        let cloud = cloud.unwrap().path();
        let Ok(entry) = fs::read_to_string(cloud.join("src/cloud/mod.rs")) else { continue };
        let name = entry.split_once("    name: ").unwrap().1.split(',').next().unwrap();
        words.insert(name.to_owned());
        words.insert(cloud.file_name().unwrap().to_string_lossy().into_owned());
    }
    assert!(words.len() > PRODUCTS.len() + 3, "{words:?}");
    words
}

/// Returns what is neither comment nor test.
fn code(path: &Path) -> String {
    let text = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    let is_rust = path.extension().is_some_and(|extension| extension == "rs");
    let (mark, test) = if is_rust { ("//", "#[cfg(test)]") } else { ("#", "\0") };
    let text = text.split(test).next().unwrap_or_default();
    let lines = text.lines().map(|line| {
        let comment = line.match_indices(mark).map(|(at, _)| at);
        let is_one = |at: &usize| *at == 0 || line[..*at].ends_with(char::is_whitespace);
        comment.into_iter().find(is_one).map_or(line, |at| &line[..at])
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns true if the line has the word, and not as a part of a longer one.
fn names(line: &str, word: &str) -> bool {
    let line = LIBRARIES.iter().fold(line.replace('-', "_"), |line, one| line.replace(one, ""));
    // The vendor's name is written in several ways, a product's is not.
    let line = if PRODUCTS.contains(&word) { line } else { line.to_lowercase() };
    let is_part = |one: Option<char>| one.is_some_and(char::is_alphanumeric);
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        word.starts_with('"') || !(is_part(before) || is_part(after))
    })
}

#[test]
fn a_cloud_is_named_in_its_crate_and_in_two_places() {
    let mut all = Vec::new();
    for folder in COMMON {
        files(&root().join(folder), &mut all);
    }
    let (words, mut found, mut used) = (words(), Vec::new(), BTreeSet::new());
    for path in all {
        let place = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        if PLACES.contains(&place.as_str()) {
            continue;
        }
        for line in code(&path).lines() {
            let Some(word) = words.iter().find(|word| names(line, word)) else { continue };
            match EXCEPTIONS.iter().find(|(known, _)| place.starts_with(known)) {
                Some((known, _)) => drop(used.insert(*known)),
                None => found.push(format!("{place}: {word}: {}", line.trim())),
            }
        }
    }
    assert!(
        found.is_empty(),
        "it belongs in the crate of its cloud (providers/<cloud>), behind `CloudEntry`:\n{}",
        found.join("\n")
    );
    let unused: Vec<_> = EXCEPTIONS.iter().filter(|(known, _)| !used.contains(known)).collect();
    assert!(unused.is_empty(), "exceptions that nothing needs: {unused:?}");
}

#[test]
fn the_page_about_a_new_cloud_names_the_two_places() {
    let page = fs::read_to_string(root().join("docs/adding-a-provider.md")).unwrap();
    for place in PLACES {
        assert!(page.contains(&format!("`{place}`")), "{place}");
    }
}
