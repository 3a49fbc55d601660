//! What no statement looks at of a row is one column of JSON, and events are dealt to relays. The
//! stores in SQL do both in the same way.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::authorization::{Authorization, StageTimes};
use crate::domain::chain::{Chain, Closings, Totals, Use};
use crate::domain::finding::{Code, Finding, Reason, Refusal};
use crate::domain::merchant::Merchant;
use crate::domain::request::Door;
use crate::domain::token::Token;

/// Into how many shares the outbox is dealt, by key: several relays then keep each key's order.
const SHARDS: u8 = 16;

/// What no statement looks at of a chain.
#[derive(Serialize, Deserialize)]
pub(super) struct ChainDetails<M = Merchant, U = Vec<Use>> {
    pub(super) totals: Totals,
    pub(super) closings: Closings,
    pub(super) merchant: M,
    pub(super) uses: U,
}

/// The same of a chain that is to be written.
pub(super) fn chain_details(chain: &Chain) -> ChainDetails<&Merchant, &[Use]> {
    ChainDetails {
        totals: chain.totals,
        closings: chain.closings,
        merchant: &chain.merchant,
        uses: &chain.uses,
    }
}

/// What no statement looks at of an authorization: its explanation.
#[derive(Deserialize)]
pub(super) struct Explanation {
    pub(super) door: Door,
    #[serde(default)]
    pub(super) preceding: Option<Token>,
    #[serde(default)]
    pub(super) original: Option<Token>,
    pub(super) findings: Vec<Finding>,
    pub(super) stages: StageTimes,
    pub(super) merchant: Merchant,
    #[serde(default)]
    pub(super) entry_mode: Option<Arc<str>>,
    #[serde(default)]
    pub(super) channel: Option<Arc<str>>,
}

/// The same, to be written.
#[derive(Serialize)]
pub(super) struct Explained<'a> {
    door: Door,
    #[serde(skip_serializing_if = "Option::is_none")]
    preceding: Option<&'a Token>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original: Option<&'a Token>,
    findings: &'a [Finding],
    stages: StageTimes,
    merchant: &'a Merchant,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry_mode: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
}

pub(super) fn explained(authorization: &Authorization) -> Explained<'_> {
    Explained {
        door: authorization.door,
        preceding: authorization.preceding.as_ref(),
        original: authorization.original.as_ref(),
        findings: &authorization.findings,
        stages: authorization.stages,
        merchant: &authorization.merchant,
        entry_mode: authorization.entry_mode.as_deref(),
        channel: authorization.channel.as_deref(),
    }
}

/// A refusal, from its two columns.
pub(super) fn refusal(reason: Option<Reason>, code: Option<String>) -> Option<Refusal> {
    let code = Code::stored(code.unwrap_or_default());
    reason.map(|reason| Refusal { reason, code })
}

/// The share of a key: the same on every machine and in every release.
pub(super) fn shard(key: &str) -> u8 {
    let fnv = key
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (fnv % u32::from(SHARDS)) as u8
}
