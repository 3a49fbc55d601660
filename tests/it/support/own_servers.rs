//! Servers of a test's own, which it may kill and stop: `scripts/services` with a folder and ports
//! that nobody else has.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

/// Below the range that the kernel hands out: a client that reconnects to a port of that range while
/// nobody listens there may end up connected to itself. A broker has two more ports, 10,000 lower.
const PORTS: std::ops::Range<u16> = 21_000..31_000;

/// The servers that were asked for; gone when dropped.
pub struct OwnServers {
    folder: tempfile::TempDir,
    ports: Vec<(&'static str, u16)>,
}

impl OwnServers {
    /// Starts these (`postgres`, `redis`, `mongodb`, `rabbitmq`) from nothing.
    pub fn start(names: &[&'static str]) -> Self {
        Self::start_in_prepared(names, |_| {})
    }

    /// The same, once their folder has been prepared.
    pub fn start_in_prepared(names: &[&'static str], prepare: impl FnOnce(&Path)) -> Self {
        tollgate::app::install_tls_provider();
        let folder = tempfile::tempdir().expect("a folder");
        // The server runs as another user, and must be able to reach its data.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(folder.path(), open).expect("an open folder");
        prepare(folder.path());
        let ports = names.iter().copied().zip(free_ports(names.len())).collect();
        let servers = Self { folder, ports };
        for name in names {
            servers.up(name);
        }
        servers
    }

    /// What `tollgate` needs to find them, as environment variables.
    pub fn environment(&self) -> Vec<(String, String)> {
        let output = self.script(&["env"]).output().expect("scripts/services runs");
        let lines = String::from_utf8(output.stdout).expect("text");
        let pairs = lines.lines().filter_map(|line| {
            let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
            Some((name.to_owned(), value.trim_matches('\'').to_owned()))
        });
        pairs.filter(|(name, _)| self.has(name)).collect()
    }

    /// The value of one of these variables.
    pub fn url(&self, variable: &str) -> String {
        let found = self.environment().into_iter().find(|(name, _)| name == variable);
        found.expect("one of its servers").1
    }

    fn has(&self, variable: &str) -> bool {
        self.ports.iter().any(|(name, _)| match *name {
            "postgres" => variable == "DATABASE_URL",
            "mongodb" => variable == "MONGODB_URI",
            "redis" => variable == "REDIS_URL",
            "rabbitmq" => variable == "RABBITMQ_URL",
            _ => false,
        })
    }

    /// Starts a server again, with the data it had.
    pub fn up(&self, name: &str) {
        for _ in 0..5 {
            // After a kill, children may linger and the first start be refused.
            if self.script(&["up", name]).status().expect("scripts/services runs").success() {
                return;
            }
            std::thread::sleep(Duration::from_millis(300));
        }
        panic!("{name} did not start; its log, backwards: {:#?}", self.log(name, 20));
    }

    /// The newest lines of a server's log, the newest first.
    fn log(&self, name: &str, lines: usize) -> Vec<String> {
        self.whole_log(name).lines().rev().take(lines).map(str::to_owned).collect()
    }

    /// How often a server's log says this.
    pub fn logged(&self, name: &str, what: &str) -> usize {
        self.whole_log(name).matches(what).count()
    }

    fn whole_log(&self, name: &str) -> String {
        let file = self.folder.path().join("log").join(format!("{name}.log"));
        String::from_utf8_lossy(&fs::read(file).unwrap_or_default()).into_owned()
    }

    /// kill -9, children first.
    pub fn kill(&self, name: &str) {
        self.signal(name, "KILL");
    }

    /// Stands still until [`OwnServers::go_on`].
    pub fn stop(&self, name: &str) {
        self.signal(name, "STOP");
    }

    /// Goes on.
    pub fn go_on(&self, name: &str) {
        self.signal(name, "CONT");
    }

    /// Tells the broker's own tool something.
    pub fn rabbitmqctl(&self, arguments: &[&str]) {
        let port = self.ports.iter().find(|(name, _)| *name == "rabbitmq").expect("a broker").1;
        // Not the one in the path, which works for the system's own server.
        let status = Command::new("/usr/lib/rabbitmq/bin/rabbitmqctl")
            .args(["--node", &format!("tollgate-{port}@localhost")])
            .args(arguments)
            .env("HOME", self.folder.path().join("rabbitmq/home"))
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("ERL_EPMD_PORT", (port - 9_999).to_string())
            .stdout(std::process::Stdio::null())
            .status();
        assert!(status.expect("rabbitmqctl runs").success(), "{arguments:?}");
    }

    fn signal(&self, name: &str, signal: &str) {
        let file = self.folder.path().join("run").join(format!("{name}.pid"));
        let text = fs::read_to_string(file).expect("a running server");
        let pid: u32 = text.split(' ').next().and_then(|pid| pid.parse().ok()).expect("a pid");
        // The parent first where they are stopped, or it would start others; last where they are
        // killed, or they would be nobody's.
        let mut pids = children(pid);
        if signal == "STOP" {
            pids.insert(0, pid);
        } else {
            pids.push(pid);
        }
        let pids = pids.iter().map(u32::to_string);
        let _ = Command::new("kill").arg(format!("-{signal}")).args(pids).status();
        if signal == "KILL" {
            while Path::new(&format!("/proc/{pid}/exe")).exists() {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }

    fn script(&self, arguments: &[&str]) -> Command {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new(root.join("scripts/services"));
        command.args(arguments).env("TOLLGATE_DEV_DIR", self.folder.path());
        for (name, port) in &self.ports {
            let variable = format!("TOLLGATE_DEV_{}_PORT", name.to_uppercase());
            command.env(variable, port.to_string());
        }
        command
    }
}

impl Drop for OwnServers {
    #[expect(clippy::print_stdout, reason = "part of what a failed test tells")]
    fn drop(&mut self) {
        for (name, _) in &self.ports {
            self.kill(name);
            if std::thread::panicking() {
                // Why a test failed is often told by its server only.
                println!("{name}'s log, backwards: {:#?}", self.log(name, 30));
            }
            if *name == "rabbitmq" {
                self.kill("epmd");
            }
        }
        let data = self.folder.path().join("postgres");
        if let Ok(elsewhere) = fs::read_link(&data) {
            let _ = fs::remove_dir_all(elsewhere);
        }
    }
}

fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        after_name.split(' ').nth(1).and_then(|ppid| ppid.parse().ok()) == Some(parent)
    })
    .collect()
}

/// Free ports, held until all are found so that none is found twice, and none that this process has
/// been given before: whoever has it may be down just now.
pub fn free_ports(count: usize) -> Vec<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Every test is a process of its own: far from its neighbours, for the same reason.
    let own = u16::try_from(std::process::id() * 37 % 10_000).expect("small");
    let mut held = Vec::new();
    while held.len() < count {
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(next < 10_000, "there is no free port");
        let port = PORTS.start + (own + next) % (PORTS.end - PORTS.start);
        held.extend(TcpListener::bind(("127.0.0.1", port)));
    }
    held.iter().map(|listener| listener.local_addr().expect("an address").port()).collect()
}
