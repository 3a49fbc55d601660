//! A real nginx with the repository's configuration, in front of some instances.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;

use super::own_servers::free_ports;

/// Gone when dropped.
pub struct Nginx {
    process: Child,
    /// Its door to the API.
    pub addr: SocketAddr,
    /// Where a browser without TLS is shown the way.
    pub plain: SocketAddr,
    folder: TempDir,
}

impl Nginx {
    /// Starts, and waits until it listens.
    pub async fn before(instances: &[SocketAddr]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let includes = folder.path().join("conf/tollgate");
        std::fs::create_dir_all(&includes).expect("a folder");
        std::fs::create_dir(folder.path().join("scratch")).expect("a folder");
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("nginx.conf");
        std::fs::copy(repository, folder.path().join("conf/nginx.conf")).expect("a copy");
        let [http, plain] = free_ports(2)[..] else { panic!("two ports") };
        let [addr, plain] = [http, plain].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let scratch = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path scratch;\n"));
        let upstreams = instances.iter().map(|addr| format!("server {addr} max_fails=0;\n"));
        for (name, text) in [
            ("process", "daemon off;\nworker_processes 1;\npid nginx.pid;\nerror_log stderr crit;\nuser root;\n".to_owned()),
            ("paths", format!("access_log access.log tollgate;\n{}", scratch.concat())),
            ("upstreams", upstreams.collect()),
            ("listen", format!("listen {addr};\n")),
            ("listen-plain", format!("listen {plain};\n")),
            ("private", "allow 127.0.0.0/8;\ndeny all;\n".to_owned()),
        ] {
            std::fs::write(includes.join(format!("{name}.conf")), text).expect("an include");
        }
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let process = Command::new("nginx")
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(folder.path().join("conf/nginx.conf"))
            .env("PATH", path)
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx is installed: scripts/services install nginx");
        let nginx = Self { process, addr, plain, folder };
        for _ in 0..200 {
            if TcpStream::connect(addr).await.is_ok() {
                return nginx;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("nginx does not listen");
    }

    /// How many requests were answered after these statuses of one instance after another, such as
    /// `504, 200`.
    pub fn answered_after(&self, statuses: &str) -> usize {
        let log = std::fs::read_to_string(self.folder.path().join("access.log")).expect("a log");
        log.matches(&format!(r#""upstream_status":"{statuses}""#)).count()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It takes its worker along.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}
