//! Repositories: the key that all clones and worktrees share, and what a repository is called.

use sha2::{Digest as _, Sha256};
use sqlx::SqliteConnection;

use crate::cas::Digest;
use crate::store::{Stamp, Store, StoreError};

/// What identifies a repository, best first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RepoIdentity {
    /// The URL of its remote `origin`, as git has it.
    Origin(String),
    /// Without a remote: the hash of its first commit.
    RootCommit(String),
    /// Without a commit: the device and the absolute path.
    Path {
        /// [`Store::device_id`] or [`crate::Home::device_id`].
        device_id: String,
        /// Absolute path of the root.
        path: String,
    },
}

/// A repository as it is recorded with a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepoRecord {
    /// What identifies it.
    pub identity: RepoIdentity,
    /// What people call it: the last part of its URL or of its path.
    pub name: String,
    /// Free words.
    pub tags: Vec<String>,
    /// The tasks that a plain start means here.
    pub default_tasks: Vec<String>,
}

/// A repository that the memory knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownRepo {
    /// [`repo_key`].
    pub repo_key: String,
    /// `origin`, `root-commit` or `path`.
    pub key_kind: String,
    /// The name that was last recorded.
    pub name: String,
    /// The normalised origin, without user and password.
    pub origin_url: Option<String>,
    /// Free words.
    pub tags: Vec<String>,
    /// The tasks that a plain start means here.
    pub default_tasks: Vec<String>,
    /// When this was recorded, in milliseconds since 1970.
    pub recorded_at_ms: i64,
}

/// The key: SHA-256 (lower-case hex) of the kind and the normalised identity.
pub fn repo_key(identity: &RepoIdentity) -> String {
    let parts: [&str; 3] = match identity {
        RepoIdentity::Origin(url) => return key_of(&["origin", &normalise_origin(url)]),
        RepoIdentity::RootCommit(commit) => ["root-commit", commit, ""],
        RepoIdentity::Path { device_id, path } => ["path", device_id, path],
    };
    key_of(&parts)
}

/// One spelling for all URLs of one place: `host[:port]/path` for network URLs, the path for files.
/// User, password, scheme, default ports, `.git`, slashes at the end, query and fragment go; the host
/// is lower-cased. The scp form `user@host:path` and `ssh://user@host/path` are the same place.
pub fn normalise_origin(url: &str) -> String {
    let url = url.trim();
    let Some((scheme, rest)) = split_scheme(url) else {
        return match split_scp(url) {
            Some((host, path)) => network_place(host, path, None),
            None => file_place(url),
        };
    };
    if scheme == "file" {
        return file_place(rest);
    }
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    network_place(authority, path, default_port(&scheme))
}

fn key_of(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    Digest::from_hash(hash).as_str().to_owned()
}

fn split_scheme(url: &str) -> Option<(String, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let mut letters = scheme.bytes();
    let valid = letters.next().is_some_and(|b| b.is_ascii_alphabetic())
        && letters.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    valid.then(|| (scheme.to_ascii_lowercase(), rest))
}

/// git's rule: a colon before the first slash makes it `host:path`, unless the host is one letter (a
/// drive) or the text is a path.
fn split_scp(url: &str) -> Option<(&str, &str)> {
    let (host, path) = if let Some(bracket) = url.find("]:").filter(|_| url.contains('[')) {
        (&url[..=bracket], &url[bracket + 2..])
    } else {
        url.split_once(':')?
    };
    let is_drive = host.len() == 1 && host.bytes().all(|b| b.is_ascii_alphabetic());
    (!host.is_empty() && !host.contains('/') && !is_drive).then_some((host, path))
}

fn network_place(authority: &str, path: &str, default_port: Option<&str>) -> String {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.is_empty() || Some(port) == default_port => name,
        _ => host,
    };
    let host = host.strip_suffix('.').unwrap_or(host).to_lowercase();
    format!("{host}/{}", tidy_path(path).trim_start_matches('/'))
}

fn file_place(path: &str) -> String {
    let tidy = tidy_path(path);
    if tidy.is_empty() { "/".to_owned() } else { tidy }
}

/// Without doubled slashes, slashes at the end, and `.git`.
fn tidy_path(path: &str) -> String {
    let absolute = path.starts_with('/');
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let mut tidy = parts.join("/");
    while let Some(shorter) = tidy.strip_suffix(".git") {
        tidy = shorter.trim_end_matches('/').to_owned();
    }
    if absolute { format!("/{tidy}") } else { tidy }
}

fn default_port(scheme: &str) -> Option<&'static str> {
    match scheme {
        "ssh" | "git+ssh" | "ssh+git" => Some("22"),
        "https" => Some("443"),
        "http" => Some("80"),
        "git" => Some("9418"),
        "ftp" => Some("21"),
        "ftps" => Some("990"),
        _ => None,
    }
}

impl RepoIdentity {
    /// `origin`, `root-commit` or `path`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Origin(_) => "origin",
            Self::RootCommit(_) => "root-commit",
            Self::Path { .. } => "path",
        }
    }
}

impl Store {
    /// Records what a repository is called, unless that is known already. Returns its key.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn record_repo(&mut self, repo: &RepoRecord) -> Result<String, StoreError> {
        let row = RepoRow::of(repo, self);
        let device_id = self.device_id.clone();
        let key = row.repo_key.clone();
        self.write(async |conn| row.insert(conn, &device_id).await).await?;
        Ok(key)
    }

    /// All repositories that the memory knows, by name.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn repos(&mut self) -> Result<Vec<KnownRepo>, StoreError> {
        let rows = sqlx::query!(
            "SELECT repo_key, key_kind, name, origin_url, tags, default_tasks, recorded_at_ms
             FROM repo r
             WHERE r.id = (SELECT n.id FROM repo n WHERE n.repo_key = r.repo_key
                           ORDER BY n.recorded_at_ms DESC, n.id DESC LIMIT 1)
             ORDER BY name, repo_key"
        )
        .fetch_all(&mut self.conn)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(KnownRepo {
                    tags: words("repository tags", &row.tags)?,
                    default_tasks: words("repository tasks", &row.default_tasks)?,
                    repo_key: row.repo_key,
                    key_kind: row.key_kind,
                    name: row.name,
                    origin_url: row.origin_url,
                    recorded_at_ms: row.recorded_at_ms,
                })
            })
            .collect()
    }
}

/// A row of `repo`, ready to be written.
pub(crate) struct RepoRow {
    pub(crate) repo_key: String,
    pub(crate) key_kind: &'static str,
    pub(crate) name: String,
    pub(crate) origin_url: Option<String>,
    pub(crate) tags: String,
    pub(crate) default_tasks: String,
}

impl RepoRow {
    pub(crate) fn of(repo: &RepoRecord, store: &Store) -> Self {
        let origin_url = match &repo.identity {
            RepoIdentity::Origin(url) => Some(store.masked(&normalise_origin(url))),
            _ => None,
        };
        Self {
            repo_key: repo_key(&repo.identity),
            key_kind: repo.identity.kind(),
            name: store.masked(&repo.name),
            origin_url,
            tags: json_words(&repo.tags),
            default_tasks: json_words(&repo.default_tasks),
        }
    }

    /// One index look-up where the newest row says the same.
    pub(crate) async fn insert(
        &self,
        conn: &mut SqliteConnection,
        device_id: &str,
    ) -> Result<(), StoreError> {
        let stamp = Stamp::now();
        sqlx::query!(
            "INSERT INTO repo (id, device_id, recorded_at_ms, repo_key, key_kind, name, origin_url,
                               tags, default_tasks)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9
             WHERE NOT EXISTS (
                 SELECT 1 FROM (SELECT * FROM repo WHERE repo_key = ?4
                                ORDER BY recorded_at_ms DESC, id DESC LIMIT 1)
                 WHERE name = ?6 AND origin_url IS ?7 AND tags = ?8 AND default_tasks = ?9)",
            stamp.id,
            device_id,
            stamp.at_ms,
            self.repo_key,
            self.key_kind,
            self.name,
            self.origin_url,
            self.tags,
            self.default_tasks
        )
        .execute(conn)
        .await?;
        Ok(())
    }
}

/// A list of words as it is stored.
pub(crate) fn json_words(words: &[String]) -> String {
    serde_json::Value::from(words).to_string()
}

/// A stored list of words.
pub(crate) fn words(what: &'static str, text: &str) -> Result<Vec<String>, StoreError> {
    serde_json::from_str(text).map_err(|source| StoreError::Unreadable { what, source })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn origin(url: &str) -> String {
        normalise_origin(url)
    }

    #[test]
    fn all_spellings_of_one_place_are_one() {
        for url in [
            "https://example.org/team/project",
            "https://example.org/team/project.git",
            "https://example.org/team/project.git/",
            "https://EXAMPLE.org:443//team/project",
            "https://user:secret@example.org/team/project.git?x=1#y",
            "http://example.org:80/team/project",
            "ssh://git@example.org/team/project.git",
            "ssh://git@example.org:22/team/project.git",
            "SSH://git@Example.org/team/project",
            "git@example.org:team/project.git",
            "example.org:team/project",
            "git@example.org:/team/project.git",
            "git://example.org:9418/team/project.git",
            "  https://example.org./team/project\n",
        ] {
            assert_eq!(origin(url), "example.org/team/project", "{url}");
        }
    }

    #[test]
    fn different_places_stay_different() {
        let urls = [
            "https://example.org/team/project",
            "https://example.org/team/Project",
            "https://example.org:8443/team/project",
            "https://example.net/team/project",
            "/srv/git/project.git",
            "file:///srv/git/other.git",
            "C:/code/project",
            "../project",
        ];
        let places: std::collections::BTreeSet<_> = urls.iter().map(|url| origin(url)).collect();
        assert_eq!(places.len(), urls.len(), "{places:?}");
    }

    #[test]
    fn a_file_url_is_its_path() {
        assert_eq!(origin("file:///srv/git/project.git"), origin("/srv/git/project/"));
    }

    #[test]
    fn kinds_never_share_a_key() {
        let text = "abc".to_owned();
        let keys = [
            repo_key(&RepoIdentity::Origin(text.clone())),
            repo_key(&RepoIdentity::RootCommit(text.clone())),
            repo_key(&RepoIdentity::Path { device_id: text, path: String::new() }),
        ];
        assert_eq!(std::collections::BTreeSet::from(keys).len(), 3);
    }

    proptest! {
        #[test]
        fn normalising_never_panics_and_any_text_has_a_key(url in ".*") {
            let key = repo_key(&RepoIdentity::Origin(url));
            prop_assert!(Digest::parse(&key).is_ok());
        }

        #[test]
        fn user_scheme_port_and_suffix_do_not_matter(
            host in "[a-z][a-z0-9]{1,8}(\\.[a-z]{2,4}){1,2}",
            path in "[A-Za-z0-9_-]{1,8}(/[A-Za-z0-9._-]{0,6}[A-Za-z0-9_-]){0,3}",
            user in "[a-z]{1,6}(:[A-Za-z0-9@]{1,8})?",
        ) {
            prop_assume!(!path.ends_with(".git"));
            let plain = origin(&format!("https://{host}/{path}"));
            let upper = host.to_uppercase();
            for url in [
                format!("https://{user}@{upper}:443/{path}.git"),
                format!("ssh://{user}@{host}:22/{path}/"),
                format!("git@{host}:{path}.git"),
                format!("{upper}:{path}"),
            ] {
                prop_assert_eq!(origin(&url), plain.clone(), "{}", url);
            }
            prop_assert!(!plain.contains('@'));
        }
    }
}
