//! Names, codes, and words of closed lists.

use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

use super::build::{line, padded, refused, terms, text, words};
use crate::domain::access::Scope;
use crate::domain::audit;
use crate::domain::chain;
use crate::domain::dead_letter::LetterState as Letter;
use crate::domain::finding::Reason;
use crate::domain::kyc;
use crate::domain::posting::{Cause, Flag, StepKind};
use crate::domain::request::Operation as Asked;
use crate::domain::transaction;
use crate::domain::webhook::WebhookStatus;

terms! {
    /// One line of text without control characters.
    Line = line("Wren & Sons");
    /// One line, as the card platform spells it: upper case. What is sent is turned into upper case.
    Keyword = padded("ECOMMERCE");
    /// What somebody may spend a month whose identity was checked: the settings say which tiers there are.
    Tier = refused(line("full"), &["empty_text", "too_long", "invalid_characters", "invalid_tier"]);
    /// What has come of a submission.
    KycStatus = words(kyc::KycStatus::ALL.map(kyc::KycStatus::as_str), None);
    /// A text to look for.
    FilterText = text("^[^\\u0000]+$", "invalid_parameter", "timeout")
        .min_length(Some(1))
        .max_length(Some(crate::wire::v1::text::CHARS_MAX));
    /// A mail address.
    Email = refused(
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Email)))
            .max_length(Some(crate::wire::v1::text::CHARS_MAX)),
        &["invalid_email", "empty_text", "too_long", "invalid_characters"],
    )
    .examples(["ada@wren.example"]);
    /// The last four digits of a card number. More of it is never taken.
    LastFour = text("^[0-9]{4}$", "invalid_last_four", "4242");
    /// A merchant category code (ISO 18245), not 0000.
    Mcc = text("^(000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})$", "invalid_mcc", "5411");
    /// A merchant category code such as 5411, or a range such as 3000-3299, the lower one first.
    MccRange = text(
        "^(000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})(-(000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3}))?$",
        "invalid_mcc",
        "3000-3299",
    );
    /// A country (ISO 3166-1 alpha-3).
    Country = text("^[A-Z]{3}$", "invalid_country", "BEL");

    /// Whether a company is in business. A closed one stays closed.
    CompanyStatus = words(["ACTIVE", "SUSPENDED", "CLOSED"], Some("invalid_status"));
    /// Whether a user may spend: ACTIVE and LIMITED ones may. A closed one stays closed.
    UserStatus = words(
        ["UNVERIFIED", "LIMITED", "ACTIVE", "SUSPENDED", "CLOSED"],
        Some("invalid_status"),
    );
    /// Whether a card may be used: only ACTIVE ones may. A terminated one stays terminated.
    CardStatus = words(
        ["UNACTIVATED", "ACTIVE", "SUSPENDED", "TERMINATED", "LIMITED"],
        Some("invalid_status"),
    );
    /// What a card may be made. LIMITED is told by the card platform alone.
    SettableCardStatus = words(
        ["UNACTIVATED", "ACTIVE", "SUSPENDED", "TERMINATED"],
        Some("invalid_status"),
    );
    /// Whom a limit or control binds: every card, or those of a company, a user, or one alone.
    ScopeKind = words(["program", "company", "user", "card"], Some("invalid_scope"));
    /// Over what a limit counts: one purchase alone, a calendar day, week (from Monday) or month, or
    /// for ever.
    Window = words(["transaction", "day", "week", "month", "lifetime"], Some("invalid_window"));
    /// Whether each card is counted for itself (cap), or all of the scope together (pool). Amounts
    /// that a person spends in two currencies are counted apart.
    LimitMode = words(["cap", "pool"], Some("invalid_mode"));
    /// Whether what is listed is the only thing allowed, or what is denied.
    Effect = words(["allow", "deny"], Some("invalid_effect"));
    /// What is posted: a clearing without authorization, money back, a purchase in a single message,
    /// or an approval that somebody else gave for us.
    PostingKind = words(["force_post", "refund", "debit", "standin"], Some("invalid_kind"));

    /// What the holder of a key may do: authorize and report purchases, manage everything, keep the
    /// service going, read, or play a program.
    KeyScope = words(Scope::ALL.map(Scope::as_str), Some("invalid_value"));
    /// What has become of a notification.
    WebhookState = words(WebhookStatus::ALL.map(WebhookStatus::as_str), None);
    /// What was asked.
    Operation = words([
        Asked::Authorize, Asked::Increment, Asked::Debit, Asked::Verify, Asked::BalanceInquiry,
        Asked::ExpectCredit, Asked::Credit,
    ].map(Asked::as_str), None);
    /// Why a purchase is declined, in the card platform's words.
    DeclineReason = words(Reason::ALL.map(Reason::as_str), None);
    /// Why a purchase is declined, in our own, finer words; each has a page under `/docs/errors`.
    DeclineCode = ObjectBuilder::new().schema_type(Type::String).examples(["limit.day.amount"]);
    /// How a request was decided.
    Verdict = words(["approved", "declined"], None);
    /// What a check has come to.
    CheckResult = words(["passed", "refused"], None);
    /// That the checks of a decision and its stage times are not kept any more: `checks` is empty, and the
    /// times are zero. Absent while they are kept.
    ExplanationState = words(["expired"], None);
    /// What a check is called.
    CheckName = ObjectBuilder::new().schema_type(Type::String).examples(["limit.day.amount"]);
    /// What has become of a hold.
    HoldState = words([
        chain::HoldState::Active, chain::HoldState::Cleared, chain::HoldState::Reversed,
        chain::HoldState::Expired, chain::HoldState::Voided,
    ].map(chain::HoldState::as_str), None);
    /// What a movement is.
    MovementKind = words([
        StepKind::Advise, StepKind::Reverse, StepKind::Clear, StepKind::Refund, StepKind::Expire,
        StepKind::ForcePost, StepKind::Fund, StepKind::ChangeLimit, StepKind::Confirm,
        StepKind::Revoke, StepKind::ExpectCredit, StepKind::CancelCredit, StepKind::Chargeback,
        StepKind::ChargebackReversal, StepKind::ChargebackWon, StepKind::AdjustCredit,
        StepKind::AdjustDebit,
    ].map(StepKind::as_str), None);
    /// What is worth a second look about a movement. Money that is owed is always posted; this says so.
    MovementFlag = words([
        Flag::OverClearing, Flag::ClearedAfterClose, Flag::NoAuthorization, Flag::OverReversal,
        Flag::OverRefund, Flag::Overdrawn, Flag::StandIn, Flag::AmountDiffers, Flag::Contradicted,
    ].map(Flag::as_str), None);
    /// Why money moved.
    PostingCause = words(Cause::ALL.map(Cause::as_str), None);
    /// How far a reported transaction has come. A parked one needs somebody to look.
    TransactionStatus = words(transaction::Status::ALL.map(transaction::Status::as_str), None);
    /// How an attempt to process a transaction ended.
    AttemptOutcome = words([
        transaction::Ending::Processed, transaction::Ending::Retried, transaction::Ending::Parked,
    ].map(transaction::Ending::as_str), None);
    /// What kept a transaction from being processed; each has a page under `/docs/errors`.
    Obstacle = words(transaction::Obstacle::ALL.map(transaction::Obstacle::as_str), None);
    /// How far an act had come when it was written down.
    ActOutcome = words(audit::Outcome::ALL.map(audit::Outcome::as_str), None);
    /// What has become of a dead letter.
    LetterState = words(Letter::ALL.map(Letter::as_str), None);
}
