//! The container runtime's tools: ctr, crictl, containerd, runc. Images are a list of names.

use std::io::Read;

use super::{Context, Failure, units};

/// Names of the images in the namespace that the kubelet sees.
const IMAGES: &str = "/var/lib/containerd/io.containerd.metadata.v1/k8s.io.images";

/// Lists the images that containerd has, by name.
pub fn images(context: &Context) -> Vec<String> {
    context.read(IMAGES).unwrap_or_default().lines().map(ToOwned::to_owned).collect()
}

/// Returns true if containerd answers.
pub fn running(context: &Context) -> bool {
    units::is_active(context, "containerd.service")
}

fn need_running(context: &Context, tool: &str) -> Result<(), Failure> {
    if running(context) {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{tool}: failed to dial \"/run/containerd/containerd.sock\": connection error: dial unix /run/containerd/containerd.sock: connect: no such file or directory"
    )))
}

/// Stands in for `ctr [-n NAMESPACE] [-a SOCKET] images import FILE… | images ls [-q] | version`.
pub fn ctr(context: &Context, args: &[&str]) -> Result<(), Failure> {
    let mut namespace = "default";
    let mut words = Vec::new();
    let mut quiet = false;
    let mut rest = args.iter().copied();
    while let Some(arg) = rest.next() {
        match arg {
            "-n" | "--namespace" => namespace = rest.next().unwrap_or_default(),
            "-a" | "--address" | "--timeout" | "--platform" | "--base-name" | "--snapshotter" => {
                rest.next();
            }
            "-q" | "--quiet" => quiet = true,
            a if a.starts_with("--namespace=") => namespace = &a[12..],
            a if a.starts_with('-') && a != "-" => {}
            a => words.push(a),
        }
    }
    match words.as_slice() {
        ["version"] => {
            need_running(context, "ctr")?;
            println!("Client:\n  Version:  v2.1.0\nServer:\n  Version:  v2.1.0");
            Ok(())
        }
        ["images" | "image" | "i", "import", files @ ..] if !files.is_empty() => {
            need_running(context, "ctr")?;
            files.iter().try_for_each(|file| import(context, namespace, file))
        }
        ["images" | "image" | "i", "ls" | "list"] => {
            need_running(context, "ctr")?;
            if !quiet {
                println!("REF TYPE DIGEST SIZE PLATFORMS LABELS");
            }
            for image in images(context) {
                println!("{image}");
            }
            Ok(())
        }
        _ => Err(Failure::new(format!(
            "ctr: the embedded cloud has no stand-in for: ctr {}",
            words.join(" ")
        ))),
    }
}

fn import(context: &Context, namespace: &str, file: &str) -> Result<(), Failure> {
    let path = context.given(file);
    let open = std::fs::File::open(&path)
        .map_err(|_| Failure::new(format!("ctr: open {file}: no such file or directory")))?;
    let names = image_names(open).map_err(|reason| {
        Failure::new(format!("ctr: {file}: unrecognized image format: {reason}"))
    })?;
    for name in &names {
        println!("unpacking {name}...done");
    }
    // Images in another namespace than the kubelet's are of no use to it.
    if namespace != "k8s.io" {
        return Ok(());
    }
    let mut all = images(context);
    all.extend(names);
    all.sort();
    all.dedup();
    context.write(IMAGES, &(all.join("\n") + "\n"), 0o644)
}

/// Reads the names in an image archive: `RepoTags` of docker's `manifest.json`, or the name
/// annotations of an OCI `index.json`.
fn image_names(mut file: std::fs::File) -> Result<Vec<String>, String> {
    let mut head = Vec::new();
    file.read_to_end(&mut head).map_err(|e| e.to_string())?;
    let mut plain = Vec::new();
    if head.starts_with(&[0x1f, 0x8b]) {
        flate2::read::GzDecoder::new(head.as_slice())
            .read_to_end(&mut plain)
            .map_err(|e| e.to_string())?;
    } else {
        plain = head;
    }
    let mut archive = tar::Archive::new(plain.as_slice());
    let mut names = Vec::new();
    for entry in archive.entries().map_err(|e| e.to_string())? {
        let mut entry = entry.map_err(|e| e.to_string())?;
        let path = entry.path().map_err(|e| e.to_string())?.into_owned();
        let path = path.strip_prefix(".").unwrap_or(&path).to_owned();
        let is = |name: &str| path.as_os_str() == name;
        if !is("manifest.json") && !is("index.json") {
            continue;
        }
        let value: serde_json::Value =
            serde_json::from_reader(&mut entry).map_err(|e| format!("{}: {e}", path.display()))?;
        let tags =
            value.as_array().into_iter().flatten().filter_map(|m| m.get("RepoTags")?.as_array());
        names.extend(tags.flatten().filter_map(|t| t.as_str().map(ToOwned::to_owned)));
        let manifests = value.get("manifests").and_then(|m| m.as_array());
        names.extend(manifests.into_iter().flatten().filter_map(|m| {
            let name = m.get("annotations")?.get("io.containerd.image.name")?;
            name.as_str().map(ToOwned::to_owned)
        }));
    }
    names.sort();
    names.dedup();
    if names.is_empty() {
        return Err("no manifest.json or index.json names an image".to_owned());
    }
    Ok(names)
}

/// Stands in for `crictl images | pull IMAGE | info | version | ps | pods`.
pub fn crictl(context: &Context, args: &[&str]) -> Result<(), Failure> {
    let mut words = Vec::new();
    let mut quiet = false;
    let mut rest = args.iter().copied();
    while let Some(arg) = rest.next() {
        match arg {
            "-r" | "--runtime-endpoint" | "-i" | "--image-endpoint" | "-c" | "--config" | "-t"
            | "-o" => {
                rest.next();
            }
            "-q" | "--quiet" => quiet = true,
            a if a.starts_with('-') => {}
            a => words.push(a),
        }
    }
    if words.as_slice() == ["config"] {
        return Ok(());
    }
    need_running(context, "crictl")?;
    match words.as_slice() {
        ["images" | "image" | "img"] => {
            if !quiet {
                println!("IMAGE");
            }
            for image in images(context) {
                println!("{image}");
            }
            Ok(())
        }
        ["inspecti", image] | ["pull", image] => {
            if images(context).iter().any(|i| i == image) {
                return Ok(());
            }
            Err(Failure::new(format!(
                "failed to pull image \"{image}\": machines of the embedded cloud reach no registry; import it first"
            )))
        }
        ["info"] => {
            println!(
                "{{\"status\":{{\"conditions\":[{{\"type\":\"RuntimeReady\",\"status\":true}}]}}}}"
            );
            Ok(())
        }
        ["version"] => {
            println!("RuntimeName:  containerd\nRuntimeApiVersion:  v1");
            Ok(())
        }
        ["ps" | "pods", ..] => {
            println!("CONTAINER  IMAGE  CREATED  STATE  NAME");
            Ok(())
        }
        _ => Err(Failure::new(format!(
            "crictl: the embedded cloud has no stand-in for: crictl {}",
            words.join(" ")
        ))),
    }
}

/// Stands in for `containerd --version | config default`.
pub fn containerd(args: &[&str]) -> Result<(), Failure> {
    match args {
        ["--version" | "-v"] => println!("containerd github.com/containerd/containerd/v2 v2.1.0"),
        ["config", "default"] => println!(
            "version = 3\n[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]\n  SystemdCgroup = false"
        ),
        _ => {
            return Err(Failure::new(
                "containerd: start it by its unit (systemctl start containerd)",
            ));
        }
    }
    Ok(())
}

/// Stands in for `runc --version`.
pub fn runc(args: &[&str]) -> Result<(), Failure> {
    if matches!(args, ["--version" | "-v"]) {
        println!("runc version 1.3.0");
        return Ok(());
    }
    Err(Failure::new("runc: containers are not run by the embedded cloud"))
}
