//! What runs inside the server, in one piece: nobody sees half of it. The scripts reach keys that
//! they find in sets, so the server may not be a cluster.

use redis::{Script, ScriptInvocation};

use crate::domain::id::Home;
use crate::domain::policy::PolicyStamp;

use super::codec::SCHEMA;
use super::keys::{Keys, is_listed};

/// How long a tombstone lies: longer than any fill that was under way can take.
const TOMBSTONE_MS: u64 = 60_000;

/// How long a floor is kept: longer than any entry lives.
const FLOOR_LIFE_MS: u64 = 2 * 3_600 * 1_000;

/// Floors of a home that are kept at most: half of what a memory keeps, so that reading all of them
/// never overflows one. For what was derived before an older one, the lanes' check must do.
const FLOORS_MAX: u64 = 16_384;

/// The scripts, and what they need to know of a home.
#[derive(Debug)]
pub(super) struct Scripts {
    fill: Script,
    raise: Script,
    forget: Script,
    keys: Keys,
    home: Home,
}

/// Facts on their way to the server, under one or more keys.
pub(super) struct Fill {
    /// Each key with its value.
    pub(super) entries: Vec<(String, String)>,
    /// The sum of the stamps' versions.
    pub(super) version: i64,
    /// The versions they were read at.
    pub(super) stamps: Vec<PolicyStamp>,
    /// How long they may be kept.
    pub(super) ttl_ms: u64,
}

impl Scripts {
    pub(super) fn new(keys: Keys, home: Home) -> Self {
        Self {
            fill: Script::new(include_str!("lua/fill.lua")),
            raise: Script::new(include_str!("lua/raise.lua")),
            forget: Script::new(include_str!("lua/forget.lua")),
            keys,
            home,
        }
    }

    /// Compare and set: neither what is newer nor what a floor refuses is ever replaced or kept.
    pub(super) fn fill(&self, fill: &Fill) -> ScriptInvocation<'_> {
        let mut call = self.fill.prepare_invoke();
        call.key(self.keys.floors(self.home));
        for (key, _) in &fill.entries {
            call.key(key);
        }
        call.arg(head()).arg(self.tail()).arg(fill.version).arg(fill.ttl_ms);
        call.arg(self.keys.names()).arg(fill.stamps.len());
        stamps(&mut call, &fill.stamps);
        for (_, value) in &fill.entries {
            call.arg(value);
        }
        call
    }

    /// Raises floors and tells everyone.
    pub(super) fn raise(&self, floors: &[PolicyStamp]) -> ScriptInvocation<'_> {
        let mut call = self.raise.prepare_invoke();
        call.key(self.keys.floors(self.home)).key(self.keys.ages(self.home));
        call.arg(self.keys.channel(self.home)).arg(self.keys.names()).arg(head()).arg(self.tail());
        call.arg(TOMBSTONE_MS).arg(FLOOR_LIFE_MS).arg(FLOORS_MAX);
        stamps(&mut call, floors);
        call
    }

    /// Forgets what is not newer than these versions.
    pub(super) fn forget(&self, stale: &[(String, i64)]) -> ScriptInvocation<'_> {
        let mut call = self.forget.prepare_invoke();
        call.arg(head()).arg(self.tail());
        for (key, version) in stale {
            call.key(key).arg(version);
        }
        call
    }

    /// What follows the version.
    fn tail(&self) -> String {
        format!(",\"home\":\"{}\"", self.home.as_str())
    }
}

/// What comes before the version. Nothing in it means anything in a pattern.
fn head() -> String {
    format!("{{\"v\":{SCHEMA},\"version\":")
}

fn stamps(call: &mut ScriptInvocation<'_>, stamps: &[PolicyStamp]) {
    for stamp in stamps {
        let listed = if is_listed(stamp.subject) { "1" } else { "0" };
        call.arg(stamp.subject.to_string()).arg(stamp.version).arg(listed);
    }
}
