//! A folder of one's own that is gone afterwards.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Tries before giving up on finding a name that is free.
const NAMES_MAX: u32 = 1_000;

/// A fresh folder; removed with everything in it when dropped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Creates a folder in `parent`, or in the system's place for temporary files.
    pub fn create(parent: Option<&Path>, purpose: &str) -> io::Result<Self> {
        let parent = parent.map_or_else(std::env::temp_dir, Path::to_path_buf);
        fs::create_dir_all(&parent)?;
        let mut clash = None;
        for number in 0..NAMES_MAX {
            let name = format!("tollgate-{purpose}-{}-{number}", std::process::id());
            let path = parent.join(name);
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => clash = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(clash.unwrap_or_else(|| io::ErrorKind::AlreadyExists.into()))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing can be done about a folder that will not go, and nothing depends on it.
        fs::remove_dir_all(&self.path).ok();
    }
}
