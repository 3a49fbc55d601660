//! Who may call the REST routes, from the settings.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::config::Settings;
use crate::domain::access::Scope;
use crate::ingress::http::access::Gate;
use crate::ingress::http::access::lockout::Lockout;
use crate::ingress::http::access::rate::{Rate, Rates};
use crate::ingress::http::access::refused::Refusals;
use crate::ingress::http::access::token::Tokens;
use crate::ingress::http::webhooks::networks::Networks;
use crate::service::keys::ring::KeyRing;

use super::AppError;
use super::secrets::Secrets;

/// The gate before the REST routes.
pub(super) fn gate(
    settings: &Settings,
    secrets: &Secrets,
    ring: &Arc<KeyRing>,
) -> Result<Gate, AppError> {
    let set = &settings.access;
    let tokens = Tokens::new(&set.jwt);
    let counts = |scope| scope != Scope::Simulate || set.simulate;
    Ok(Gate {
        admin_keys: vec![secrets.admin_key.clone()],
        keys: Arc::clone(ring),
        scopes: Scope::ALL.into_iter().filter(|scope| counts(*scope)).collect(),
        tokens: tokens.map_err(|error| AppError::TokenKey(Box::new(error)))?,
        rates: Rates::new(
            rate(set.key_per_s, set.key_burst),
            rate(set.address_per_s, set.address_burst),
        ),
        lockout: Lockout::new(narrow(set.failures_max)),
        proxies: Networks { allowed: Vec::new(), proxies: set.proxies.clone() },
        refusals: Refusals::new(&rand::random()),
    })
}

/// 0 a second: as often as one likes.
fn rate(per_s: u64, burst: u64) -> Option<Rate> {
    let per_s = NonZeroU32::new(narrow(per_s))?;
    Some(Rate { per_s, burst: NonZeroU32::new(narrow(burst))? })
}

/// The settings' ranges fit.
fn narrow(setting: u64) -> u32 {
    u32::try_from(setting).unwrap_or(u32::MAX)
}
