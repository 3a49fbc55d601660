//! Scenarios: files that say what to send to a service and what must come back.
//!
//! The format is described in `config/scenarios/README.md`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

/// Marqeta-shaped messages and their defaults, at every scenario's disposal.
const MESSAGES: &str = include_str!("../../config/scenarios/messages.toml");

/// What is played when no file is named.
const BUILT_IN: [(&str, &str); 3] = [
    ("business", include_str!("../../config/scenarios/business.toml")),
    ("lifecycle", include_str!("../../config/scenarios/lifecycle.toml")),
    ("personal", include_str!("../../config/scenarios/personal.toml")),
];

/// Why a scenario can not be played.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file can not be read.
    #[error("{0}: {1}")]
    Unreadable(String, #[source] std::io::Error),
    /// The file is not a scenario.
    #[error("{0}: {1}")]
    Malformed(String, #[source] toml::de::Error),
    /// The file says something that can not be done.
    #[error("{0}: {1}")]
    Senseless(String, String),
}

/// Names and their values, for `${name}`.
pub type Vars = BTreeMap<String, String>;

/// One file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is about, one line.
    #[serde(default)]
    pub title: String,
    /// Defaults for `${name}`.
    #[serde(default)]
    pub vars: Vars,
    /// Bodies that steps refer to by name.
    #[serde(default)]
    pub messages: Vars,
    /// What is done, in order.
    #[serde(default, rename = "step")]
    pub steps: Vec<Step>,
}

/// One request and what its answer must be.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What it is about, one line; also the name that `same_as` refers to.
    pub name: String,
    /// Where it knocks.
    #[serde(default)]
    pub door: Door,
    /// Method and path. The JIT door has only one.
    pub call: Option<String>,
    /// Header names and values, beside content type and credentials.
    #[serde(default)]
    pub headers: Vars,
    /// The body.
    pub body: Option<String>,
    /// The name of a message to send as the body.
    pub message: Option<String>,
    /// Values for this step alone.
    #[serde(default)]
    pub with: Vars,
    /// How often it is sent, all at once. Every answer must have the same bytes.
    #[serde(default = "once")]
    pub times: usize,
    /// The status that must come back.
    pub status: u16,
    /// JSON pointers into the answer, and what must be there.
    #[serde(default)]
    pub expect: BTreeMap<String, Value>,
    /// An earlier step whose answer must have been the same, byte for byte.
    pub same_as: Option<String>,
    /// Names for parts of the answer, by JSON pointer.
    #[serde(default)]
    pub keep: Vars,
}

/// Which door a step knocks at: they take different credentials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Door {
    /// Our own API, with the admin key.
    #[default]
    Rest,
    /// The card platform's gateway call, with its Basic credentials.
    Jit,
}

const fn once() -> usize {
    1
}

/// The scenarios that come with the program.
pub fn built_in() -> Result<Vec<Scenario>, ScenarioError> {
    BUILT_IN.iter().map(|(name, text)| parse(name, text)).collect()
}

/// A scenario from disk.
pub fn load(path: &Path) -> Result<Scenario, ScenarioError> {
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&name, &text),
        Err(cause) => Err(ScenarioError::Unreadable(name, cause)),
    }
}

/// Reads a scenario, and gives it the messages that come with the program. `name` is for errors.
pub fn parse(name: &str, text: &str) -> Result<Scenario, ScenarioError> {
    let read = |name: &str, text| {
        toml::from_str::<Scenario>(text)
            .map_err(|cause| ScenarioError::Malformed(name.to_owned(), cause))
    };
    let common = read("messages", MESSAGES)?;
    let mut scenario = read(name, text)?;
    for (key, value) in common.vars {
        scenario.vars.entry(key).or_insert(value);
    }
    for (key, value) in common.messages {
        scenario.messages.entry(key).or_insert(value);
    }
    if scenario.title.is_empty() {
        name.clone_into(&mut scenario.title);
    }
    scenario.check().map_err(|fault| ScenarioError::Senseless(name.to_owned(), fault))?;
    Ok(scenario)
}

impl Scenario {
    fn check(&self) -> Result<(), String> {
        let mut earlier: Vec<&str> = Vec::new();
        for step in &self.steps {
            let fault = |what: &str| Err(format!("step {:?}: {what}", step.name));
            if step.door == Door::Rest && step.call.is_none() {
                return fault("needs a call, such as \"POST /api/v1/companies\"");
            }
            if step.body.is_some() && step.message.is_some() {
                return fault("has both a body and a message");
            }
            if step.message.as_ref().is_some_and(|name| !self.messages.contains_key(name)) {
                return fault("names a message that is not there");
            }
            if step.same_as.as_ref().is_some_and(|name| !earlier.contains(&name.as_str())) {
                return fault("is to be the same as a step that does not come before it");
            }
            if !(1..=256).contains(&step.times) {
                return fault("times must be 1 to 256");
            }
            earlier.push(&step.name);
        }
        Ok(())
    }

    /// The body of a step before its names are filled in.
    pub fn body_of<'a>(&'a self, step: &'a Step) -> &'a str {
        let message = step.message.as_ref().and_then(|name| self.messages.get(name));
        step.body.as_ref().or(message).map_or("", |text| text.trim())
    }
}

/// Puts values in for every `${name}`. A name without a value is an error that names it.
pub fn fill(text: &str, vars: &Vars) -> Result<String, String> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, after) = rest.split_at(start);
        let after = after.get(2..).unwrap_or_default();
        let Some(end) = after.find('}') else { return Err("a `${` without its `}`".to_owned()) };
        let (name, tail) = after.split_at(end);
        let value = vars.get(name).ok_or_else(|| format!("${{{name}}} has no value"))?;
        filled.push_str(before);
        filled.push_str(value);
        rest = tail.get(1..).unwrap_or_default();
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scenarios_that_come_with_the_program_are_sound() {
        let scenarios = built_in().unwrap();
        assert!(scenarios.iter().all(|scenario| scenario.steps.len() > 5));
    }

    #[test]
    fn every_reason_to_decline_is_played() {
        let scenarios = built_in().unwrap();
        let expected: Vec<&Value> = scenarios
            .iter()
            .flat_map(|scenario| &scenario.steps)
            .filter_map(|step| step.expect.get("/jit_funding/decline_reason"))
            .collect();
        for reason in crate::domain::finding::Reason::ALL {
            let reason = Value::from(reason.as_str());
            assert!(expected.contains(&&reason), "no step is declined with {reason}");
        }
    }

    #[test]
    fn names_are_filled_in_and_missing_ones_are_named() {
        let vars = Vars::from([("a".to_owned(), "1".to_owned())]);
        assert_eq!(fill("x${a}y${a}", &vars), Ok("x1y1".to_owned()));
        assert_eq!(fill("${b}", &vars), Err("${b} has no value".to_owned()));
        assert_eq!(fill("${a", &vars), Err("a `${` without its `}`".to_owned()));
    }

    #[test]
    fn senseless_files_are_refused_by_name() {
        let check = |text: &str, expected: &str| {
            let error = parse("mine.toml", text).unwrap_err().to_string();
            assert!(error.contains("mine.toml") && error.contains(expected), "{error}");
        };
        check("[[step]]\nname = \"a\"\nstatus = 200", "needs a call");
        check(
            "[[step]]\nname = \"a\"\ndoor = \"jit\"\nmessage = \"none\"\nstatus = 200",
            "message that is not there",
        );
        check(
            "[[step]]\nname = \"a\"\ncall = \"GET /\"\nsame_as = \"b\"\nstatus = 200",
            "does not come before",
        );
        check("[[step]]\nname = \"a\"\ncall = \"GET /\"\nstatus = 200\ntypo = 1", "typo");
    }
}
