//! Secrets that nobody has set: generated at the first start, kept in the data folder for its owner
//! alone, shown once, read back silently ever after.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::RngExt;
use secrecy::{ExposeSecret, SecretString};

use crate::config::Settings;
use crate::store::seal::KEY_BYTES;

const FILE: &str = "secrets.toml";

const UPPER: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";
const LOWER: &[u8] = b"abcdefghijkmnopqrstuvwxyz";
const DIGITS: &[u8] = b"23456789";
/// None that a shell, a URL or TOML would take for something else.
const SYMBOLS: &[u8] = b"-_.+=";

const ADMIN_KEY_CHARS: usize = 40;
const PASSWORD_CHARS: usize = 32;
const USERNAME_CHARS: usize = 8;

/// Why the secrets can not be settled.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The data folder can not be used.
    #[error("the data folder {} can not be used", path.display())]
    Folder {
        /// Which folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file can not be read or written.
    #[error("{} can not be used", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line of the file is not one of ours.
    #[error("{} has a wrong line {line}: expected admin_key, jit_username, jit_password, webhook_key or personal_key = \"…\"", path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
    },
}

/// The keys and credentials in force.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// Bearer key of the REST routes.
    pub admin_key: SecretString,
    /// Basic user name of the JIT door.
    pub jit_username: String,
    /// Basic password of the JIT door.
    pub jit_password: SecretString,
    /// What notifications are sealed with: 32 bytes in base64. Nobody needs to see it, and it is not
    /// shown.
    pub webhook_key: SecretString,
    /// What personal fields are sealed with, alike.
    pub personal_key: SecretString,
    /// What was generated just now: setting and value, to be shown once.
    pub generated: Vec<(&'static str, SecretString)>,
}

/// What the file holds.
#[derive(Default)]
struct Kept {
    admin_key: Option<SecretString>,
    jit_username: Option<SecretString>,
    jit_password: Option<SecretString>,
    webhook_key: Option<SecretString>,
    personal_key: Option<SecretString>,
}

impl Secrets {
    /// Takes each secret from the settings, else from the file, else generates and keeps it.
    /// Creates the data folder.
    pub fn settle(settings: &Settings) -> Result<Self, SecretsError> {
        create_folder(&settings.data_dir)?;
        let path = settings.data_dir.join(FILE);
        let mut kept = Kept::read(&path)?;
        let mut generated = Vec::new();

        let admin_key = settings.admin.key.clone().unwrap_or_else(|| {
            settled(&mut kept.admin_key, &mut generated, "admin.key", || {
                random(ADMIN_KEY_CHARS, &[UPPER, LOWER, DIGITS])
            })
        });
        let jit_username = settings.jit.username.clone().unwrap_or_else(|| {
            let make = || format!("tollgate-{}", random(USERNAME_CHARS, &[LOWER, DIGITS]));
            let username = settled(&mut kept.jit_username, &mut generated, "jit.username", make);
            username.expose_secret().to_owned()
        });
        let jit_password = settings.jit.password.clone().unwrap_or_else(|| {
            settled(&mut kept.jit_password, &mut generated, "jit.password", || {
                random(PASSWORD_CHARS, &[UPPER, LOWER, DIGITS, SYMBOLS])
            })
        });

        let mut unseen = Vec::new();
        let webhook_key = settings.webhooks.storage.key.clone().unwrap_or_else(|| {
            settled(&mut kept.webhook_key, &mut unseen, "webhooks.storage.key", sealing_key)
        });
        let personal_key = settings.personal.key.clone().unwrap_or_else(|| {
            settled(&mut kept.personal_key, &mut unseen, "personal.key", sealing_key)
        });

        if !generated.is_empty() || !unseen.is_empty() {
            kept.write(&path)?;
        }
        Ok(Self { admin_key, jit_username, jit_password, webhook_key, personal_key, generated })
    }

    /// Shows what was generated on the terminal. Never the log: logs are kept and passed on.
    #[expect(clippy::print_stdout, reason = "the one time that these are shown")]
    pub fn announce(&self, data_dir: &Path) {
        if self.generated.is_empty() {
            return;
        }
        let path = data_dir.join(FILE);
        println!("Generated on this first start, kept in {}, not shown again:", path.display());
        for (setting, value) in &self.generated {
            println!("  {setting:<12}  {}", value.expose_secret());
        }
    }
}

fn settled(
    kept: &mut Option<SecretString>,
    generated: &mut Vec<(&'static str, SecretString)>,
    setting: &'static str,
    make: impl FnOnce() -> String,
) -> SecretString {
    let value = kept.get_or_insert_with(|| {
        let made = SecretString::from(make());
        generated.push((setting, made.clone()));
        made
    });
    value.clone()
}

fn sealing_key() -> String {
    STANDARD.encode(rand::random::<[u8; KEY_BYTES]>())
}

/// Characters of all these classes, at least one of each.
fn random(chars: usize, classes: &[&[u8]]) -> String {
    let mut rng = rand::rng();
    let all = classes.concat();
    loop {
        let text: Vec<u8> = (0..chars).map(|_| all[rng.random_range(0..all.len())]).collect();
        if classes.iter().all(|class| text.iter().any(|byte| class.contains(byte))) {
            return text.into_iter().map(char::from).collect();
        }
    }
}

fn create_folder(path: &Path) -> Result<(), SecretsError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| SecretsError::Folder { path: path.to_owned(), source })
}

impl Kept {
    fn read(path: &Path) -> Result<Self, SecretsError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(SecretsError::File { path: path.to_owned(), source }),
        };
        let mut kept = Self::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                let wrong = SecretsError::Line { path: path.to_owned(), line: index + 1 };
                kept.take(line).ok_or(wrong)?;
            }
        }
        Ok(kept)
    }

    fn take(&mut self, line: &str) -> Option<()> {
        let (name, value) = line.split_once('=')?;
        let value = value.trim().strip_prefix('"')?.strip_suffix('"')?;
        let plain = !value.is_empty() && !value.contains(['"', '\\']);
        let secret = plain.then(|| SecretString::from(value))?;
        match name.trim() {
            "admin_key" => self.admin_key = Some(secret),
            "jit_username" => self.jit_username = Some(secret),
            "jit_password" => self.jit_password = Some(secret),
            "webhook_key" => self.webhook_key = Some(secret),
            "personal_key" => self.personal_key = Some(secret),
            _ => return None,
        }
        Some(())
    }

    /// All at once, and on the disk before anyone hears of it: a crash leaves the old file or the
    /// new one.
    fn write(&self, path: &Path) -> Result<(), SecretsError> {
        let fresh = path.with_extension("toml.new");
        let written = self.write_to(&fresh).and_then(|()| fs::rename(&fresh, path));
        let flushed = written.and_then(|()| match path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        });
        flushed.map_err(|source| SecretsError::File { path: path.to_owned(), source })
    }

    fn write_to(&self, path: &Path) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        writeln!(
            file,
            "# Generated at first start. A setting of the same meaning wins over these."
        )?;
        let lines = [
            ("admin_key", &self.admin_key),
            ("jit_username", &self.jit_username),
            ("jit_password", &self.jit_password),
            ("webhook_key", &self.webhook_key),
            ("personal_key", &self.personal_key),
        ];
        for (name, value) in lines {
            if let Some(value) = value {
                writeln!(file, "{name} = \"{}\"", value.expose_secret())?;
            }
        }
        file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(folder: &Path) -> Settings {
        Settings::embedded(folder.join("data"), "127.0.0.1:0".parse().unwrap())
    }

    fn texts(secrets: &Secrets) -> [String; 3] {
        let [key, password] = [&secrets.admin_key, &secrets.jit_password];
        [key.expose_secret().into(), secrets.jit_username.clone(), password.expose_secret().into()]
    }

    #[test]
    fn the_first_start_generates_and_later_ones_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let first = Secrets::settle(&settings(folder.path())).unwrap();
        assert_eq!(first.generated.len(), 3);
        let second = Secrets::settle(&settings(folder.path())).unwrap();
        assert!(second.generated.is_empty());
        assert_eq!(texts(&first), texts(&second));
    }

    #[test]
    fn what_is_set_is_neither_generated_nor_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings(folder.path());
        settings.admin.key = Some(SecretString::from("from-outside"));
        let secrets = Secrets::settle(&settings).unwrap();
        assert_eq!(secrets.admin_key.expose_secret(), "from-outside");
        let names: Vec<_> = secrets.generated.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["jit.username", "jit.password"]);
        let file = fs::read_to_string(settings.data_dir.join(FILE)).unwrap();
        assert!(!file.contains("admin_key"));
        settings.admin.key = None;
        let later = Secrets::settle(&settings).unwrap();
        assert_eq!(later.generated.len(), 1, "only what was missing");
        assert_eq!(texts(&later)[1..], texts(&secrets)[1..]);
    }

    #[test]
    fn only_the_owner_can_read_them() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path());
        Secrets::settle(&settings).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&settings.data_dir), 0o700);
        assert_eq!(mode(&settings.data_dir.join(FILE)), 0o600);
    }

    #[test]
    fn generated_passwords_meet_the_platform_s_rule() {
        for _ in 0..100 {
            let password = random(PASSWORD_CHARS, &[UPPER, LOWER, DIGITS, SYMBOLS]);
            assert_eq!(password.len(), 32);
            for class in [UPPER, LOWER, DIGITS, SYMBOLS] {
                assert!(password.bytes().any(|byte| class.contains(&byte)), "{password}");
            }
        }
    }

    #[test]
    fn a_damaged_file_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path());
        fs::create_dir(&settings.data_dir).unwrap();
        fs::write(settings.data_dir.join(FILE), "# ok\nadmin_key = unquoted\n").unwrap();
        let error = Secrets::settle(&settings).unwrap_err().to_string();
        assert!(error.contains("secrets.toml has a wrong line 2"), "{error}");
        assert!(!error.contains("unquoted"));
    }

    #[test]
    fn secrets_do_not_print() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets::settle(&settings(folder.path())).unwrap();
        let printed = format!("{secrets:?}");
        assert!(!printed.contains(secrets.jit_password.expose_secret()));
        assert!(!printed.contains(secrets.admin_key.expose_secret()));
    }
}
