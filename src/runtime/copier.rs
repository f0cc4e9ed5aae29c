//! Writing the copy of the state into the database's directory, in a thread of its own: a disk that
//! hangs must not keep the scheduler waiting.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::files::replace;
use crate::error::{Error, Result};

/// A thread that replaces one file by what it is given last.
#[derive(Debug)]
pub(super) struct Copier {
    sender: Option<Sender<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
    failed: Arc<Mutex<Option<Error>>>,
}

impl Copier {
    /// Starts the thread.
    ///
    /// # Errors
    /// `system` where no thread can be made.
    pub(super) fn start(path: PathBuf) -> Result<Copier> {
        let (sender, receiver) = channel();
        let failed = Arc::new(Mutex::new(None));
        let noted = Arc::clone(&failed);
        let thread = std::thread::Builder::new()
            .name("health-state".to_owned())
            .spawn(move || copy(&path, &receiver, &noted))
            .map_err(|error| Error::system("cannot start a thread", &error))?;
        Ok(Copier {
            sender: Some(sender),
            thread: Some(thread),
            failed,
        })
    }

    /// Has the file replaced soon; content that was given before may be skipped.
    pub(super) fn give(&self, bytes: Vec<u8>) {
        if let Some(sender) = &self.sender {
            // The thread ends only with the sender.
            let _ = sender.send(bytes);
        }
    }

    /// Waits until the file holds what was given last.
    ///
    /// # Errors
    /// `system`, of the last attempt.
    pub(super) fn finish(mut self) -> Result<()> {
        self.end();
        self.take_error().map_or(Ok(()), Err)
    }

    fn end(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            // A panic there leaves an older copy, which is harmless.
            let _ = thread.join();
        }
    }

    /// Takes the error of the last attempt, where that failed.
    pub(super) fn take_error(&self) -> Option<Error> {
        self.failed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

fn copy(path: &std::path::Path, receiver: &Receiver<Vec<u8>>, failed: &Mutex<Option<Error>>) {
    while let Ok(first) = receiver.recv() {
        let newest = receiver.try_iter().last().unwrap_or(first);
        let error = replace(path, &newest, true).err();
        *failed.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }
}

impl Drop for Copier {
    fn drop(&mut self) {
        self.end();
    }
}
