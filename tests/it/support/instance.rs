//! The program itself, in a process of its own that can be killed.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use super::Client;
use super::app::{ADMIN_KEY, JIT_PASSWORD, JIT_USER};
use super::own_servers::free_ports;

pub struct Instance {
    process: Child,
    pub addr: SocketAddr,
    data_dir: PathBuf,
    environment: Vec<(String, String)>,
}

impl Instance {
    /// Starts on the embedded stores of a folder, and waits until it answers.
    pub async fn start(data_dir: &Path) -> Self {
        Self::start_on(data_dir, &[]).await
    }

    /// Starts with these variables, and waits until it is ready.
    pub async fn start_on(data_dir: &Path, environment: &[(String, String)]) -> Self {
        let instance = Self::spawn(data_dir, environment);
        assert!(instance.is_ready_within(Duration::from_secs(30)).await, "not ready after 30 s");
        instance
    }

    /// Starts with these variables, ready or not, and logs into a file.
    pub fn spawn_logged(data_dir: &Path, environment: &[(String, String)], log: &Path) -> Self {
        let addr = SocketAddr::from(([127, 0, 0, 1], free_ports(1)[0]));
        let log = std::fs::File::create(log).expect("a log");
        let mut command = command(addr, data_dir, environment);
        let process = command.stderr(log).spawn().expect("the program starts");
        let (data_dir, environment) = (data_dir.to_owned(), environment.to_vec());
        Self { process, addr, data_dir, environment }
    }

    /// Where its embedded stores are.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// How many descriptors it has open.
    pub fn descriptors(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.process.id());
        std::fs::read_dir(folder).expect("a running process").count()
    }

    /// Whether that is right within some seconds.
    pub async fn descriptors_become(&self, right: impl Fn(usize) -> bool) -> bool {
        for _ in 0..400 {
            if right(self.descriptors()) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }

    /// Starts with these variables, ready or not.
    pub fn spawn(data_dir: &Path, environment: &[(String, String)]) -> Self {
        let addr = SocketAddr::from(([127, 0, 0, 1], free_ports(1)[0]));
        let process = command(addr, data_dir, environment).spawn().expect("the program starts");
        let (data_dir, environment) = (data_dir.to_owned(), environment.to_vec());
        Self { process, addr, data_dir, environment }
    }

    pub async fn is_ready_within(&self, time: Duration) -> bool {
        let waiting = async {
            loop {
                let mut client = self.client();
                let request = client.admin(http::Method::GET, "/ready");
                let answer = client.send(request, bytes::Bytes::new()).await;
                if answer.is_ok_and(|answer| answer.status == 200) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(time, waiting).await.is_ok()
    }

    pub fn client(&self) -> Client {
        Client::new(self.addr, ADMIN_KEY, JIT_USER, JIT_PASSWORD)
    }

    /// Stands still until [`Instance::go_on`].
    pub fn stop(&self) {
        self.signal("STOP");
    }

    /// Goes on.
    pub fn go_on(&self) {
        self.signal("CONT");
    }

    /// kill -9.
    pub fn kill(mut self) {
        self.process.kill().expect("kill -9");
        self.process.wait().expect("it is gone");
    }

    /// What another command of the program says of its stores.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut program = program(&self.data_dir, &self.environment);
        program.args(arguments).output().expect("the program runs")
    }

    /// Sends it a signal: `TERM`, `KILL`, `STOP`, `CONT`.
    pub fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        let status = Command::new("kill").args([&format!("-{name}"), &pid]).status();
        assert!(status.expect("kill runs").success(), "it runs");
    }

    /// How it ended. Fails if that takes longer.
    pub async fn ended_within(mut self, time: Duration) -> ExitStatus {
        let waiting = async {
            loop {
                if let Some(status) = self.process.try_wait().expect("a child") {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(time, waiting).await.expect("it ends")
    }

    /// Recomputes the books of its stores by the program's own `verify`.
    pub fn verify(&self) {
        let output = self.run(&["verify"]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn command(addr: SocketAddr, data_dir: &Path, environment: &[(String, String)]) -> Command {
    let mut command = program(data_dir, environment);
    command
        .arg("serve")
        .env("TOLLGATE__HTTP__LISTEN", addr.to_string())
        .env("TOLLGATE__ADMIN__KEY", ADMIN_KEY)
        .env("TOLLGATE__JIT__USERNAME", JIT_USER)
        .env("TOLLGATE__JIT__PASSWORD", JIT_PASSWORD)
        .stdout(Stdio::null());
    if !environment.iter().any(|(name, _)| name == "TOLLGATE__LOG__FILTER") {
        command.env("TOLLGATE__LOG__FILTER", "warn");
    }
    command
}

/// The program with these servers, and none that this environment happens to name.
fn program(data_dir: &Path, environment: &[(String, String)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    for server in ["DATABASE_URL", "MONGODB_URI", "REDIS_URL", "RABBITMQ_URL"] {
        command.env_remove(server);
    }
    command.env("TOLLGATE__DATA_DIR", data_dir).envs(environment.iter().cloned());
    command
}
