//! Postings: what has no authorization before it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::field::{Field, Invalid, Read};
use super::merchant::merchant;
use super::{purchase, read, terms, text};
use crate::domain::id::AuthorizationId;
use crate::domain::money::Money;
use crate::domain::posting::{self, Cause};
use crate::domain::request::{AuthRequest, Operation};
use crate::domain::token::Token;

/// The body that posts money without an authorization.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CreatePosting {
    #[schema(value_type = terms::PostingKind, required)]
    kind: Field,
    #[schema(value_type = terms::Reference, required)]
    card: Field,
    #[schema(value_type = terms::Amount, required)]
    amount: Field,
    #[schema(value_type = terms::Currency, required)]
    currency: Field,
    /// The idempotency key: a repeat is answered as the first was.
    #[schema(value_type = terms::Token, required)]
    token: Field,
    /// Only where the kind is debit.
    #[schema(value_type = super::merchant::Merchant)]
    merchant: Field,
}

/// What the schema of [`CreatePosting`] says of several fields at once.
pub const CONDITIONS: &str = r#"[
    {"anyOf":[
        {"properties":{"kind":{"const":"debit"}}},
        {"not":{"required":["merchant"]}}
    ]}
]"#;

/// Something to post.
pub enum NewPosting {
    /// A single-message purchase: it is judged.
    Debit(AuthRequest),
    /// A clearing without any authorization: the money is owed.
    ForcePost(Owed),
    /// Money back without any purchase that we know of.
    Refund(Owed),
    /// An approval that somebody else gave for us.
    StandIn(Owed),
}

/// Money that moves without being judged.
pub struct Owed {
    /// The idempotency key.
    pub token: Token,
    /// The card, by our id or the platform's token.
    pub card: Token,
    /// How much.
    pub amount: Money,
}

impl CreatePosting {
    /// Reads the fields.
    pub fn parse(&self) -> Read<NewPosting> {
        let kind = self.kind.required("kind", text::string)?;
        match kind.as_str() {
            "debit" => {
                let owed = self.owed()?;
                Ok(NewPosting::Debit(AuthRequest {
                    merchant: self.merchant.optional("merchant", merchant)?.unwrap_or_default(),
                    ..purchase::request(Operation::Debit, owed.token, owed.card, owed.amount)
                }))
            }
            "force_post" => self.without_merchant().map(NewPosting::ForcePost),
            "refund" => self.without_merchant().map(NewPosting::Refund),
            "standin" => self.without_merchant().map(NewPosting::StandIn),
            _ => {
                const KINDS: &str = "a kind is force_post, refund, debit or standin";
                Err(Invalid::new("invalid_kind", KINDS).under("kind"))
            }
        }
    }

    fn owed(&self) -> Read<Owed> {
        let amount = self.amount.required("amount", read::amount)?;
        Ok(Owed {
            token: self.token.required("token", text::token)?,
            card: self.card.required("card", text::reference)?,
            amount: Money::new(amount, self.currency.required("currency", text::currency)?),
        })
    }

    fn without_merchant(&self) -> Read<Owed> {
        if self.merchant.is_given() {
            const DETAIL: &str = "only a debit has a merchant";
            return Err(Invalid::new("unknown_field", DETAIL).under("merchant"));
        }
        self.owed()
    }
}

/// A posting, as answered: `amount` has left `debit` and reached `credit`.
#[derive(Serialize, ToSchema)]
pub struct Posting {
    /// The purchase it belongs to, or an id of its own.
    #[schema(value_type = terms::AuthorizationId)]
    source: AuthorizationId,
    /// Its number among the postings of `source`.
    number: u32,
    /// Where the money has left: an account, or settlement, funding, disputes.
    debit: String,
    /// Where the money has arrived.
    credit: String,
    #[schema(value_type = terms::Money)]
    #[serde(flatten)]
    amount: Money,
    #[schema(value_type = terms::PostingCause)]
    cause: Cause,
    #[schema(value_type = terms::Timestamp)]
    created_at: String,
}

impl From<posting::Posting> for Posting {
    fn from(posting: posting::Posting) -> Self {
        Self {
            source: posting.source,
            number: posting.number,
            debit: posting.debit.to_string(),
            credit: posting.credit.to_string(),
            amount: posting.amount,
            cause: posting.cause,
            created_at: posting.at.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(json: &str) -> &'static str {
        let body: CreatePosting = serde_json::from_str(json).unwrap();
        match body.parse() {
            Ok(NewPosting::Debit(_)) => "debit",
            Ok(NewPosting::ForcePost(_)) => "force_post",
            Ok(NewPosting::Refund(_)) => "refund",
            Ok(NewPosting::StandIn(_)) => "standin",
            Err(fault) => fault.code,
        }
    }

    #[test]
    fn the_kind_says_what_is_posted() {
        for kind in ["debit", "force_post", "refund", "standin"] {
            let json = format!(
                r#"{{"kind":"{kind}","card":"c","amount":1,"currency":"EUR","token":"t"}}"#
            );
            assert_eq!(code(&json), kind);
        }
        assert_eq!(code(r#"{"kind":"gift"}"#), "invalid_kind");
        assert_eq!(code(r#"{"kind":"refund","merchant":{}}"#), "unknown_field");
        assert_eq!(code(r#"{"kind":"refund","amount":0}"#), "invalid_amount");
    }
}
