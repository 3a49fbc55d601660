//! Ids, tokens, versions.

use super::build::{terms, text, whole};

/// A token or one of our ids: the ids are tokens by their form.
const TOKEN: &str = "^[A-Za-z0-9._:-]{1,36}$";

terms! {
    /// An identity that somebody else gave out. Upper and lower case differ.
    Token = text(TOKEN, "invalid_token", "purchase-0001");
    /// The card platform's token for the object. It can not have the form of one of our own ids, and
    /// no two objects of a kind share one.
    PlatformToken = text(TOKEN, "invalid_token", "wren-0042");
    /// An object by our id, or by the card platform's token.
    Reference = text(TOKEN, "invalid_id", "wren-0042");
    /// An authorization by our id, or by the token it was decided under.
    PurchaseReference = text(TOKEN, "invalid_token", "purchase-0001");
    /// The id of a company.
    CompanyId = text("^cmp_[0-9a-f]{32}$", "invalid_id", "cmp_01901234567878ab8def0123456789ab");
    /// The id of a user.
    UserId = text("^usr_[0-9a-f]{32}$", "invalid_id", "usr_01901234567878ab8def0123456789ab");
    /// The id of a card.
    CardId = text("^crd_[0-9a-f]{32}$", "invalid_id", "crd_01901234567878ab8def0123456789ab");
    /// The id of an account; the letter after the prefix tells its home, business or personal.
    AccountId = text("^acc_[bp][0-9a-f]{32}$", "invalid_id", "acc_b01901234567878ab8def0123456789ab");
    /// The id of a wallet, which is that of its account.
    WalletId = text("^acc_p[0-9a-f]{32}$", "invalid_id", "acc_p01901234567878ab8def0123456789ab");
    /// The id of an authorization; the letter after the prefix tells its home, business or personal.
    AuthorizationId =
        text("^aut_[bp][0-9a-f]{32}$", "invalid_id", "aut_b01901234567878ab8def0123456789ab");
    /// The id of a spending limit.
    LimitId = text("^lim_[0-9a-f]{32}$", "invalid_id", "lim_01901234567878ab8def0123456789ab");
    /// The id of a spending control.
    ControlId = text("^ctl_[0-9a-f]{32}$", "invalid_id", "ctl_01901234567878ab8def0123456789ab");
    /// The id of a reported transaction.
    TransactionId = text("^txn_[0-9a-f]{32}$", "invalid_id", "txn_01901234567878ab8def0123456789ab");
    /// Where a page has ended: `next` of that page, which is good for the same list only.
    Cursor = text("^[A-Za-z0-9_-]{8,256}$", "invalid_parameter", "rh1kQ9Z2Y3JkXzAxOTAxMjM0NTY3ODc4YWI");
    /// The id of a submission.
    KycId = text("^kyc_[0-9a-f]{32}$", "invalid_id", "kyc_01901234567878ab8def0123456789ab");
    /// The program's own reference to a document that it keeps. It is random: no name, which has no
    /// digits, and no number of a document, which is shorter.
    DocumentReference = text(
        "^(?=.*[A-Za-z])(?=.*[0-9])[A-Za-z0-9._:-]{16,36}$",
        "invalid_document",
        "018f6b1e-7e2a-7c3d-9f1a-2b3c4d5e6f70",
    );
    /// The id of a dead letter.
    DeadLetterId = text("^dlq_[0-9a-f]{32}$", "invalid_id", "dlq_01901234567878ab8def0123456789ab");
    /// The id of a key.
    ApiKeyId = text("^key_[0-9a-f]{32}$", "invalid_id", "key_01901234567878ab8def0123456789ab");
    /// The id of an event.
    EventId = text("^evt_[0-9a-f]{32}$", "invalid_id", "evt_01901234567878ab8def0123456789ab");
    /// Types of events, with commas between them; `authorization.*` stands for all that begin so.
    EventTypes = text(
        "^[a-z_-]{1,32}\\.([a-z_-]{1,32}|\\*)(,[a-z_-]{1,32}\\.([a-z_-]{1,32}|\\*)){0,31}$",
        "invalid_parameter",
        "authorization.*,card.issued",
    );
    /// The number of an entry of the audit log.
    AuditNumber = whole(0, i64::MAX, "invalid_parameter", 1);
    /// A version as `If-Match` names it, quoted or not: that of the object when it was read.
    VersionTag = text("^(\"[0-9]{1,18}\"|[0-9]{1,18})$", "invalid_version", "\"1\"");
    /// Names a call, so that repeating it does not repeat its effect. In quotes or not, it is the same key.
    IdempotencyKeyText =
        text("^(\"[!#-~]{1,255}\"|[!#-~]{1,255})$", "invalid_idempotency_key", "top-up-2026-01-31");
    /// How often the object has changed. Sent back in `If-Match` with a change.
    Version = whole(1, i64::MAX, "invalid_version", 1);
}
