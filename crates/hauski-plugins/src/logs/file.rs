//! Logs on disk: `logs/<plugin>.log` and its older parts, written by one thread for all plugins.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use contracts::hauski::plugin_status::LogLine;

use super::query::LogQuery;

/// Lines that may wait for the disk.
const QUEUE: usize = 16_384;
/// A file of this size gives way to a new one.
const FILE_BYTES: u64 = 8 << 20;
/// Older parts that are kept for each plugin.
const OLDER: u32 = 3;
/// How long a line stays in memory before it is written.
const FLUSH_AFTER: Duration = Duration::from_millis(200);

/// Starts the thread and hands out sinks.
pub(crate) struct FileWriter {
    sender: SyncSender<Arc<LogLine>>,
    lost: Arc<AtomicU64>,
}

/// Where the lines of a plugin go.
#[derive(Clone)]
pub(crate) struct FileSink {
    sender: SyncSender<Arc<LogLine>>,
    lost: Arc<AtomicU64>,
}

impl FileWriter {
    /// Writes into `folder`, which is made where it is missing. The thread ends with the last sink.
    pub(crate) fn start(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let (sender, lines) = sync_channel::<Arc<LogLine>>(QUEUE);
        let lost = Arc::new(AtomicU64::new(0));
        let mut files = Files { folder: folder.to_owned(), open: HashMap::new() };
        let counter = Arc::clone(&lost);
        thread::Builder::new().name("plugin-logs".to_owned()).spawn(move || {
            loop {
                match lines.recv_timeout(FLUSH_AFTER) {
                    Ok(line) => {
                        if files.write(&line).is_err() {
                            counter.fetch_add(1, Ordering::Relaxed);
                            files.open.remove(&line.plugin);
                        }
                    }
                    Err(RecvTimeoutError::Timeout) => files.flush(),
                    Err(RecvTimeoutError::Disconnected) => return files.flush(),
                }
            }
        })?;
        Ok(Self { sender, lost })
    }

    /// Where the lines of a plugin go.
    pub(crate) fn sink(&self) -> FileSink {
        FileSink { sender: self.sender.clone(), lost: Arc::clone(&self.lost) }
    }

    /// Lines that could not be written: the disk was slow, full or gone.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

impl FileSink {
    /// Hands a line to the thread; where the disk is too slow it is counted instead.
    pub(super) fn write(&self, line: &Arc<LogLine>) {
        if self.sender.try_send(Arc::clone(line)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

struct Files {
    folder: PathBuf,
    open: HashMap<String, (BufWriter<File>, u64)>,
}

impl Files {
    fn write(&mut self, line: &LogLine) -> io::Result<()> {
        let full = self.open.get(&line.plugin).is_some_and(|(_, size)| *size >= FILE_BYTES);
        if full {
            if let Some((mut file, _)) = self.open.remove(&line.plugin) {
                file.flush()?;
            }
            self.rotate(&line.plugin)?;
        }
        if !self.open.contains_key(&line.plugin) {
            let path = self.part(&line.plugin, 0);
            let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
            let size = file.metadata()?.len();
            self.open.insert(line.plugin.clone(), (BufWriter::new(file), size));
        }
        if let Some((file, size)) = self.open.get_mut(&line.plugin) {
            let mut text = serde_json::to_vec(line)?;
            text.push(b'\n');
            file.write_all(&text)?;
            *size += text.len() as u64;
        }
        Ok(())
    }

    fn rotate(&self, plugin: &str) -> io::Result<()> {
        for older in (0..OLDER).rev() {
            match fs::rename(self.part(plugin, older), self.part(plugin, older + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn part(&self, plugin: &str, older: u32) -> PathBuf {
        part(&self.folder, plugin, older)
    }

    fn flush(&mut self) {
        // What cannot be written is tried again with the next line, which is then counted as lost.
        self.open.retain(|_, (file, _)| file.flush().is_ok());
    }
}

fn part(folder: &Path, plugin: &str, older: u32) -> PathBuf {
    match older {
        0 => folder.join(format!("{plugin}.log")),
        n => folder.join(format!("{plugin}.log.{n}")),
    }
}

/// The newest lines of a plugin's files that fit and came before a time, oldest first. What is no line of a log,
/// such as one cut by a full disk, is passed over.
pub(crate) fn history(
    folder: &Path,
    plugin: &str,
    query: &LogQuery,
    before: Option<&str>,
) -> Vec<Arc<LogLine>> {
    let mut found = VecDeque::new();
    for older in (0..=OLDER).rev() {
        let Ok(file) = File::open(part(folder, plugin, older)) else { continue };
        let lines = BufReader::new(file).lines().map_while(Result::ok);
        let parsed = lines.filter_map(|line| serde_json::from_str::<LogLine>(&line).ok());
        let fits = |line: &LogLine| before.is_none_or(|b| &*line.at < b) && query.matches(line);
        for line in parsed.filter(fits) {
            if found.len() == query.limit {
                found.pop_front();
            }
            found.push_back(Arc::new(line));
        }
    }
    found.into()
}
