//! Port to dead letters: kept until somebody does something about them, and after that for the record.

use crate::domain::dead_letter::{Act, DeadLetter, LetterFilter, WholeLetter};
use crate::domain::id::DeadLetterId;

use super::StoreFuture;

/// Dead letters and the audit of what is done about them.
pub trait DeadLetters: Send + Sync {
    /// Keeps a letter. One that waits already (the same message of the same queue, dead for the same
    /// time in its life) is left as it is: the broker may deliver it twice. One that waits no longer
    /// stands for itself, and a message without an id for nothing but this delivery.
    fn keep(&self, letter: DeadLetter, body: Vec<u8>) -> StoreFuture<'_, ()>;
    /// Letters in the order of their ids, after this one.
    fn letters(
        &self,
        filter: LetterFilter,
        after: Option<DeadLetterId>,
        rows_max: u32,
    ) -> StoreFuture<'_, Vec<DeadLetter>>;
    /// How many letters there are.
    fn count(&self, filter: LetterFilter) -> StoreFuture<'_, u64>;
    /// One letter.
    fn letter(&self, id: DeadLetterId) -> StoreFuture<'_, Option<WholeLetter>>;
    /// Writes down what somebody did, and what it makes of the letter. `false`: the letter is not
    /// there, or was discarded before; nothing is written.
    fn act(&self, id: DeadLetterId, act: Act) -> StoreFuture<'_, bool>;
}

/// How much of a body can be searched, in characters.
const SEARCHED_CHARS: usize = 2_000;

/// What the text of a filter is looked for in, in lower case.
pub(super) fn searched(letter: &DeadLetter, body: &[u8]) -> String {
    let envelope = &letter.envelope;
    let body = String::from_utf8_lossy(body);
    let parts = [&envelope.message_id, &envelope.first_error, &envelope.last_error];
    let parts = parts.into_iter().map(String::as_str).flat_map(str::chars);
    let body = body.chars().take(SEARCHED_CHARS);
    // A zero can not be kept in a text.
    parts.chain(body).filter(|at| *at != '\0').flat_map(char::to_lowercase).collect()
}

/// What tells a letter from all others: the message, where it died, and in which of its lives.
pub(super) fn fingerprint(letter: &DeadLetter, body: &[u8]) -> Vec<u8> {
    use sha2::{Digest, Sha256};

    let envelope = &letter.envelope;
    let mut hash = Sha256::new();
    for part in [envelope.queue.as_bytes(), envelope.message_id.as_bytes(), body] {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    hash.update(envelope.redrives.to_be_bytes());
    // Nothing tells two messages without an id apart: rather one letter too many than one too few.
    if envelope.message_id.is_empty() {
        hash.update(letter.id.uuid().as_bytes());
    }
    hash.finalize().to_vec()
}
