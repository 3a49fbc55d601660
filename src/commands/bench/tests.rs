//! Each profile against a service in this process: what is set up, asked, answered and left behind.

use std::sync::Arc;

use secrecy::ExposeSecret;

use super::answers::Check;
use super::load::{Load, Until};
use super::program::{Limits, Program};
use super::requests::{Caller, Requests, Tokens};
use super::rest::Admin;
use super::setup::set_up;
use super::*;
use crate::app::{self, Running};
use crate::config::Settings;
use crate::domain::id::Home;
use crate::domain::merchant::Merchant;
use crate::domain::money::{Currency, Money};
use crate::service::yardstick::{self, Bare, Purchases};

struct Tested {
    settings: Settings,
    running: Running,
    _scratch: Scratch,
}

async fn start() -> Tested {
    let scratch = Scratch::create(None, "bench-test").unwrap();
    let mut settings = Settings::embedded(scratch.path().join("data"), SELF);
    // A machine that is busy with other tests is slow, and not what is tested.
    settings.jit.deadline_ms = 7_000;
    settings.lane.stall_ms = 7_000;
    settings.http.drain_ms = 0;
    let running = app::start(settings.clone()).await.unwrap();
    Tested { settings, running, _scratch: scratch }
}

impl Tested {
    fn admin(&self) -> Admin {
        let key = self.running.secrets.admin_key.expose_secret().to_owned();
        Admin { addrs: vec![self.running.addr], host: "127.0.0.1".into(), key }
    }

    fn load(&self, program: &Program) -> Load {
        let secrets = &self.running.secrets;
        let password = secrets.jit_password.expose_secret().to_owned();
        let (host, username) = ("127.0.0.1".to_owned(), secrets.jit_username.clone());
        let caller = Caller { host, username, password };
        let requests = Arc::new(Requests::of(&caller, program).unwrap());
        let addrs = vec![self.running.addr];
        Load { addrs, connections: 8, requests, check: Check::Decision }
    }

    async fn bare(&self, program: &Program, instances: usize, lanes: usize) -> Bare {
        let mut parts = Vec::new();
        for _ in 0..instances {
            parts.push(app::open_yardstick(&self.settings, Home::Business).await.unwrap());
        }
        let cards = program.spending(Home::Business, 100);
        let purchases = Purchases {
            cards: cards.iter().map(|card| card.parse().unwrap()).collect(),
            amount: Money::new(1_000, Currency::parse("EUR").unwrap()),
            merchant: Merchant::default(),
            batch: 4,
        };
        yardstick::bare_batch(&parts, &purchases, lanes, 1_000).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_profile_is_answered_as_expected_whatever_the_limits() {
    let tested = start().await;
    let admin = tested.admin();
    for (number, profile) in Profile::ALL.into_iter().enumerate() {
        for (more, limits) in [Limits::None, Limits::One, Limits::Four].into_iter().enumerate() {
            let prefix = u128::try_from(number * 3 + more).unwrap();
            let program = Program::new(profile, 10, limits, prefix);
            set_up(&admin, &program).await.unwrap();
            setup::check(&admin, &program).await.unwrap();
            let load = tested.load(&program);
            let mut tokens = Tokens::of(&format!("run{prefix}"));
            let time = Duration::from_secs(60);
            let until = Until { elapsed: Duration::ZERO, answers: 200, at_most: time };
            let run = move || load.saturate(&mut tokens, until);
            let phase = tokio::task::spawn_blocking(run).await.unwrap().unwrap();
            assert_eq!(phase.failures.total(), 0, "{profile:?} {limits:?}: {:?}", phase.example);
            assert_eq!(phase.declined > 0, profile == Profile::MixedDecisions, "{profile:?}");
        }
    }
    let unknown = Program::new(Profile::Personal, 10, Limits::None, 99);
    assert!(matches!(setup::check(&admin, &unknown).await, Err(SetupError::NotThere(_))));
    assert!(yardsticks::verify(&tested.settings).await.unwrap());
    tested.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lanes_of_the_bare_batch_share_no_account() {
    let tested = start().await;
    let program = |profile, prefix| Program::new(profile, 10, Limits::One, prefix);
    let (apart, hot) = (program(Profile::Uncontended, 1), program(Profile::HotAccount, 2));
    for program in [&apart, &hot] {
        set_up(&tested.admin(), program).await.unwrap();
    }
    let bare = tested.bare(&apart, 2, 2).await;
    assert_eq!((bare.lanes, bare.decisions), (4, bare.batches * 4));
    // Two instances of the embedded store get into each other's way now and then.
    assert!(bare.batches + bare.conflicts >= 128 && bare.elapsed_us >= 1_000, "{bare:?}");
    assert_eq!(tested.bare(&hot, 2, 2).await.lanes, 1);
    let nobody = program(Profile::Uncontended, 3);
    assert_eq!(tested.bare(&nobody, 1, 1).await.decisions, 0);
    tested.running.shutdown().await;
}
