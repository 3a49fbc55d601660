//! Deciding a request against the books, and taking what an approval takes.

use std::sync::Arc;

use crate::decision::decide;
use crate::domain::authorization::Authorization;
use crate::domain::chain::{Chain, Link};
use crate::domain::decision::{Balances, Decision, Echo, Fingerprint};
use crate::domain::facts::CardFacts;
use crate::domain::finding::{Finding, Refusal};
use crate::domain::id::{AccountId, AuthorizationId};
use crate::domain::merchant::Merchant;
use crate::domain::party::Account;
use crate::domain::posting::{Cause, Side};
use crate::domain::request::{AuthRequest, Door, FaultyRequest, Operation};
use crate::domain::standing::{Need, Rules, Standing};
use crate::domain::token::Token;

use super::books::Books;
use super::intent::{Intent, Outcome};
use super::post::{Entry, post};
use super::{chains, events, partial, usage};

/// A decision about to be recorded.
pub(super) struct Made<'a> {
    pub(super) token: &'a Token,
    pub(super) fingerprint: Fingerprint,
    pub(super) echo: Echo,
    pub(super) refusal: Option<Refusal>,
    pub(super) findings: Vec<Finding>,
    pub(super) door: Door,
    request: Option<&'a AuthRequest>,
    chain: Option<AuthorizationId>,
    held: i64,
    balances: Option<Balances>,
}

impl<'a> Made<'a> {
    /// An approval that has been told: whatever we would have said, it stands.
    pub(super) fn told(request: &'a AuthRequest, chain: AuthorizationId) -> Self {
        let findings = vec![Finding::new("told", None)];
        Self { refusal: None, findings, ..Self::late(request, Some(chain)) }
    }

    /// The decline of a request that the platform has not waited for.
    fn late(request: &'a AuthRequest, chain: Option<AuthorizationId>) -> Self {
        let late = Decision::late_refusal();
        Self {
            token: &request.token,
            fingerprint: request.fingerprint(),
            echo: request.echo(),
            refusal: Some(late.clone()),
            findings: vec![Finding::new("request", Some(late))],
            door: request.door,
            request: Some(request),
            chain,
            held: 0,
            balances: None,
        }
    }

    /// The decline of a request that could be read only in part.
    pub(super) fn faulty(request: &'a FaultyRequest) -> Self {
        Self {
            token: &request.token,
            fingerprint: request.fingerprint,
            echo: request.echo.clone(),
            refusal: Some(request.refusal.clone()),
            findings: vec![Finding::new("request", Some(request.refusal.clone()))],
            door: request.door,
            request: None,
            chain: None,
            held: 0,
            balances: None,
        }
    }
}

/// Decides, and takes what an approval takes: hold, counters, for a single message the posting.
pub(super) fn judge(
    books: &mut Books,
    intent: &Intent,
    request: &AuthRequest,
    rules: &Rules,
) -> Outcome {
    judge_for(books, intent, request, request, rules)
}

/// Judges a request that asks for what is left of another, or for all of it.
fn judge_for(
    books: &mut Books,
    intent: &Intent,
    request: &AuthRequest,
    asked: &AuthRequest,
    rules: &Rules,
) -> Outcome {
    let known = known_chain(books, intent, request);
    if was_told(books, known, request) {
        return record(books, intent, Made::late(request, known));
    }
    let after = intent.facts.card.as_deref().and_then(|card| {
        with_request(books, known.unwrap_or(intent.authorization_id()), request, card, rules)
    });
    let need = after.as_ref().map_or_else(Need::default, |after| need(books, request, after));
    let account =
        account_of(intent, after.as_ref()).and_then(|id| books.accounts.get(&id).cloned());
    let closed =
        known.and_then(|id| books.chains.get(&id)).is_some_and(|chain| chain.closings.any());
    let used = usage::used(books, &intent.facts);
    let standing = Standing {
        now: books.now(),
        account: account.as_ref(),
        used,
        need,
        purchase_closed: closed,
        rules: *rules,
    };
    let mut verdict = decide(request, &intent.facts, &standing);
    if known.is_none()
        && request.amount == asked.amount
        && let Some(less) = partial::what_is_left(request, &verdict, rules)
    {
        return judge_for(books, intent, &less, asked, rules);
    }
    let mut echo = request.echo();
    if request.amount != asked.amount {
        echo.requested = Some(asked.amount);
        verdict.findings.push(partial::finding(asked, request));
    }
    let mut made = Made {
        token: &request.token,
        fingerprint: asked.fingerprint(),
        echo,
        refusal: verdict.refusal,
        findings: verdict.findings,
        door: request.door,
        request: Some(request),
        chain: after.as_ref().map(|chain| chain.id),
        held: 0,
        balances: None,
    };
    if made.refusal.is_none() {
        approve(books, intent, request, after, &mut made);
        if request.operation == Operation::BalanceInquiry {
            made.balances = account.as_ref().map(balances);
        }
    }
    record(books, intent, made)
}

/// Whether the platform has told of this very message already: it has gone on without our answer.
fn was_told(books: &Books, known: Option<AuthorizationId>, request: &AuthRequest) -> bool {
    let chain = known.and_then(|id| books.chains.get(&id));
    let told = chain.map_or(&[][..], |chain| &chain.told);
    request.transaction.as_ref().is_some_and(|transaction| told.contains(transaction))
}

/// The chain that the request belongs to, if any of its messages has been seen.
pub(super) fn known_chain(
    books: &mut Books,
    intent: &Intent,
    request: &AuthRequest,
) -> Option<AuthorizationId> {
    let own = own_names(request);
    let parents = match request.operation {
        Operation::Authorize | Operation::Increment => parent_names(request),
        _ => Vec::new(), // a single message is a purchase of its own
    };
    chains::find(books, &intent.facts, None, own.iter().chain(&parents))
}

fn own_names(request: &AuthRequest) -> Vec<Link> {
    let transaction = request.transaction.iter().cloned().map(Link::Transaction);
    std::iter::once(Link::Funding(request.token.clone())).chain(transaction).collect()
}

fn parent_names(request: &AuthRequest) -> Vec<Link> {
    let preceding = request.preceding.iter().cloned().map(Link::Transaction);
    let original = request.original.iter().cloned().map(Link::Funding);
    original.chain(preceding).collect()
}

/// The chain as it would be once the request is approved; `None` where nothing is taken or given.
pub(super) fn with_request(
    books: &Books,
    id: AuthorizationId,
    request: &AuthRequest,
    card: &CardFacts,
    rules: &Rules,
) -> Option<Chain> {
    if !request.operation.spends() && request.operation != Operation::Credit {
        return None;
    }
    let empty = || Chain::empty(id, card.account, card.id, card.currency, books.now());
    let mut chain = books.chains.get(&id).cloned().unwrap_or_else(empty);
    let amount = request.amount.minor();
    let totals = &mut chain.totals;
    let (total, clears) = match request.operation {
        Operation::Increment => (&mut totals.incremented, false),
        Operation::Credit => (&mut totals.refunded, false),
        Operation::Debit => (&mut totals.authorized, true),
        _ => (&mut totals.authorized, false),
    };
    *total = total.saturating_add(amount);
    if clears {
        totals.cleared = totals.cleared.saturating_add(amount);
        chain.closings.cleared = true;
    }
    if request.operation.spends() {
        if chain.merchant == Merchant::default() {
            chain.merchant = request.merchant.clone();
        }
        let days = request.hold_days.unwrap_or(rules.hold_days);
        chain.expires_at = chain.expires_at.max(Some(books.now().plus_days(days)));
    }
    Some(chain)
}

fn need(books: &Books, request: &AuthRequest, after: &Chain) -> Need {
    if !request.operation.spends() {
        return Need::default();
    }
    let before = books.chains.get(&after.id);
    let delta = |part: fn(&Chain) -> i64| part(after).saturating_sub(before.map_or(0, part));
    let posted = if request.operation == Operation::Debit { request.amount.minor() } else { 0 };
    Need {
        total: after.totals.net(),
        funds: delta(Chain::hold).saturating_add(posted),
        counted: delta(Chain::counted),
        uses: delta(Chain::counted_uses),
    }
}

fn account_of(intent: &Intent, after: Option<&Chain>) -> Option<AccountId> {
    after.map(|chain| chain.account).or_else(|| intent.facts.account())
}

fn balances(account: &Account) -> Balances {
    Balances {
        currency: account.currency,
        ledger: account.ledger_balance(),
        available: account.available(),
        limit: account.limit,
    }
}

pub(super) fn approve(
    books: &mut Books,
    intent: &Intent,
    request: &AuthRequest,
    after: Option<Chain>,
    made: &mut Made<'_>,
) {
    let Some(mut chain) = after else { return };
    let held_before = books.chains.get(&chain.id).map_or(0, Chain::hold);
    made.held = chains::adjust_held(books, &chain, held_before);
    match request.operation {
        Operation::Debit => {
            let entry = Entry { from: Side::Account(chain.account), to: Side::Settlement };
            post(books, &mut chain, entry, request.amount, Cause::Debit);
        }
        Operation::Credit => {
            let entry = Entry { from: Side::Settlement, to: Side::Account(chain.account) };
            post(books, &mut chain, entry, request.amount, Cause::Refund);
        }
        _ => {}
    }
    usage::settle(books, &intent.facts, &mut chain, true);
    name_parents(books, request, &chain);
    chains::put(books, chain);
}

/// Names of parents that have not been seen wait for them.
fn name_parents(books: &mut Books, request: &AuthRequest, chain: &Chain) {
    if matches!(request.operation, Operation::Authorize | Operation::Increment) {
        for parent in parent_names(request) {
            chains::name(books, &parent, chain.id);
        }
    }
}

/// Records a decision, with its explanation and its event.
pub(super) fn record(books: &mut Books, intent: &Intent, mut made: Made<'_>) -> Outcome {
    let id = intent.authorization_id();
    // Its own names are told by its own row; a later message of this batch must find them too.
    if let (Some(request), Some(chain)) = (made.request, made.chain) {
        for own in own_names(request) {
            books.links.entry(own).or_insert(chain);
        }
    }
    let findings = std::mem::take(&mut made.findings);
    let authorization = authorization(books, intent, &made, findings);
    books.changed.events.push(events::decided(books.now(), intent, &authorization));
    books.changed.events.extend(events::limits_reached(books.now(), intent, &authorization));
    books.changed.events.extend(events::balance_out_of_range(books.now(), intent, &authorization));
    books.changed.authorizations.push(authorization);
    let decision = Arc::new(Decision {
        token: made.token.clone(),
        fingerprint: made.fingerprint,
        authorization: id,
        refusal: made.refusal,
        echo: made.echo,
        balances: made.balances,
        repeated: false,
        at: books.now(),
    });
    books.decisions.insert(made.token.clone(), Arc::clone(&decision));
    books.changed.decisions.insert(made.token.clone());
    Outcome::Decided(decision)
}

fn authorization(
    books: &Books,
    intent: &Intent,
    made: &Made<'_>,
    findings: Vec<Finding>,
) -> Authorization {
    let request = made.request;
    let text = |field: fn(&AuthRequest) -> &Option<Arc<str>>| {
        request.and_then(|request| field(request).clone())
    };
    let token = |field: fn(&AuthRequest) -> &Option<Token>| {
        request.and_then(|request| field(request).clone())
    };
    Authorization {
        id: intent.authorization_id(),
        token: made.token.clone(),
        door: made.door,
        operation: request.map(|request| request.operation),
        transaction: token(|request| &request.transaction),
        preceding: token(|request| &request.preceding),
        original: token(|request| &request.original),
        chain: made.chain,
        card: intent.facts.card.as_ref().map(|card| card.id),
        account: intent.facts.account(),
        amount: made.echo.amount,
        held: made.held,
        refusal: made.refusal.clone(),
        findings,
        stages: intent.stages,
        merchant: request.map(|request| request.merchant.clone()).unwrap_or_default(),
        entry_mode: text(|request| &request.entry_mode),
        channel: text(|request| &request.channel),
        at: books.now(),
        thinned: false,
    }
}
