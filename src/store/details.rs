//! What no statement looks at of a row is one column of JSON, the same in both stores in SQL.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use crate::domain::authorization::{Authorization, StageTimes};
use crate::domain::chain::{Chain, Closings, Totals, Use};
use crate::domain::decision::Fingerprint;
use crate::domain::finding::{Code, Finding, Reason, Refusal};
use crate::domain::merchant::Merchant;
use crate::domain::request::Door;
use crate::domain::time::Timestamp;
use crate::domain::token::Token;

/// What no statement looks at of a chain.
#[derive(Deserialize)]
#[serde(from = "ChainText<Merchant>")]
pub(super) struct ChainDetails {
    pub(super) totals: Totals,
    pub(super) closings: Closings,
    pub(super) merchant: Merchant,
    pub(super) told: Vec<Token>,
    pub(super) uses: Vec<Use>,
}

/// How that is written: every purchase stores one, so names are short, numbers have none, and what is
/// not so yet is left out.
#[derive(Serialize, Deserialize)]
pub(super) struct ChainText<M> {
    #[serde(rename = "t")]
    totals: [i64; 6],
    #[serde(default, skip_serializing_if = "is_default", rename = "c")]
    closings: [bool; 4],
    #[serde(rename = "m")]
    merchant: M,
    /// Expected, cancelled, disputed: most chains have none.
    #[serde(default, skip_serializing_if = "is_default", rename = "x")]
    credits: [i64; 3],
    #[serde(default, skip_serializing_if = "Vec::is_empty", rename = "n")]
    told: Vec<Token>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", rename = "u")]
    uses: Vec<(Timestamp, i64, i64)>,
}

/// The details of a chain that is to be written.
pub(super) fn chain_details(chain: &Chain) -> ChainText<&Merchant> {
    let Totals { authorized, incremented, reversed, shrunk, cleared, refunded, .. } = chain.totals;
    let Totals { expected, cancelled, disputed, .. } = chain.totals;
    let closings = chain.closings;
    ChainText {
        totals: [authorized, incremented, reversed, shrunk, cleared, refunded],
        closings: [closings.cleared, closings.reversed, closings.expired, closings.voided],
        merchant: &chain.merchant,
        credits: [expected, cancelled, disputed],
        told: chain.told.clone(),
        uses: chain.uses.iter().map(|used| (used.at, used.amount, used.count)).collect(),
    }
}

impl From<ChainText<Merchant>> for ChainDetails {
    fn from(text: ChainText<Merchant>) -> Self {
        let [authorized, incremented, reversed, shrunk, cleared, refunded] = text.totals;
        let [expected, cancelled, disputed] = text.credits;
        let [is_cleared, is_reversed, expired, voided] = text.closings;
        let uses = text.uses.into_iter();
        Self {
            totals: Totals {
                authorized,
                incremented,
                reversed,
                shrunk,
                cleared,
                refunded,
                expected,
                cancelled,
                disputed,
            },
            told: text.told,
            closings: Closings { cleared: is_cleared, reversed: is_reversed, expired, voided },
            merchant: text.merchant,
            uses: uses.map(|(at, amount, count)| Use { at, amount, count }).collect(),
        }
    }
}

/// What no statement looks at of an authorization: its explanation.
#[derive(Deserialize)]
pub(super) struct Explanation {
    #[serde(rename = "d")]
    pub(super) door: Door,
    #[serde(default, rename = "p")]
    pub(super) preceding: Option<Token>,
    #[serde(default, rename = "o")]
    pub(super) original: Option<Token>,
    #[serde(default, rename = "f", deserialize_with = "findings")]
    pub(super) findings: Vec<Finding>,
    #[serde(default, rename = "s", deserialize_with = "stages")]
    pub(super) stages: StageTimes,
    #[serde(default, rename = "m")]
    pub(super) merchant: Merchant,
    #[serde(default, rename = "e")]
    pub(super) entry_mode: Option<Arc<str>>,
    #[serde(default, rename = "c")]
    pub(super) channel: Option<Arc<str>>,
}

/// The same, to be written, as shortly as a chain.
#[derive(Serialize)]
pub(super) struct Explained<'a> {
    #[serde(rename = "d")]
    door: Door,
    #[serde(skip_serializing_if = "Option::is_none", rename = "p")]
    preceding: Option<&'a Token>,
    #[serde(skip_serializing_if = "Option::is_none", rename = "o")]
    original: Option<&'a Token>,
    #[serde(rename = "f")]
    findings: Vec<FindingText<&'a Code, &'a Finding>>,
    #[serde(skip_serializing_if = "is_default", rename = "s")]
    stages: [u64; 5],
    #[serde(rename = "m")]
    merchant: &'a Merchant,
    #[serde(skip_serializing_if = "Option::is_none", rename = "e")]
    entry_mode: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none", rename = "c")]
    channel: Option<&'a str>,
}

/// Most checks just pass: nothing but their names is to be told of those.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum FindingText<C, F> {
    Passed(C),
    Whole(F),
}

pub(super) fn explained(authorization: &Authorization) -> Explained<'_> {
    let findings = authorization.findings.iter().map(|finding| match finding {
        Finding { check, refusal: None, limit: None, control: None, numbers: None } => {
            FindingText::Passed(check)
        }
        _ => FindingText::Whole(finding),
    });
    let stages = authorization.stages;
    Explained {
        door: authorization.door,
        preceding: authorization.preceding.as_ref(),
        original: authorization.original.as_ref(),
        findings: findings.collect(),
        stages: [
            stages.user_lookup_us,
            stages.card_lookup_us,
            stages.spending_limits_us,
            stages.lane_wait_us,
            stages.decision_us,
        ],
        merchant: &authorization.merchant,
        entry_mode: authorization.entry_mode.as_deref(),
        channel: authorization.channel.as_deref(),
    }
}

fn findings<'de, D: Deserializer<'de>>(text: D) -> Result<Vec<Finding>, D::Error> {
    let found = Vec::<FindingText<Code, Finding>>::deserialize(text)?;
    let finding = |text| match text {
        FindingText::Passed(check) => {
            Finding { check, refusal: None, limit: None, control: None, numbers: None }
        }
        FindingText::Whole(finding) => finding,
    };
    Ok(found.into_iter().map(finding).collect())
}

fn stages<'de, D: Deserializer<'de>>(text: D) -> Result<StageTimes, D::Error> {
    let [user_lookup_us, card_lookup_us, spending_limits_us, lane_wait_us, decision_us] =
        Deserialize::deserialize(text)?;
    Ok(StageTimes { user_lookup_us, card_lookup_us, spending_limits_us, lane_wait_us, decision_us })
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A refusal, from its two columns.
pub(super) fn refusal(reason: Option<Reason>, code: Option<String>) -> Option<Refusal> {
    let code = Code::stored(code.unwrap_or_default());
    reason.map(|reason| Refusal { reason, code })
}

/// The key of a merchant's row, made of all that is known of it; `None` where nothing is.
pub(super) fn merchant_key(merchant: &Merchant) -> Option<uuid::Uuid> {
    if *merchant == Merchant::default() {
        return None;
    }
    let text = serde_json::to_string(merchant).ok()?;
    Some(uuid::Uuid::from_bytes(Fingerprint::of(&[&text]).to_bytes()))
}
