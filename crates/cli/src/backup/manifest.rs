//! What a backup consists of, so that a damaged or incomplete one is recognised before it is used.

use anyhow::{Context, ensure};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

const NAME: &str = "manifest.json";
const FORMAT: u32 = 1;

/// The list of what is there.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    format: u32,
    pub created_at: DateTime<Utc>,
    /// Of the program that made it.
    version: String,
    /// Of the PostgreSQL that it was taken from.
    pub server: String,
    pub files: Vec<FileEntry>,
    /// Rows of each table when it was taken.
    pub tables: BTreeMap<String, i64>,
    /// The newest migration of each schema.
    pub migrations: BTreeMap<String, i64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FileEntry {
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
}

impl Manifest {
    /// Of files that have been written.
    pub fn of(
        directory: &Path,
        files: &[&str],
        tables: BTreeMap<String, i64>,
        migrations: BTreeMap<String, i64>,
        server: String,
        created_at: DateTime<Utc>,
    ) -> anyhow::Result<Self> {
        let files: Result<_, _> = files.iter().map(|name| FileEntry::of(directory, name)).collect();
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Ok(Self { format: FORMAT, created_at, version, server, files: files?, tables, migrations })
    }

    pub fn write(&self, directory: &Path) -> anyhow::Result<()> {
        write_private(&directory.join(NAME), format!("{:#}\n", serde_json::to_value(self)?).as_bytes())
    }

    /// Reads the manifest of a directory and compares every file with it.
    ///
    /// # Errors
    /// Names what is missing or has changed.
    pub fn verified(directory: &Path) -> anyhow::Result<Self> {
        let path = directory.join(NAME);
        let text = std::fs::read(&path)
            .with_context(|| format!("{} cannot be read: this is no finished backup", path.display()))?;
        let manifest: Self = serde_json::from_slice(&text).context("the manifest is damaged")?;
        ensure!(
            manifest.format == FORMAT,
            "the backup has format {}, this program reads {FORMAT}",
            manifest.format
        );
        for file in &manifest.files {
            // A name is a file of this directory and nothing else.
            ensure!(!file.name.contains('/') && file.name != "..", "the manifest names {:?}", file.name);
            let found = FileEntry::of(directory, &file.name)?;
            ensure!(
                found.sha256 == file.sha256,
                "{} is damaged: its checksum is not the manifest's",
                file.name
            );
        }
        Ok(manifest)
    }

    pub fn has(&self, name: &str) -> bool {
        self.files.iter().any(|file| file.name == name)
    }
}

impl FileEntry {
    fn of(directory: &Path, name: &str) -> anyhow::Result<Self> {
        let path = directory.join(name);
        let mut file = File::open(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 20]);
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            hash.update(&buffer[..read]);
            bytes += u64::try_from(read)?;
        }
        let mut sha256 = String::with_capacity(64);
        for byte in hash.finalize() {
            // Writing to a String cannot fail.
            write!(sha256, "{byte:02x}").unwrap_or_default();
        }
        Ok(Self { name: name.to_owned(), bytes, sha256 })
    }
}

/// Writes a new file for its owner alone, and waits until it is on the disk.
pub fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.with_context(|| format!("{} cannot be written", path.display()))?;
    file.write_all(bytes)?;
    Ok(file.sync_all()?)
}
