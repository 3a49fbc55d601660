//! Who calls, and what they may do: scopes, reach, the caller. (Who may spend is `decision`'s affair.)

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::id::CompanyId;

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Authorize purchases and report what becomes of them.
    Processor,
    /// Create and change resources, issue and revoke keys, read the audit log, follow the live feed.
    Admin,
    /// Keep the service going: dead letters, retries, the profile, the live feed.
    Operator,
    /// Read.
    Read,
    /// Set up a program and play purchases on it, as `tollgate simulate` does.
    Simulate,
}

impl Scope {
    /// Every scope, in the order of declaration.
    pub const ALL: [Self; 5] =
        [Self::Processor, Self::Admin, Self::Operator, Self::Read, Self::Simulate];

    /// The name used in JSON, rows and tokens.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Processor => "processor",
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Read => "read",
            Self::Simulate => "simulate",
        }
    }

    /// Reads the name back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Processor => 1,
            Self::Admin => 2,
            Self::Operator => 4,
            Self::Read => 8,
            Self::Simulate => 16,
        }
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Scopes(u8);

impl Scopes {
    /// None: nothing but open routes.
    pub const NONE: Self = Self(0);

    /// All there are.
    pub const ALL: Self = Self::of(&Scope::ALL);

    /// These.
    pub const fn of(scopes: &[Scope]) -> Self {
        let mut bits = 0;
        let mut rest = scopes;
        while let [first, others @ ..] = rest {
            bits |= first.bit();
            rest = others;
        }
        Self(bits)
    }

    /// Whether one of these is among them.
    pub const fn any_of(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// Whether all of these are among them.
    pub const fn contains(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those of these that are among them.
    #[must_use]
    pub const fn within(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    /// Each of them, in the order of declaration.
    pub fn each(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.0 & scope.bit() != 0)
    }

    /// Reads names with blanks between them; a name that is none of ours gives nothing.
    pub fn granted(text: &str) -> Self {
        text.split_ascii_whitespace().filter_map(Scope::parse).collect()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

/// The names, with blanks between them.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, scope) in self.each().enumerate() {
            f.write_str(if nth == 0 { "" } else { " " })?;
            f.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.each()).finish()
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.each())
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Scope>::deserialize(deserializer)?.into_iter().collect())
    }
}

/// How far a caller sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Everything.
    Program,
    /// One company, its users, cards, accounts, limits and purchases. Others do not exist.
    Company(CompanyId),
}

impl Reach {
    /// The company that it is bound to.
    pub const fn company(self) -> Option<CompanyId> {
        match self {
            Self::Program => None,
            Self::Company(id) => Some(id),
        }
    }

    /// Whether something of this company (`None`: of the program, or of a person) is within it.
    pub fn covers(self, company: Option<CompanyId>) -> bool {
        match self {
            Self::Program => true,
            Self::Company(own) => company == Some(own),
        }
    }
}

/// `program`, or the id of the company.
impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program => f.write_str("program"),
            Self::Company(id) => id.fmt(f),
        }
    }
}

impl FromStr for Reach {
    type Err = super::id::IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "program" { Ok(Self::Program) } else { text.parse().map(Self::Company) }
    }
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// What the caller is called in the audit log: `admin`, the id of a key, or a token's subject.
    /// Idempotency keys are the caller's own.
    pub key: Arc<str>,
    /// What it may do.
    pub scopes: Scopes,
    /// How far it sees.
    pub reach: Reach,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_sets_with_names() {
        let scopes = Scopes::granted("read admin nothing read");
        assert_eq!(scopes, Scopes::of(&[Scope::Admin, Scope::Read]));
        assert_eq!(scopes.to_string(), "admin read");
        assert!(scopes.any_of(Scopes::of(&[Scope::Read, Scope::Operator])));
        assert!(!scopes.any_of(Scopes::of(&[Scope::Operator])));
        assert!(Scopes::ALL.contains(scopes) && !scopes.contains(Scopes::ALL));
        assert!(scopes.contains(Scopes::NONE) && Scopes::granted("Admin ADMIN").is_empty());
        assert_eq!(serde_json::to_string(&scopes).unwrap(), r#"["admin","read"]"#);
        assert!(serde_json::from_str::<Scopes>(r#"["root"]"#).is_err());
        for scope in Scope::ALL {
            assert_eq!(Scope::parse(scope.as_str()), Some(scope));
        }
    }

    #[test]
    fn a_company_s_reach_ends_at_its_own() {
        let own: CompanyId = "cmp_01901234567878ab8def0123456789ab".parse().unwrap();
        let other: CompanyId = "cmp_01901234567878ab8def0123456789ac".parse().unwrap();
        let bound = Reach::Company(own);
        assert!(bound.covers(Some(own)) && !bound.covers(Some(other)) && !bound.covers(None));
        assert!(Reach::Program.covers(Some(other)) && Reach::Program.covers(None));
        for reach in [bound, Reach::Program] {
            assert_eq!(reach.to_string().parse(), Ok(reach));
        }
    }
}
