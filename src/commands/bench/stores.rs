//! Which stores the measured service works on: files of its own, or the servers of the environment.

use std::path::Path;
use std::process::Command;

use secrecy::{ExposeSecret, SecretString};

use super::args::{Args, StoreChoice};
use super::processes::{self, ServersCpu};
use super::{BenchError, SELF};
use crate::config::Settings;
use crate::domain::id::Home;

/// Variables that select servers, beside ours that end with `__URL`.
const URL_VARIABLES: [&str; 4] = ["DATABASE_URL", "MONGODB_URI", "REDIS_URL", "RABBITMQ_URL"];

/// Ends the name of a variable that names a file with the value.
const FILE_SUFFIX: &str = "_FILE";

/// The stores of a run.
pub(super) enum Stores {
    /// The embedded store, in the data folder of each profile.
    Embedded,
    /// What these settings select.
    Servers(Box<Settings>),
}

impl Stores {
    /// What the flags ask for. Refuses servers where the environment names none, and instances that
    /// would not share their books.
    pub(super) fn select(args: &Args) -> Result<Self, BenchError> {
        let servers = match args.store {
            StoreChoice::Embedded => None,
            StoreChoice::Servers => Some(Box::new(Settings::load()?)),
        };
        Self::checked(servers, args)
    }

    fn checked(servers: Option<Box<Settings>>, args: &Args) -> Result<Self, BenchError> {
        let refuse = |why: &str| Err(BenchError::Refused(why.to_owned()));
        match servers {
            None if args.instances > 1 => refuse(
                "several instances need --store servers: the embedded store is one process's",
            ),
            None if args.program.is_some() => refuse(
                "--program needs --store servers or --target: a fresh store has nothing in it",
            ),
            None => Ok(Self::Embedded),
            Some(settings) if urls(&settings).is_empty() => refuse(
                "--store servers needs DATABASE_URL, MONGODB_URI or REDIS_URL in the environment",
            ),
            Some(settings) if args.instances > 1 && !both_homes(&settings) => refuse(
                "several instances need DATABASE_URL and MONGODB_URI: they must share both homes",
            ),
            Some(settings) => Ok(Self::Servers(settings)),
        }
    }

    /// Their names, for the report.
    pub(super) fn names(&self) -> Vec<&'static str> {
        match self {
            Self::Embedded => vec!["embedded"],
            Self::Servers(settings) => {
                urls(settings).into_iter().map(|(program, _)| program).collect()
            }
        }
    }

    /// Lets a service see the servers, or none of them.
    pub(super) fn prepare(&self, command: &mut Command) {
        if matches!(self, Self::Embedded) {
            command.env_remove("TOLLGATE_ENV");
            for (name, _) in std::env::vars_os() {
                if name.to_str().is_some_and(selects_a_server) {
                    command.env_remove(&name);
                }
            }
        }
    }

    /// The settings with which a service in this data folder finds its books.
    pub(super) fn settings(&self, data_dir: &Path) -> Settings {
        match self {
            Self::Embedded => Settings::embedded(data_dir.to_path_buf(), SELF),
            Self::Servers(settings) => {
                Settings { data_dir: data_dir.to_path_buf(), ..(**settings).clone() }
            }
        }
    }

    /// Whether both homes are one store.
    pub(super) fn shared(&self) -> bool {
        match self {
            Self::Embedded => true,
            Self::Servers(settings) => {
                settings.store.postgres.url.is_none() && settings.store.mongodb.url.is_none()
            }
        }
    }

    /// How many lanes an instance has for a home.
    pub(super) fn lanes(&self, home: Home) -> usize {
        let Self::Servers(settings) = self else { return 1 };
        let url = match home {
            Home::Business => &settings.store.postgres.url,
            Home::Personal => &settings.store.mongodb.url,
        };
        match (url, usize::try_from(settings.lane.count).unwrap_or(1)) {
            (None, _) => 1,
            (Some(_), 0) => std::thread::available_parallelism().map_or(1, usize::from),
            (Some(_), count) => count,
        }
    }

    /// CPU time of the servers so far; `None`: one of them is on another machine.
    pub(super) fn cpu(&self) -> Option<ServersCpu> {
        let Self::Servers(settings) = self else { return None };
        let urls = urls(settings);
        let here = urls.iter().all(|(_, url)| is_local(url.expose_secret()));
        let programs: Vec<_> = urls.iter().map(|(program, _)| *program).collect();
        here.then(|| processes::servers_cpu(&programs))
    }
}

/// The servers that are selected: their program's name and URL.
fn urls(settings: &Settings) -> Vec<(&'static str, &SecretString)> {
    [
        ("postgres", &settings.store.postgres.url),
        ("mongod", &settings.store.mongodb.url),
        ("redis-server", &settings.cache.redis.url),
    ]
    .into_iter()
    .filter_map(|(program, url)| Some((program, url.as_ref()?)))
    .collect()
}

fn both_homes(settings: &Settings) -> bool {
    settings.store.postgres.url.is_some() && settings.store.mongodb.url.is_some()
}

fn selects_a_server(variable: &str) -> bool {
    let name = variable.strip_suffix(FILE_SUFFIX).unwrap_or(variable);
    URL_VARIABLES.contains(&name) || (name.starts_with("TOLLGATE__") && name.ends_with("_URL"))
}

/// Whether every host of a URL is this machine.
fn is_local(url: &str) -> bool {
    let after = url.split_once("://").map_or(url, |(_, after)| after);
    let authority = after.split(['/', '?']).next().unwrap_or(after);
    let hosts = authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts);
    hosts.split(',').all(|host| {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        name.is_empty() || ["127.0.0.1", "localhost", "[::1]"].contains(&name)
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn refused(postgres: Option<&str>, mongodb: Option<&str>, flags: &[&str]) -> Option<String> {
        let mut settings = Settings::embedded("data".into(), SELF);
        settings.store.postgres.url = postgres.map(SecretString::from);
        settings.store.mongodb.url = mongodb.map(SecretString::from);
        let words = ["bench", "--store", "servers"].iter().chain(flags);
        let args = Cli::parse_from(words).args;
        Stores::checked(Some(Box::new(settings)), &args).err().map(|error| error.to_string())
    }

    #[test]
    fn servers_that_nobody_named_are_refused_in_one_line() {
        let error = refused(None, None, &[]).unwrap();
        assert!(error.contains("DATABASE_URL") && error.lines().count() == 1, "{error}");
        let postgres = Some("postgres://127.0.0.1/t");
        assert_eq!(refused(postgres, None, &[]), None);
        assert!(refused(postgres, None, &["--instances", "2"]).unwrap().contains("MONGODB_URI"));
        assert_eq!(refused(postgres, Some("mongodb://localhost/t"), &["--instances", "2"]), None);
    }

    #[test]
    fn a_service_on_the_embedded_store_sees_no_server() {
        for name in [
            "DATABASE_URL",
            "MONGODB_URI_FILE",
            "RABBITMQ_URL",
            "TOLLGATE__CACHE__REDIS__URL",
            "TOLLGATE__STORE__POSTGRES__MIGRATE_URL_FILE",
        ] {
            assert!(selects_a_server(name), "{name}");
        }
        for name in ["PATH", "TOLLGATE__LANE__COUNT", "TOLLGATE__STORE__POSTGRES__POOL_MAX"] {
            assert!(!selects_a_server(name), "{name}");
        }
    }

    #[test]
    fn only_servers_on_this_machine_can_be_watched() {
        for url in ["postgres://u:p@127.0.0.1:5432/t", "redis://localhost", "postgres:///t"] {
            assert!(is_local(url), "{url}");
        }
        for url in ["postgres://u:p@db.internal/t", "mongodb://127.0.0.1,10.0.0.2:27017/t"] {
            assert!(!is_local(url), "{url}");
        }
    }

    #[test]
    fn lanes_are_those_of_the_settings() {
        let mut settings = Settings::embedded("data".into(), SELF);
        settings.store.postgres.url = Some("postgres://127.0.0.1/t".into());
        settings.lane.count = 3;
        let stores = Stores::Servers(Box::new(settings));
        assert_eq!((stores.lanes(Home::Business), stores.lanes(Home::Personal)), (3, 1));
        assert!(!stores.shared() && Stores::Embedded.shared());
        assert_eq!(Stores::Embedded.lanes(Home::Business), 1);
    }
}
