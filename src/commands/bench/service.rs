//! The measured service: one or several instances, what they have used, and what they tell about
//! themselves.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::super::client::{Ask, Client};
use super::BenchError;
use super::child::Server;
use super::load::count;
use super::processes::Used;
use super::requests::Caller;
use super::rest::Admin;
use super::stores::Stores;

/// Credentials of the measured service; it lives for one run on the loopback.
pub(super) const ADMIN_KEY: &str = "bench-admin-key";
pub(super) const JIT_USERNAME: &str = "bench";
pub(super) const JIT_PASSWORD: &str = "Bench-password-0001!";

/// Instances of one service.
pub(super) struct Service {
    servers: Vec<Server>,
}

impl Service {
    /// Starts them one after another; each has a folder of its own under `folder`.
    pub(super) async fn start(
        stores: &Stores,
        instances: u16,
        folder: &Path,
    ) -> Result<Self, BenchError> {
        Self::start_with(stores, instances, folder, &[], &[]).await
    }

    /// Starts them with further arguments and settings.
    pub(super) async fn start_with(
        stores: &Stores,
        instances: u16,
        folder: &Path,
        arguments: &[&str],
        settings: &[(&str, &str)],
    ) -> Result<Self, BenchError> {
        let mut servers = Vec::new();
        for instance in 0..instances {
            let data_dir = data_dir(folder, instance);
            let log = folder.join(format!("service-{instance}.log"));
            let prepare = |command: &mut Command, addr: SocketAddr, metrics: SocketAddr| {
                stores.prepare(command);
                command
                    .arg("serve")
                    .args(arguments)
                    .envs(settings.iter().copied())
                    .env("TOLLGATE__ADMIN__LISTEN", metrics.to_string())
                    .env("TOLLGATE__DATA_DIR", &data_dir)
                    .env("TOLLGATE__HTTP__LISTEN", addr.to_string())
                    .env("TOLLGATE__ADMIN__KEY", ADMIN_KEY)
                    .env("TOLLGATE__JIT__USERNAME", JIT_USERNAME)
                    .env("TOLLGATE__JIT__PASSWORD", JIT_PASSWORD)
                    .env("TOLLGATE__LOG__FILTER", "error");
            };
            servers.push(Server::start(prepare, &Ask::get("/ready"), &log).await?);
        }
        Ok(Self { servers })
    }

    /// Where they listen.
    pub(super) fn addrs(&self) -> Vec<SocketAddr> {
        self.servers.iter().map(|server| server.addr).collect()
    }

    /// How to set up a program there.
    pub(super) fn admin(&self) -> Admin {
        Admin { addrs: self.addrs(), host: host(), key: ADMIN_KEY.to_owned() }
    }

    /// The CPU time of all, and the memory of the largest.
    pub(super) fn used(&self) -> Used {
        self.servers.iter().map(Server::used).fold(Used::default(), |all, one| Used {
            cpu_us: all.cpu_us + one.cpu_us,
            rss_peak_kib: all.rss_peak_kib.max(one.rss_peak_kib),
        })
    }

    /// The longest time from the start of a process to its first answer that it is ready.
    pub(super) fn start_to_ready(&self) -> Duration {
        self.servers.iter().map(|server| server.start_to_ready).max().unwrap_or_default()
    }

    /// The metrics of all instances, as they are exported; empty where one does not tell.
    pub(super) async fn metrics(&self) -> String {
        let mut all = String::new();
        for server in &self.servers {
            let asked = Client::new(server.metrics).send(&Ask::get("/metrics")).await;
            let Ok(answer) = asked else { return String::new() };
            all.push_str(&String::from_utf8_lossy(&answer.body));
        }
        all
    }

    /// What all instances have counted so far; `None` where one does not tell.
    pub(super) async fn figures(&self) -> Option<Figures> {
        let mut all = Figures::default();
        for server in &self.servers {
            let ask = Ask::get("/api/v1/profile").bearer(ADMIN_KEY);
            let profile = Client::new(server.addr).send(&ask).await.ok()?.json();
            all.add(&profile)?;
        }
        Some(all)
    }

    /// Ends them without warning.
    pub(super) fn kill(self) -> Result<(), BenchError> {
        for server in self.servers {
            server.kill()?;
        }
        Ok(())
    }
}

/// Who asks at the JIT door.
pub(super) fn caller() -> Caller {
    let (username, password) = (JIT_USERNAME.to_owned(), JIT_PASSWORD.to_owned());
    Caller { host: host(), username, password }
}

/// Where an instance keeps what is its own.
pub(super) fn data_dir(folder: &Path, instance: u16) -> PathBuf {
    folder.join(format!("data-{instance}"))
}

pub(super) fn host() -> String {
    "127.0.0.1".to_owned()
}

/// Counters of the lanes and the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    batches: u64,
    items: u64,
    retries: u64,
    hits: u64,
    misses: u64,
}

impl Figures {
    fn add(&mut self, profile: &Value) -> Option<()> {
        let number = |pointer| profile.pointer(pointer).and_then(Value::as_u64);
        self.batches += number("/lanes/batches")?;
        self.items += number("/lanes/items")?;
        self.retries += number("/lanes/retries").unwrap_or(0);
        if let Some(cache) = profile.pointer("/details/cache") {
            self.hits += sum(cache, "hits");
            self.misses += sum(cache, "misses");
        }
        Some(())
    }

    /// What was counted since `before`.
    pub(super) const fn since(self, before: Self) -> Self {
        Self {
            batches: self.batches.saturating_sub(before.batches),
            items: self.items.saturating_sub(before.items),
            retries: self.retries.saturating_sub(before.retries),
            hits: self.hits.saturating_sub(before.hits),
            misses: self.misses.saturating_sub(before.misses),
        }
    }

    /// Items in a batch.
    pub(super) fn batch_mean(self) -> Option<f64> {
        (self.batches > 0).then(|| count(self.items) / count(self.batches))
    }

    /// Batches that were run again.
    pub(super) const fn retries(self) -> u64 {
        self.retries
    }

    /// Lookups that the cache has answered, as a share of all.
    pub(super) fn hit_share(self) -> Option<f64> {
        let lookups = self.hits + self.misses;
        (lookups > 0).then(|| count(self.hits) / count(lookups))
    }
}

/// All numbers of that name, however deep: each home has a cache of its own.
fn sum(value: &Value, name: &str) -> u64 {
    let Some(members) = value.as_object() else { return 0 };
    let of = |(key, value): (&String, &Value)| {
        if key == name { value.as_u64().unwrap_or(0) } else { sum(value, name) }
    };
    members.iter().map(of).sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn figures_are_those_of_the_phase_and_of_all_homes() {
        let profile = |batches: u64, hits: u64| {
            json!({
                "lanes": {"batches": batches, "items": batches * 100, "retries": 1},
                "details": {"cache": {
                    "business": {"users": {"hits": hits, "misses": 0}, "entries": 7},
                    "personal": {"cards": {"hits": hits, "misses": 2}},
                }},
            })
        };
        let (mut before, mut after) = (Figures::default(), Figures::default());
        before.add(&profile(10, 0)).unwrap();
        after.add(&profile(10, 0)).unwrap();
        after.add(&profile(4, 3)).unwrap();
        let since = after.since(before);
        assert_eq!((since.batch_mean(), since.retries()), (Some(100.0), 1));
        assert_eq!(since.hit_share(), Some(0.75));
        assert_eq!(before.since(before).batch_mean(), None);
        assert!(before.add(&json!({})).is_none());
    }
}
