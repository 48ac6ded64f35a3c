//! The loop that stands beside a running task: output, keys, signals, time limit, and its end.

use std::io;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, kill_current_process_group, kill_process_group};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGWINCH};

use super::keyboard::Typed;
use super::log::{LogRecorder, LogSink, LogSummary};
use super::run::RunOptions;
use super::signals::SignalWatch;
use super::start::Task;

/// How long a task among others may take to notice that all are to be ended.
const CANCEL_LOOK_EVERY: Duration = Duration::from_millis(50);
/// A stop signal to ourselves takes effect within this time, if at all.
const STOP_TAKES_AT_MOST: Duration = Duration::from_millis(100);
/// So many Ctrl-C in a row mean: now.
const IMPATIENT_INTERRUPTS: u32 = 3;

/// Watches one task from its start to its end.
pub(super) struct Supervisor<'a> {
    signals: SignalWatch,
    log: LogRecorder<'a>,
    cancel: Option<&'a AtomicBool>,
    kill_grace: Duration,
    interrupt_grace: Duration,
    drain: Duration,
    time_limit: Option<Instant>,
    state: State,
    ended: Option<(ExitStatus, Instant)>,
    timed_out: bool,
    stopped_by: Option<i32>,
}

/// How far the ending of the tree has come.
#[derive(Clone, Copy, Debug)]
enum State {
    Running,
    /// Ctrl-C was forwarded, so many times; at the deadline SIGTERM follows.
    Interrupted {
        deadline: Instant,
        times: u32,
    },
    /// SIGTERM was sent; at the deadline SIGKILL follows.
    Terminating {
        deadline: Instant,
    },
    Killed,
}

/// What a supervisor knows at the end.
pub(super) struct Supervised {
    pub(super) timed_out: bool,
    pub(super) stopped_by: Option<i32>,
    pub(super) log: LogSummary,
}

impl<'a> Supervisor<'a> {
    /// Watches signals from here on, so that none between this and the start of the task is lost.
    pub(super) fn new(
        options: &RunOptions<'_>,
        log: Option<&'a mut (dyn LogSink + Send)>,
        cancel: Option<&'a AtomicBool>,
    ) -> io::Result<Self> {
        let limit = options.timeout_ms.map(Duration::from_millis);
        Ok(Self {
            signals: SignalWatch::start()?,
            log: LogRecorder::new(log, options.log_bounds),
            cancel,
            kill_grace: Duration::from_millis(options.kill_grace_ms),
            interrupt_grace: Duration::from_millis(options.interrupt_grace_ms),
            drain: Duration::from_millis(options.drain_ms),
            time_limit: limit.and_then(|limit| Instant::now().checked_add(limit)),
            state: State::Running,
            ended: None,
            timed_out: false,
            stopped_by: None,
        })
    }

    /// Returns the status of the task when it has ended and its output is passed on.
    pub(super) fn watch(&mut self, task: &mut Task<'_>) -> io::Result<ExitStatus> {
        loop {
            self.look_at_task(task)?;
            if let Some(status) = self.is_over(task) {
                task.relays.iter_mut().for_each(super::relay::Relay::finish);
                return Ok(status);
            }
            let ready = self.wait(task)?;
            for signal in self.signals.pending() {
                self.on_signal(signal, task);
            }
            if ready.keyboard {
                self.on_keys(task);
            }
            for (relay, _) in task.relays.iter_mut().zip(&ready.relays).filter(|(_, is)| **is) {
                relay.advance(&mut self.log);
            }
            self.on_time(task);
        }
    }

    /// After being told to stop: nothing of the tree lives on.
    pub(super) fn clear_up(&self, task: &Task<'_>) {
        match self.state {
            State::Running => {}
            State::Interrupted { .. } | State::Terminating { .. } => {
                task.tree.sweep(self.kill_grace);
            }
            State::Killed => task.tree.kill(),
        }
    }

    pub(super) fn finish(self) -> Supervised {
        Supervised {
            timed_out: self.timed_out,
            stopped_by: self.stopped_by,
            log: self.log.finish(),
        }
    }

    fn look_at_task(&mut self, task: &mut Task<'_>) -> io::Result<()> {
        if self.ended.is_some() {
            return Ok(());
        }
        if let Some(status) = task.process.0.try_wait()? {
            self.ended = Some((status, Instant::now()));
            task.relays.iter_mut().for_each(super::relay::Relay::note_end_of_task);
        }
        Ok(())
    }

    /// The task has ended, and either all streams have, or what it wrote is passed on and something
    /// it left behind has kept a stream open long enough.
    fn is_over(&self, task: &Task<'_>) -> Option<ExitStatus> {
        let (status, ended_at) = self.ended?;
        let all_done = task.relays.iter().all(super::relay::Relay::is_done);
        let drained = ended_at.elapsed() >= self.drain
            && task.relays.iter().all(super::relay::Relay::has_passed_on);
        (all_done || drained).then_some(status)
    }

    fn wait(&self, task: &Task<'_>) -> io::Result<Ready> {
        let mut wishes = vec![PollFd::new(&self.signals, PollFlags::IN)];
        let keyboard = task.keyboard.as_ref().and_then(super::keyboard::Keyboard::wish);
        let has_keyboard = keyboard.is_some();
        wishes.extend(keyboard);
        let relays: Vec<Option<PollFd<'_>>> =
            task.relays.iter().map(super::relay::Relay::wish).collect();
        let has_wish: Vec<bool> = relays.iter().map(Option::is_some).collect();
        wishes.extend(relays.into_iter().flatten());
        match poll(&mut wishes, self.patience().as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut ready = wishes.iter().map(|wish| !wish.revents().is_empty()).skip(1);
        Ok(Ready {
            keyboard: has_keyboard && ready.next().unwrap_or(false),
            relays: has_wish.into_iter().map(|has| has && ready.next().unwrap_or(false)).collect(),
        })
    }

    /// Time until something must be done without any event.
    fn patience(&self) -> Option<Timespec> {
        let state = match self.state {
            State::Interrupted { deadline, .. } | State::Terminating { deadline } => Some(deadline),
            State::Running | State::Killed => None,
        };
        let limit = self.time_limit.filter(|_| !self.timed_out && self.ended.is_none());
        let drained = self.ended.map(|(_, ended_at)| ended_at + self.drain);
        let now = Instant::now();
        let next = [state, limit, drained].into_iter().flatten().min();
        let cancel = self.cancel.map(|_| CANCEL_LOOK_EVERY);
        let wait = next.map(|at| at.saturating_duration_since(now)).into_iter().chain(cancel).min();
        // Rounded up, so that a deadline is over when the wait is.
        let wait = wait.map(|wait| wait + Duration::from_millis(1));
        wait.and_then(|wait| Timespec::try_from(wait).ok())
    }

    fn on_signal(&mut self, signal: i32, task: &Task<'_>) {
        match signal {
            SIGWINCH => {
                if let Some(keyboard) = &task.keyboard {
                    keyboard.take_over_size();
                }
            }
            SIGINT | SIGQUIT => {
                if !task.shares_terminal {
                    forward(signal, task);
                }
                self.interrupt(signal, task);
            }
            SIGTERM | SIGHUP => {
                self.stopped_by = Some(signal);
                let signal = if signal == SIGHUP { Signal::HUP } else { Signal::TERM };
                self.terminate(signal, task);
            }
            _ => {}
        }
    }

    fn on_keys(&mut self, task: &mut Task<'_>) {
        let Some(keyboard) = &mut task.keyboard else {
            return;
        };
        match keyboard.advance(task.tree.child) {
            Typed::Nothing => {}
            // Who goes on typing goes on working: the Ctrl-C before was not meant for the whole
            // task.
            Typed::Keys => {
                if matches!(self.state, State::Interrupted { .. }) {
                    self.state = State::Running;
                    self.stopped_by = None;
                }
            }
            Typed::Interrupt => self.interrupt(SIGINT, task),
            Typed::Suspend => self.suspend(task),
        }
    }

    /// Stops the tree, then wgx itself with its terminal as it was, until somebody continues it.
    fn suspend(&mut self, task: &Task<'_>) {
        let Some(keyboard) = &task.keyboard else {
            return;
        };
        task.tree.signal_all(Signal::STOP);
        keyboard.give_back();
        // Without job control the system ignores this signal, and the task just goes on.
        let _ = kill_current_process_group(Signal::TSTP);
        self.await_continuation(task);
        keyboard.take_back();
        task.tree.signal_all(Signal::CONT);
    }

    /// The stop may reach this thread a little later than the call returns; what ends the wait then
    /// is the signal to continue. The end of the wait alone means that nothing was stopped.
    fn await_continuation(&mut self, task: &Task<'_>) {
        let deadline = Instant::now() + STOP_TAKES_AT_MOST;
        let mut continued = false;
        while !continued && Instant::now() < deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            let wait = Timespec::try_from(left).ok();
            // An interrupted wait is looked at like any other.
            let _ = poll(&mut [PollFd::new(&self.signals, PollFlags::IN)], wait.as_ref());
            for signal in self.signals.pending() {
                continued |= signal == SIGCONT;
                self.on_signal(signal, task);
            }
        }
    }

    fn on_time(&mut self, task: &Task<'_>) {
        let now = Instant::now();
        if self.ended.is_none() && !self.timed_out && self.time_limit.is_some_and(|at| now >= at) {
            self.timed_out = true;
            self.terminate(Signal::TERM, task);
        }
        let is_cancelled = self.cancel.is_some_and(|cancel| cancel.load(Ordering::SeqCst));
        if is_cancelled && matches!(self.state, State::Running | State::Interrupted { .. }) {
            self.stopped_by = self.stopped_by.or(Some(SIGTERM));
            self.terminate(Signal::TERM, task);
        }
        match self.state {
            State::Interrupted { deadline, .. } if now >= deadline => {
                let reads_keys = task.keyboard.as_ref().is_some_and(|it| !it.is_in_line_mode());
                if reads_keys {
                    self.state = State::Running;
                    self.stopped_by = None;
                } else {
                    self.terminate(Signal::TERM, task);
                }
            }
            State::Terminating { deadline } if now >= deadline => {
                task.tree.kill();
                self.state = State::Killed;
            }
            _ => {}
        }
    }

    fn interrupt(&mut self, signal: i32, task: &Task<'_>) {
        self.stopped_by = Some(signal);
        self.state = match self.state {
            State::Running => {
                State::Interrupted { deadline: Instant::now() + self.interrupt_grace, times: 1 }
            }
            State::Interrupted { times, .. } if times + 1 >= IMPATIENT_INTERRUPTS => {
                return self.terminate(Signal::TERM, task);
            }
            State::Interrupted { deadline, times } => {
                State::Interrupted { deadline, times: times + 1 }
            }
            later @ (State::Terminating { .. } | State::Killed) => later,
        };
    }

    fn terminate(&mut self, signal: Signal, task: &Task<'_>) {
        if matches!(self.state, State::Running | State::Interrupted { .. }) {
            task.tree.signal_all(signal);
            self.state = State::Terminating { deadline: Instant::now() + self.kill_grace };
        }
    }
}

/// Which wishes were granted.
struct Ready {
    keyboard: bool,
    relays: Vec<bool>,
}

/// Passes Ctrl-C or Ctrl-\ on to whom a terminal would send it.
fn forward(signal: i32, task: &Task<'_>) {
    let signal = if signal == SIGQUIT { Signal::QUIT } else { Signal::INT };
    match task.keyboard.as_ref().and_then(super::keyboard::Keyboard::foreground) {
        // A vanished group has nobody left to tell.
        Some(group) => drop(kill_process_group(group, signal)),
        None => task.tree.signal_group(signal),
    }
}
