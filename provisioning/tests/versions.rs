//! versions.toml against what is really installed, and against the calendar.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use infra_provisioning::artifacts::{
    Arch, Catalog, Mirrors, default_version, known_series, parse_version,
};
use infra_versions::{Component, Digest, Finding, Versions, minor_of, versions};
use jiff::civil::{Date, date};

fn today() -> Date {
    jiff::Zoned::now().date()
}

fn default_minor() -> String {
    minor_of(&default_version().unwrap()).unwrap()
}

/// The folders with manifests: of the addons that every cluster gets, and of each cloud.
fn folders() -> Vec<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let entries = |path: &Path| -> Vec<PathBuf> {
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect()
    };
    let mut folders = entries(&own.join("addons"));
    let clouds = entries(&own.join("../providers")).into_iter().map(|cloud| cloud.join("addon"));
    folders.extend(clouds.filter(|addon| addon.is_dir()));
    folders
}

/// What every cluster gets, and what each cloud adds.
fn components() -> Vec<Component> {
    let mut all = versions().unwrap().components.clone();
    for file in folders().into_iter().map(|folder| folder.join("versions.toml")) {
        if let Ok(text) = fs::read_to_string(file) {
            all.extend(Versions::parse(&text).unwrap().components);
        }
    }
    all
}

/// Every `image:` line of the addons, with its file.
fn image_lines() -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for folder in folders() {
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let name = path.display().to_string();
            for line in fs::read_to_string(&path).unwrap().lines() {
                if let Some(image) =
                    line.trim_start().trim_start_matches("- ").strip_prefix("image:")
                {
                    lines.push((name.clone(), image.trim().to_owned()));
                }
            }
        }
    }
    lines
}

/// Images that a program gets by an argument, not by a pod's `image:`.
fn arguments() -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("addons/cert-manager/controller.yaml");
    let text = fs::read_to_string(file).unwrap();
    let told = text.lines().filter_map(|line| line.split_once("-image=${")?.1.strip_suffix('}'));
    told.map(str::to_owned).collect()
}

#[test]
fn every_image_of_an_addon_comes_from_the_list() {
    let mut used = BTreeSet::new();
    for series in known_series().unwrap() {
        let images = Versions { components: components() }.images(&series.kubernetes);
        for (file, image) in image_lines() {
            let variable = image.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
            let variable = variable
                .unwrap_or_else(|| panic!("{file}: {image} is not a variable of versions.toml"));
            assert!(
                images.contains_key(variable),
                "{file}: {variable} has no image for {}",
                series.kubernetes
            );
            used.insert(variable.to_owned());
        }
    }
    used.extend(arguments());
    let all = components();
    let all = all.iter().flat_map(|one| &one.images);
    let listed: BTreeSet<String> = all.map(|image| image.variable.clone()).collect();
    assert_eq!(listed, used, "an image that no manifest uses");
}

#[test]
fn every_file_of_a_node_is_in_the_list() {
    let listed = |name: &str| {
        let found = versions().unwrap().component(name);
        found.unwrap_or_else(|| panic!("versions.toml has no {name}")).version.clone()
    };
    for series in known_series().unwrap() {
        assert_eq!(listed(&format!("kubernetes-{}", series.kubernetes)), series.latest);
        for name in ["containerd", "runc", "cni-plugins"] {
            assert_eq!(listed(name), series.versions[name], "{name} of {}", series.kubernetes);
        }
    }
    assert_eq!(listed("crictl"), known_series().unwrap()[0].versions["crictl"]);
}

#[test]
fn nothing_that_is_installed_has_ended() {
    let minor = default_minor();
    let mut wrong = Vec::new();
    for component in &components() {
        // infra.toml may still name an older Kubernetes; the default one must be supported.
        if component.name.strip_prefix("kubernetes-").is_some_and(|other| other != minor) {
            continue;
        }
        for finding in component.findings(today(), &minor) {
            if finding.is_fatal() {
                wrong.push(format!("{} {}: {finding}", component.name, component.version));
            }
        }
    }
    assert!(wrong.is_empty(), "look again, and change versions.toml:\n{}", wrong.join("\n"));
}

#[test]
fn the_default_version_has_a_known_checksum_for_every_file() {
    for arch in [Arch::Amd64, Arch::Arm64] {
        for series in known_series().unwrap() {
            let catalog = Catalog::new(&series.kubernetes, arch, &Mirrors::default()).unwrap();
            for file in &catalog.files {
                let known = file.known.as_deref().unwrap_or_default();
                assert!(
                    known.len() == 64 && known.bytes().all(|b| b.is_ascii_hexdigit()),
                    "{} {arch}: {known:?}",
                    file.label()
                );
            }
        }
    }
    assert!(parse_version(&default_version().unwrap()).is_some());
}

fn component(text: &str) -> Component {
    toml::from_str(text).unwrap()
}

#[test]
fn an_end_a_stale_look_and_an_unknown_digest_are_found() {
    let one = component(
        "name = 'a'\nversion = '1'\npart-of = 'x'\nend-of-life = 2026-03-31\nlooked-at = 2026-01-01\nsources = []\n\
         kubernetes = ['1.35']\n[[image]]\nvariable = 'IMAGE_A'\nimage = 'example.com/a'\ntag = 'v1'\ndigest = 'unknown'",
    );
    assert_eq!(one.findings(date(2026, 3, 31), "1.35").len(), 1, "its last day");
    let image = "example.com/a:v1".to_owned();
    assert_eq!(
        one.findings(date(2026, 4, 1), "1.36"),
        [
            Finding::Ended { since: date(2026, 3, 31) },
            Finding::Unsupported { kubernetes: "1.36".into() },
            Finding::NoDigest { image },
        ]
    );
    assert_eq!(one.images[0].reference(), "example.com/a:v1");
    let two = component(
        "name = 'b'\nversion = '1'\npart-of = 'x'\nsupport = 'the newest'\nlooked-at = 2026-01-01\nsources = []",
    );
    assert_eq!(two.findings(date(2026, 7, 3), "1.36"), []);
    let looked_at = date(2026, 1, 1);
    assert_eq!(two.findings(date(2026, 7, 4), "1.36"), [Finding::Stale { looked_at }]);
}

#[test]
fn a_digest_is_one_or_is_said_to_be_unknown() {
    let image = |digest: &str| {
        toml::from_str::<infra_versions::Image>(&format!(
            "variable = 'I'\nimage = 'a'\ntag = 'v1'\ndigest = '{digest}'"
        ))
    };
    let known = format!("sha256:{}", "a".repeat(64));
    assert_eq!(image(&known).unwrap().reference(), format!("a:v1@{known}"));
    assert_eq!(image("unknown").unwrap().digest, Digest::Unknown);
    for bad in ["", "sha256:", "latest", &format!("sha256:{}", "g".repeat(64))] {
        assert!(image(bad).is_err(), "{bad}");
    }
}
