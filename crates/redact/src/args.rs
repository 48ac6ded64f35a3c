//! Command lines and environments: secrets that only the name or the flag before them gives away.

use std::borrow::Cow;
use std::ffi::OsString;
use std::ops::Range;

use crate::assignment::{self, NameKind};
use crate::commands;
use crate::mask::Redactor;

/// Parts of names whose values are always masked, `-` read as `_`.
const NAME_PARTS: [&str; 16] = [
    "SECRET",
    "TOKEN",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "CREDENTIAL",
    "PRIVATE_KEY",
    "APIKEY",
    "API_KEY",
    "ACCESS_KEY",
    "ACCESSKEY",
    "AUTH_KEY",
    "SIGNING_KEY",
    "ENCRYPTION_KEY",
    "SESSION_KEY",
    "MASTER_KEY",
];

/// Names that hold one of the parts and say where a secret lies or what it is like.
const NOT_SECRET_ENDS: [&str; 8] =
    ["_FILE", "_PATH", "_DIR", "_SOCK", "_URL", "_NAME", "_PARALLELISM", "_TYPE"];

/// Whether a variable or field of this name holds a secret: it contains SECRET, TOKEN, PASSWORD,
/// PASSWD, PASSPHRASE, CREDENTIAL, PRIVATE_KEY, API_KEY, ACCESS_KEY and the like, or ends in
/// `_PASS`, `_PWD` or `_AUTH`.
pub fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase().replace('-', "_");
    // Every name of the environment comes by here: one pass over the few letters that parts begin with.
    let starts = |at: usize| {
        NAME_PARTS.iter().any(|part| name.as_bytes()[at..].starts_with(part.as_bytes()))
    };
    let holds = (0..name.len()).any(starts);
    let ends = ["_PASS", "_PWD", "_AUTH", "PGPASS"].iter().any(|end| name.ends_with(end));
    (holds || ends) && !NOT_SECRET_ENDS.iter().any(|end| name.ends_with(end))
}

impl Redactor {
    /// The value of an environment variable, masked whole when its name says that it is secret.
    pub fn mask_env(&self, name: &str, value: &str) -> String {
        let exempt = value.is_empty() || self.is_masked(value);
        if !exempt && is_secret_name(name) {
            return self.mask_of("secret-variable", value.as_bytes());
        }
        self.mask(value).text
    }

    /// An argument vector with `--password VALUE`, `--token=VALUE`, `NAME=VALUE`, `-u
    /// user:password` and everything else that [`Redactor::mask`] finds masked. Bytes that are not
    /// UTF-8 come back as replacement characters.
    pub fn mask_args(&self, args: &[OsString]) -> Vec<String> {
        let texts: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
        let known = secrets_of_programs(&texts);
        let mut out = Vec::with_capacity(args.len());
        let mut before = Before::Nothing;
        for (at, text) in texts.iter().enumerate() {
            let known = known.iter().find(|(index, _)| *index == at);
            out.push(match known.map(|(_, secret)| (secret, &text[secret.clone()])) {
                Some((secret, value)) if !self.is_masked(value) => {
                    let mask = self.mask_of("secret-flag", value.as_bytes());
                    format!("{}{mask}{}", &text[..secret.start], &text[secret.end..])
                }
                _ => self.mask_arg(text, before),
            });
            before = Before::of(text);
        }
        out
    }

    fn mask_arg(&self, arg: &str, before: Before) -> String {
        let next_flag = arg.starts_with("--");
        match before {
            Before::SecretFlag if !arg.is_empty() && !next_flag && !self.is_masked(arg) => {
                return self.mask_of("secret-flag", arg.as_bytes());
            }
            Before::LoginFlag => {
                // `docker run --user 1000:1000` is no login.
                if let Some((user, password)) = arg.split_once(':')
                    && !(password.is_empty() || password.bytes().all(|byte| byte.is_ascii_digit()))
                    && !self.is_masked(password)
                {
                    return format!("{user}:{}", self.mask_of("secret-flag", password.as_bytes()));
                }
            }
            _ => {}
        }
        let Some((name, value)) = arg.split_once('=') else {
            return self.mask(arg).text;
        };
        let is_name =
            name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
        if is_name && is_secret(name) && !value.is_empty() && !self.is_masked(value) {
            return format!("{name}={}", self.mask_of("secret-flag", value.as_bytes()));
        }
        self.mask(arg).text
    }

    fn is_masked(&self, value: &str) -> bool {
        let masks = crate::mask::masks_in(value.as_bytes());
        masks.first().is_some_and(|mask| *mask == (0..value.len()))
    }
}

/// Arguments with the secrets of programs that are known for their flags, by index and place.
fn secrets_of_programs(args: &[Cow<'_, str>]) -> Vec<(usize, Range<usize>)> {
    let mut found = Vec::new();
    let mut flags: &[_] = &[];
    for (at, arg) in args.iter().enumerate() {
        let own = commands::flags_of(arg);
        if !own.is_empty() {
            flags = own;
            continue;
        }
        let next = args.get(at + 1).map(AsRef::as_ref);
        if let Some((which, secret)) = commands::secret_in(flags, arg, next) {
            found.push((at + which, secret));
        }
    }
    found
}

fn is_secret(name: &str) -> bool {
    is_secret_name(name) || assignment::name_kind(name.as_bytes()) != NameKind::Plain
}

/// What the argument before says about this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Nothing,
    /// `--password`
    SecretFlag,
    /// `-u`, `--user`: a name, maybe with a password behind a colon.
    LoginFlag,
}

impl Before {
    fn of(arg: &str) -> Self {
        match arg {
            "-u" | "--user" | "--proxy-user" | "-U" => Self::LoginFlag,
            _ if arg.starts_with('-') && !arg.contains('=') && is_secret(arg) => Self::SecretFlag,
            _ => Self::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor() -> Redactor {
        Redactor::new([7; 32])
    }

    fn args(line: &[&str]) -> Vec<String> {
        redactor().mask_args(&line.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn flags_and_assignments() {
        let masked =
            args(&["deploy", "--password", "abc", "--token=x1", "DB_PASSWORD=é", "--fast"]);
        assert_eq!(masked[0], "deploy");
        assert_eq!(masked[1], "--password");
        assert!(masked[2].starts_with("«redacted:secret-flag:"), "{masked:?}");
        assert!(masked[3].starts_with("--token=«redacted:"), "{masked:?}");
        assert!(masked[4].starts_with("DB_PASSWORD=«redacted:"), "{masked:?}");
        assert_eq!(masked[5], "--fast");
    }

    #[test]
    fn a_flag_after_a_secret_flag_is_no_secret() {
        assert_eq!(args(&["x", "--token", "--verbose"])[2], "--verbose");
    }

    #[test]
    fn logins_keep_the_user() {
        let masked = args(&["curl", "-u", "bob:geheim", "-u", "alice"]);
        assert!(masked[2].starts_with("bob:«redacted:secret-flag:"), "{masked:?}");
        assert_eq!(masked[4], "alice");
    }

    #[test]
    fn programs_known_for_their_flags() {
        let masked = |line: &[&str]| args(line).join(" ");
        for line in [
            &["mysql", "-uroot", "-pPW7", "db"][..],
            &["sudo", "/usr/bin/mysqldump", "-p'PW7'"],
            &["sshpass", "-p", "PW7", "ssh", "host"],
            &["sshpass", "-pPW7", "ssh", "host"],
            &["docker", "login", "-u", "bob", "-p", "PW7", "r.test"],
            &["curl", "-ubob:PW7", "https://x.test"],
            &["curl", "--user", "bob:PW7", "https://x.test"],
            &["curl", "--user=bob:PW7", "https://x.test"],
            &["redis-cli", "-a", "PW7", "ping"],
            &["mysql", "--password=PW7"],
            &["mysql", "--password", "PW7"],
            &["env", "PGPASSWORD=PW7", "psql"],
        ] {
            assert!(!masked(line).contains("PW7"), "{}", masked(line));
        }
        for line in [
            &["mysql", "-p", "database"][..],
            &["mkdir", "-p", "some/folder"],
            &["docker", "run", "-u", "1000:1000", "-p", "80:80", "image"],
            &["docker", "run", "--user", "1000:1000", "image"],
            &["curl", "-u", "bob", "https://x.test"],
        ] {
            assert_eq!(masked(line), line.join(" "));
        }
    }

    #[test]
    fn masked_arguments_stay() {
        let once = args(&["x", "--password", "abc", "-u", "bob:geheim", "API_KEY=1"]);
        let again = redactor().mask_args(&once.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(once, again);
    }

    #[test]
    fn environment() {
        for name in ["GITHUB_TOKEN", "db-password", "NPM_AUTH", "AWS_SECRET_ACCESS_KEY", "MY_PASS"]
        {
            assert!(redactor().mask_env(name, "v").starts_with("«redacted:"), "{name}");
        }
        for name in ["PWD", "PATH", "SSH_AUTH_SOCK", "TOKEN_FILE", "TOKENIZERS_PARALLELISM"] {
            assert_eq!(redactor().mask_env(name, "/some/where"), "/some/where", "{name}");
        }
    }
}
