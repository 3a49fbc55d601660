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
    /// `None`: taken away, and the stage times with them. What is written has some, be it none at all.
    #[serde(default, rename = "f", deserialize_with = "kept")]
    pub(super) findings: Option<Vec<Finding>>,
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

/// Most checks just pass: nothing but their names is to be told of those, and nothing but their number
/// where they are the usual ones at the beginning.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum FindingText<C, F> {
    Usual(usize),
    Passed(C),
    Whole(F),
}

/// The checks that a purchase meets first. Rows were written with this list: it is never changed.
const USUAL: [&str; 7] = [
    "card.known",
    "card.held",
    "card.status",
    "card.expiry",
    "user.status",
    "company.status",
    "currency",
];

fn has_just_passed(finding: &Finding) -> bool {
    matches!(finding, Finding { refusal: None, limit: None, control: None, numbers: None, .. })
}

const fn passed(check: Code) -> Finding {
    Finding { check, refusal: None, limit: None, control: None, numbers: None }
}

fn texts(findings: &[Finding]) -> Vec<FindingText<&Code, &Finding>> {
    let is_usual = |(finding, name): &(&Finding, &str)| {
        has_just_passed(finding) && finding.check.as_str() == *name
    };
    let usual = findings.iter().zip(USUAL).take_while(is_usual).count();
    let text = |finding| match finding {
        finding if has_just_passed(finding) => FindingText::Passed(&finding.check),
        finding => FindingText::Whole(finding),
    };
    let first = (usual > 0).then_some(FindingText::Usual(usual));
    first.into_iter().chain(findings.iter().skip(usual).map(text)).collect()
}

pub(super) fn explained(authorization: &Authorization) -> Explained<'_> {
    let stages = authorization.stages;
    Explained {
        door: authorization.door,
        preceding: authorization.preceding.as_ref(),
        original: authorization.original.as_ref(),
        findings: texts(&authorization.findings),
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

fn kept<'de, D: Deserializer<'de>>(text: D) -> Result<Option<Vec<Finding>>, D::Error> {
    findings(text).map(Some)
}

fn findings<'de, D: Deserializer<'de>>(text: D) -> Result<Vec<Finding>, D::Error> {
    let found = Vec::<FindingText<Code, Finding>>::deserialize(text)?;
    let usual = |count| USUAL.into_iter().take(count).map(|name| passed(Code::new(name)));
    let findings = |text| match text {
        FindingText::Usual(count) => usual(count).collect(),
        FindingText::Passed(check) => vec![passed(check)],
        FindingText::Whole(finding) => vec![finding],
    };
    Ok(found.into_iter().flat_map(findings).collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Kept(#[serde(deserialize_with = "findings")] Vec<Finding>);

    fn names(json: &str) -> Vec<String> {
        let Kept(findings) = serde_json::from_str(json).unwrap();
        findings.iter().map(|finding| finding.check.to_string()).collect()
    }

    #[test]
    fn checks_that_have_just_passed_are_counted_and_read_back() {
        let mut all: Vec<Finding> = USUAL.into_iter().map(|name| passed(Code::new(name))).collect();
        all.push(passed(Code::new("funds.available")));
        let numbers = Some(crate::domain::finding::Numbers { asked: 1, used: 2, max: 3 });
        all.push(Finding { numbers, ..passed(Code::new("limit.day.amount")) });
        let text = serde_json::to_string(&texts(&all)).unwrap();
        assert!(text.starts_with(r#"[7,"funds.available",{"#), "{text}");
        let Kept(read) = serde_json::from_str(&text).unwrap();
        assert_eq!(read, all);
        // What stops early, or is in another order, is told by name.
        for part in [&all[..3], &all[..0], &all[1..4], &all[4..]] {
            let Kept(read) =
                serde_json::from_str(&serde_json::to_string(&texts(part)).unwrap()).unwrap();
            assert_eq!(read, part);
        }
    }

    #[test]
    fn rows_that_name_every_check_are_still_read() {
        assert_eq!(names(r#"["card.known","card.held"]"#), ["card.known", "card.held"]);
        assert_eq!(names("[2]"), ["card.known", "card.held"]);
    }
}
