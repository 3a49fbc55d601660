//! PostgreSQL on a disk that is full: purchases are refused, nothing is approved that is not there, and with space
//! it goes on.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tokio::time::Instant;

use crate::outage::volley::{Volley, nothing_is_missing};
use crate::support::Program;
use crate::support::instance::Instance;
use crate::support::own_servers::OwnServers;

/// An empty cluster and some seconds of purchases take less.
const DISK: &str = "size=384m,mode=0755";

const CALLERS: usize = 8;
const CARDS: usize = 64;

/// How long nothing can be written: first tables do not grow, then the log does not, and the server ends.
const FULL: Duration = Duration::from_secs(15);

const BACK_WITHIN: Duration = Duration::from_secs(5);

/// A small file system in memory; gone when dropped.
struct Disk(tempfile::TempDir);

impl Disk {
    /// Fails for anybody but root.
    fn mount() -> Self {
        let disk = Self(tempfile::tempdir().unwrap());
        run(Command::new("mount").args(["-t", "tmpfs", "-o", DISK, "tmpfs"]).arg(disk.0.path()));
        disk
    }

    /// A server whose folder this is keeps its data here.
    fn keep_postgres(&self, folder: &Path) {
        let data = self.0.path().join("postgres");
        let owner = ["-d", "-m", "700", "-o", "postgres", "-g", "postgres"];
        run(Command::new("install").args(owner).arg(&data));
        symlink(data, folder.join("postgres")).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.0.path().join("ballast")
    }

    /// Takes all that is left.
    fn fill(&self) {
        let mut ballast = File::create(self.ballast()).unwrap();
        let block = vec![0; 1 << 20];
        while ballast.write(&block).is_ok_and(|written| written > 0) {}
    }

    fn make_room(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Once its last user has gone: a server that was killed may take a moment.
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

fn run(command: &mut Command) {
    assert!(command.status().expect("it is installed").success(), "{command:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: scripts/endure"]
async fn without_space_at_postgres_nothing_is_approved_that_is_not_there() {
    let disk = Disk::mount();
    let servers = OwnServers::start_in_prepared(&["postgres"], |folder| disk.keep_postgres(folder));
    let folder = tempfile::tempdir().unwrap();
    let service = Instance::start_on(folder.path(), &servers.environment()).await;
    let mut client = service.client();
    let program = Program::set_up(&mut client, 100_000_000, CARDS).await;
    let volley = Volley::at(&[service.client()], CALLERS, &program.cards, "full");
    tokio::time::sleep(Duration::from_secs(1)).await;
    disk.fill();
    let full = Instant::now();
    tokio::time::sleep(FULL).await;
    let room = Instant::now();
    disk.make_room();
    tokio::task::block_in_place(|| servers.up("postgres")); // it may have ended
    let back = Instant::now();
    let returned = volley.approves_again(back).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let shots = volley.end().await;

    let wrong = shots.iter().find(|shot| !shot.is_approved() && !shot.is_unavailable());
    assert!(wrong.is_none(), "{wrong:?}");
    let during: Vec<_> = shots.iter().filter(|it| it.sent > full && it.sent < room).collect();
    let refused = during.iter().filter(|shot| shot.is_unavailable()).count();
    let fitted = during.len() - refused;
    assert!(servers.logged("postgres", "No space left on device") > 0, "its disk was full");
    assert!(refused > fitted, "{refused} refused, {fitted} approved");
    let approved = nothing_is_missing(&client, &shots).await;
    program.held_becomes(&mut client, i64::try_from(approved).unwrap()).await;
    service.verify();
    let ended = servers.logged("postgres", "PANIC");
    println!(
        "endure: full disk | {:.0} s: {refused} refused, {fitted} still fitted, the server gave up {ended} times | \
         {approved} approved, 0 missing, books clean | first approval {returned:?} after there was space",
        FULL.as_secs_f64(),
    );
    assert!(returned <= BACK_WITHIN, "{returned:?}");
}
