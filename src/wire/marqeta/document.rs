//! The card platform's messages in the document: what the platform sends and is answered. These are
//! never read into: `request` and `notification` are more lenient than any schema, so that what comes
//! wrong or new is declined or kept rather than refused.

use utoipa::ToSchema;

use crate::wire::v1::terms;

/// A transaction object of the card platform. Fields that are not listed are passed over.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `request::decode` reads")]
pub struct JitRequest {
    /// The platform's token of the transaction.
    #[schema(value_type = Option<terms::Token>)]
    token: (),
    /// The transaction that this one follows.
    #[schema(value_type = Option<terms::Token>)]
    preceding_related_transaction_token: (),
    /// The card; without it, the request is declined.
    #[schema(value_type = Option<terms::Token>)]
    card_token: (),
    /// Who uses the card.
    #[schema(value_type = Option<terms::Token>)]
    acting_user_token: (),
    /// Whose account it is.
    #[schema(value_type = Option<terms::Token>)]
    user_token: (),
    /// Whose account it is, where that is a business.
    #[schema(value_type = Option<terms::Token>)]
    business_token: (),
    #[schema(value_type = Option<String>, example = "EUR")]
    currency_code: (),
    /// The order that a purchase is funded by. It, or `gpa_order_unload`, has to be there.
    #[schema(value_type = JitOrder, required = false)]
    gpa_order: (),
    /// The order that a credit comes with.
    #[schema(value_type = JitOrder, required = false)]
    gpa_order_unload: (),
    #[schema(value_type = Option<JitMerchant>)]
    card_acceptor: (),
    #[schema(value_type = Option<Object>)]
    pos: (),
    #[schema(value_type = Option<Object>)]
    transaction_metadata: (),
}

/// What the schema of [`JitRequest`] says of several fields at once.
pub const CONDITIONS: &str = r#"[
    {"anyOf":[{"required":["gpa_order"]},{"required":["gpa_order_unload"]}]}
]"#;

/// An order with its funding data.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `request::decode` reads")]
pub struct JitOrder {
    #[schema(value_type = Option<String>, example = "EUR")]
    currency_code: (),
    #[schema(value_type = JitFunding)]
    jit_funding: (),
}

/// Funding data.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `request::decode` reads")]
pub struct JitFunding {
    /// The funding token: one decision per token, for ever.
    #[schema(value_type = terms::Token)]
    token: (),
    /// What is asked for: `pgfs.authorization`, and so on. Those that only tell of something are
    /// answered with their echo.
    #[schema(value_type = Option<String>, example = "pgfs.authorization")]
    method: (),
    /// In major units, with at most the decimals of the currency.
    #[schema(value_type = Option<f64>, example = json!(10.5))]
    amount: (),
    #[schema(value_type = Option<terms::Token>)]
    user_token: (),
    #[schema(value_type = Option<terms::Token>)]
    acting_user_token: (),
    #[schema(value_type = Option<terms::Token>)]
    business_token: (),
    /// The first funding token of the purchase, in messages that follow it.
    #[schema(value_type = Option<terms::Token>)]
    original_jit_funding_token: (),
}

/// Where the purchase happens.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `request::decode` reads")]
pub struct JitMerchant {
    mid: Option<String>,
    mcc: Option<String>,
    mcc_groups: Option<Vec<String>>,
    name: Option<String>,
    country_code: Option<String>,
}

/// The answer: 200 approves, 402 declines.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `response::encode` writes")]
pub struct JitAnswer {
    #[schema(value_type = JitDecision)]
    jit_funding: (),
}

/// The funding data of the request, and what was decided.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `response::encode` writes")]
pub struct JitDecision {
    #[schema(value_type = terms::Token)]
    token: (),
    method: Option<String>,
    #[schema(value_type = Option<terms::Token>)]
    user_token: (),
    #[schema(value_type = Option<terms::Token>)]
    acting_user_token: (),
    #[schema(value_type = Option<terms::Token>)]
    business_token: (),
    /// In major units; 0 where it could not be read.
    #[schema(value_type = f64, example = json!(10.5))]
    amount: (),
    #[schema(value_type = Option<terms::Token>)]
    original_jit_funding_token: (),
    /// Absent where it is approved.
    #[schema(value_type = Option<terms::DeclineReason>)]
    decline_reason: (),
    /// Our own, finer code; absent where it is approved. `unavailable`: nothing was decided.
    #[schema(value_type = Option<terms::DeclineCode>)]
    memo: (),
    /// The id of the authorization.
    #[schema(value_type = Option<terms::AuthorizationId>)]
    tags: (),
    /// By currency; only where an inquiry asks for them.
    #[schema(value_type = Option<Object>)]
    balances: (),
}

/// Events by family: `transactions`, `cardtransitions`, `usertransitions`, `businesstransitions`,
/// `chargebacktransitions`, `pings`, … Families and events that are not known are kept.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `notification::open` reads")]
pub struct WebhookRequest {
    #[schema(value_type = Option<Vec<Object>>)]
    transactions: (),
    #[schema(value_type = Option<Vec<Object>>)]
    cardtransitions: (),
    #[schema(value_type = Option<Vec<Object>>)]
    usertransitions: (),
    #[schema(value_type = Option<Vec<Object>>)]
    businesstransitions: (),
    #[schema(value_type = Option<Vec<Object>>)]
    chargebacktransitions: (),
    #[schema(value_type = Option<Vec<Object>>)]
    pings: (),
}

/// What has become of the events; a lone ping without card data is answered with itself instead.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the door answers")]
pub struct WebhookAnswer {
    /// `accepted`, `duplicate`, `ignored` or `parked`
    #[schema(example = "accepted")]
    status: Option<String>,
    /// Taken in.
    #[schema(example = 1)]
    accepted: Option<u64>,
    /// Taken in before.
    duplicates: Option<u64>,
    /// Of no effect here.
    ignored: Option<u64>,
    /// Kept for somebody to look at.
    parked: Option<u64>,
    /// Kept likewise, as others are kept under their token and state.
    conflicts: Option<u64>,
}
