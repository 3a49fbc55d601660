//! What the judge costs: `decide` with 20 limits, `apply` of one authorization.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use uuid::Uuid;

use tollgate::decision::decide;
use tollgate::domain::facts::{CardFacts, CompanyFacts, Facts, LimitFacts, UserFacts};
use tollgate::domain::id::{AccountId, CardId, CompanyId, Home, LimitId, UserId};
use tollgate::domain::merchant::Merchant;
use tollgate::domain::money::{Currency, Money};
use tollgate::domain::party::{Account, CardStatus, CompanyStatus, UserStatus};
use tollgate::domain::policy::{Counter, Limit, LimitMode, MerchantScope, Scope};
use tollgate::domain::request::{AuthRequest, Door, Operation};
use tollgate::domain::standing::{Need, Rules, Standing};
use tollgate::domain::time::{Timestamp, Window, Zone};
use tollgate::ledger;
use tollgate::ledger::books::Books;
use tollgate::ledger::intent::{Act, Intent};

const NOW: Timestamp = Timestamp::from_micros(1_773_835_200_000_000);

fn usd() -> Currency {
    Currency::parse("USD").expect("a currency")
}

fn facts(limits: u128) -> Facts {
    let card = CardFacts {
        id: CardId::new(Uuid::from_u128(1)),
        marqeta_token: None,
        status: CardStatus::Active,
        expires: None,
        owner: UserFacts {
            id: UserId::new(Uuid::from_u128(1)),
            marqeta_token: None,
            status: UserStatus::Active,
            company: Some(CompanyFacts {
                id: CompanyId::new(Uuid::from_u128(1)),
                status: CompanyStatus::Active,
                policy_version: 1,
            }),
            policy_version: 1,
        },
        account: AccountId::new(Home::Business, Uuid::from_u128(1)),
        currency: usd(),
        zone: Zone::parse("Europe/Brussels").expect("a zone"),
        policy_version: 1,
    };
    let limits = (0..limits).map(limit).collect();
    let limits = LimitFacts { limits, ..LimitFacts::default() };
    Facts { card: Some(Arc::new(card)), limits: Arc::new(limits), ..Facts::default() }
}

fn limit(number: u128) -> Limit {
    let windows = [Window::Transaction, Window::Day, Window::Week, Window::Month, Window::Lifetime];
    let window = windows[usize::try_from(number).expect("small") % windows.len()];
    Limit {
        id: LimitId::new(Uuid::from_u128(number)),
        scope: Scope::Program,
        merchant: MerchantScope::Any,
        window,
        amount: Some(1_000_000_000),
        count: (window != Window::Transaction).then_some(1_000_000_000),
        currency: None,
        mode: LimitMode::Cap,
        version: 1,
        created_at: Timestamp::from_micros(0),
    }
}

fn request() -> AuthRequest {
    let token = |text: &str| text.parse().expect("a token");
    AuthRequest {
        token: token("c4b1f7aa-38de-4c1e-a0f6-0a1b2c3d4e04"),
        door: Door::Marqeta,
        operation: Operation::Authorize,
        amount: Money::new(4_835, usd()),
        card: token("crd_wren_0042_a"),
        acting_user: Some(token("usr_wren_0042")),
        user: Some(token("usr_wren_0042")),
        business: None,
        merchant: Merchant {
            mid: Some("000000000077001".into()),
            mcc: Some("5411".parse().expect("a code")),
            name: Some("FERN STREET GROCER".into()),
            country: Some("BEL".parse().expect("a country")),
            ..Merchant::default()
        },
        entry_mode: Some("CHIP_CONTACTLESS".into()),
        channel: Some("OTHER".into()),
        transaction: Some(token("5f0e6a52-91c7-4d0b-8d55-0a1b2c3d4e01")),
        preceding: None,
        original: None,
        method: Some("pgfs.authorization".into()),
        hold_days: None,
        partial: false,
    }
}

fn judge(c: &mut Criterion) {
    let account = Account {
        limit: 1_000_000_000,
        ..Account::empty(AccountId::new(Home::Business, Uuid::from_u128(1)), usd())
    };
    let (facts_20, request) = (facts(20), request());
    let standing = Standing {
        now: NOW,
        account: Some(&account),
        used: vec![Counter::default(); 20],
        need: Need { total: 4_835, funds: 4_835, counted: 4_835, uses: 1 },
        purchase_closed: false,
        rules: Rules::default(),
    };
    assert!(decide(&request, &facts_20, &standing).refusal.is_none());
    c.bench_function("decide, 20 limits", |b| {
        b.iter(|| decide(black_box(&request), black_box(&facts_20), black_box(&standing)));
    });

    for limits in [0, 4, 20] {
        let act = Act::Authorize(request.clone());
        let intent = Intent {
            uuid: Uuid::from_u128(5),
            facts: facts(limits),
            stages: Default::default(),
            act,
        };
        c.bench_function(&format!("apply an authorization, {limits} limits"), |b| {
            let books = || {
                let mut books = Books::at(NOW);
                books.load_account(account.clone());
                books
            };
            let apply = |mut books: Books| {
                ledger::apply(&mut books, black_box(&intent), &Rules::default());
                books
            };
            b.iter_batched(books, apply, BatchSize::SmallInput);
        });
    }
}

criterion_group!(benches, judge);
criterion_main!(benches);
