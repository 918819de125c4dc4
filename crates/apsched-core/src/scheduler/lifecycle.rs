//! Start, pause, stop: the life of a scheduler.

use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::watch;

use super::Scheduler;
use super::driver::Driver;
use super::error::{Error, Result};
use super::shared::{Command, State};
use crate::engine::{Input, Intake};
use crate::event::{SchedulerStarted, SchedulerStopped};
use crate::instant;

impl Scheduler {
    /// Starts the scheduler on the current tokio runtime and returns once store and broker are ready.
    ///
    /// It goes on until [`stop`](Self::stop) or [`shutdown`](Self::shutdown), even when every handle is dropped.
    ///
    /// # Errors
    /// [`Error::AlreadyStarted`]; [`Error::Store`] or [`Error::Broker`] when they cannot be made ready.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the scheduler not started; it can be started again.
    pub async fn start_in_background(&self) -> Result<()> {
        let shared = self.shared();
        shared.connect().await?;
        let commands = shared.commands_in.lock().unwrap_or_else(PoisonError::into_inner).take();
        let commands = commands.ok_or(Error::AlreadyStarted)?;
        shared.state.send_replace(State::Running);
        tracing::info!(scheduler.id = %shared.engine_config.scheduler_id, "started");
        shared.publish(vec![SchedulerStarted::new(shared.engine_config.scheduler_id.clone()).into()]);
        let driver = Driver::new(self.clone(), commands);
        let end = End(self.clone());
        tokio::spawn(async move {
            // On a task of its own, so that those who wait are told even if the loop should panic.
            let ended = tokio::spawn(driver.drive()).await;
            end.0.ended(ended.err().map(|error| error.to_string())).await;
        });
        Ok(())
    }

    async fn ended(&self, error: Option<String>) {
        let shared = self.shared();
        let id = shared.engine_config.scheduler_id.clone();
        match &error {
            None => tracing::info!(scheduler.id = %id, "stopped"),
            Some(error) => tracing::error!(scheduler.id = %id, error, "the scheduler's loop failed"),
        }
        shared.publish(vec![SchedulerStopped::new(id, error).into()]);
        shared.stop_broker().await;
    }

    /// Runs the scheduler until it is stopped, by Ctrl-C or SIGTERM or [`stop`](Self::stop); starts it first if need be.
    ///
    /// A first signal lets running jobs finish for the drain timeout (30 s by default); a second one cancels them now.
    ///
    /// # Errors
    /// Those of [`start_in_background`](Self::start_in_background).
    ///
    /// # Cancel safety
    /// Dropping the future leaves the scheduler running.
    pub async fn run_until_stopped(&self) -> Result<()> {
        // Before the first job can run, so that no signal finds it running and nobody listening.
        let mut signals = Signals::listen();
        if self.state() == State::Created {
            self.start_in_background().await?;
        }
        let mut drain = self.shared().drain_timeout;
        loop {
            tokio::select! {
                () = self.wait_until_stopped() => return Ok(()),
                name = signals.next() => {
                    tracing::info!(signal = name, "stopping: running jobs have {drain:?} to finish");
                    self.stop_after(drain);
                    drain = Duration::ZERO;
                }
            }
        }
    }

    /// Asks the scheduler to stop and returns at once: nothing new is taken, running jobs may finish for the drain
    /// timeout (30 s by default). [`wait_until_stopped`](Self::wait_until_stopped) waits for the end.
    pub fn stop(&self) {
        self.stop_after(self.shared().drain_timeout);
    }

    /// Stops the scheduler: nothing new is taken, running jobs may finish for `drain`, then they are cancelled; returns
    /// when every lease is back.
    ///
    /// Blocking handlers are awaited however long they take. A scheduler that was not started is stopped at once: nobody
    /// who listens to its events waits any longer.
    ///
    /// # Cancel safety
    /// Dropping the future does not take the request back.
    pub async fn shutdown(&self, drain: Duration) {
        self.stop_after(drain);
        self.wait_until_stopped().await;
    }

    /// Returns when the scheduler has stopped: every job is reported, every lease is back.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn wait_until_stopped(&self) {
        let shared = self.shared();
        wait_for(shared.state.subscribe(), State::Stopped).await;
        // Of a client: of one that ran, its end did.
        shared.stop_broker().await;
    }

    /// Where the scheduler stands.
    #[must_use]
    pub fn state(&self) -> State {
        *self.shared().state.borrow()
    }

    /// Takes no new work until [`resume`](Self::resume); running jobs go on.
    ///
    /// # Errors
    /// [`Error::NotRunning`].
    pub fn pause(&self) -> Result<()> {
        self.set_intake("pause", Intake::Paused)
    }

    /// Takes work again.
    ///
    /// # Errors
    /// [`Error::NotRunning`].
    pub fn resume(&self) -> Result<()> {
        self.set_intake("resume", Intake::Open)
    }

    fn set_intake(&self, operation: &'static str, intake: Intake) -> Result<()> {
        if self.state() != State::Running {
            return Err(Error::NotRunning { operation });
        }
        self.shared()
            .commands
            .send(Command::Tell(Input::SetIntake(intake)))
            .map_err(|_| Error::NotRunning { operation })
    }

    fn stop_after(&self, drain: Duration) {
        let shared = self.shared();
        let deadline = instant::after(shared.now(), drain);
        let was_created = shared.state.send_if_modified(|state| {
            let was_created = *state == State::Created;
            if was_created {
                *state = State::Stopped;
            }
            was_created
        });
        if was_created {
            drop(shared.commands_in.lock().unwrap_or_else(PoisonError::into_inner).take());
            // Who waits for the stop does it, else this does; outside of a runtime nobody but the first can.
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                let shared = shared.clone();
                runtime.spawn(async move { shared.stop_broker().await });
            }
        } else {
            // Fails when the loop has ended: then it has stopped already.
            drop(shared.commands.send(Command::Tell(Input::Stop { deadline })));
        }
    }
}

async fn wait_for(mut state: watch::Receiver<State>, expected: State) {
    // The sender lives in the scheduler that is waited for.
    drop(state.wait_for(|state| *state == expected).await);
}

/// The end of a scheduler's loop: however it comes, by a stop, a panic, or a runtime that is dropped, those who wait for
/// it are told.
struct End(Scheduler);

impl Drop for End {
    fn drop(&mut self) {
        self.0.shared().state.send_replace(State::Stopped);
    }
}

/// Ctrl-C and SIGTERM, heard from one moment on, so that none between two looks is missed.
#[cfg(unix)]
struct Signals([(&'static str, Option<tokio::signal::unix::Signal>); 2]);

#[cfg(unix)]
impl Signals {
    fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        // Where signals cannot be listened to, none is heard.
        let listen = |kind| signal(kind).ok();
        Self([("Ctrl-C", listen(SignalKind::interrupt())), ("SIGTERM", listen(SignalKind::terminate()))])
    }

    /// The name of the next signal.
    async fn next(&mut self) -> &'static str {
        let [(interrupt, on_interrupt), (terminate, on_terminate)] = &mut self.0;
        tokio::select! {
            () = received(on_interrupt) => interrupt,
            () = received(on_terminate) => terminate,
        }
    }
}

#[cfg(unix)]
async fn received(signal: &mut Option<tokio::signal::unix::Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// Ctrl-C.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    const fn listen() -> Self {
        Self
    }

    async fn next(&mut self) -> &'static str {
        match tokio::signal::ctrl_c().await {
            Ok(()) => "Ctrl-C",
            Err(_) => std::future::pending().await,
        }
    }
}
