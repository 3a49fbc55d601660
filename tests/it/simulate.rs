//! `tollgate simulate`: the platform, played against a running service.

use std::process::Command;

use crate::support::app::{ADMIN_KEY, JIT_PASSWORD, JIT_USER};
use crate::support::instance::Instance;

/// What notifications are signed with.
const SECRET: &str = "Example-Secret-0001-abcXYZ!";

/// Whether both sides agreed, and what was printed.
async fn simulate(instance: &Instance, more: &'static [&'static str]) -> (bool, String) {
    let addr = instance.addr.to_string();
    let run = move || {
        Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(["simulate", "--tollgate", &addr, "--key", ADMIN_KEY])
            .args(["--username", JIT_USER, "--password", JIT_PASSWORD])
            .args(more)
            .output()
            .expect("simulate runs")
    };
    let output = tokio::task::spawn_blocking(run).await.expect("simulate ends");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), said + &complained)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_acknowledges_is_told_and_the_books_differ() {
    let folder = tempfile::tempdir().unwrap();
    let instance = Instance::start(folder.path()).await;
    let more = &[
        "--webhook-password",
        "Wrong-password-0001!",
        "--attempts",
        "1",
        "--rounds",
        "1",
        "--patience-s",
        "0",
    ];
    let (agree, said) = simulate(&instance, more).await;
    assert!(!agree, "{said}");
    for line in [
        "  authorization and clearing",
        "  an answer that comes too late                 1 of 1",
        "never acknowledged: 3",
        "the two sides do NOT agree",
    ] {
        assert!(said.contains(line), "{line:?} is not in {said}");
    }
    instance.verify();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_agree_after_every_flow_late_twice_and_in_any_order() {
    let folder = tempfile::tempdir().unwrap();
    let signed = [("TOLLGATE__WEBHOOKS__SIGNATURE__SECRET".to_owned(), SECRET.to_owned())];
    let instance = Instance::start_on(folder.path(), &signed).await;
    let (agree, said) = simulate(
        &instance,
        &[
            "--secret",
            SECRET,
            "--rounds",
            "3",
            "--seed",
            "7",
            "--duplicates",
            "40",
            "--delay-ms",
            "30",
            "--shuffle",
            "12",
            "--batch",
            "4",
            "--patience-s",
            "60",
        ],
    )
    .await;
    assert!(agree, "{said}");
    assert!(said.contains("0 differences") && said.contains("both sides agree"), "{said}");
    instance.verify();
}
