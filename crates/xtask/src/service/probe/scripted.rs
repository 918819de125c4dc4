//! A server whose answers are written down.

use std::io::{self, Cursor, Read, Write};

/// Answers with its bytes whatever it is sent, and keeps that.
pub(super) struct Scripted {
    answers: Cursor<Vec<u8>>,
    pub(super) sent: Vec<u8>,
}

impl Scripted {
    pub(super) fn new(answers: &[&[u8]]) -> Self {
        Self { answers: Cursor::new(answers.concat()), sent: Vec::new() }
    }
}

impl Read for Scripted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.answers.read(buffer)
    }
}

impl Write for Scripted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sent.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
