//! The Job of the storefront that makes two indexes, run by bash with a database that makes its
//! collections late.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use infra_apps::{EnvSecret, Suite, SuiteSource};

use crate::lab::Folder;

/// Answers whether a collection is there: at the third question about it, and offers before searches.
const MONGOSH: &str = r#"#!/bin/bash
query="${@: -1}"
echo "$query" >> "$PLACE/asked"
case "$query" in
  *includes*offers*|*includes*searches*)
    [ "$(grep -cF "$query" "$PLACE/asked")" -ge 3 ] && echo true || echo false ;;
esac
"#;

#[test]
fn the_storefront_indexes_offers_and_searches_once_they_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/storefront");
    let text = |s: &str| s.to_owned();
    let keys = ["MONGO_ROOT_PASSWORD", "REDIS_PASSWORD", "TRACKER_KEY", "NOTIFY_TOKEN"];
    let source = SuiteSource {
        name: text("apps"),
        base: root.join("apps"),
        variables: BTreeMap::from([
            (text("DOMAIN"), text("storefront.example.com")),
            (text("DOCKER_ACCOUNT"), text("library")),
        ]),
        env_secrets: vec![EnvSecret {
            file: root.join(".env"),
            keys: keys.map(text).to_vec(),
            secret: text("storefront"),
            namespaces: vec![text("storefront")],
            hashed: true,
        }],
        ..SuiteSource::default()
    };
    let suite = Suite::load(&source).unwrap();
    let job =
        suite.objects().iter().find(|o| o.id.to_string() == "Job/storefront/indexes").unwrap();
    let script = job.value.pointer("/spec/template/spec/containers/0/args/0").unwrap();

    let place = Folder::new();
    for (name, content) in [("mongosh", MONGOSH), ("sleep", "#!/bin/sh\n")] {
        place.file(name, content);
        fs::set_permissions(place.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:{}", place.path("").display(), std::env::var("PATH").unwrap());
    let run = Command::new("bash")
        .args(["-ec", script.as_str().unwrap()])
        .env("PATH", path)
        .env("PLACE", place.path(""))
        .env("PASSWORD", "hush")
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let asked = fs::read_to_string(place.path("asked")).unwrap();
    let made: Vec<&str> = asked.lines().filter(|line| line.contains("createIndex")).collect();
    assert_eq!(
        made,
        [
            "db.offers.createIndex({ location: '2dsphere' })",
            "db.searches.createIndex({ location: '2dsphere' })",
        ]
    );
    let there = |collection: &str| {
        let question = format!("includes('{collection}')");
        asked.lines().filter(|line| line.contains(&question)).count()
    };
    assert_eq!((there("offers"), there("searches")), (3, 3), "each is waited for");
}
