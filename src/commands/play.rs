//! Plays scenarios against a service and compares what comes back.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::future::try_join_all;
use http::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::time::Instant;

use super::client::{Answer, Ask, Client};
use super::scenario::{Door, Scenario, Step, Vars, fill};

/// The one route of the JIT door.
const JIT_ROUTE: &str = "/api/v1/marqeta/jit";

/// Where to play, and with which credentials.
#[derive(Clone, Debug)]
pub struct Target {
    /// The service.
    pub addr: SocketAddr,
    /// For every route but the platform's.
    pub admin_key: SecretString,
    /// Basic user name of the JIT door.
    pub jit_username: String,
    /// Basic password of the JIT door.
    pub jit_password: SecretString,
}

/// What came of a step.
#[derive(Clone, Debug)]
pub struct Played {
    /// What came back; `None`: nothing did.
    pub answer: Option<Answer>,
    /// How long it took, from sending to the last byte.
    pub took: Duration,
    /// What is not as expected; empty if all is.
    pub faults: Vec<String>,
}

impl Played {
    const fn failed(fault: Vec<String>) -> Self {
        Self { answer: None, took: Duration::ZERO, faults: fault }
    }
}

/// Plays one scenario after another; names that one has kept are gone with the next.
#[derive(Debug)]
pub struct Player {
    target: Target,
    client: Client,
    /// Tells the tokens of this run from those of earlier ones.
    run: String,
    number: usize,
    kept: Vars,
    answers: HashMap<String, Bytes>,
}

impl Player {
    /// A player; `run` is a short text that no earlier run on the same books has used.
    pub fn new(target: Target, run: impl Into<String>) -> Self {
        let client = Client::new(target.addr);
        let (kept, answers) = (Vars::new(), HashMap::new());
        Self { target, client, run: run.into(), number: 0, kept, answers }
    }

    /// Forgets what the scenario before has kept.
    pub fn begin(&mut self) {
        self.kept.clear();
        self.answers.clear();
    }

    /// Sends what a step says, and compares.
    pub async fn play(&mut self, scenario: &Scenario, step: &Step) -> Played {
        self.number += 1;
        let ask = match self.vars(scenario, step).and_then(|vars| self.ask(scenario, step, &vars)) {
            Ok(ask) => ask,
            Err(fault) => return Played::failed(vec![fault]),
        };
        let start = Instant::now();
        let answers = match self.send(&ask, step.times).await {
            Ok(answers) => answers,
            Err(fault) => return Played::failed(vec![fault]),
        };
        let took = start.elapsed();
        let faults = self.compare(scenario, step, &answers);
        let answer = answers.into_iter().next();
        if let Some(answer) = &answer {
            self.remember(step, answer);
        }
        Played { answer, took, faults }
    }

    /// Later ones take precedence: the run's own, the file's, what was kept, the step's.
    fn vars(&self, scenario: &Scenario, step: &Step) -> Result<Vars, String> {
        let mut vars = scenario.vars.clone();
        vars.insert("run".to_owned(), self.run.clone());
        vars.insert("token".to_owned(), format!("step-{}-{}", self.number, self.run));
        vars.extend(self.kept.clone());
        let own = step.with.iter().map(|(name, text)| Ok((name.clone(), fill(text, &vars)?)));
        let own: Vec<_> = own.collect::<Result<_, String>>()?;
        vars.extend(own);
        Ok(vars)
    }

    fn ask(&self, scenario: &Scenario, step: &Step, vars: &Vars) -> Result<Ask, String> {
        let call = step.call.clone().unwrap_or_else(|| format!("POST {JIT_ROUTE}"));
        let call = fill(&call, vars)?;
        let (method, path) = call.split_once(' ').ok_or("a call is a method and a path")?;
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| "not a method")?;
        let body = fill(scenario.body_of(step), vars)?;
        let mut ask = match step.door {
            Door::Rest => Ask::post(path, body).bearer(self.target.admin_key.expose_secret()),
            Door::Jit => Ask::post(path, body).with("authorization", self.basic()),
        };
        ask.method = method;
        for (name, value) in &step.headers {
            ask = ask.with(name, fill(value, vars)?);
        }
        Ok(ask)
    }

    fn basic(&self) -> String {
        let Target { jit_username, jit_password, .. } = &self.target;
        let pair = format!("{jit_username}:{}", jit_password.expose_secret());
        format!("Basic {}", STANDARD.encode(pair))
    }

    /// Once over the player's own connection; more often over a connection each, all at once.
    async fn send(&mut self, ask: &Ask, times: usize) -> Result<Vec<Answer>, String> {
        let answers = if times == 1 {
            self.client.send(ask).await.map(|answer| vec![answer])
        } else {
            let addr = self.target.addr;
            let one = |_| async move { Client::new(addr).send(ask).await };
            try_join_all((0..times).map(one)).await
        };
        answers.map_err(|error| error.to_string())
    }

    fn compare(&self, scenario: &Scenario, step: &Step, answers: &[Answer]) -> Vec<String> {
        let mut faults = Vec::new();
        let Some(first) = answers.first() else { return vec!["no answer".to_owned()] };
        if first.status != step.status {
            faults.push(format!("expected status {}, got {}", step.status, first.status));
        }
        if answers.iter().any(|answer| answer != first) {
            faults.push(format!("{} answers at once were not the same", answers.len()));
        }
        if let Some(earlier) = &step.same_as
            && self.answers.get(earlier) != Some(&first.body)
        {
            faults.push(format!("not the bytes of {earlier:?}"));
        }
        let json = first.json();
        for (pointer, expected) in &step.expect {
            match self.expected(scenario, step, expected) {
                Ok(expected) => faults.extend(differs(&json, pointer, &expected)),
                Err(fault) => faults.push(fault),
            }
        }
        let missing = step.keep.values().filter(|pointer| json.pointer(pointer).is_none());
        faults.extend(missing.map(|pointer| format!("{pointer} is not in the answer")));
        faults
    }

    /// Names may stand in expected texts too.
    fn expected(
        &self,
        scenario: &Scenario,
        step: &Step,
        expected: &Value,
    ) -> Result<Value, String> {
        match expected {
            Value::String(text) => Ok(fill(text, &self.vars(scenario, step)?)?.into()),
            other => Ok(other.clone()),
        }
    }

    fn remember(&mut self, step: &Step, answer: &Answer) {
        self.answers.insert(step.name.clone(), answer.body.clone());
        let json = answer.json();
        for (name, pointer) in &step.keep {
            if let Some(value) = json.pointer(pointer) {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                self.kept.insert(name.clone(), text);
            }
        }
    }
}

fn differs(json: &Value, pointer: &str, expected: &Value) -> Option<String> {
    let found = json.pointer(pointer);
    let shown = found.map_or_else(|| "nothing".to_owned(), Value::to_string);
    (found != Some(expected)).then(|| format!("expected {expected} at {pointer}, got {shown}"))
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::post;

    use super::super::scenario::parse;
    use super::*;

    async fn play(text: &str) -> Vec<Played> {
        let echo = |headers: http::HeaderMap, body: String| async move {
            let access = headers.get("authorization").and_then(|value| value.to_str().ok());
            let scheme = access.unwrap_or_default().split(' ').next().unwrap_or_default();
            format!(r#"{{"sent":{body},"scheme":"{scheme}"}}"#)
        };
        let routes = Router::new().route("/echo", post(echo)).route(JIT_ROUTE, post(echo));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Target {
            addr: listener.local_addr().unwrap(),
            admin_key: "key".into(),
            jit_username: "user".into(),
            jit_password: "password".into(),
        };
        tokio::spawn(async { axum::serve(listener, routes).await });
        let scenario = parse("test", text).unwrap();
        let mut player = Player::new(target, "r1");
        let mut played = Vec::new();
        for step in &scenario.steps {
            played.push(player.play(&scenario, step).await);
        }
        played
    }

    #[tokio::test]
    async fn steps_keep_parts_of_answers_for_later_ones() {
        let played = play(
            r#"
            [vars]
            n = "1"
            [messages]
            numbered = '{"n": ${n}}'
            [[step]]
            name = "first"
            call = "POST /echo"
            message = "numbered"
            status = 200
            expect = { "/sent/n" = 1, "/scheme" = "Bearer" }
            keep = { earlier = "/sent/n" }
            [[step]]
            name = "second"
            door = "jit"
            message = "numbered"
            with = { n = "${earlier}0" }
            times = 3
            status = 200
            expect = { "/sent/n" = 10, "/scheme" = "Basic" }
            [[step]]
            name = "third"
            call = "POST /echo"
            body = '{"n": 1}'
            status = 200
            same_as = "first"
            "#,
        )
        .await;
        let faults: Vec<_> = played.iter().flat_map(|played| &played.faults).collect();
        assert!(faults.is_empty(), "{faults:?}");
    }

    #[tokio::test]
    async fn whatever_is_not_as_expected_is_a_fault() {
        let played = play(
            r#"
            [[step]]
            name = "status"
            call = "POST /echo"
            body = '1'
            status = 201
            [[step]]
            name = "field"
            call = "POST /echo"
            body = '2'
            status = 200
            expect = { "/sent" = 3 }
            [[step]]
            name = "absent"
            call = "POST /echo"
            body = '2'
            status = 200
            keep = { id = "/id" }
            [[step]]
            name = "same"
            call = "POST /echo"
            body = '4'
            status = 200
            same_as = "field"
            [[step]]
            name = "unnamed"
            call = "POST /echo"
            body = '${nobody}'
            status = 200
            "#,
        )
        .await;
        let faults: Vec<_> = played.iter().map(|played| played.faults.join("; ")).collect();
        assert_eq!(
            faults,
            [
                "expected status 201, got 200",
                "expected 3 at /sent, got 2",
                "/id is not in the answer",
                "not the bytes of \"field\"",
                "${nobody} has no value",
            ]
        );
    }

    #[tokio::test]
    async fn a_service_that_is_not_there_is_a_fault() {
        let target = Target {
            addr: "127.0.0.1:1".parse().unwrap(),
            admin_key: "key".into(),
            jit_username: "user".into(),
            jit_password: "password".into(),
        };
        let text = "[[step]]\nname = \"a\"\ncall = \"GET /live\"\nstatus = 200";
        let scenario = parse("test", text).unwrap();
        let played = Player::new(target, "r1").play(&scenario, &scenario.steps[0]).await;
        assert!(played.faults[0].contains("no connection to 127.0.0.1:1"), "{:?}", played.faults);
    }
}
