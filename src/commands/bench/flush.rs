//! How long the disk takes to flush: what every durable commit waits for.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

/// How many flushes are measured.
const FLUSHES: usize = 101;

/// A page of a database.
const PAGE: [u8; 4096] = [0x5a; 4096];

/// The median time to append 4 KiB to a file in `folder` and flush its data.
pub fn median_flush(folder: &Path) -> io::Result<Duration> {
    let path = folder.join("flush.probe");
    let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
    let mut times = Vec::with_capacity(FLUSHES);
    for _ in 0..FLUSHES {
        let started = Instant::now();
        file.write_all(&PAGE)?;
        file.sync_data()?;
        times.push(started.elapsed());
    }
    drop(file);
    fs::remove_file(path)?;
    times.sort_unstable();
    Ok(times.get(FLUSHES / 2).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::super::super::scratch::Scratch;
    use super::*;

    #[test]
    fn the_probe_measures_and_leaves_nothing_behind() {
        let scratch = Scratch::create(None, "flush-test").unwrap();
        assert!(median_flush(scratch.path()).unwrap() > Duration::ZERO);
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
        let path = scratch.path().to_path_buf();
        drop(scratch);
        assert!(!path.exists());
    }
}
