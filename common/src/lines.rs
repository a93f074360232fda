//! Lines for machines, written by a thread of their own: a full pipe or a slow disk holds nobody up.
#![expect(clippy::disallowed_methods, reason = "starts the thread that writes")]

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::options::StatsTarget;
use crate::queue::Queue;

/// Lines that may wait for the writer: at one a second, what a reader that pauses for seconds misses nothing of.
const WAITING: usize = 8;
/// How long the end waits for the last lines: a reader that reads at all has them by then.
const PATIENCE: Duration = Duration::from_millis(500);

/// Where lines go. Pushing never waits; the oldest line that waits gives way.
#[derive(Debug)]
pub struct Lines {
    queue: Arc<Queue<Vec<u8>>>,
    /// Closed by the writer when it has ended.
    ended: Arc<Queue<()>>,
}

impl Lines {
    /// Opens what the command line names. `failed` is told, once, why no more lines can be written.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn open(target: &StatsTarget, failed: impl FnOnce(io::Error) + Send + 'static) -> io::Result<Self> {
        Ok(match target {
            StatsTarget::Stdout => Self::to(io::stdout(), failed),
            StatsTarget::File(path) => Self::to(File::create(path)?, failed),
        })
    }

    /// Writes into `sink` and flushes it after each line. `failed` is told, once, why no more can be written.
    pub fn to(sink: impl Write + Send + 'static, failed: impl FnOnce(io::Error) + Send + 'static) -> Self {
        let lines = Self { queue: Arc::new(Queue::new(WAITING)), ended: Arc::new(Queue::new(1)) };
        let (queue, ended) = (Arc::clone(&lines.queue), Arc::clone(&lines.ended));
        thread::spawn(move || {
            if let Err(error) = write_all(&queue, sink) {
                queue.close();
                failed(error);
            }
            ended.close();
        });
        lines
    }

    /// Adds a line; its end is added to it.
    pub fn push(&self, mut line: String) {
        line.push('\n');
        self.push_bytes(line.into_bytes());
    }

    /// Adds bytes as they are.
    pub fn push_bytes(&self, bytes: Vec<u8>) {
        self.queue.push(bytes);
    }

    /// Whether no more can be written.
    #[must_use]
    pub fn have_ended(&self) -> bool {
        self.queue.is_closed()
    }
}

impl Drop for Lines {
    /// Gives the writer a moment for what waits. A writer nobody reads from is left behind.
    fn drop(&mut self) {
        self.queue.close();
        self.ended.pop_within(PATIENCE);
    }
}

fn write_all(queue: &Queue<Vec<u8>>, mut sink: impl Write) -> io::Result<()> {
    while let Some(line) = queue.pop() {
        sink.write_all(&line)?;
        sink.flush()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _};
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn every_line_is_there_at_the_end() {
        let (mut reader, writer) = io::pipe().unwrap();
        let lines = Lines::to(writer, |_| {});
        lines.push("one".to_owned());
        lines.push("two".to_owned());
        drop(lines);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "one\ntwo\n");
    }

    #[test]
    fn a_pipe_nobody_reads_from_holds_nobody_up() {
        let (reader, writer) = io::pipe().unwrap();
        let lines = Lines::to(writer, |_| {});
        (0..100).for_each(|number| lines.push(format!("{number:10000}")));
        let mut first = String::new();
        BufReader::new(reader).read_line(&mut first).unwrap();
        assert_eq!(first.len(), 10_001);
        assert!(lines.queue.dropped() > 50);
    }

    #[test]
    fn a_reader_that_has_gone_is_told_once() {
        let (reader, writer) = io::pipe().unwrap();
        let (failed, failures) = mpsc::channel();
        drop(reader);
        let lines = Lines::to(writer, move |error| failed.send(error.kind()).unwrap());
        lines.push("one".to_owned());
        assert_eq!(failures.recv().unwrap(), io::ErrorKind::BrokenPipe);
        lines.push("two".to_owned());
        drop(lines);
        assert!(failures.recv().is_err());
    }
}
