use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// One line of the log.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) rv: u64,
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    /// The object; without one it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "shared")]
    pub(crate) object: Option<std::sync::Arc<Value>>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) namespace: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) name: String,
    /// The key that wrote a Secret; empty for plain text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) seal: String,
}

/// serde for a shared value.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::Value;

    pub(super) fn serialize<S: Serializer>(
        value: &Option<Arc<Value>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_deref().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Arc<Value>>, D::Error> {
        Ok(Option::<Value>::deserialize(deserializer)?.map(Arc::new))
    }
}

/// The append-only log: a line is a checksum, a space and a record as JSON. Each line is one write,
/// so that a killed process leaves at most one torn line, at the end.
pub(crate) struct Log {
    file: File,
    path: PathBuf,
    pub(crate) records: usize,
}

impl Log {
    /// Opens the log and gives each sound record to `replay`. A torn tail is cut off.
    pub(crate) fn open(path: &Path, mut replay: impl FnMut(Record)) -> std::io::Result<Log> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        restrict(&file)?;
        let mut sound = 0_u64;
        let mut records = 0;
        {
            let mut reader = BufReader::new(&mut file);
            let mut line = Vec::new();
            loop {
                line.clear();
                let read = reader.by_ref().read_until(b'\n', &mut line)?;
                if read == 0 {
                    break;
                }
                let Some(record) = parse(&line) else {
                    tracing::warn!(path = %path.display(), offset = sound, "the object log ends in a torn record, which is dropped");
                    break;
                };
                sound += read as u64;
                records += 1;
                replay(record);
            }
        }
        if file.seek(SeekFrom::End(0))? != sound {
            file.set_len(sound)?;
        }
        Ok(Log { file, path: path.to_owned(), records })
    }

    pub(crate) fn append(&mut self, record: &Record) -> std::io::Result<()> {
        self.file.write_all(&line(record)?)?;
        self.records += 1;
        Ok(())
    }

    /// Replaces the log by one that holds only these records: written beside it, then renamed.
    pub(crate) fn compact<'a>(
        &mut self,
        records: impl Iterator<Item = Record> + 'a,
    ) -> std::io::Result<()> {
        let beside = self.path.with_extension("new");
        let mut file = File::create(&beside)?;
        restrict(&file)?;
        let mut count = 0;
        let mut buffer = Vec::new();
        for record in records {
            buffer.extend(line(&record)?);
            count += 1;
            if buffer.len() > 1 << 20 {
                file.write_all(&buffer)?;
                buffer.clear();
            }
        }
        file.write_all(&buffer)?;
        file.sync_all()?;
        std::fs::rename(&beside, &self.path)?;
        self.file = OpenOptions::new().read(true).append(true).open(&self.path)?;
        self.records = count;
        Ok(())
    }
}

/// Makes the log readable for its owner only: it holds Secrets.
#[cfg(unix)]
fn restrict(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn restrict(_file: &File) -> std::io::Result<()> {
    Ok(())
}

fn line(record: &Record) -> std::io::Result<Vec<u8>> {
    let json = serde_json::to_vec(record)?;
    let mut line = checksum(&json).into_bytes();
    line.push(b' ');
    line.extend(json);
    line.push(b'\n');
    Ok(line)
}

fn parse(line: &[u8]) -> Option<Record> {
    let line = line.strip_suffix(b"\n")?;
    let (sum, rest) = line.split_at_checked(16)?;
    let json = rest.strip_prefix(b" ")?;
    (checksum(json).as_bytes() == sum).then_some(())?;
    serde_json::from_slice(json).ok()
}

fn checksum(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes)[..8])
}
