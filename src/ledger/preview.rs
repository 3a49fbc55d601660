//! A decision that is not taken: judged like any other, on books that are thrown away.

use crate::domain::preview::{LimitWindow, Preview};
use crate::domain::request::AuthRequest;
use crate::domain::standing::Rules;

use super::authorize;
use super::books::Books;
use super::intent::{Intent, Outcome};

/// Judges a request as it would be decided now. What other intents of the batch have taken counts;
/// the books stay as they are.
pub(super) fn preview(
    books: &Books,
    intent: &Intent,
    request: &AuthRequest,
    rules: &Rules,
) -> Outcome {
    let mut scratch = books.clone();
    let _ = authorize::judge(&mut scratch, intent, request, rules);
    match scratch.changed.authorizations.pop() {
        Some(authorization) => {
            let windows = windows(books, intent);
            Outcome::Previewed(Box::new(Preview { authorization, windows }))
        }
        None => Outcome::Unknown,
    }
}

/// The windows of all limits that bind the card.
fn windows(books: &Books, intent: &Intent) -> Vec<LimitWindow> {
    let Some(card) = &intent.facts.card else { return Vec::new() };
    let limits = intent.facts.limits.limits.iter();
    let window = |limit: &crate::domain::policy::Limit| LimitWindow {
        limit: limit.id,
        window: limit.window,
        resets_at: limit.window.end(books.now(), &card.zone),
    };
    limits.map(window).collect()
}
