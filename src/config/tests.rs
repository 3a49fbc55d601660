//! Settings: what is read, and what is refused with which words.

use std::ffi::OsString;
use std::path::Path;

use secrecy::ExposeSecret;

use super::policy::OutageAnswer;
use super::sources::read;
use super::{Settings, SettingsError};

fn with(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let variables = variables.iter().map(|(k, v)| (OsString::from(k), OsString::from(v)));
    read(Path::new("config"), variables)
}

fn check(variable: &str, value: &str, expected: &str) {
    assert_eq!(with(&[(variable, value)]).unwrap_err().to_string(), expected, "{variable}");
}

#[test]
fn defaults_are_good_and_nothing_secret_is_set() {
    let settings = with(&[]).unwrap();
    assert_eq!(settings.http.listen.to_string(), "127.0.0.1:3000");
    assert_eq!((settings.jit.deadline_ms, settings.lane.batch_max), (1000, 256));
    assert!(settings.admin.listen.is_none());
    assert!(settings.admin.key.is_none() && settings.jit.password.is_none());
    assert_eq!(settings.outage.answer, OutageAnswer::Decline);
    Settings::embedded("x".into(), "127.0.0.1:0".parse().unwrap());
}

#[test]
fn nobody_simulates_in_production_unless_settings_say_so() {
    let profile = |more: &[(&str, &str)]| {
        let production: &[_] = &[("TOLLGATE_ENV", "production")];
        with(&[production, more].concat()).unwrap().access.simulate
    };
    assert!(with(&[]).unwrap().access.simulate);
    assert!(!profile(&[]));
    assert!(profile(&[("TOLLGATE__ACCESS__SIMULATE", "true")]));
}

#[test]
fn the_environment_overrides_and_keeps_texts_as_they_are() {
    let settings = with(&[
        ("TOLLGATE__HTTP__LISTEN", "0.0.0.0:8080"),
        ("TOLLGATE__ADMIN__KEY", "007"),
        ("TOLLGATE__JIT__PASSWORD", "1e5"),
        ("TOLLGATE__POLICY__CARD_LIMITED_MAY_SPEND", "true"),
        ("TOLLGATE__OUTAGE__ANSWER", "error"),
        ("TOLLGATE_UNRELATED", "x"),
    ])
    .unwrap();
    assert_eq!(settings.http.listen.port(), 8080);
    assert_eq!(settings.admin.key.as_ref().unwrap().expose_secret(), "007");
    assert_eq!(settings.jit.password.as_ref().unwrap().expose_secret(), "1e5");
    assert!(settings.policy.card_limited_may_spend);
    assert_eq!(settings.outage.answer, OutageAnswer::Error);
    assert!(!format!("{settings:?}").contains("007"), "secrets do not print");
}

#[test]
fn unknown_keys_are_named_with_their_source() {
    check(
        "TOLLGATE__HTTP__LISTN",
        "x",
        "unknown setting http.listn in TOLLGATE__HTTP__LISTN; did you mean http.listen?",
    );
    check(
        "TOLLGATE__STORE__POSTGRES__USER",
        "x",
        "unknown setting store.postgres.user in TOLLGATE__STORE__POSTGRES__USER; did you mean \
         store.postgres.url?",
    );
    check("TOLLGATE__HTTP", "x", "unknown setting http in TOLLGATE__HTTP");
}

#[test]
fn wrong_values_name_the_key_and_the_cure_and_are_not_repeated() {
    check(
        "TOLLGATE__HTTP__HEADER_TIMEOUT_MS",
        "soon",
        "setting http.header_timeout_ms must be an integer",
    );
    check(
        "TOLLGATE__HTTP__HEADER_TIMEOUT_MS",
        "0",
        "setting http.header_timeout_ms must be from 50 to 60000",
    );
    check(
        "TOLLGATE__OUTAGE__ANSWER",
        "shrug",
        "setting outage.answer must be one of: decline, error",
    );
    check(
        "TOLLGATE__JIT__HEADER__NAME",
        "X-A",
        "setting jit.header.name must be set together with jit.header.value",
    );
    check(
        "TOLLGATE__STORE__POSTGRES__MIGRATE_URL",
        "postgres://owner@db/tollgate",
        "setting store.postgres.url must be set together with store.postgres.migrate_url",
    );
    check(
        "TOLLGATE__HTTP__CONNECTIONS_MAX",
        "399",
        "setting feed.feeds_max must be at most half of http.connections_max",
    );
    check(
        "TOLLGATE__HISTORY__RETENTION_DAYS",
        "34",
        "setting history.retention_days must be from 35 to 36500",
    );
    check("TOLLGATE__JIT__USERNAME", "a:b", "setting jit.username must be a name without a colon");
    check("TOLLGATE__DATA_DIR", "", "setting data_dir must be a folder, such as \"data\"");
    check(
        "TOLLGATE__HTTP__LISTEN",
        "here",
        "setting http.listen must be an address with a port, such as 127.0.0.1:3000",
    );
}

#[test]
fn servers_are_named_by_their_own_or_their_usual_variables() {
    let url = |settings: Settings| {
        settings.store.postgres.url.map(|url| url.expose_secret().to_owned()).unwrap_or_default()
    };
    let usual = ("DATABASE_URL", "postgres://a/b");
    let own = ("TOLLGATE__STORE__POSTGRES__URL", "postgres://c/d");
    assert_eq!(url(with(&[usual]).unwrap()), "postgres://a/b");
    assert_eq!(url(with(&[own, usual]).unwrap()), "postgres://c/d");
    assert_eq!(url(with(&[("DATABASE_URL", "")]).unwrap()), "");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("url");
    std::fs::write(&file, "postgres://e/f\n").unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(url(with(&[("DATABASE_URL_FILE", file)]).unwrap()), "postgres://e/f");
    let named = ("TOLLGATE__STORE__POSTGRES__URL_FILE", file);
    assert_eq!(url(with(&[named]).unwrap()), "postgres://e/f");
    let missing = with(&[("REDIS_URL_FILE", "/nowhere")]).unwrap_err().to_string();
    assert!(missing.contains("/nowhere") && missing.contains("REDIS_URL_FILE"), "{missing}");
}

#[test]
fn a_url_of_another_server_is_refused_by_its_key() {
    check(
        "DATABASE_URL",
        "mysql://secret@x",
        "setting store.postgres.url must be a URL that begins with postgres://",
    );
    check(
        "MONGODB_URI",
        "localhost:27017",
        "setting store.mongodb.url must be a URL that begins with mongodb://",
    );
    check(
        "REDIS_URL",
        "redis://",
        "setting cache.redis.url must be a URL that begins with redis://",
    );
    check(
        "RABBITMQ_URL",
        "http://localhost:15672",
        "setting broker.rabbitmq.url must be a URL that begins with amqp://",
    );
}

#[test]
fn redis_is_asked_over_every_way_that_its_driver_knows() {
    for url in [
        "redis://:x@cache/0",
        "rediss://:x@cache/0",
        "valkey://:x@cache/0",
        "valkeys://:x@cache/0",
        "redis+unix:///run/redis.sock?pass=x",
        "valkey+unix:///run/valkey.sock?pass=x",
        "unix:///run/redis.sock?pass=x",
    ] {
        assert!(with(&[("REDIS_URL", url)]).is_ok(), "{url}");
    }
}

#[test]
fn the_file_of_an_environment_lies_between_defaults_and_variables() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("stage.toml"), "[lane]\nbatch_max = 8\nqueue_max = 99\n")
        .unwrap();
    std::fs::write(folder.path().join("bad.toml"), "[lane]\nbatches = 8\n").unwrap();
    std::fs::write(folder.path().join("broken.toml"), "[lane\n").unwrap();
    let read = |name: &str, more: &[(&str, &str)]| {
        let all = [&[("TOLLGATE_ENV", name)], more].concat();
        let all: Vec<_> = all.iter().map(|(k, v)| (OsString::from(k), OsString::from(v))).collect();
        read(folder.path(), all.into_iter())
    };
    let settings = read("stage", &[("TOLLGATE__LANE__QUEUE_MAX", "100")]).unwrap();
    assert_eq!((settings.lane.batch_max, settings.lane.queue_max), (8, 100));
    let error = read("bad", &[]).unwrap_err().to_string();
    assert!(error.starts_with("unknown setting lane.batches in ") && error.contains("bad.toml"));
    for name in ["missing", "broken", "../etc"] {
        let error = read(name, &[]).unwrap_err().to_string();
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn production_does_not_talk_in_clear_to_other_machines() {
    let url = ("TOLLGATE__CACHE__REDIS__URL", "redis://:v9x_Lm4Zt8Hs1@cache:6379/0");
    let production = ("TOLLGATE_ENV", "production");
    let said = with(&[production, url]).unwrap_err().to_string();
    assert!(said.contains("cache.redis.url") && said.contains("allow_plain_links"), "{said}");
    assert!(with(&[url]).is_ok());
    let allowed = ("TOLLGATE__ALLOW_PLAIN_LINKS", "true");
    assert!(with(&[production, url, allowed]).is_ok());
}

#[test]
fn the_shipped_production_file_is_good() {
    assert!(with(&[("TOLLGATE_ENV", "production")]).is_ok());
}
