//! What comes after a purchase, or without one: expirations, disputes, and credits. Each is told twice, and
//! has its effect once.

use serde_json::{Value, json};

use super::all_applied;
use super::events::{authorization, clearing, envelope, step};
use crate::support::instance::Instance;
use crate::support::own_servers::OwnServers;
use crate::support::program::text;
use crate::support::{Client, Program, TestApp};

/// What the purchase of a story is approved for.
const AMOUNT: &str = "40.00";

/// What is told: the type, the state, the amount.
type Step = (&'static str, &'static str, &'static str);

/// What is told after a purchase, and what is held and posted then, with sums of the purchase.
struct Story {
    name: &'static str,
    /// Whether the purchase is cleared first, all of it.
    cleared: bool,
    steps: &'static [Step],
    books: (i64, i64),
    totals: Value,
}

const EXPIRATION: Step = ("authorization.reversal.issuerexpiration", "CLEARED", AMOUNT);
const CHARGEBACK: Step = ("authorization.clearing.chargeback", "COMPLETION", AMOUNT);
const TAKEN_BACK: Step = ("authorization.clearing.chargeback.reversal", "COMPLETION", "15.00");
const WON: Step = ("authorization.clearing.chargeback.completed", "COMPLETION", AMOUNT);
const DISPUTE: Step = ("dispute.credit", "COMPLETION", "12.00");
const DISPUTE_BACK: Step = ("dispute.debit", "COMPLETION", "5.00");
const EXPECTED: Step = ("refund.authorization", "PENDING", "9.00");
const EXPECTED_CLEARED: Step = ("refund.authorization.clearing", "COMPLETION", "9.00");
const EXPECTED_CANCELLED: Step = ("refund.authorization.reversal", "CLEARED", "9.00");

fn stories() -> Vec<Story> {
    let story = |name, cleared, steps, books, totals| Story { name, cleared, steps, books, totals };
    vec![
        story("expired", false, &[EXPIRATION], (0, 0), json!({"authorized": 40_00})),
        story("late", true, &[EXPIRATION], (0, 40_00), json!({"cleared": 40_00})),
        story("charged", true, &[CHARGEBACK], (0, 0), json!({"disputed": 40_00})),
        story("lost", true, &[CHARGEBACK, TAKEN_BACK], (0, 15_00), json!({"disputed": 25_00})),
        story("won", true, &[CHARGEBACK, WON], (0, 0), json!({"disputed": 40_00})),
        story("disputed", true, &[DISPUTE], (0, 28_00), json!({"disputed": 12_00})),
        story("debited", true, &[DISPUTE, DISPUTE_BACK], (0, 33_00), json!({"disputed": 7_00})),
        story("told", true, &[EXPECTED], (0, 40_00), json!({"expected": 9_00})),
        story(
            "come",
            true,
            &[EXPECTED, EXPECTED_CLEARED],
            (0, 31_00),
            json!({"expected": 9_00, "refunded": 9_00}),
        ),
        story(
            "gone",
            true,
            &[EXPECTED, EXPECTED_CANCELLED],
            (0, 40_00),
            json!({"expected": 9_00, "cancelled": 9_00, "refunded": 0}),
        ),
    ]
}

const ORIGINAL: Step = ("original.credit.authorization", "PENDING", "20.00");
const ORIGINAL_CLEARED: Step = ("original.credit.authorization.clearing", "COMPLETION", "20.00");
const ORIGINAL_CANCELLED: Step = ("original.credit.authorization.reversal", "CLEARED", "20.00");
const ORIGINAL_AT_ONCE: Step = ("original.credit.auth_plus_capture", "COMPLETION", "6.00");

/// Credits that follow no purchase, and what is posted then.
const CREDITS: [(&str, &[Step], i64); 4] = [
    ("announced", &[ORIGINAL], 0),
    ("paid", &[ORIGINAL, ORIGINAL_CLEARED], -20_00),
    ("withdrawn", &[ORIGINAL, ORIGINAL_CANCELLED], 0),
    ("at-once", &[ORIGINAL_AT_ONCE], -6_00),
];

/// Told, applied, and told again.
async fn tell(client: &mut Client, event: &Value) {
    let body = envelope("transactions", std::slice::from_ref(event));
    for counted in ["accepted", "duplicates"] {
        let answer = client.notify(body.clone()).await;
        assert_eq!((answer.status.as_u16(), &answer.json()[counted]), (200, &json!(1)), "{event}");
        all_applied(client).await;
    }
}

/// Each step follows the one before it. The tokens of a story begin with its name.
async fn tell_all(
    client: &mut Client,
    (name, card): (&str, &str),
    first: Option<String>,
    steps: &[Step],
) {
    let mut parent = first;
    for (at, (kind, state, amount)) in steps.iter().enumerate() {
        let token = format!("{name}-s{at}");
        tell(client, &step(kind, &token, parent.as_deref(), card, amount, state)).await;
        parent = Some(token);
    }
}

async fn books(client: &mut Client, program: &Program) -> (i64, i64) {
    let account = program.account(client).await;
    (account["held"].as_i64().unwrap(), account["posted"].as_i64().unwrap())
}

/// The purchase that was told under this token.
async fn purchase(client: &mut Client, card: &str, token: &str) -> Value {
    let page = client.get(&format!("/api/v1/authorizations?card={card}&limit=200")).await.json();
    let mut items = page["items"].as_array().expect("a page").iter();
    let found = items.find(|item| item["token"] == token).unwrap_or_else(|| panic!("{page}"));
    client.get(&format!("/api/v1/authorizations/{}", text(&found["id"]))).await.json()
}

async fn every_story(client: &mut Client, set_up: impl AsyncFn(&mut Client) -> Program) {
    for Story { name, cleared, steps, books: expected, totals } in stories() {
        let program = set_up(client).await;
        let card = program.card();
        let first = format!("{name}-{}", &program.account[program.account.len() - 12..]);
        tell(client, &authorization(&first, card, AMOUNT, "PENDING")).await;
        let mut parent = first.clone();
        if cleared {
            parent = format!("{first}-c");
            tell(client, &clearing(&parent, &first, card, AMOUNT, true)).await;
        }
        tell_all(client, (&first, card), Some(parent), steps).await;
        assert_eq!(books(client, &program).await, expected, "{name}");
        let found = purchase(client, card, &first).await;
        for (sum, expected) in totals.as_object().unwrap() {
            assert_eq!(&found["totals"][sum], expected, "{name}: {sum} in {found}");
        }
    }
    for (name, steps, posted) in CREDITS {
        let program = set_up(client).await;
        let name = format!("{name}-{}", &program.account[program.account.len() - 12..]);
        tell_all(client, (&name, program.card()), None, steps).await;
        assert_eq!(books(client, &program).await, (0, posted), "{name}");
    }
}

async fn a_company(client: &mut Client) -> Program {
    Program::set_up(client, 1_000_00, 1).await
}

async fn a_person(client: &mut Client) -> Program {
    Program::set_up_personal(client, 1_000_00, 1).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expirations_disputes_and_credits_end_in_the_books() {
    let app = TestApp::start().await;
    let mut client = app.client();
    every_story(&mut client, a_company).await;
    every_story(&mut client, a_person).await;
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn expirations_disputes_and_credits_end_in_the_books_of_servers() {
    let servers = OwnServers::start(&["postgres", "mongodb"]);
    let folder = tempfile::tempdir().unwrap();
    let service = Instance::start_on(folder.path(), &servers.environment()).await;
    let mut client = service.client();
    every_story(&mut client, a_company).await;
    every_story(&mut client, a_person).await;
    service.verify();
}
