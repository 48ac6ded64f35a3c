//! Lets the text index follow the truth: the same way after a start, a crash and a write.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::{IndexError, Inner, blocking};
use crate::failpoint;
use crate::text::{Kind, Language, TextChange, TextIndex};
use crate::truth::{Changes, PassageKind};

/// Passages that are taken over at a time.
const BATCH: u64 = 1000;
/// Passages after which what was taken over is made durable.
const COMMIT_PASSAGES: usize = 20_000;
/// How long something may wait for that.
const COMMIT_AFTER: Duration = Duration::from_millis(250);
/// How long it waits before it tries again after an error.
const AGAIN: Duration = Duration::from_secs(1);

/// What the follower is asked to do between two batches.
pub(super) enum Order {
    /// Bring it up to date, then remove every term of deleted passages from the disk.
    Compact(oneshot::Sender<Result<(), IndexError>>),
    /// Throw the text index away and derive it anew.
    Rebuild(oneshot::Sender<Result<(), IndexError>>),
}

/// Runs until the index is closed.
pub(super) async fn text(inner: Arc<Inner>, mut orders: mpsc::Receiver<Order>) {
    let mut text = match open(&inner).await {
        Ok(text) => text,
        Err(error) => {
            tracing::error!(error = %error, "the text index cannot be opened; searches are refused");
            inner.text.send_replace(Some(Err(error.to_string())));
            return;
        }
    };
    let mut stop = inner.stop.subscribe();
    let mut committed = inner.truth.committed();
    let mut waiting = Waiting::default();
    let mut applied = text.watermark();
    inner.text_seen.send_replace(applied);
    inner.text.send_replace(Some(Ok(Arc::clone(&text))));
    loop {
        committed.mark_unchanged();
        match step(&inner, &text, applied, &mut waiting).await {
            Ok(upto) if upto > applied => {
                applied = upto;
                inner.text_seen.send_replace(applied);
                if !*stop.borrow() {
                    waiting.commit_if_due(&text).await;
                    continue;
                }
            }
            Ok(_) => {}
            Err(error) => {
                tracing::error!(error = %error, "the text index does not follow; it will try again");
                tokio::time::sleep(AGAIN).await;
            }
        }
        if *stop.borrow() {
            waiting.commit(&text).await;
            return;
        }
        let due = waiting.due();
        tokio::select! {
            changed = committed.changed() => if changed.is_err() { return },
            _ = stop.changed() => {}
            () = tokio::time::sleep_until(due.into()), if waiting.since.is_some() => {
                waiting.commit(&text).await;
            }
            order = orders.recv() => match order {
                Some(Order::Compact(answer)) => {
                    waiting = Waiting::default();
                    let index = Arc::clone(&text);
                    failpoint::reached("index.before-text-compaction");
                    let done = blocking(move || index.compact()).await;
                    failpoint::reached("index.after-text-compaction");
                    let _ = answer.send(done);
                }
                Some(Order::Rebuild(answer)) => {
                    inner.text.send_replace(None);
                    waiting = Waiting::default();
                    let done = anew(&inner, text).await;
                    let (opened, done) = match done {
                        Ok(opened) => (opened, Ok(())),
                        Err(error) => {
                            inner.text.send_replace(Some(Err(error.to_string())));
                            let _ = answer.send(Err(error));
                            return;
                        }
                    };
                    text = opened;
                    applied = 0;
                    inner.text_seen.send_replace(0);
                    inner.text.send_replace(Some(Ok(Arc::clone(&text))));
                    let _ = answer.send(done);
                }
                None => return,
            },
        }
    }
}

/// What was taken over and is not durable yet.
#[derive(Default)]
struct Waiting {
    passages: usize,
    since: Option<Instant>,
}

impl Waiting {
    fn due(&self) -> Instant {
        self.since.unwrap_or_else(Instant::now) + COMMIT_AFTER
    }

    async fn commit_if_due(&mut self, text: &Arc<TextIndex>) {
        let is_due = self.since.is_some_and(|since| since.elapsed() >= COMMIT_AFTER);
        // While many come, they are committed by number: each commit is a segment.
        if self.passages >= COMMIT_PASSAGES || (is_due && self.passages < BATCH as usize) {
            self.commit(text).await;
        }
    }

    async fn commit(&mut self, text: &Arc<TextIndex>) {
        if self.since.take().is_none() {
            return;
        }
        self.passages = 0;
        let index = Arc::clone(text);
        failpoint::reached("index.before-text-commit");
        match blocking(move || index.commit()).await {
            Ok(_) => failpoint::reached("index.after-text-commit"),
            Err(error) => {
                tracing::error!(error = %error, "the text index could not be committed");
                self.since = Some(Instant::now());
            }
        }
    }
}

/// Takes the next batch over; returns how far the index shows everything now.
async fn step(
    inner: &Inner,
    text: &Arc<TextIndex>,
    applied: u64,
    waiting: &mut Waiting,
) -> Result<u64, IndexError> {
    if inner.truth.seq() <= applied {
        return Ok(applied);
    }
    let changes = inner.truth.changes(applied, BATCH).await?;
    let upto = changes.upto;
    let count = changes.puts.len() + changes.deletions.len();
    if count > 0 {
        failpoint::reached("index.before-text-apply");
        let index = Arc::clone(text);
        blocking(move || index.apply(&text_changes(changes), upto)).await?;
        failpoint::reached("index.after-text-apply");
        waiting.passages += count;
        waiting.since.get_or_insert_with(Instant::now);
    }
    Ok(upto)
}

fn text_changes(changes: Changes) -> Vec<TextChange> {
    let puts = changes.puts.into_iter().map(|put| TextChange::Put {
        id: put.id,
        attributes: put.attributes,
        title: put.title,
        text: put.text,
        kind: match put.kind {
            PassageKind::Prose | PassageKind::Conversation => Kind::Prose,
            PassageKind::Code => Kind::Code,
            PassageKind::Log => Kind::Log,
        },
        language: match put.language.as_deref() {
            Some("en") => Some(Language::English),
            Some("de") => Some(Language::German),
            _ => None,
        },
    });
    let deletions = changes.deletions.into_iter().map(TextChange::Delete);
    puts.chain(deletions).collect()
}

async fn open(inner: &Inner) -> Result<Arc<TextIndex>, IndexError> {
    let derived = inner.home.join("vector");
    let identity = inner.truth.identity().await?;
    let seq = inner.truth.seq();
    let folder = inner.text_folder();
    blocking(move || -> Result<_, IndexError> {
        same_truth(&derived, &identity)?;
        let text = TextIndex::open(&folder)?;
        if let Some(aside) = text.set_aside() {
            tracing::warn!(reason = aside.reason, "a damaged text index is derived anew");
        }
        if text.watermark() <= seq {
            return Ok(Arc::new(text));
        }
        // It knows more than the truth: an older copy of the database was put in place.
        drop(text);
        std::fs::remove_dir_all(&folder).map_err(|error| IndexError::Text(error.to_string()))?;
        Ok(Arc::new(TextIndex::open(&folder)?))
    })
    .await
}

/// What was derived from another database goes.
fn same_truth(derived: &Path, identity: &str) -> Result<(), IndexError> {
    let file = derived.join("truth");
    let failed =
        |error: std::io::Error| IndexError::Text(format!("{}: {error}", derived.display()));
    if std::fs::read_to_string(&file).is_ok_and(|found| found == identity) {
        return Ok(());
    }
    if derived.exists() {
        std::fs::remove_dir_all(derived).map_err(failed)?;
    }
    // For its owner alone: what lies in it need not be.
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(derived).map_err(failed)?;
    std::fs::write(&file, identity).map_err(failed)
}

async fn anew(inner: &Inner, text: Arc<TextIndex>) -> Result<Arc<TextIndex>, IndexError> {
    // Searches that run hold it for a moment longer.
    for _ in 0..500 {
        if Arc::strong_count(&text) == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let folder = inner.text_folder();
    blocking(move || -> Result<_, IndexError> {
        drop(text);
        std::fs::remove_dir_all(&folder).map_err(|error| IndexError::Text(error.to_string()))?;
        Ok(Arc::new(TextIndex::open(&folder)?))
    })
    .await
}
