//! Lines on their way to where they are written, by a thread of its own.
//!
//! Whoever reads the log may stop reading, and a pipe that is full stops who writes to it. Then lines are dropped and
//! counted; requests go on.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

/// Lines that may wait, each of a few hundred octets.
const LONGEST: usize = 8192;
/// How long lines are gathered before they are written: whoever logs wakes the thread once for all of them, not once for each,
/// and so many are one call of the system.
const GATHERING: Duration = Duration::from_millis(5);
/// Octets that are written at once, or a few lines more.
const PIECE: usize = 64 * 1024;
/// How long the end waits for what is still to be written.
const PATIENCE: Duration = Duration::from_secs(1);

/// What takes lines. A write never waits; each is one line.
#[derive(Clone)]
pub(super) struct Queue {
    lines: SyncSender<Entry>,
    dropped: Arc<AtomicU64>,
}

enum Entry {
    Line(Vec<u8>),
    End,
}

/// Writes, when it is dropped, what is still to be written, unless that takes long.
pub struct Flush {
    lines: SyncSender<Entry>,
    /// Closed when the last line is written.
    written: Receiver<()>,
}

/// Starts the thread that writes to `out`.
pub(super) fn start(out: impl Write + Send + 'static) -> (Queue, Flush) {
    let (lines, waiting) = sync_channel(LONGEST);
    let (done, written) = sync_channel(0);
    let dropped = Arc::new(AtomicU64::new(0));
    let queue = Queue { lines: lines.clone(), dropped: Arc::clone(&dropped) };
    let spawned = std::thread::Builder::new().name("log".to_owned()).spawn(move || {
        write(out, &waiting, &dropped);
        drop(done);
    });
    // Without a thread there is no log, and the receiver is gone: each line counts as dropped.
    drop(spawned);
    (queue, Flush { lines, written })
}

fn write(mut out: impl Write, waiting: &Receiver<Entry>, dropped: &AtomicU64) {
    let mut lines = Vec::new();
    loop {
        let mut goes_on = gather(waiting.recv().ok(), &mut lines);
        if goes_on {
            std::thread::sleep(GATHERING);
        }
        while goes_on && lines.len() < PIECE {
            match waiting.try_recv() {
                Ok(entry) => goes_on = gather(Some(entry), &mut lines),
                Err(_) => break,
            }
        }
        // Nobody is left to be told of a log that cannot be written.
        let _ = out.write_all(&lines);
        lines.clear();
        let missing = dropped.swap(0, Ordering::Relaxed);
        if missing > 0 {
            let _ = writeln!(out, "nuncio: {missing} lines of the log were dropped: nobody took them in time");
        }
        let _ = out.flush();
        if !goes_on {
            return;
        }
    }
}

/// Puts a line to the others. Whether there may be more.
fn gather(entry: Option<Entry>, lines: &mut Vec<u8>) -> bool {
    let Some(Entry::Line(line)) = entry else { return false };
    lines.extend_from_slice(&line);
    true
}

impl Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.lines.try_send(Entry::Line(line.to_vec())).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        let start = Instant::now();
        while let Err(TrySendError::Full(_)) = self.lines.try_send(Entry::End) {
            if start.elapsed() > PATIENCE {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.written.recv_timeout(PATIENCE.saturating_sub(start.elapsed()));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, mpsc};

    use super::*;

    /// What is written, once `open` is dropped.
    #[derive(Clone)]
    struct Gate {
        open: Arc<Mutex<Receiver<()>>>,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Gate {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            let _ = self.open.lock().unwrap().recv();
            self.written.lock().unwrap().extend_from_slice(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn gate() -> (mpsc::Sender<()>, Gate) {
        let (sender, open) = mpsc::channel();
        (sender, Gate { open: Arc::new(Mutex::new(open)), written: Arc::default() })
    }

    #[test]
    fn the_end_writes_what_waits() {
        let (closed, gate) = gate();
        let (mut queue, flush) = start(gate.clone());
        for line in 0..100 {
            writeln!(queue, "{line}").unwrap();
        }
        drop(closed);
        drop(flush);
        let written = gate.written.lock().unwrap();
        // A macro writes in pieces; the pieces are in order.
        let lines: Vec<&str> = str::from_utf8(&written).unwrap().lines().collect();
        assert_eq!(lines, (0..100).map(|line| line.to_string()).collect::<Vec<_>>());
    }

    #[test]
    fn lines_that_wait_are_written_together() {
        /// How often it was written to.
        struct Counted(Arc<AtomicU64>, Gate);
        impl Write for Counted {
            fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
                self.0.fetch_add(u64::from(!octets.is_empty()), Ordering::Relaxed);
                self.1.write(octets)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (closed, gate) = gate();
        let calls = Arc::new(AtomicU64::new(0));
        let (mut queue, flush) = start(Counted(Arc::clone(&calls), gate.clone()));
        queue.write_all(b"first\n").unwrap();
        while calls.load(Ordering::Relaxed) == 0 {
            std::thread::yield_now();
        }
        for _ in 0..100 {
            queue.write_all(b"more\n").unwrap();
        }
        drop(closed);
        drop(flush);
        assert_eq!(gate.written.lock().unwrap().len(), 6 + 500);
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_reader_that_stops_stops_nobody() {
        let (closed, gate) = gate();
        let (mut queue, flush) = start(gate.clone());
        let start = Instant::now();
        for _ in 0..LONGEST + 1000 {
            assert_eq!(queue.write(b"x\n").unwrap(), 2);
        }
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        drop(closed);
        drop(flush);
        let written = String::from_utf8(gate.written.lock().unwrap().clone()).unwrap();
        let (told, lines): (Vec<&str>, Vec<&str>) = written.lines().partition(|line| line.starts_with("nuncio: "));
        let dropped: usize = told.iter().map(|line| line.split(' ').nth(1).unwrap().parse::<usize>().unwrap()).sum();
        assert_eq!(lines.len() + dropped, LONGEST + 1000, "each line is written or counted");
        assert!(dropped >= 999, "{dropped}");
    }

    #[test]
    fn the_end_waits_for_nobody_for_long() {
        let (_closed, gate) = gate();
        let (mut queue, flush) = start(gate);
        queue.write_all(b"x\n").unwrap();
        let start = Instant::now();
        drop(flush);
        assert!(start.elapsed() < 2 * PATIENCE, "{:?}", start.elapsed());
    }
}
