//! Ready-made requests: one Marqeta-shaped purchase with gaps for its token, its cardholder and its
//! card, or the same as a notification, or a report of it. A hundred thousand cards need no more memory
//! than one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::super::scenario::{ScenarioError, Vars, fill, parse};
use super::profile::{Expected, Group};
use super::program::{Name, Program};
use super::rest::Admin;

/// Digits of a request's number, in hexadecimal, at the end of its token.
const DIGITS: usize = 12;

/// What stands in the gaps until a request is made: each as long as what it stands for.
const TOKEN_GAP: &str = "gap-gap-gap-gap-gap-gap-";
const USER_GAP: &str = "user-gap-user-gap-";
const CARD_GAP: &str = "card-gap-card-gap-";

/// The purchases of a program's cards.
#[derive(Clone, Debug)]
pub struct Requests {
    templates: Vec<(u64, Template)>,
    drawn: u64,
    program: Program,
    weights: u64,
}

/// Who asks, and whom.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The `host` header.
    pub host: String,
    /// Basic user name.
    pub username: String,
    /// Basic password.
    pub password: String,
}

impl Requests {
    /// Purchases of 10.00 EUR with the cards of this program.
    pub fn of(caller: &Caller, program: &Program) -> Result<Self, ScenarioError> {
        let head = head("/api/v1/marqeta/jit", &caller.host, &caller.access());
        Ok(Self::with(Template::of(&head, &purchase()?), program))
    }

    /// Notifications of such purchases, one in each.
    pub fn notices(caller: &Caller, program: &Program) -> Result<Self, ScenarioError> {
        let head = head("/api/v1/marqeta/webhooks", &caller.host, &caller.access());
        let body = format!("{{\"transactions\":[{}]}}", purchase()?);
        Ok(Self::with(Template::of(&head, &body), program))
    }

    /// Reports of such purchases for a program's own books.
    pub fn reports(admin: &Admin, program: &Program) -> Self {
        let head = head("/api/v1/transactions", &admin.host, &format!("Bearer {}", admin.key));
        let body = json!({
            "transaction_id": TOKEN_GAP, "card": CARD_GAP, "amount": 1_000, "currency": "EUR",
            "type": "purchase", "occurred_at": "2026-03-14T09:26:53Z",
            "merchant": {
                "mid": "000000000077001", "mcc": "5411", "name": "FERN STREET GROCER", "country": "BEL",
            },
            "metadata": {"order": "FG-0042", "batch": 7},
        });
        Self::with(Template::of(&head, &body.to_string()), program)
    }

    fn with(template: Template, program: &Program) -> Self {
        let weights = program.groups.iter().map(|group| u64::from(group.weight)).sum();
        Self { templates: vec![(1, template)], drawn: 1, program: program.clone(), weights }
    }

    /// Calls of the REST routes, each with how often it is made beside the others, its head without
    /// the length, and its body. Cards, users and tokens are filled in.
    pub fn rest(each: impl Iterator<Item = (u32, String, String)>, program: &Program) -> Self {
        let weights = program.groups.iter().map(|group| u64::from(group.weight)).sum();
        let templates: Vec<_> = each
            .map(|(weight, head, body)| (u64::from(weight), Template::call(&head, &body)))
            .collect();
        let drawn = templates.iter().map(|(weight, _)| weight).sum();
        Self { templates, drawn, program: program.clone(), weights }
    }

    /// The body of a request that was written, where all are alike.
    pub fn body<'a>(&self, request: &'a [u8]) -> &'a [u8] {
        request.get(self.template(0).head..).unwrap_or_default()
    }

    /// Writes the next request into `buffer`, and says what must be answered. `random` is drawn
    /// from for the group, then for the card, and where there are several requests, for which.
    pub fn write(
        &self,
        mut random: impl FnMut() -> u64,
        token: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Expected {
        let (index, group) = self.group(random() % self.weights.max(1));
        let number = u32::try_from(random() % u64::from(group.cards.max(1))).unwrap_or(0);
        let (user, card) = (self.program.user(index, number), self.program.card(index, number));
        let at = if self.drawn > 1 { random() % self.drawn } else { 0 };
        self.template(at).write(token, &user, &card, buffer);
        group.kind.expected()
    }

    fn template(&self, mut at: u64) -> &Template {
        for (weight, template) in &self.templates {
            match at.checked_sub(*weight) {
                None => return template,
                Some(rest) => at = rest,
            }
        }
        &self.templates[0].1
    }

    fn group(&self, mut at: u64) -> (usize, Group) {
        for (index, group) in self.program.groups.iter().enumerate() {
            match at.checked_sub(u64::from(group.weight)) {
                None => return (index, *group),
                Some(rest) => at = rest,
            }
        }
        (0, self.program.groups[0])
    }
}

impl Caller {
    fn access(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:{}", self.username, self.password)))
    }
}

/// The lines of a request's head but its length.
fn head(path: &str, host: &str, access: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: {access}\r\n\
         content-type: application/json\r\n"
    )
}

/// A purchase, with its gaps.
fn purchase() -> Result<String, ScenarioError> {
    let messages = parse("bench", "")?;
    let mut vars: Vars = messages.vars.clone();
    for (name, value) in [("user", USER_GAP), ("card", CARD_GAP), ("token", TOKEN_GAP)] {
        vars.insert(name.to_owned(), value.to_owned());
    }
    let message = messages.messages.get("purchase").map_or("", |text| text.trim());
    fill(message, &vars).map_err(|fault| ScenarioError::Senseless("bench".to_owned(), fault))
}

/// The bytes of a request, and where what goes.
#[derive(Clone, Debug)]
struct Template {
    bytes: Vec<u8>,
    head: usize,
    tokens: Vec<usize>,
    users: Vec<usize>,
    cards: Vec<usize>,
}

impl Template {
    /// A call with `{card}`, `{user}` and `{token}` where they go.
    fn call(head: &str, body: &str) -> Self {
        let filled = |text: &str| {
            let text = text.replace("{card}", CARD_GAP).replace("{user}", USER_GAP);
            text.replace("{token}", TOKEN_GAP)
        };
        Self::of(&filled(head), &filled(body))
    }

    fn of(head: &str, body: &str) -> Self {
        let head = format!("{head}content-length: {}\r\n\r\n", body.len());
        let text = format!("{head}{body}");
        let gaps = |gap: &str| text.match_indices(gap).map(|(at, _)| at).collect();
        let (tokens, users, cards) = (gaps(TOKEN_GAP), gaps(USER_GAP), gaps(CARD_GAP));
        Self { bytes: text.into_bytes(), head: head.len(), tokens, users, cards }
    }

    fn write(&self, token: &[u8], user: &Name, card: &Name, buffer: &mut Vec<u8>) {
        buffer.clear();
        buffer.extend_from_slice(&self.bytes);
        let mut put = |gaps: &[usize], text: &[u8]| {
            for gap in gaps {
                if let Some(place) = buffer.get_mut(*gap..*gap + text.len()) {
                    place.copy_from_slice(text);
                }
            }
        };
        put(&self.tokens, token);
        put(&self.users, user);
        put(&self.cards, card);
    }
}

/// Tokens of one run: half for the run, half for the request's number.
#[derive(Clone, Debug)]
pub struct Tokens {
    next: u64,
    token: Vec<u8>,
}

impl Tokens {
    /// Tokens that begin with the first twelve characters of `run`.
    pub fn of(run: &str) -> Self {
        let width = TOKEN_GAP.len() - DIGITS;
        let run: String = run.chars().filter(char::is_ascii_alphanumeric).take(width).collect();
        Self { next: 0, token: format!("{run:0>width$}{:0DIGITS$}", 0).into_bytes() }
    }

    /// The next one, never given before.
    pub fn draw(&mut self) -> &[u8] {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        self.next += 1;
        let mut rest = self.next;
        for place in self.token.iter_mut().rev().take(DIGITS) {
            *place = HEX.get(usize::try_from(rest & 15).unwrap_or(0)).copied().unwrap_or(b'0');
            rest >>= 4;
        }
        &self.token
    }
}

#[cfg(test)]
mod tests {
    use super::super::profile::Profile;
    use super::super::program::Limits;
    use super::*;

    fn requests(profile: Profile) -> Requests {
        let caller = Caller { host: "h".into(), username: "u".into(), password: "p".into() };
        let program =
            Program { prefix: "b1234567".into(), groups: profile.groups(100), limits: Limits::One };
        Requests::of(&caller, &program).unwrap()
    }

    #[test]
    fn a_request_is_a_whole_message_with_its_own_values_in_every_gap() {
        let mut tokens = Tokens::of("run");
        tokens.draw();
        let mut buffer = Vec::new();
        let expected = requests(Profile::Uncontended).write(|| 42, tokens.draw(), &mut buffer);
        assert_eq!(expected, Expected::Approved);
        let text = String::from_utf8(buffer).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
        assert!((1_500..=2_600).contains(&body.len()), "{} bytes", body.len());
        let json: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(json["gpa_order"]["jit_funding"]["token"], "000000000run000000000002");
        assert_eq!(json["token"], "t-000000000run000000000002");
        assert_eq!(json["card_token"], "b1234567c000000042");
        assert_eq!(json["acting_user_token"], "b1234567u000000042");
        assert!(!body.contains("gap-"));
    }

    #[test]
    fn notices_and_reports_are_whole_messages_too() {
        let caller = Caller { host: "h".into(), username: "u".into(), password: "p".into() };
        let admin = Admin { addrs: Vec::new(), host: "h".into(), key: "k".into() };
        let program = requests(Profile::Uncontended).program;
        let mut tokens = Tokens::of("run");
        let notices = Requests::notices(&caller, &program).unwrap();
        let reports = Requests::reports(&admin, &program);
        for (requests, pointer) in
            [(notices, "/transactions/0/gpa_order/jit_funding/token"), (reports, "/transaction_id")]
        {
            let (token, mut buffer) = (tokens.draw().to_vec(), Vec::new());
            requests.write(|| 42, &token, &mut buffer);
            let body: serde_json::Value = serde_json::from_slice(requests.body(&buffer)).unwrap();
            let told = body.pointer(pointer).and_then(serde_json::Value::as_str).unwrap();
            assert_eq!(told.as_bytes(), token);
            assert!(!body.to_string().contains("gap-"), "{body}");
        }
    }

    #[test]
    fn groups_are_drawn_by_their_weights() {
        let requests = requests(Profile::MixedDecisions);
        let (mut buffer, mut approved) = (Vec::new(), 0);
        for draw in 0..100 {
            let expected = requests.write(|| draw, b"t", &mut buffer);
            approved += usize::from(expected == Expected::Approved);
        }
        assert_eq!(approved, 70);
    }

    #[test]
    fn tokens_never_repeat() {
        let mut tokens = Tokens::of("longer than twelve");
        let drawn: std::collections::HashSet<Vec<u8>> =
            (0..1_000).map(|_| tokens.draw().to_vec()).collect();
        assert_eq!(drawn.len(), 1_000);
        assert!(drawn.iter().all(|token| token.starts_with(b"longerthantw") && token.len() == 24));
    }
}
