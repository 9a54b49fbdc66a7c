//! A program in a terminal of its own: types keys, reads the screen, measures how long a change takes.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};

/// A running program and the screen it draws.
pub(crate) struct Terminal {
    child: Box<dyn portable_pty::Child + Send + Sync>,
    input: Box<dyn Write + Send>,
    screen: Arc<(Mutex<vt100::Parser>, Condvar)>,
    _pair: Box<dyn portable_pty::MasterPty + Send>,
    /// When the program was started.
    pub(crate) began: Instant,
}

impl Terminal {
    /// Starts `program` with `arguments` in a terminal of `rows` × `columns`, with `home` as the product's home.
    pub(crate) fn start(
        program: &Path,
        arguments: &[&str],
        home: &Path,
        (rows, columns): (u16, u16),
    ) -> Result<Terminal> {
        let pair = native_pty_system()
            .openpty(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 })
            .map_err(|error| anyhow::anyhow!("failed to open a terminal: {error}"))?;
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.env("ATELIER_HOME", home);
        command.env("HOME", home);
        command.env("TERM", "xterm-256color");
        command.env("LC_ALL", "C.UTF-8");
        command.env("SHELL", "/bin/bash");
        command.cwd(home);
        let began = Instant::now();
        let child = pair.slave.spawn_command(command).map_err(|error| anyhow::anyhow!("failed to start: {error}"))?;
        drop(pair.slave);
        let mut output = pair.master.try_clone_reader().map_err(|error| anyhow::anyhow!("no reader: {error}"))?;
        let input = pair.master.take_writer().map_err(|error| anyhow::anyhow!("no writer: {error}"))?;
        let screen = Arc::new((Mutex::new(vt100::Parser::new(rows, columns, 0)), Condvar::new()));
        let fed = Arc::clone(&screen);
        // The thread ends with the terminal: its read fails once the program and the pair are gone.
        std::thread::spawn(move || {
            let mut bytes = [0; 65_536];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                let (parser, changed) = &*fed;
                if let Ok(mut parser) = parser.lock() {
                    parser.process(&bytes[..count]);
                }
                changed.notify_all();
            }
        });
        Ok(Terminal { child, input, screen, _pair: pair.master, began })
    }

    /// Types bytes.
    pub(crate) fn keys(&mut self, keys: &str) -> Result<()> {
        self.input.write_all(keys.as_bytes()).context("failed to type")?;
        self.input.flush().context("failed to type")
    }

    /// Waits until the screen's text satisfies `holds`, and returns when it did.
    pub(crate) fn wait(&self, limit: Duration, holds: impl Fn(&str) -> bool) -> Result<Instant> {
        let (parser, changed) = &*self.screen;
        let deadline = Instant::now() + limit;
        let mut guard = parser.lock().map_err(|_| anyhow::anyhow!("the reader died"))?;
        loop {
            let text = guard.screen().contents();
            if holds(&text) {
                return Ok(Instant::now());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                bail!("not seen within {limit:?}; the screen is:\n{text}");
            }
            guard = changed.wait_timeout(guard, left).map_err(|_| anyhow::anyhow!("the reader died"))?.0;
        }
    }

    /// Calls `read` with the screen.
    pub(crate) fn screen<T>(&self, read: impl FnOnce(&vt100::Screen) -> T) -> Result<T> {
        let guard = self.screen.0.lock().map_err(|_| anyhow::anyhow!("the reader died"))?;
        Ok(read(guard.screen()))
    }

    /// The program's process id.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.process_id().context("the program has ended")
    }

    /// Ends the program.
    pub(crate) fn end(mut self) -> Result<()> {
        self.child.kill().context("failed to end the program")?;
        self.child.wait().context("failed to wait for the program")?;
        Ok(())
    }
}
