//! Cards are suspended and limits cut under fire from two instances with warm caches, a thousand cards in
//! the long form; and again while Redis stands still, so that no instance hears of what the other has changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::support::pair::Pair;
use crate::support::program::created;
use crate::support::{Client, Program, marqeta, rounds};

const SERVERS: [&str; 3] = ["postgres", "mongodb", "redis"];

/// In each home.
const CARDS: usize = 50;
const CARDS_LONG: usize = 500;
const CALLERS: usize = 8;

/// How many suspend cards at the same time, half of them on each instance.
const CHANGERS: usize = 4;

/// Between a caller's purchases: whoever suspends must get through, too.
const PAUSE: Duration = Duration::from_millis(10);

/// Cards that have been closed, as far as their callers have been told, why they are declined then, and
/// what those were answered that were sent later.
struct Range {
    cards: Vec<String>,
    reason: &'static str,
    closed: Vec<AtomicBool>,
    stop: AtomicBool,
    wrong: AtomicU64,
    declined: AtomicU64,
    unavailable: AtomicU64,
}

impl Range {
    fn of(cards: &[String], reason: &'static str) -> Arc<Self> {
        Arc::new(Self {
            cards: cards.to_vec(),
            reason,
            closed: cards.iter().map(|_| AtomicBool::new(false)).collect(),
            stop: AtomicBool::new(false),
            wrong: AtomicU64::new(0),
            declined: AtomicU64::new(0),
            unavailable: AtomicU64::new(0),
        })
    }

    /// Whatever is decided is an approval, or declined for the reason of the change.
    async fn shoot(&self, client: &mut Client, card: usize, token: &str) {
        let closed = self.closed[card].load(Ordering::SeqCst);
        let answer = client.jit(marqeta::purchase(token, &self.cards[card], "0.01")).await;
        let count = if answer.status == 200 {
            &self.wrong
        } else if answer.is_unavailable() {
            &self.unavailable
        } else {
            assert_eq!(answer.says(), (402, self.reason.to_owned()), "{answer:?}");
            &self.declined
        };
        count.fetch_add(u64::from(closed), Ordering::SeqCst);
    }

    /// The last word on a card that is closed is a decision.
    async fn is_closed(&self, client: &mut Client, card: usize, token: &str) {
        let answer = client.decided(marqeta::purchase(token, &self.cards[card], "0.01")).await;
        assert_eq!(answer.says(), (402, self.reason.to_owned()), "{answer:?}");
    }

    /// Shoots until it is told to stop.
    async fn keep_shooting(self: Arc<Self>, mut client: Client, caller: usize, name: String) {
        for number in 0_usize.. {
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            let card = (number * 7_919 + caller * 104_729) % self.cards.len();
            self.shoot(&mut client, card, &format!("{name}-{caller}-{number}")).await;
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// One purchase with every card on every instance.
async fn warm(clients: &[Client], cards: &[String], name: &str) {
    let share = cards.len().div_ceil(CALLERS);
    let parts = clients.iter().enumerate().flat_map(|(instance, client)| {
        cards.chunks(share).enumerate().map(move |(part, cards)| (instance, part, cards, client))
    });
    let warming = parts.map(|(instance, part, cards, client)| {
        let (mut client, cards) = (client.another(), cards.to_vec());
        let name = format!("{name}-warm-{instance}-{part}");
        tokio::spawn(async move {
            for (number, card) in cards.iter().enumerate() {
                let token = format!("{name}-{number}");
                let answer = client.jit(marqeta::purchase(&token, card, "0.01")).await;
                assert_eq!(answer.status, 200, "{answer:?}");
            }
        })
    });
    for part in warming.collect::<Vec<_>>() {
        part.await.unwrap();
    }
}

/// Warms both instances, opens fire, changes every card (or all of them at once), and shoots at each
/// of them once more from both instances. The reason is what the change declines with.
async fn under_fire(
    stack: &Pair,
    cards: &[String],
    (name, reason): (&str, &'static str),
    change: impl AsyncFn(&mut Client, usize),
    all_at_once: bool,
) {
    let range = Range::of(cards, reason);
    let mut clients = stack.clients();
    warm(&clients, cards, name).await;
    let callers = (0..CALLERS).map(|caller| {
        let client = clients[caller % 2].another();
        tokio::spawn(Arc::clone(&range).keep_shooting(client, caller, name.to_owned()))
    });
    let callers: Vec<_> = callers.collect();
    if all_at_once {
        change(&mut clients[0], 0).await;
        range.closed.iter().for_each(|closed| closed.store(true, Ordering::SeqCst));
    } else {
        let changers = (0..CHANGERS).map(|changer| {
            let (mut client, range, change) =
                (clients[changer % 2].another(), Arc::clone(&range), &change);
            async move {
                for card in (changer..cards.len()).step_by(CHANGERS) {
                    change(&mut client, card).await;
                    range.closed[card].store(true, Ordering::SeqCst);
                }
            }
        });
        futures_util::future::join_all(changers).await;
    }
    for (instance, client) in clients.iter_mut().enumerate() {
        for card in 0..cards.len() {
            range.is_closed(client, card, &format!("{name}-last-{instance}-{card}")).await;
        }
    }
    range.stop.store(true, Ordering::SeqCst);
    for caller in callers {
        caller.await.unwrap();
    }
    let [wrong, declined, unavailable] = [&range.wrong, &range.declined, &range.unavailable]
        .map(|count| count.load(Ordering::SeqCst));
    println!(
        "{name}: of the requests after the change was acknowledged {wrong} approved, {declined} declined \
         for it, {unavailable} not decided"
    );
    assert_eq!(wrong, 0, "approved after the change was acknowledged");
    // What answers nothing approves nothing either.
    assert!(unavailable * 10 <= declined, "{unavailable} were not decided, {declined} were");
}

async fn suspend_all(stack: &Pair, path: &str, cards: &[String], name: &str) {
    let suspend = async |client: &mut Client, card: usize| {
        let path = format!("{path}/{}", cards[card]);
        let answer = client.patch(&path, 1, json!({"status": "SUSPENDED"})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    under_fire(stack, cards, (name, "CARD_NOT_ACTIVE"), suspend, false).await;
}

async fn everything(stack: &Pair, name: &str) {
    let mut client = stack.instances[0].client();
    let cards = rounds(CARDS, CARDS_LONG);
    let business = Program::set_up(&mut client, 100_000_000, cards).await;
    let limit = Program::set_up(&mut client, 100_000_000, cards / 5).await;
    let credit = Program::set_up(&mut client, 100_000_000, cards / 5).await;
    let personal = Program::set_up_personal(&mut client, 100_000_000, cards).await;
    if name == "deaf" {
        stack.servers.stop("redis");
    }
    suspend_all(stack, "/api/v1/cards", &business.cards, &format!("{name}-business")).await;
    let path = "/api/v1/personal/cards";
    suspend_all(stack, path, &personal.cards, &format!("{name}-personal")).await;
    let add = async |client: &mut Client, _card: usize| {
        let company = &limit.company;
        let body = json!({"scope": "company", "scope_id": company, "window": "day", "amount": 0});
        created(client.post("/api/v1/spending-limits", body).await);
    };
    let limit_name = format!("{name}-limit");
    let told = (limit_name.as_str(), "AMOUNT_LIMIT_EXCEEDED");
    under_fire(stack, &limit.cards, told, add, true).await;
    let cut = async |client: &mut Client, _card: usize| {
        let path = format!("/api/v1/accounts/{}", credit.account);
        let answer = client.patch(&path, 1, json!({"limit": 0})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    let credit_name = format!("{name}-credit");
    let told = (credit_name.as_str(), "INSUFFICIENT_FUNDS");
    under_fire(stack, &credit.cards, told, cut, true).await;
    if name == "deaf" {
        stack.servers.go_on("redis");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn suspensions_are_respected_by_two_instances() {
    let stack = Pair::start(&SERVERS, &[]).await;
    everything(&stack, "warm").await;
    stack.instances[0].verify();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn suspensions_are_respected_while_redis_stands_still() {
    let stack = Pair::start(&SERVERS, &[]).await;
    everything(&stack, "deaf").await;
    stack.instances[0].verify();
}
