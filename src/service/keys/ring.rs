//! Recognises keys. What the store has said is remembered for seconds, so that a key costs no query; a
//! revocation acts at once where it is made, and within [`FRESH`] everywhere else.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use subtle::ConstantTimeEq;

use super::hash;
use crate::domain::access::Caller;
use crate::domain::api_key::{ApiKey, prefix_of};
use crate::domain::audit::Hash;
use crate::domain::clock::Clock;
use crate::domain::id::ApiKeyId;
use crate::domain::time::{Monotonic, Timestamp};
use crate::service::error::Error;
use crate::store::api_keys::ApiKeys;

/// How long what the store has said is believed.
pub const FRESH: Duration = Duration::from_secs(3);

/// Keys that are remembered at most.
const KNOWN_MAX: usize = 10_000;

/// The last use of a key is written down at most so often.
const TELL_EVERY_US: i64 = 60_000_000;

/// Between two rounds of writing it down.
const WRITE_EVERY: Duration = Duration::from_secs(5);

/// The keys that are in use.
pub struct KeyRing {
    keys: Arc<dyn ApiKeys>,
    clock: Arc<dyn Clock>,
    known: RwLock<Known>,
    forgotten: AtomicU64,
    used: Mutex<HashMap<ApiKeyId, Timestamp>>,
}

type Known = HashMap<String, Remembered>;

/// What the store has said of a prefix.
struct Remembered {
    key: ApiKey,
    caller: Caller,
    hash: Hash,
    read_at: Monotonic,
}

impl KeyRing {
    /// Asks this store.
    pub fn new(keys: Arc<dyn ApiKeys>, clock: Arc<dyn Clock>) -> Self {
        Self {
            keys,
            clock,
            known: RwLock::default(),
            forgotten: AtomicU64::new(0),
            used: Mutex::default(),
        }
    }

    /// Whose key this is; `None`: nobody's, or no longer valid.
    pub async fn recognise(&self, text: &str) -> Result<Option<Caller>, Error> {
        let Some(prefix) = prefix_of(text) else { return Ok(None) };
        let given = hash(text);
        if let Some(caller) = self.recall(prefix, &given) {
            return Ok(caller);
        }
        let generation = self.forgotten.load(Ordering::Acquire);
        let read_at = self.clock.monotonic();
        let Some((key, hash)) = self.keys.key_by_prefix(prefix.to_owned()).await? else {
            return Ok(None);
        };
        let caller =
            Caller { key: key.id.to_string().into(), scopes: key.scopes, reach: key.reach };
        let remembered = Remembered { key, caller, hash, read_at };
        let caller = self.open(&remembered, &given);
        self.remember(prefix, remembered, generation);
        Ok(caller)
    }

    /// Forgets what the store has said, also what it is saying now.
    pub fn forget(&self) {
        self.forgotten.fetch_add(1, Ordering::AcqRel);
        self.known.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn recall(&self, prefix: &str, given: &Hash) -> Option<Option<Caller>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(prefix)?;
        self.is_fresh(found).then(|| self.open(found, given))
    }

    fn is_fresh(&self, remembered: &Remembered) -> bool {
        let age = self.clock.monotonic().since(remembered.read_at);
        u128::from(age) < FRESH.as_micros()
    }

    fn remember(&self, prefix: &str, remembered: Remembered, generation: u64) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if self.forgotten.load(Ordering::Acquire) != generation {
            return; // it may be older than what has made all be forgotten
        }
        if known.len() >= KNOWN_MAX {
            known.retain(|_, remembered| self.is_fresh(remembered));
        }
        if known.len() < KNOWN_MAX {
            known.insert(prefix.to_owned(), remembered);
        }
    }

    fn open(&self, found: &Remembered, given: &Hash) -> Option<Caller> {
        let now = self.clock.now();
        let same: bool = found.hash[..].ct_eq(&given[..]).into();
        if !same || !found.key.is_valid(now) {
            return None;
        }
        self.note_use(&found.key, now);
        Some(found.caller.clone())
    }

    fn note_use(&self, key: &ApiKey, now: Timestamp) {
        let told =
            key.last_used_at.map_or(i64::MIN, |at| at.plus_micros(TELL_EVERY_US).as_micros());
        if now.as_micros() >= told {
            self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(key.id, now);
        }
    }

    /// Writes down when keys were last used, off the path of requests, for ever.
    pub async fn write_use_for_ever(&self) {
        let mut written: HashMap<ApiKeyId, Timestamp> = HashMap::new();
        loop {
            tokio::time::sleep(WRITE_EVERY).await;
            let mut used = {
                let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
                std::mem::take(&mut *used)
            };
            used.retain(|id, at| {
                let due = |before: &Timestamp| before.plus_micros(TELL_EVERY_US) <= *at;
                written.get(id).is_none_or(due)
            });
            if used.is_empty() {
                continue;
            }
            match self.keys.keys_used(used.iter().map(|(id, at)| (*id, *at)).collect()).await {
                Ok(()) => written.extend(used),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "could not write down when keys were last used");
                }
            }
            if written.len() > KNOWN_MAX {
                written.clear();
            }
        }
    }
}
