//! What keys may be allowed to do. A scope is read once, letter by letter; from then on values are compared, no texts.

use std::fmt;
use std::str::FromStr;

/// Most scopes of one key: its line in the audit log names all of them.
pub(crate) const MOST: usize = 32;

macro_rules! rights {
    ($($name:ident $text:literal $opens:literal),* $(,)?) => {
        /// A scope that is the same in every house. `admin` opens everything.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Right { $(#[doc = $opens] $name),* }

        impl Right {
            /// All of them, in the order of the help.
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name in `--scope` and in the route table.
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// What it opens.
            const fn opens(self) -> &'static str {
                match self { $(Self::$name => $opens),* }
            }
        }
    };
}

rights! {
    Admin "admin" "everything",
    Chat "chat" "chat, completions, responses and the list of models",
    Embed "embed" "embeddings and the list of models",
    Audio "audio" "transcription, speech and audio profiles",
    Code "code" "drafts for pull requests",
    Cloud "cloud" "answers from outside the house, where routing.yaml allows them",
    Memory "memory" "the items of the memory, searching the index and asking it",
    Index "index" "putting, keeping and forgetting documents of the index",
    Tasks "tasks" "listing and running tasks",
    Metrics "metrics" "/metrics",
    Mcp "mcp" "the Model Context Protocol",
}

/// One scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// One that is the same in every house.
    Right(Right),
    /// The routes of the plugin of this name.
    Plugin(Box<str>),
}

/// There is no such scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unknown;

impl Scope {
    /// The scope of a plugin's routes; none where this cannot be the name of a plugin.
    pub(crate) fn plugin(name: &str) -> Option<Self> {
        let rest = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let is_name = (1..=32).contains(&name.len())
            && name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.bytes().all(rest);
        is_name.then(|| Self::Plugin(name.into()))
    }
}

impl From<Right> for Scope {
    fn from(right: Right) -> Self {
        Self::Right(right)
    }
}

impl FromStr for Scope {
    type Err = Unknown;

    /// Takes the name as it is: a blank more, and there is no such scope.
    fn from_str(text: &str) -> Result<Self, Unknown> {
        let right = Right::ALL.iter().find(|right| right.name() == text);
        let plugin = || text.strip_prefix("plugin:").and_then(Self::plugin);
        right.map(|right| Self::Right(*right)).or_else(plugin).ok_or(Unknown)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Right(right) => f.write_str(right.name()),
            Self::Plugin(name) => write!(f, "plugin:{name}"),
        }
    }
}

/// The scopes of one key, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scopes(Vec<Scope>);

impl Scopes {
    /// Reads what somebody wishes; the error says what is wrong with it.
    pub(crate) fn read<T: AsRef<str>>(wanted: &[T]) -> Result<Self, String> {
        let mut scopes = Self::default();
        for text in wanted.iter().map(AsRef::as_ref) {
            let unknown = |Unknown| format!("there is no scope `{text}`; there are {}", names());
            scopes.add(text.parse().map_err(unknown)?);
        }
        match scopes.0.len() {
            0 => Err(format!("scopes is empty; there are {}", names())),
            many if many > MOST => Err(format!("a key has at most {MOST} scopes, not {many}")),
            _ => Ok(scopes),
        }
    }

    /// Reads what the store holds; what is no scope opens nothing.
    pub(crate) fn stored(text: &str) -> Self {
        Self(text.split(',').filter_map(|scope| scope.parse().ok()).collect())
    }

    /// As the store keeps them.
    pub(crate) fn to_stored(&self) -> String {
        self.names().join(",")
    }

    /// Their names.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }

    /// With one more.
    pub(crate) fn add(&mut self, scope: Scope) {
        if !self.0.contains(&scope) {
            self.0.push(scope);
        }
    }

    /// Whether they open what this scope opens.
    pub(crate) fn allow(&self, scope: &Scope) -> bool {
        self.0.iter().any(|own| own == scope || *own == Scope::Right(Right::Admin))
    }

    /// The first of `others` that these do not open.
    pub(crate) fn lack<'a>(&self, others: &'a Self) -> Option<&'a Scope> {
        others.0.iter().find(|other| !self.allow(other))
    }
}

/// What each one opens, for the help of `hauski keys create`.
pub(crate) fn help() -> String {
    let line = |right: &Right| format!("  {:<12} {}\n", right.name(), right.opens());
    let lines: String = Right::ALL.iter().map(line).collect();
    format!(
        "What it may do, separated by commas:\n{lines}  {:<12} the routes of that plugin",
        "plugin:NAME"
    )
}

/// The names for messages.
fn names() -> String {
    let names: Vec<_> = Right::ALL.iter().map(|right| right.name()).collect();
    format!("{}, plugin:NAME", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_its_name_and_nothing_around_it() {
        for text in [
            " admin",
            "admin ",
            "\tadmin",
            "admin\n",
            "\u{a0}admin",
            "\u{200b}admin",
            "Admin",
            "admin,chat",
            "",
            "plugin:",
            "plugin: web",
            "plugin:web ",
            "plugin:Web",
        ] {
            assert_eq!(text.parse::<Scope>(), Err(Unknown), "{text:?}");
            assert!(Scopes::read(&[text]).is_err(), "{text:?}");
        }
        for right in Right::ALL {
            assert_eq!(right.name().parse(), Ok(Scope::Right(*right)));
        }
        assert_eq!("plugin:web-2".parse::<Scope>().unwrap().to_string(), "plugin:web-2");
    }

    #[test]
    fn only_admin_opens_what_is_not_named() {
        let some = Scopes::stored("chat,plugin:web, admin,nonsense");
        assert_eq!(some.names(), ["chat", "plugin:web"]);
        assert!(some.allow(&Right::Chat.into()) && !some.allow(&Right::Admin.into()));
        assert_eq!(some.lack(&Scopes::stored("chat,embed")), Some(&Right::Embed.into()));
        assert_eq!(Scopes::stored("admin").lack(&some), None);
    }

    #[test]
    fn a_key_has_few_enough_scopes_for_one_line() {
        let many: Vec<_> = (0..=MOST).map(|n| format!("plugin:p{n}")).collect();
        assert!(Scopes::read(&many).unwrap_err().contains("at most 32"));
        assert!(Scopes::read(&many[1..]).is_ok());
        assert!(Scopes::read(&["chat"; 100]).is_ok(), "the same one counts once");
    }
}
