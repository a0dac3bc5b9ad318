//! What goes wrong on this side: a disk that is full, a journal that was cut or damaged.

use std::path::Path;

use super::{
    Base, Lab, Outcome, Point, Reference, Scenario, SweepError, check, command::BECOME,
    faults::judged, kill::killed,
};

/// What goes wrong on this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The disk is full while the journal is written, in a file system of its own.
    DiskFull,
    /// No file may grow further, which is what a quota does.
    FileLimit,
    /// Killed, and the journal ends in the middle of a line.
    Cut,
    /// Killed, and one byte of the journal is another.
    FlippedByte,
}

/// Returns all kinds of damage.
pub fn damages() -> [Damage; 4] {
    [Damage::DiskFull, Damage::FileLimit, Damage::Cut, Damage::FlippedByte]
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::DiskFull => "a full disk",
            Self::FileLimit => "a full quota",
            Self::Cut => "a journal cut in the middle of a line",
            Self::FlippedByte => "a flipped byte in the journal",
        })
    }
}

/// The record in a file system of this size, in a name space of its own; what is in it afterwards
/// is put back. Needs no rights where user name spaces are allowed.
const SMALL_DISK: &str = r#"mkdir -p .infra/lab
exec unshare --user --map-root-user --mount bash -c '
cp -a .infra/lab kept && mount -t tmpfs -o size=$INFRA_DISK tmpfs .infra/lab && cp -a kept/. .infra/lab || exit 99
"$0" "$@"; code=$?
rm -rf kept && cp -a .infra/lab kept && umount .infra/lab && cp -a kept/. .infra/lab && exit $code
' "$0" "$@""#;

impl Damage {
    /// Damages a run of a scenario, runs it again, and looks.
    ///
    /// # Errors
    /// Returns [`SweepError::Broken`] if a promise is broken.
    pub fn strike(
        self,
        base: &Base,
        scenario: &Scenario,
        reference: &Reference,
    ) -> Result<Outcome, SweepError> {
        let lab = base.copy()?;
        scenario.prepare(&lab)?;
        let middle = Point::WriteAfter(reference.counts.writes.div_ceil(2).max(1));
        let outcome = match self {
            Self::DiskFull => disk_full(&lab, scenario)?,
            Self::FileLimit => file_limit(&lab, scenario)?,
            Self::Cut => {
                let outcome = killed(&lab, scenario, middle)?;
                let bytes = read(&lab.journal())?;
                write(&lab.journal(), &bytes[..bytes.len().saturating_sub(9)])?;
                outcome
            }
            Self::FlippedByte => {
                let outcome = killed(&lab, scenario, middle)?;
                refused(&lab, scenario)?;
                outcome
            }
        };
        if outcome != Outcome::NotMet {
            lab.must(scenario.words)?;
        }
        // As the error says: what the command itself does not touch is adopted by an apply.
        if self == Self::FlippedByte && scenario.completes() {
            lab.must(&["apply", "--yes"])?;
        }
        check(&lab, scenario, &reference.shape)?;
        Ok(outcome)
    }
}

fn disk_full(lab: &Lab, scenario: &Scenario) -> Result<Outcome, SweepError> {
    // What is there takes whole pages. One more is for the lock, and a new record needs a first.
    let pages: u64 = files(&lab.file(".infra/lab")).iter().map(|size| size.div_ceil(4096)).sum();
    let size = (pages + if pages == 0 { 3 } else { 1 }) * 4096;
    let ended = lab.hold(scenario.words, &[("INFRA_DISK", size.to_string())], SMALL_DISK)?.go()?;
    if ended.code() == Some(99) || ended.stderr.contains("unshare:") {
        println!("SKIPPED: no name space of its own for a full disk: {}", ended.complaint());
        return Ok(Outcome::NotMet);
    }
    judged(&ended, ended.stderr.contains("No space left on device"))
}

fn file_limit(lab: &Lab, scenario: &Scenario) -> Result<Outcome, SweepError> {
    let length = read(&lab.journal()).map_or(0, |bytes| bytes.len());
    let launch = format!("trap '' XFSZ; ulimit -f {}; {BECOME}", length / 1024 + 3);
    let ended = lab.hold(scenario.words, &[], &launch)?.go()?;
    judged(&ended, ended.stderr.contains("File too large"))
}

/// Checks that a journal with a flipped byte is refused and left alone, and so is the cloud. It
/// then moves the journal aside, as the error says.
fn refused(lab: &Lab, scenario: &Scenario) -> Result<(), SweepError> {
    let path = lab.journal();
    let mut bytes = read(&path)?;
    // In the middle, but not the line feed itself: that would join two lines.
    let mut at = bytes.len() / 2;
    if bytes[at] == b'\n' {
        at -= 1;
    }
    bytes[at] ^= 0x01;
    write(&path, &bytes)?;
    let before = lab.shape()?;
    let ended = lab.run(scenario.words)?;
    let says = |text| ended.stderr.contains(text);
    if ended.code() != Some(9) || !says("damaged") || !says("aside") {
        return Err(SweepError::broken(format!("a damaged journal was used\n{}", ended.all())));
    }
    let untouched = before == lab.shape()?;
    if read(&path)? != bytes || !untouched {
        return Err(SweepError::broken("a refused journal, or its cloud, was touched"));
    }
    std::fs::rename(&path, lab.file("aside")).map_err(SweepError::io(&path))
}

fn read(path: &Path) -> Result<Vec<u8>, SweepError> {
    std::fs::read(path).map_err(SweepError::io(path))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), SweepError> {
    std::fs::write(path, bytes).map_err(SweepError::io(path))
}

/// Lists the sizes of the files below a folder.
fn files(folder: &Path) -> Vec<u64> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.flat_map(|entry| match entry.metadata() {
        Ok(found) if found.is_dir() => files(&entry.path()),
        Ok(found) => vec![found.len()],
        Err(_) => Vec::new(),
    });
    sizes.collect()
}
