//! The production profile refuses secrets that anybody could guess: samples, defaults, short ones.

use secrecy::{ExposeSecret, SecretString};

use super::Settings;
use super::error::SettingsError;
use super::gate::JwtAlgorithm;
use super::link::Link;

/// The shortest key, in characters.
const KEY_CHARS_MIN: usize = 24;

/// The shortest password of the card platform, in characters.
const PASSWORD_CHARS_MIN: usize = 20;

/// The shortest password of a server, in characters.
const SERVER_CHARS_MIN: usize = 12;

/// Different characters that a secret has at least.
const DISTINCT_MIN: usize = 8;

/// What samples, examples and defaults are made of.
const SAMPLES: [&str; 14] = [
    "changeme",
    "change-me",
    "change_me",
    "replace",
    "example",
    "sample",
    "default",
    "placeholder",
    "your-",
    "secret",
    "password",
    "tollgate",
    "12345678",
    "abcdefgh",
];

/// Passwords of servers that everybody tries first.
const GUESSED: [&str; 12] = [
    "guest", "postgres", "root", "admin", "tollgate", "password", "secret", "changeme", "test",
    "mongo", "redis", "rabbitmq",
];

impl Settings {
    /// Refuses secrets that are set and could be guessed. Those that are not set are generated.
    pub(super) fn check_secrets(&self) -> Result<(), SettingsError> {
        let jwt = &self.access.jwt;
        let shared = jwt.algorithm == JwtAlgorithm::Hs256; // a public key is no secret
        let signature = &self.webhooks.signature;
        let storage = &self.webhooks.storage;
        let keys = [
            ("admin.key", self.admin.key.as_ref()),
            ("access.jwt.key", jwt.key.as_ref().filter(|_| shared)),
            ("access.jwt.previous_key", jwt.previous_key.as_ref().filter(|_| shared)),
            ("webhooks.signature.secret", signature.secret.as_ref()),
            ("webhooks.signature.previous_secret", signature.previous_secret.as_ref()),
            ("personal.key", self.personal.key.as_ref()),
            ("webhooks.storage.key", storage.key.as_ref()),
            ("webhooks.storage.previous_key", storage.previous_key.as_ref()),
        ];
        for (key, secret) in keys {
            strong(key, secret, KEY_CHARS_MIN)?;
        }
        for previous in self.personal.previous() {
            strong("personal.previous_keys", Some(&previous), KEY_CHARS_MIN)?;
        }
        let passwords = [
            ("jit.password", &self.jit.password),
            ("jit.previous_password", &self.jit.previous_password),
            ("jit.header.value", &self.jit.header.value),
            ("webhooks.password", &self.webhooks.password),
            ("webhooks.previous_password", &self.webhooks.previous_password),
        ];
        for (key, secret) in passwords {
            strong(key, secret.as_ref(), PASSWORD_CHARS_MIN)?;
        }
        let urls = [
            ("store.postgres.url", &self.store.postgres.url),
            ("store.postgres.migrate_url", &self.store.postgres.migrate_url),
            ("store.mongodb.url", &self.store.mongodb.url),
            (OPEN, &self.cache.redis.url),
            ("broker.rabbitmq.url", &self.broker.rabbitmq.url),
        ];
        urls.into_iter().try_for_each(|(key, url)| server(key, url))
    }
}

fn strong(key: &str, secret: Option<&SecretString>, chars_min: usize) -> Result<(), SettingsError> {
    let Some(text) = secret.map(ExposeSecret::expose_secret) else { return Ok(()) };
    if text.chars().count() < chars_min {
        let expected = format!("at least {chars_min} characters long in production");
        return Err(SettingsError::value(key, expected));
    }
    let lower = text.to_lowercase();
    let distinct: std::collections::BTreeSet<char> = lower.chars().collect();
    if distinct.len() < DISTINCT_MIN || SAMPLES.iter().any(|sample| lower.contains(sample)) {
        let expected = "random in production: this is a sample, or could be guessed";
        return Err(SettingsError::value(key, expected));
    }
    Ok(())
}

/// The one server whose own rules let everybody in who has no password.
const OPEN: &str = "cache.redis.url";

/// The password in a URL. One without a password is checked by the server's own rules.
fn server(key: &str, url: &Option<SecretString>) -> Result<(), SettingsError> {
    let Some(url) = url.as_ref().map(ExposeSecret::expose_secret) else { return Ok(()) };
    let link = Link::of(url);
    let Some(password) = link.password() else {
        const EXPECTED: &str =
            "a URL with a password in production: without one everybody is let in";
        return if key == OPEN { Err(SettingsError::value(key, EXPECTED)) } else { Ok(()) };
    };
    if GUESSED.contains(&&*password.to_lowercase()) || password.eq_ignore_ascii_case(link.user()) {
        let expected =
            "a URL with a password of its own in production: this one is everybody's first guess";
        return Err(SettingsError::value(key, expected));
    }
    strong(key, Some(&SecretString::from(password)), SERVER_CHARS_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut Settings, SecretString);

    fn embedded() -> Settings {
        Settings::embedded("data".into(), "127.0.0.1:0".parse().unwrap())
    }

    fn set(change: Change, value: &str) -> Result<(), String> {
        let mut settings = embedded();
        change(&mut settings, value.into());
        settings.check_secrets().map_err(|error| error.to_string())
    }

    const GOOD: &str = "k7Qw2-vR9x_Lm4Zt8Hs1.Bn5";

    const BAD: [&str; 4] = [
        "short",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "ChangeMe-ChangeMe-ChangeMe-1",
        "an-Example-of-a-key-0123456789",
    ];

    #[track_caller]
    fn check(key: &str, change: Change, bad: &str) {
        let refused = set(change, bad).unwrap_err();
        assert!(refused.contains(key) && !refused.contains(bad), "{refused}");
        assert_eq!(refused.lines().count(), 1);
    }

    #[test]
    fn secrets_that_could_be_guessed_are_refused_and_named() {
        let secrets: [(&str, Change); 14] = [
            ("admin.key", |all, secret| all.admin.key = Some(secret)),
            ("access.jwt.key", |all, secret| {
                all.access.jwt.algorithm = JwtAlgorithm::Hs256;
                all.access.jwt.key = Some(secret);
            }),
            ("access.jwt.previous_key", |all, secret| {
                all.access.jwt.algorithm = JwtAlgorithm::Hs256;
                all.access.jwt.previous_key = Some(secret);
            }),
            ("webhooks.signature.secret", |all, secret| {
                all.webhooks.signature.secret = Some(secret);
            }),
            ("webhooks.signature.previous_secret", |all, secret| {
                all.webhooks.signature.previous_secret = Some(secret);
            }),
            ("personal.key", |all, secret| all.personal.key = Some(secret)),
            ("personal.previous_keys", |all, secret| all.personal.previous_keys = Some(secret)),
            ("webhooks.storage.key", |all, secret| all.webhooks.storage.key = Some(secret)),
            ("webhooks.storage.previous_key", |all, secret| {
                all.webhooks.storage.previous_key = Some(secret);
            }),
            ("jit.password", |all, secret| all.jit.password = Some(secret)),
            ("jit.previous_password", |all, secret| all.jit.previous_password = Some(secret)),
            ("jit.header.value", |all, secret| all.jit.header.value = Some(secret)),
            ("webhooks.password", |all, secret| all.webhooks.password = Some(secret)),
            ("webhooks.previous_password", |all, secret| {
                all.webhooks.previous_password = Some(secret);
            }),
        ];
        for (key, change) in secrets {
            assert_eq!(set(change, GOOD), Ok(()), "{key}");
            for bad in BAD {
                check(key, change, bad);
            }
        }
    }

    #[test]
    fn a_weak_key_does_not_hide_among_good_ones() {
        let previous: Change = |all, keys| all.personal.previous_keys = Some(keys);
        assert_eq!(set(previous, &format!("{GOOD}, {GOOD}")), Ok(()));
        for bad in BAD {
            check("personal.previous_keys", previous, &format!("{GOOD},{bad}, {GOOD}"));
        }
    }

    #[test]
    fn a_public_key_is_no_secret() {
        for algorithm in [JwtAlgorithm::Rs256, JwtAlgorithm::Es256] {
            let mut settings = embedded();
            settings.access.jwt.algorithm = algorithm;
            settings.access.jwt.key = Some("-----BEGIN PUBLIC KEY-----".into());
            settings.access.jwt.previous_key = Some("an example".into());
            assert!(settings.check_secrets().is_ok());
        }
    }

    #[test]
    fn servers_are_not_opened_with_everybody_s_first_guess() {
        let postgres: Change = |settings, url| settings.store.postgres.url = Some(url);
        let mongodb: Change = |settings, url| settings.store.mongodb.url = Some(url);
        let owner: Change = |settings, url| settings.store.postgres.migrate_url = Some(url);
        assert!(set(owner, "postgres://owner:postgres@db/tollgate").is_err());
        let rabbit: Change = |settings, url| settings.broker.rabbitmq.url = Some(url);
        assert!(set(postgres, "postgres://postgres:postgres@db/tollgate").is_err());
        assert!(set(postgres, "postgres://app:app@db/tollgate").is_err());
        assert!(set(postgres, "postgres://app:@db/tollgate").is_err());
        assert!(set(postgres, "postgres://app:x1@db/tollgate").is_err());
        assert!(set(postgres, "postgres://app:change-me-now-1@db/tollgate").is_err());
        assert!(set(postgres, "postgres://app@db/tollgate?password=postgres").is_err());
        assert!(set(postgres, "postgres://db/x?sslmode=require&password=app1").is_err());
        assert!(set(postgres, "postgres://db/x?p%61ssword=postgres").is_err());
        assert!(set(postgres, "postgres://db/x?password=v9x_Lm4Zt8Hs1&password=app1").is_err());
        assert!(set(postgres, "postgres://x/y?user=v9x_Lm4Zt8Hs1&password=v9x_Lm4Zt8Hs1").is_err());
        for encoded in
            ["x:%70%6Fstgres", "x:pa%73%73word1", "x:v9x_Lm%73ecret", "v9x_Lm4Zt8Hs:%769x_Lm4Zt8Hs"]
        {
            let url = format!("postgres://{encoded}@db/tollgate");
            assert!(set(postgres, &url).is_err(), "{url}");
        }
        assert!(set(mongodb, "mongodb://app:mongo@db/tollgate?replicaSet=rs0").is_err());
        assert!(set(mongodb, "mongodb://app:x1@db-1,db-2/tollgate").is_err());
        assert_eq!(set(mongodb, "mongodb://app:v9x_Lm4Zt8Hs1@db-1,db-2/tollgate"), Ok(()));
        assert!(set(rabbit, "amqp://guest:guest@mq:5672/").is_err());
        assert!(set(rabbit, "amqp://guest:guest@mq/?password=v9x_Lm4Zt8Hs1").is_err());
        for unsaid in ["amqp://mq:5672/", "amqps://mq/%2f", "amqp://app@mq/"] {
            assert!(set(rabbit, unsaid).is_err(), "{unsaid}");
        }
        assert_eq!(set(rabbit, "amqps://app:v9x_Lm4Zt8Hs1@mq/%2f"), Ok(()));
        assert_eq!(set(postgres, "postgres://app:v9x_Lm4Zt8Hs1@db/tollgate"), Ok(()));
        assert_eq!(set(postgres, "postgres://app:v9x%5FLm4Zt8Hs1@db/tollgate"), Ok(()));
        assert_eq!(set(postgres, "postgres://app@db/tollgate"), Ok(()), "a certificate, perhaps");
    }

    #[test]
    fn a_cache_that_lets_everybody_in_is_refused() {
        let redis: Change = |settings, url| settings.cache.redis.url = Some(url);
        for open in [
            "redis://cache:6379/0",
            "rediss://cache/",
            "redis://app@cache/0",
            "REDIS://c/",
            "valkey://cache/0",
            "valkeys://app@cache/0",
            "unix:///run/redis.sock",
            "redis+unix:///run/redis.sock?password=v9x_Lm4Zt8Hs1",
        ] {
            assert!(set(redis, open).unwrap_err().contains("a password"), "{open}");
        }
        assert!(set(redis, "redis://cache/0?password=v9x_Lm4Zt8Hs1").is_err(), "nobody reads it");
        assert!(set(redis, "redis://:@cache/0").is_err());
        assert!(set(redis, "redis://:redis@cache/0").is_err());
        assert!(set(redis, "valkey://:redis@cache/0").is_err());
        assert!(set(redis, "unix:///run/redis.sock?pass=redis").is_err());
        assert!(set(redis, "unix:///run/s?user=v9x_Lm4Zt8Hs1&pass=v9x_Lm4Zt8Hs1").is_err());
        assert_eq!(set(redis, "redis://:v9x_Lm4Zt8Hs1@cache:6379/0"), Ok(()));
        assert_eq!(set(redis, "valkeys://:v9x_Lm4Zt8Hs1@cache:6379/0"), Ok(()));
        assert_eq!(set(redis, "valkey+unix:///run/s?user=app&pass=v9x_Lm4Zt8Hs1"), Ok(()));
    }
}
