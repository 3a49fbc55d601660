//! An event that can not be read: the relay keeps it as a dead letter, and goes on.

use std::sync::Arc;
use std::time::Duration;

use tollgate::domain::dead_letter::LetterFilter;
use tollgate::domain::id::Home;

use super::broker::Subscriber;
use super::relay::{first_seen, letters, until_empty, with_letters};
use crate::store::sqlite::open_in;
use crate::store::subject::purchase;
use crate::store::unreadable::spoil;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_holds_nobody_up_for_long_and_is_kept_as_it_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let (subject, _store) = open_in(folder, &Home::ALL).await;
    subject.program("acme", 1_000_000_00).await;
    subject.empty_the_outbox().await;
    for name in ["before", "spoilt", "behind"] {
        subject.approve(purchase(name, "acme-card", 1_00)).await;
    }
    let row = subject.waiting().await.remove(1);
    spoil(&path, &row).await;
    let (_folder, letters) = letters().await;
    let broker = Arc::new(Subscriber::default());
    let (task, stop) = with_letters(&subject, &broker, Arc::clone(&letters));

    // While nothing else is published, it may be that nothing can be read.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(subject.outbox.depth().await.unwrap(), 2, "it, and who is behind it");
    assert!(letters.letters(LetterFilter::default(), None, 10).await.unwrap().is_empty());
    for name in ["wren", "crow", "rook"] {
        subject.program(name, 1_000_000_00).await; // events of other shards
    }
    until_empty(&*subject.outbox).await;

    let published = first_seen(&broker.seen());
    let acme = ["before", "behind"].map(str::to_owned);
    assert!(published.values().any(|order| *order == acme), "in order: {published:?}");
    let kept = letters.letters(LetterFilter::default(), None, 10).await.unwrap();
    let [letter] = &kept[..] else { panic!("one letter: {kept:?}") };
    let envelope = &letter.envelope;
    assert_eq!((&*envelope.queue, &*envelope.reason), ("outbox", "unreadable_event"));
    assert_eq!(envelope.message_id, row.event.id.to_string());
    assert!(envelope.attempts >= 5, "{}", envelope.attempts);
    let whole = letters.letter(letter.id).await.unwrap().unwrap();
    let body = String::from_utf8(whole.body).unwrap();
    assert!(body.contains("authorization.approved"), "{body}");
    stop.cancel();
    task.await.unwrap();
}
