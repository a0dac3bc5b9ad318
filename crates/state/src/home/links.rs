//! Which symbolic links a move would break.

use std::{
    fs,
    path::{Component, Path},
};

use super::{
    compare::entries,
    error::{MoveError, failed},
};

/// Refuses links in `from` that would lead elsewhere once it is at `to`: relative ones that lead out of
/// it, and absolute ones into it.
pub(super) fn check_links(from: &Path, to: &Path) -> Result<(), MoveError> {
    let root = std::path::absolute(from).map_err(failed("read", from))?;
    check_below(from, to, &root, 0)
}

fn check_below(at: &Path, to: &Path, root: &Path, depth: usize) -> Result<(), MoveError> {
    let about = fs::symlink_metadata(at).map_err(failed("read", at))?;
    if about.is_symlink() {
        let target = fs::read_link(at).map_err(failed("read", at))?;
        let dangles =
            if target.is_absolute() { target.starts_with(root) } else { leads_out(&target, depth) };
        if dangles {
            return Err(MoveError::Link { link: at.to_owned(), target, to: to.to_owned() });
        }
    } else if about.is_dir() {
        for entry in entries(at)? {
            check_below(&at.join(&entry), &to.join(&entry), root, depth + 1)?;
        }
    }
    Ok(())
}

/// Returns true if a relative link `depth` names below a folder leads out of it. The folder itself is at
/// depth 0, and a link in its place always leads out.
fn leads_out(target: &Path, depth: usize) -> bool {
    let Some(mut depth) = depth.checked_sub(1) else { return true };
    for part in target.components() {
        match part {
            Component::ParentDir if depth == 0 => return true,
            Component::ParentDir => depth -= 1,
            Component::Normal(_) => depth += 1,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_link_must_stay_in_its_folder() {
        for (target, depth) in [("b", 1), ("a/../b", 1), ("../b", 2), ("../a/../b", 3)] {
            assert!(!leads_out(Path::new(target), depth), "{target} at {depth}");
        }
        for (target, depth) in [("b", 0), ("../b", 1), ("a/../../b", 1), ("../../a", 2)] {
            assert!(leads_out(Path::new(target), depth), "{target} at {depth}");
        }
    }
}
