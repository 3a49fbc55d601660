//! Where settings come from, in order: defaults, the file of the environment, its variables. Each
//! source is compared with the defaults' keys before they are merged, so that an unknown key can be
//! blamed on its source.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;

use config::{Config, ConfigError, File, FileFormat, Map, Source, Value, ValueKind};

use super::{Settings, SettingsError};

const DEFAULTS: &str = include_str!("../../config/default.toml");
const SELECTOR: &str = "TOLLGATE_ENV";
const PREFIX: &str = "TOLLGATE__";

/// The environment in which guessable secrets are refused.
const PRODUCTION: &str = "production";

/// A variable that ends so names a file that holds the value, as container platforms hand out
/// secrets.
const FILE_SUFFIX: &str = "_FILE";

/// Variables that others use for the same settings. Ours win.
const ALIASES: [(&str, &str); 4] = [
    ("DATABASE_URL", "store.postgres.url"),
    ("MONGODB_URI", "store.mongodb.url"),
    ("REDIS_URL", "cache.redis.url"),
    ("RABBITMQ_URL", "broker.rabbitmq.url"),
];

/// The compiled-in defaults.
pub(super) fn defaults() -> Result<Settings, SettingsError> {
    settle(Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml)))
}

/// Whether this process selects the production profile.
pub(super) fn is_production() -> bool {
    std::env::var(SELECTOR).is_ok_and(|name| name == PRODUCTION)
}

/// Defaults, then `folder/{TOLLGATE_ENV}.toml`, then `TOLLGATE__…` of `environment`.
pub(super) fn read(
    folder: &Path,
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Settings, SettingsError> {
    let defaults = File::from_str(DEFAULTS, FileFormat::Toml);
    let known = keys(&defaults, "config/default.toml")?;
    let mut builder = Config::builder().add_source(defaults);

    let (selected, overrides) = variables(environment)?;
    let production = selected.as_deref() == Some(PRODUCTION);
    if let Some(name) = selected.filter(|name| !name.is_empty()) {
        let path = file_of(folder, &name)?;
        let file = File::from(path.as_path()).format(FileFormat::Toml).required(true);
        let origin = path.display().to_string();
        refuse_unknown(&known, keys(&file, &origin)?, |_| origin.clone())?;
        builder = builder.add_source(file);
    }

    let names = overrides.keys().cloned().collect();
    refuse_unknown(&known, names, variable_of)?;
    for (key, value) in overrides {
        builder = builder
            .set_override(&key, value)
            .map_err(|_| SettingsError::value(&key, "a setting that can be overridden"))?;
    }
    let settings = settle(builder)?;
    if production {
        settings.check_secrets()?;
        settings.check_links()?;
    }
    Ok(settings)
}

fn settle(
    builder: config::ConfigBuilder<config::builder::DefaultState>,
) -> Result<Settings, SettingsError> {
    let merged = builder.build().map_err(explain)?;
    let settings: Settings = merged.try_deserialize().map_err(explain)?;
    settings.check()?;
    Ok(settings)
}

fn file_of(folder: &Path, name: &str) -> Result<std::path::PathBuf, SettingsError> {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if !plain {
        return Err(SettingsError::value(SELECTOR, "letters, digits, - and _ only"));
    }
    let path = folder.join(format!("{name}.toml"));
    if path.is_file() {
        return Ok(path);
    }
    let cause = format!("no such file ({SELECTOR} selects it)");
    Err(SettingsError::File { path: path.display().to_string(), cause })
}

/// The selected environment's name, and every override as a dotted key with its text.
type Variables = (Option<String>, BTreeMap<String, String>);

fn variables(
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Variables, SettingsError> {
    let mut selected = None;
    let (mut aliased, mut overrides) = (BTreeMap::new(), BTreeMap::new());
    for (name, value) in environment {
        let Some(name) = name.to_str() else { continue };
        let Some(kind) = kind_of(name) else { continue };
        let value = value.into_string().map_err(|_| SettingsError::value(name, "UTF-8 text"))?;
        match kind {
            Kind::Selector => selected = Some(value),
            Kind::Alias(key, _) if value.is_empty() => drop(key),
            Kind::Alias(key, from) => drop(aliased.insert(key, from.text(name, value)?)),
            Kind::Override(key, from) => drop(overrides.insert(key, from.text(name, value)?)),
        }
    }
    aliased.extend(overrides);
    Ok((selected, aliased))
}

/// What a variable of the environment is to us.
enum Kind {
    Selector,
    Alias(String, From),
    Override(String, From),
}

/// Where the text of a setting is.
enum From {
    Variable,
    File,
}

impl From {
    fn text(self, name: &str, value: String) -> Result<String, SettingsError> {
        match self {
            Self::Variable => Ok(value),
            Self::File => match std::fs::read_to_string(&value) {
                Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
                Err(error) => {
                    let cause = format!("{error} ({name} names it)");
                    Err(SettingsError::File { path: value, cause })
                }
            },
        }
    }
}

fn kind_of(name: &str) -> Option<Kind> {
    if name == SELECTOR {
        return Some(Kind::Selector);
    }
    let (plain, from) = match name.strip_suffix(FILE_SUFFIX) {
        Some(plain) => (plain, From::File),
        None => (name, From::Variable),
    };
    if let Some((_, key)) = ALIASES.iter().find(|(alias, _)| *alias == plain) {
        return Some(Kind::Alias((*key).to_owned(), from));
    }
    let key = plain.strip_prefix(PREFIX)?.to_ascii_lowercase().replace("__", ".");
    Some(Kind::Override(key, from))
}

fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.to_ascii_uppercase().replace('.', "__"))
}

fn refuse_unknown(
    known: &BTreeSet<String>,
    found: BTreeSet<String>,
    origin: impl Fn(&str) -> String,
) -> Result<(), SettingsError> {
    match found.into_iter().find(|key| !known.contains(key)) {
        None => Ok(()),
        Some(key) => {
            Err(SettingsError::Unknown { origin: origin(&key), similar: similar(known, &key), key })
        }
    }
}

fn similar(known: &BTreeSet<String>, key: &str) -> Option<String> {
    let near = known.iter().map(|known| (distance(known, key), known)).min()?;
    (near.0 <= 3).then(|| near.1.clone())
}

/// How many letters must be changed, added or dropped to turn one text into the other.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.bytes().enumerate() {
            let swapped = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = swapped.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[right.len()]
}

fn keys<S: Source>(source: &S, origin: &str) -> Result<BTreeSet<String>, SettingsError> {
    let values = source.collect().map_err(|error| match explain(error) {
        SettingsError::File { cause, .. } => SettingsError::File { path: origin.to_owned(), cause },
        other => other,
    })?;
    let mut keys = BTreeSet::new();
    flatten("", &values, &mut keys);
    Ok(keys)
}

fn flatten(prefix: &str, values: &Map<String, Value>, keys: &mut BTreeSet<String>) {
    for (name, value) in values {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match &value.kind {
            ValueKind::Table(inner) if !inner.is_empty() => flatten(&key, inner, keys),
            _ => {
                keys.insert(key);
            }
        }
    }
}

/// One line, with the key, without the value.
fn explain(error: ConfigError) -> SettingsError {
    match error {
        ConfigError::Type { expected, key, .. } => {
            SettingsError::value(key.unwrap_or_default(), expected)
        }
        ConfigError::At { error, key, .. } => match (explain(*error), key) {
            (SettingsError::Value { expected, .. }, Some(key)) => {
                SettingsError::Value { key, expected }
            }
            (explained, _) => explained,
        },
        ConfigError::NotFound(key) => SettingsError::value(key, "set"),
        ConfigError::FileParse { uri, cause } => SettingsError::File {
            path: uri.unwrap_or_default(),
            cause: cause.to_string().lines().next().unwrap_or_default().to_owned(),
        },
        ConfigError::Message(expected) => SettingsError::value("", expected),
        other => SettingsError::value("", other.to_string()),
    }
}
