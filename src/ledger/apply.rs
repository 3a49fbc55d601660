//! `apply`: one intent to the books. The same intent again is answered from what the first left.

use std::sync::Arc;

use crate::domain::decision::{Decision, Fingerprint};
use crate::domain::finding::Refusal;
use crate::domain::request::FaultyRequest;
use crate::domain::standing::Rules;
use crate::domain::token::Token;

use super::authorize::{self, Made};
use super::books::Books;
use super::intent::{Act, Intent, IntentRefusal, Outcome};
use super::{lifecycle, notice, preview, void};

/// Applies an intent. The books must hold what [`super::wanted::Wanted::by`] names for it.
pub fn apply(books: &mut Books, intent: &Intent, rules: &Rules) -> Outcome {
    match &intent.act {
        Act::Authorize(request) => earlier(books, intent, &request.token, request.fingerprint())
            .unwrap_or_else(|| authorize::judge(books, intent, request, rules)),
        Act::Recall(request) => earlier(books, intent, &request.token, request.fingerprint())
            .unwrap_or(Outcome::Unknown),
        Act::Preview(request) => preview::preview(books, intent, request, rules),
        Act::Decline(request) => earlier(books, intent, &request.token, request.fingerprint)
            .unwrap_or_else(|| decline(books, intent, request)),
        Act::Void(undelivered) => void::void(books, intent, undelivered),
        Act::Step(step) => lifecycle::step(books, intent, step),
        Act::Notice(told) => notice::notice(books, intent, told, rules),
    }
}

/// The answer of an earlier decision under this token. The decline of a card that was unknown then
/// and is known now does not count: it is judged anew.
fn earlier(
    books: &mut Books,
    intent: &Intent,
    token: &Token,
    fingerprint: Fingerprint,
) -> Option<Outcome> {
    let decision = books.decisions.get(token)?;
    if decision.fingerprint != fingerprint && decision.fingerprint != Fingerprint::ANY {
        return Some(Outcome::Refused(IntentRefusal::TokenReused));
    }
    let unknown_card = |refusal: &Refusal| refusal.code.as_str() == "card.unknown";
    if intent.facts.card.is_some() && decision.refusal.as_ref().is_some_and(unknown_card) {
        return None;
    }
    let mut decision = Arc::clone(decision);
    // A batch that is run again finds its own decisions: those are no repeats.
    let own = decision.authorization == intent.authorization_id();
    if decision.approved() && !decision.repeated && !own {
        decision = Arc::new(Decision { repeated: true, ..Decision::clone(&decision) });
        books.decisions.insert(token.clone(), Arc::clone(&decision));
        books.changed.decisions.insert(token.clone());
    }
    Some(Outcome::Decided(decision))
}

fn decline(books: &mut Books, intent: &Intent, request: &FaultyRequest) -> Outcome {
    let made = Made::faulty(request);
    authorize::record(books, intent, made)
}
