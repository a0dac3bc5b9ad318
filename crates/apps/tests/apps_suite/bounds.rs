//! Folders and texts that would keep a reader busy for ever.

use std::{
    os::unix::fs::symlink,
    time::{Duration, Instant},
};

use infra_apps::{AppsError, Suite};

use crate::lab::{Folder, small};

fn refused(folder: &Folder) -> String {
    let top = std::fs::canonicalize(folder.path("")).unwrap().display().to_string();
    let error: AppsError = Suite::load(&folder.source()).expect_err("must be refused");
    folder.text(&error).replace(&top, "TOP")
}

#[test]
fn links_in_a_circle_end() {
    let folder = small();
    symlink(".", folder.path("base/a")).unwrap();
    symlink(".", folder.path("base/b")).unwrap();
    insta::assert_snapshot!("links_to_themselves", refused(&folder));

    let folder = small();
    folder.file("base/x/one.yaml", "").file("base/y/two.yaml", "");
    symlink("../y", folder.path("base/x/to-y")).unwrap();
    symlink("../x", folder.path("base/y/to-x")).unwrap();
    let text = refused(&folder);
    assert!(
        text.contains("to-x: this link leads to") && text.contains("to-y: this link"),
        "{text}"
    );
}

#[test]
fn links_out_of_the_folder_are_named() {
    let (folder, other) = (small(), Folder::new());
    let more = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: more, namespace: shop }\n";
    other.file("shared/more.yaml", more);
    symlink(other.path("shared"), folder.path("base/shared")).unwrap();
    let suite = folder.load();
    assert!(suite.objects().iter().any(|object| object.id.name == "more"));
    let [note] = suite.notes() else { panic!("{:?}", suite.notes()) };
    let target = std::fs::canonicalize(other.path("shared")).unwrap();
    assert!(note.ends_with(&format!("leads out of the folder, to {}", target.display())), "{note}");
    // Within the folder nothing is said of it.
    let folder = small();
    folder.file("parts/more.yml", more);
    folder.file("base/.hidden/more.yaml", more);
    symlink(".hidden/more.yaml", folder.path("base/more.yaml")).unwrap();
    assert!(folder.load().notes().is_empty());
}

#[test]
fn a_text_of_brackets_is_refused_at_once() {
    let begun = Instant::now();
    for (text, line) in [
        ("[".repeat(60_000), 3),
        ("{".repeat(60_000), 3),
        ("[\n".repeat(60_000), 1_003),
        ("[{".repeat(2_000), 3),
    ] {
        let folder = small();
        folder.file("base/deep.yaml", &format!("a: 1\nb:\n  {text}"));
        let error = refused(&folder);
        let place = format!("base/deep.yaml:{line}: more than 1000 brackets are open here");
        assert!(error.contains(&place), "{error}");
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "it took {:?}", begun.elapsed());
    // Many brackets that close again are no trouble.
    let folder = small();
    let list = vec!["[{ a: [] }]"; 2_000].join(", ");
    folder.file(
        "base/wide.yaml",
        &format!(
            "apiVersion: example.com/v1\nkind: Wide\nmetadata: {{ name: a }}\nspec: [{list}]\n"
        ),
    );
    folder.load();
}
