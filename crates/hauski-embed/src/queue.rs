//! Texts that wait for the encoder, from all requests together, and the threads that take them in batches. Short
//! questions go before long work, so that a search need not wait for an import.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::mpsc::UnboundedSender;

use crate::model::Model;

/// Tokens that a thread takes at once; what is in a batch is not cancelled any more. About 80 ms of work.
const BATCH_TOKENS: usize = 384;

/// One text that waits.
pub(crate) struct Job {
    pub(crate) model: Arc<Model>,
    pub(crate) ids: Vec<u32>,
    /// Which input of its request.
    pub(crate) index: u32,
    pub(crate) answer: UnboundedSender<Done>,
    /// Set when nobody waits for it any more.
    pub(crate) cancelled: Arc<AtomicBool>,
}

/// What became of a text: which one, and its vector or why there is none.
pub(crate) type Done = (u32, Result<Vec<f32>, String>);

/// What waits.
#[derive(Default)]
struct Waiting {
    short: VecDeque<Job>,
    long: VecDeque<Job>,
    tokens: usize,
    ended: bool,
}

/// Texts that wait, and the threads that work.
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    ready: Condvar,
    limit: usize,
}

/// There is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full {
    /// Tokens that wait already.
    pub(crate) tokens: usize,
}

impl Queue {
    /// Starts so many threads. They end when the last handle beside theirs says [`Queue::end`].
    pub(crate) fn start(threads: usize, limit: usize) -> std::io::Result<Arc<Self>> {
        let queue = Arc::new(Self { waiting: Mutex::default(), ready: Condvar::new(), limit });
        for number in 0..threads.max(1) {
            let queue = Arc::clone(&queue);
            thread::Builder::new().name(format!("encoder-{number}")).spawn(move || queue.work())?;
        }
        Ok(queue)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts all texts of a request in line, or none.
    pub(crate) fn push(&self, jobs: Vec<Job>, is_short: bool) -> Result<(), Full> {
        let mut waiting = self.waiting();
        let tokens: usize = jobs.iter().map(|job| job.ids.len()).sum();
        // A request larger than all room is taken when nothing else waits; it could not be served otherwise.
        if waiting.tokens > 0 && waiting.tokens + tokens > self.limit {
            return Err(Full { tokens: waiting.tokens });
        }
        waiting.tokens += tokens;
        let line = if is_short { &mut waiting.short } else { &mut waiting.long };
        line.extend(jobs);
        drop(waiting);
        self.ready.notify_all();
        Ok(())
    }

    /// Lets the threads end after their batch; what waits is dropped.
    pub(crate) fn end(&self) {
        let mut waiting = self.waiting();
        waiting.ended = true;
        waiting.short.clear();
        waiting.long.clear();
        drop(waiting);
        self.ready.notify_all();
    }

    /// The next batch: texts of one model, short requests first.
    fn take(&self) -> Option<Vec<Job>> {
        let mut waiting = self.waiting();
        loop {
            if waiting.ended {
                return None;
            }
            let mut batch: Vec<Job> = Vec::new();
            let mut tokens = 0;
            while let Some(job) = waiting.next(&batch, tokens) {
                waiting.tokens -= job.ids.len();
                if !job.cancelled.load(Ordering::Relaxed) {
                    tokens += job.ids.len();
                    batch.push(job);
                }
            }
            if !batch.is_empty() {
                return Some(batch);
            }
            waiting = self.ready.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn work(&self) {
        while let Some(batch) = self.take() {
            let texts: Vec<&[u32]> = batch.iter().map(|job| job.ids.as_slice()).collect();
            let Some(first) = batch.first() else { continue };
            let vectors = first.model.encode(&texts);
            // Nobody may be waiting any more.
            match vectors {
                Ok(vectors) => {
                    for (job, vector) in batch.iter().zip(vectors) {
                        let _ = job.answer.send((job.index, Ok(vector)));
                    }
                }
                Err(error) => {
                    for job in &batch {
                        let _ = job.answer.send((job.index, Err(error.to_string())));
                    }
                }
            }
        }
    }
}

impl Waiting {
    /// The next text that fits into a batch.
    fn next(&mut self, batch: &[Job], tokens: usize) -> Option<Job> {
        let line = if self.short.is_empty() { &mut self.long } else { &mut self.short };
        let job = line.front()?;
        let fits = batch.first().is_none_or(|first| {
            Arc::ptr_eq(&first.model, &job.model) && tokens + job.ids.len() <= BATCH_TOKENS
        });
        if fits { line.pop_front() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_line_takes_nothing_and_an_empty_one_anything() {
        let queue = Queue { waiting: Mutex::default(), ready: Condvar::new(), limit: 10 };
        queue.waiting().tokens = 8;
        assert_eq!(queue.push(Vec::new(), true), Ok(()));
        queue.waiting().tokens = 11;
        assert_eq!(queue.push(Vec::new(), true), Err(Full { tokens: 11 }));
        queue.waiting().tokens = 0;
        assert_eq!(queue.push(Vec::new(), false), Ok(()));
    }
}
