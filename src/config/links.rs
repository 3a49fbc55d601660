//! The production profile refuses links to servers that others on the way can read.

use secrecy::{ExposeSecret, SecretString};

use super::Settings;
use super::error::SettingsError;
use super::link::Link;

impl Settings {
    /// Refuses servers on other machines that are reached without TLS, unless `allow_plain_links` says that
    /// the network itself keeps strangers out.
    pub(super) fn check_links(&self) -> Result<(), SettingsError> {
        let (store, cache, broker) = (&self.store, &self.cache, &self.broker);
        let postgres = "sslmode=require, verify-ca or verify-full";
        let links = [
            ("store.postgres.url", exposed(store.postgres.url.as_ref()), postgres),
            ("store.postgres.migrate_url", exposed(store.postgres.migrate_url.as_ref()), postgres),
            ("store.mongodb.url", exposed(store.mongodb.url.as_ref()), "tls=true"),
            ("cache.redis.url", exposed(cache.redis.url.as_ref()), "rediss://"),
            ("broker.rabbitmq.url", exposed(broker.rabbitmq.url.as_ref()), "amqps://"),
            ("reconcile.platform", self.reconcile.platform.as_deref(), "https://"),
        ];
        for (key, url, cure) in links {
            let Some(url) = url else { continue };
            let link = Link::of(url);
            if !self.allow_plain_links && !link.stays_here() && !link.is_encrypted() {
                let expected = format!(
                    "a link with TLS in production ({cure}), or allow_plain_links = true where the \
                     network itself keeps strangers out"
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
    use super::*;
    use crate::config::sources;

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
            (POSTGRES, "store.postgres.url", "postgres:///tollgate"),
            (OWNER, "store.postgres.migrate_url", "postgres://owner:x@db/tollgate"),
            (MONGODB, "store.mongodb.url", "mongodb://a:27017,b:27017/tollgate?replicaSet=rs0"),
            (MONGODB, "store.mongodb.url", "mongodb://localhost,b/tollgate?tls=false"),
            (MONGODB, "store.mongodb.url", "mongodb+srv://cluster/tollgate?tls=false"),
            (REDIS, "cache.redis.url", "redis://:x@cache:6379/0"),
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
            (POSTGRES, "postgresql://db/x?sslmode=disable&ssl-mode=require"),
            (POSTGRES, "postgres://app:x@127.0.0.1:5432/tollgate"),
            (POSTGRES, "postgres://%2Fvar%2Frun%2Fpostgresql/tollgate"),
            (POSTGRES, "postgres:///tollgate?host=/var/run/postgresql"),
            (MONGODB, "mongodb://a,b/tollgate?tls=true&replicaSet=rs0"),
            (MONGODB, "mongodb+srv://cluster/tollgate"),
            (MONGODB, "mongodb://[::1]:27017,localhost:27018/tollgate"),
            (REDIS, "rediss://:x@cache/0"),
            (RABBITMQ, "amqps://app:x@mq/%2f"),
            (PLATFORM, "https://platform.example/v3"),
            (PLATFORM, "http://127.0.0.1:8080/v3"),
        ] {
            assert!(settings(change, url).check_links().is_ok(), "{url}");
        }
    }
}
