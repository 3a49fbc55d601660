//! Links to servers: those with a certificate authority of one's own must ask for TLS, and the production
//! profile refuses those that others on the way can read or answer.

use secrecy::{ExposeSecret, SecretString};

use super::Settings;
use super::error::SettingsError;
use super::link::Link;
use super::sources;

/// The settings of one link.
struct Set<'a> {
    key: &'static str,
    url: Option<&'a str>,
    /// Whether they say who may vouch for the server.
    has_authority: bool,
    /// How its URL asks for TLS, and for a look at the server's certificate.
    cure: &'static str,
    /// How that look is had where the URL asks for TLS alone.
    look: &'static str,
}

impl Settings {
    fn links(&self) -> [Set<'_>; 6] {
        let (postgres, mongodb) = (&self.store.postgres, &self.store.mongodb);
        let (redis, rabbitmq) = (&self.cache.redis, &self.broker.rabbitmq);
        let of_postgres = |key, url| Set {
            key,
            url: exposed(url),
            has_authority: postgres.ca_path.is_some(),
            cure: "sslmode=verify-full",
            look: "sslmode=verify-full, or store.postgres.ca_path",
        };
        [
            of_postgres("store.postgres.url", postgres.url.as_ref()),
            of_postgres("store.postgres.migrate_url", postgres.migrate_url.as_ref()),
            Set {
                key: "store.mongodb.url",
                url: exposed(mongodb.url.as_ref()),
                has_authority: mongodb.ca_path.is_some(),
                cure: "tls=true",
                look: "tls=true without tlsInsecure and the like",
            },
            Set {
                key: "cache.redis.url",
                url: exposed(redis.url.as_ref()),
                has_authority: redis.ca_path.is_some(),
                cure: "rediss://",
                look: "rediss://",
            },
            Set {
                key: "broker.rabbitmq.url",
                url: exposed(rabbitmq.url.as_ref()),
                has_authority: rabbitmq.ca_path.is_some(),
                cure: "amqps://",
                look: "amqps://",
            },
            Set {
                key: "reconcile.platform",
                url: self.reconcile.platform.as_deref(),
                has_authority: false,
                cure: "https://",
                look: "https://",
            },
        ]
    }

    /// Refuses a certificate authority for a link that would not ask for a certificate.
    pub(super) fn check_authorities(&self) -> Result<(), SettingsError> {
        for Set { key, url, has_authority, cure, .. } in self.links() {
            let Some(url) = url else { continue };
            if has_authority && !Link::of(url).is_encrypted() {
                let expected = format!("a link with TLS ({cure}), as there is a ca_path for it");
                return Err(SettingsError::value(key, expected));
            }
        }
        Ok(())
    }

    /// Checks a card platform that was named elsewhere than in the settings as if it were named there.
    ///
    /// # Errors
    /// Where the settings would not be taken with it.
    pub fn check_platform(&self) -> Result<(), SettingsError> {
        self.reconcile.check()?;
        if sources::is_production() { self.check_links() } else { Ok(()) }
    }

    /// Refuses servers on other machines that are reached without TLS, or whoever they are, unless
    /// `allow_plain_links` says that the network itself keeps strangers out.
    pub(super) fn check_links(&self) -> Result<(), SettingsError> {
        for Set { key, url, has_authority, cure, look } in self.links() {
            let Some(url) = url else { continue };
            let link = Link::of(url);
            let is_safe = link.is_encrypted() && link.is_verified(has_authority);
            if !self.allow_plain_links && !link.stays_here() && !is_safe {
                let how = if link.is_encrypted() { look } else { cure };
                let expected = format!(
                    "a link with TLS in production to a server that proves who it is ({how}), or \
                     allow_plain_links = true where the network itself keeps strangers out"
                );
                return Err(SettingsError::value(key, expected));
            }
        }
        Ok(())
    }
}

fn exposed(url: Option<&SecretString>) -> Option<&str> {
    url.map(|url| url.expose_secret())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    type Change = fn(&mut Settings, SecretString);

    const POSTGRES: Change = |settings, url| settings.store.postgres.url = Some(url);
    const OWNER: Change = |settings, url| settings.store.postgres.migrate_url = Some(url);
    const MONGODB: Change = |settings, url| settings.store.mongodb.url = Some(url);
    const REDIS: Change = |settings, url| settings.cache.redis.url = Some(url);
    const RABBITMQ: Change = |settings, url| settings.broker.rabbitmq.url = Some(url);
    const PLATFORM: Change = |settings, url| {
        settings.reconcile.platform = Some(url.expose_secret().to_owned());
    };

    fn settings(change: Change, url: &str) -> Settings {
        let mut settings = sources::defaults().unwrap();
        change(&mut settings, url.into());
        settings
    }

    #[test]
    fn what_others_can_read_is_refused() {
        for (change, key, url) in [
            (POSTGRES, "store.postgres.url", "postgres://app:x@db/tollgate"),
            (POSTGRES, "store.postgres.url", "postgres://app:x@db/tollgate?sslmode=prefer"),
            (POSTGRES, "store.postgres.url", "postgres://db/x?sslmode=require&sslmode=disable"),
            (POSTGRES, "store.postgres.url", "postgres://localhost/x?host=db"),
            (POSTGRES, "store.postgres.url", "postgres://db/x?sslmode=require"),
            (POSTGRES, "store.postgres.url", "postgres://db/x?sslmode=verify-ca"),
            (POSTGRES, "store.postgres.url", "postgres:///tollgate"),
            (OWNER, "store.postgres.migrate_url", "postgres://owner:x@db/tollgate"),
            (MONGODB, "store.mongodb.url", "mongodb://a:27017,b:27017/tollgate?replicaSet=rs0"),
            (MONGODB, "store.mongodb.url", "mongodb://localhost,b/tollgate?tls=false"),
            (MONGODB, "store.mongodb.url", "mongodb+srv://cluster/tollgate?tls=false"),
            (MONGODB, "store.mongodb.url", "mongodb+srv://cluster/tollgate?TLS=false"),
            (MONGODB, "store.mongodb.url", "mongodb://a/tollgate?%74ls=true"),
            (MONGODB, "store.mongodb.url", "mongodb://a/tollgate?tls=true&tlsInsecure=true"),
            (MONGODB, "store.mongodb.url", "mongodb://a/t?tls=true&TLSALLOWINVALIDHOSTNAMES=true"),
            (MONGODB, "store.mongodb.url", "mongodb://a/t?tls=true&appName=b#c&tlsInsecure=true"),
            (REDIS, "cache.redis.url", "redis://:x@cache:6379/0"),
            (REDIS, "cache.redis.url", "valkey://:x@cache:6379/0"),
            (RABBITMQ, "broker.rabbitmq.url", "amqp://app:x@mq:5672/%2f"),
            (RABBITMQ, "broker.rabbitmq.url", "amqp://app:x@10.0.0.7/%2f"),
            (RABBITMQ, "broker.rabbitmq.url", "amqp://app:x@mq/%2f?host=localhost"),
            (PLATFORM, "reconcile.platform", "http://platform.example/v3"),
        ] {
            let mut settings = settings(change, url);
            let said = settings.check_links().unwrap_err().to_string();
            assert!(said.contains(key) && said.contains("TLS"), "{url}: {said}");
            assert!(!said.contains(url), "{said}");
            settings.allow_plain_links = true;
            assert!(settings.check_links().is_ok(), "{url}");
        }
    }

    #[test]
    fn what_is_encrypted_or_stays_here_is_taken() {
        for (change, url) in [
            (POSTGRES, "postgres://app:x@db/tollgate?sslmode=verify-full"),
            (POSTGRES, "postgresql://db/x?sslmode=disable&ssl-mode=verify-full"),
            (POSTGRES, "postgres://app:x@127.0.0.1:5432/tollgate"),
            (POSTGRES, "postgres://app:x@db/tollgate?hostaddr=::1"),
            (POSTGRES, "postgres://%2Fvar%2Frun%2Fpostgresql/tollgate"),
            (POSTGRES, "postgres:///tollgate?host=/var/run/postgresql"),
            (MONGODB, "mongodb://a,b/tollgate?tls=true&replicaSet=rs0"),
            (MONGODB, "mongodb://a/tollgate?TLS=true&tlsInsecure=false"),
            (MONGODB, "mongodb+srv://cluster/tollgate"),
            (MONGODB, "mongodb://[::1]:27017,localhost:27018/tollgate"),
            (REDIS, "rediss://:x@cache/0"),
            (REDIS, "valkeys://:x@cache/0"),
            (REDIS, "redis+unix:///run/redis.sock?pass=x"),
            (RABBITMQ, "amqps://app:x@mq/%2f"),
            (PLATFORM, "https://platform.example/v3"),
            (PLATFORM, "http://127.0.0.1:8080/v3"),
        ] {
            assert!(settings(change, url).check_links().is_ok(), "{url}");
        }
    }

    #[test]
    fn an_authority_is_only_for_links_with_tls() {
        type Case = (Change, fn(&mut Settings), &'static str, &'static str);
        fn file() -> Option<PathBuf> {
            Some(PathBuf::from("ca.pem"))
        }
        let cases: [Case; 4] = [
            (
                POSTGRES,
                |settings| settings.store.postgres.ca_path = file(),
                "postgres://db/x?sslmode=prefer",
                "postgres://db/x?sslmode=require",
            ),
            (
                MONGODB,
                |settings| settings.store.mongodb.ca_path = file(),
                "mongodb://a/x",
                "mongodb://a/x?tls=true",
            ),
            (
                REDIS,
                |settings| settings.cache.redis.ca_path = file(),
                "redis://cache/0",
                "rediss://cache/0",
            ),
            (
                RABBITMQ,
                |settings| settings.broker.rabbitmq.ca_path = file(),
                "amqp://mq/%2f",
                "amqps://mq/%2f",
            ),
        ];
        for (change, trust, plain, encrypted) in cases {
            let check = |url: &str| {
                let mut settings = settings(change, url);
                trust(&mut settings);
                settings.check_authorities()
            };
            let said = check(plain).unwrap_err().to_string();
            assert!(said.contains(".url") && said.contains("ca_path"), "{plain}: {said}");
            assert!(check(encrypted).is_ok(), "{encrypted}");
        }
    }

    #[test]
    fn a_certificate_that_is_asked_for_must_be_looked_at() {
        for mode in ["require", "verify-ca"] {
            let mut settings = settings(POSTGRES, &format!("postgres://db/x?sslmode={mode}"));
            let said = settings.check_links().unwrap_err().to_string();
            let cures = ["sslmode=verify-full", "store.postgres.ca_path"];
            assert!(cures.iter().all(|cure| said.contains(cure)), "{mode}: {said}");
            settings.store.postgres.ca_path = Some(PathBuf::from("ca.pem"));
            assert!(settings.check_links().is_ok(), "{mode}");
        }
    }
}
