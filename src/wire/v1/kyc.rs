//! Know your customer: submitted, decided, answered.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::field::{Field, Invalid, Read};
use super::query::{PageOf, Pairs, Query, id, word};
use super::{read, terms, text};
use crate::domain::id::{KycId, LimitId, UserId};
use crate::domain::kyc::{KycRecord, KycStatus};
use crate::domain::token::Token;

/// How many documents a submission may refer to.
const DOCUMENTS_MAX: usize = 16;

/// References are random: shorter ones might be the number of a document.
const REFERENCE_CHARS_MIN: usize = 16;

/// The body that submits what a person shows.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SubmitKyc {
    #[schema(value_type = terms::Reference, required)]
    user_id: Field,
    #[schema(value_type = terms::Tier, required)]
    tier: Field,
    #[schema(value_type = Option<Vec<terms::DocumentReference>>, max_items = 16)]
    documents: Field,
}

/// A submission.
pub struct NewKyc {
    /// Whose, by our id or the platform's token.
    pub user: Token,
    /// The tier that is asked for.
    pub tier: Arc<str>,
    /// The program's references to documents.
    pub documents: Vec<Arc<str>>,
}

impl SubmitKyc {
    /// Reads the fields.
    pub fn parse(&self) -> Read<NewKyc> {
        let documents = |raw: &RawValue| read::list(raw, reference);
        let documents = self.documents.optional("documents", documents)?.unwrap_or_default();
        if documents.len() > DOCUMENTS_MAX {
            let fault = Invalid::new("too_long", "a submission refers to at most 16 documents");
            return Err(fault.under("documents"));
        }
        Ok(NewKyc {
            user: self.user_id.required("user_id", text::reference)?,
            tier: self.tier.required("tier", text::line)?,
            documents,
        })
    }
}

/// A random reference of the program's own: neither a name, which has no digits, nor the number of a
/// document, which is shorter.
fn reference(raw: &RawValue) -> Read<Arc<str>> {
    const DETAIL: &str =
        "a document is referred to by 16 to 36 letters and digits of the program's own choice";
    let token = text::token(raw).map_err(|_| Invalid::new("invalid_document", DETAIL))?;
    let name = token.as_str();
    let mixed = name.bytes().any(|byte| byte.is_ascii_alphabetic())
        && name.bytes().any(|byte| byte.is_ascii_digit());
    if mixed && name.len() >= REFERENCE_CHARS_MIN {
        Ok(name.into())
    } else {
        Err(Invalid::new("invalid_document", DETAIL))
    }
}

/// The body that approves: nothing is to be said.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ApproveKyc {}

/// The body that rejects.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RejectKyc {
    /// Why, in one line.
    #[schema(value_type = terms::Line, required)]
    reason: Field,
}

impl RejectKyc {
    /// Why.
    pub fn parse(&self) -> Read<Arc<str>> {
        self.reason.required("reason", text::line)
    }
}

/// Which submissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KycList {
    /// Of this person.
    pub user: Option<Token>,
    /// In this state.
    pub status: Option<KycStatus>,
    /// Which part.
    pub page: PageOf<KycId>,
}

impl KycList {
    /// What cursors of this list are marked with.
    pub const NAME: &str = "kyc";

    /// Reads the parameters.
    pub fn parse(pairs: &Pairs) -> Read<Self> {
        const STATUSES: &str = "status is submitted, approved or rejected";
        let mut query = Query::of(pairs)?;
        let list = Self {
            user: query.take("user", id)?,
            status: query.take("status", word(STATUSES, KycStatus::parse))?,
            page: query.page(Self::NAME)?,
        };
        query.end()?;
        Ok(list)
    }
}

/// A submission, as answered.
#[derive(Serialize, ToSchema)]
pub struct Kyc {
    #[schema(value_type = terms::KycId)]
    id: KycId,
    #[schema(value_type = terms::Version)]
    version: i64,
    #[schema(value_type = terms::Timestamp)]
    created_at: String,
    #[schema(value_type = terms::UserId)]
    user_id: UserId,
    #[schema(value_type = terms::Tier)]
    tier: Arc<str>,
    #[schema(value_type = Vec<terms::DocumentReference>)]
    documents: Vec<Arc<str>>,
    #[schema(value_type = terms::KycStatus)]
    status: KycStatus,
    /// Why it was rejected.
    #[schema(value_type = Option<terms::Line>, required)]
    reason: Option<Arc<str>>,
    #[schema(value_type = Option<terms::Timestamp>, required)]
    decided_at: Option<String>,
}

impl From<KycRecord> for Kyc {
    fn from(record: KycRecord) -> Self {
        Self {
            id: record.id,
            version: record.version,
            created_at: record.created_at.to_string(),
            user_id: record.user,
            tier: record.tier,
            documents: record.documents,
            status: record.status,
            reason: record.reason,
            decided_at: record.decided_at.map(|at| at.to_string()),
        }
    }
}

/// Where a person stands.
#[derive(Serialize, ToSchema)]
#[schema(as = KycStanding)]
pub struct Standing {
    /// Who.
    #[schema(value_type = terms::UserId)]
    pub user_id: UserId,
    /// The tier that was approved last; `null`: none.
    #[schema(value_type = Option<terms::Tier>, required)]
    pub tier: Option<Arc<str>>,
    /// The limit that it sets, while it is there.
    #[schema(value_type = Option<terms::LimitId>, required)]
    pub limit_id: Option<LimitId>,
    /// What may be spent a month by it, in minor units of the wallet's currency.
    #[schema(required)]
    pub monthly_limit: Option<i64>,
    /// What has come of the latest submission; `null`: there is none.
    #[schema(required)]
    pub latest: Option<Kyc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(json: &str) -> (&'static str, String) {
        let body: SubmitKyc = serde_json::from_str(json).unwrap();
        body.parse().map_or_else(|f| (f.code, f.pointer), |_| ("ok", String::new()))
    }

    #[test]
    fn documents_are_referred_to_and_never_named() {
        let with = |document: &str| {
            format!(r#"{{"user_id":"u","tier":"full","documents":["{document}"]}}"#)
        };
        for good in ["018f6b1e-7e2a-7c3d-9f1a-2b3c4d5e6f70", "doc_5e6f702b3c4d_01"] {
            assert_eq!(code(&with(good)).0, "ok", "{good}");
        }
        for bad in ["", "Zoe.OHara.Passport", "X1234567", "4111111111111111", "a b"] {
            let expected = ("invalid_document", "/documents/0".to_owned());
            assert_eq!(code(&with(bad)), expected, "{bad}");
        }
        assert_eq!(code(r#"{"user_id":"u","tier":"full"}"#).0, "ok");
        assert_eq!(code(r#"{"user_id":"u"}"#), ("missing_field", "/tier".to_owned()));
    }
}
