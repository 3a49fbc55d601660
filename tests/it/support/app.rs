//! The service in this process, on a store and a port of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::StatusCode;
use serde_json::Value;
use tempfile::TempDir;
use tollgate::app::{self, Running};
use tollgate::broker::Broker;
use tollgate::config::Settings;

use super::client::{Answer, Client};

pub const ADMIN_KEY: &str = "test-admin-key-0001";
pub const JIT_USER: &str = "marqeta";
pub const JIT_PASSWORD: &str = "Test-password-0001!";

pub struct TestApp {
    running: Running,
    pub addr: SocketAddr,
    dir: PathBuf,
    _temporary: Option<TempDir>,
}

impl TestApp {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        let temporary = tempfile::tempdir().expect("a folder");
        let app = Self::start_in(temporary.path(), change).await;
        Self { _temporary: Some(temporary), ..app }
    }

    /// On a store that stays.
    pub async fn start_in(dir: &Path, change: impl FnOnce(&mut Settings)) -> Self {
        let dir = dir.to_owned();
        let mut settings = Settings::embedded(dir.clone(), SocketAddr::from(([127, 0, 0, 1], 0)));
        settings.admin.key = Some(ADMIN_KEY.into());
        settings.jit.username = Some(JIT_USER.into());
        settings.jit.password = Some(JIT_PASSWORD.into());
        settings.jit.deadline_ms = 7_000; // these machines are slow and shared
        settings.lane.stall_ms = 5_000;
        settings.http.drain_ms = 0;
        change(&mut settings);
        let running = app::start(settings).await.expect("the service starts");
        Self { addr: running.addr, running, dir, _temporary: None }
    }

    /// The service's own broker.
    pub fn broker(&self) -> Arc<dyn Broker> {
        Arc::clone(&self.running.queues)
    }

    /// Where the embedded stores and the secrets are.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn client(&self) -> Client {
        Client::new(self.addr, ADMIN_KEY, JIT_USER, JIT_PASSWORD)
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        plain(self.client().get(path).await)
    }

    pub async fn delete(&self, path: &str) -> (StatusCode, Value) {
        plain(self.client().delete(path).await)
    }

    pub async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        plain(self.client().post(path, body).await)
    }

    pub async fn patch(&self, path: &str, version: i64, body: Value) -> (StatusCode, Value) {
        plain(self.client().patch(path, version, body).await)
    }

    /// Any request with the admin key.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> (StatusCode, Value) {
        let mut client = self.client();
        let mut request = client.admin(method.parse().expect("a method"), path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        plain(client.send(request, body.unwrap_or_default().into()).await.expect("an answer"))
    }

    /// As after SIGTERM: it still serves.
    pub fn drain(&self) {
        self.running.drain();
    }

    /// Stops the service.
    pub async fn stop(self) {
        self.running.shutdown().await;
    }

    /// Stops the service and checks its books.
    pub async fn stop_and_verify(self) {
        self.running.shutdown().await;
        super::verify::books(&self.dir).await;
    }
}

/// The body as JSON, `Null` where there is none.
fn plain(answer: Answer) -> (StatusCode, Value) {
    let body = if answer.body.is_empty() { Value::Null } else { answer.json() };
    (answer.status, body)
}
