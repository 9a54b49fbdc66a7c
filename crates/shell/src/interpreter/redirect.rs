//! Redirections.

use std::sync::Arc;

use brush_parser::ast;

use crate::errno::Errno;
use crate::files::{Access, Follow};
use crate::stream::{Fd, OpenFile, Socket};
use crate::surroundings::Protocol;

use super::{Dialect, Jump, Setting, Shell};

impl Shell {
    pub(super) async fn redirect_all(&mut self, redirects: &[ast::IoRedirect]) -> Result<Result<(), i32>, Jump> {
        let all: Vec<&ast::IoRedirect> = redirects.iter().collect();
        self.redirect_refs(&all).await
    }

    /// Opens what redirections name; `Err` of the inner result is the exit code of a command whose redirection failed.
    pub(super) async fn redirect_refs(&mut self, redirects: &[&ast::IoRedirect]) -> Result<Result<(), i32>, Jump> {
        for redirect in redirects {
            if let Err(code) = self.redirect(redirect).await? {
                return Ok(Err(code));
            }
        }
        Ok(Ok(()))
    }

    async fn redirect(&mut self, redirect: &ast::IoRedirect) -> Result<Result<(), i32>, Jump> {
        use ast::{IoFileRedirectKind as Kind, IoFileRedirectTarget as Target};
        let (number, fd) = match redirect {
            ast::IoRedirect::HereString(number, word) => {
                let text = self.single(&word.value).await? + "\n";
                (number.unwrap_or(0), fixed(text))
            }
            ast::IoRedirect::HereDocument(number, document) => {
                let body = &document.doc.value;
                let body: String = if document.remove_tabs {
                    body.lines().map(|line| format!("{}\n", line.trim_start_matches('\t'))).collect()
                } else {
                    body.clone()
                };
                let text = if document.requires_expansion { self.document(&body).await? } else { body };
                (number.unwrap_or(0), fixed(text))
            }
            ast::IoRedirect::OutputAndError(word, append) => {
                let path = self.single(&word.value).await?;
                let access = if *append { Access::Append } else { Access::Write };
                let fd = match self.open(&path, access).await {
                    Ok(fd) => fd,
                    Err(code) => return Ok(Err(code)),
                };
                self.process.fds.insert(2, Fd::clone(&fd));
                (1, fd)
            }
            ast::IoRedirect::File(number, kind, target) => {
                let default = match kind {
                    Kind::Read | Kind::ReadAndWrite | Kind::DuplicateInput => 0,
                    Kind::Write | Kind::Append | Kind::Clobber | Kind::DuplicateOutput => 1,
                };
                let number = number.unwrap_or(default);
                match target {
                    Target::ProcessSubstitution(..) => {
                        self.complain("process substitution: not simulated").await;
                        return Ok(Err(2));
                    }
                    Target::Fd(other) => match self.process.fd(*other) {
                        Ok(fd) => (number, fd),
                        Err(error) => return Ok(Err(self.bad_descriptor(&other.to_string(), error).await)),
                    },
                    Target::Duplicate(word) => {
                        let text = self.single(&word.value).await?;
                        if text == "-" {
                            self.process.fds.remove(&number);
                            return Ok(Ok(()));
                        }
                        match text.parse::<i32>() {
                            Ok(other) => match self.process.fd(other) {
                                Ok(fd) => (number, fd),
                                Err(error) => return Ok(Err(self.bad_descriptor(&text, error).await)),
                            },
                            // `>&file` is both outputs.
                            Err(_) if matches!(kind, Kind::DuplicateOutput) => {
                                match self.open(&text, Access::Write).await {
                                    Ok(fd) => {
                                        self.process.fds.insert(2, Fd::clone(&fd));
                                        (number, fd)
                                    }
                                    Err(code) => return Ok(Err(code)),
                                }
                            }
                            Err(_) => return Ok(Err(self.bad_descriptor(&text, Errno::BadDescriptor).await)),
                        }
                    }
                    Target::Filename(word) => {
                        let path = self.single(&word.value).await?;
                        let access = match kind {
                            Kind::Read | Kind::DuplicateInput => Access::Read,
                            Kind::Write if self.settings.contains(&Setting::Noclobber) => {
                                let is_file = self
                                    .process
                                    .stat(&path, Follow::Yes)
                                    .is_ok_and(|stat| stat.kind == crate::files::StatKind::File);
                                if is_file { Access::CreateNew } else { Access::Write }
                            }
                            Kind::Write | Kind::Clobber | Kind::DuplicateOutput => Access::Write,
                            Kind::Append => Access::Append,
                            Kind::ReadAndWrite => Access::ReadWrite,
                        };
                        match self.open(&path, access).await {
                            Ok(fd) => (number, fd),
                            Err(code) => return Ok(Err(code)),
                        }
                    }
                }
            }
        };
        self.process.fds.insert(number, fd);
        Ok(Ok(()))
    }

    async fn bad_descriptor(&mut self, text: &str, error: Errno) -> i32 {
        self.complain(format!("{text}: {error}")).await;
        if self.dialect == Dialect::Ash { 2 } else { 1 }
    }

    async fn open(&mut self, path: &str, access: Access) -> Result<Fd, i32> {
        if self.dialect == Dialect::Bash
            && let Some((protocol, rest)) = path.strip_prefix("/dev/").and_then(|rest| rest.split_once('/'))
            && let Some(protocol) = match protocol {
                "tcp" => Some(Protocol::Tcp),
                "udp" => Some(Protocol::Udp),
                _ => None,
            }
        {
            return self.connect(path, protocol, rest).await;
        }
        match self.process.open(path, access) {
            Ok(fd) => Ok(fd),
            Err(error) => {
                let reads = access == Access::Read;
                let message = match (self.dialect, error) {
                    (Dialect::Ash, Errno::NoEntry) if reads => format!("can't open {path}: no such file"),
                    (Dialect::Ash, Errno::NoEntry) => format!("can't create {path}: nonexistent directory"),
                    (Dialect::Ash, _) if reads => format!("can't open {path}: {error}"),
                    (Dialect::Ash, _) => format!("can't create {path}: {error}"),
                    (Dialect::Dash, Errno::NoEntry) if reads => format!("cannot open {path}: No such file"),
                    (Dialect::Dash, Errno::NoEntry) => format!("cannot create {path}: Directory nonexistent"),
                    (Dialect::Dash, _) if reads => format!("cannot open {path}: {error}"),
                    (Dialect::Dash, _) => format!("cannot create {path}: {error}"),
                    (Dialect::Bash, Errno::Exists) => format!("{path}: cannot overwrite existing file"),
                    (Dialect::Bash, _) => format!("{path}: {error}"),
                };
                self.complain(message).await;
                Err(if self.dialect == Dialect::Dash { 2 } else { 1 })
            }
        }
    }

    async fn connect(&mut self, path: &str, protocol: Protocol, rest: &str) -> Result<Fd, i32> {
        let (host, port) = rest.split_once('/').unwrap_or((rest, ""));
        let Ok(port) = port.parse::<u16>() else {
            self.complain(format!("{path}: No such file or directory")).await;
            return Err(1);
        };
        let connected = crate::commands::net::dial(&self.process, host, port, protocol, None).await;
        match connected {
            Ok(stream) => Ok(Arc::new(OpenFile::Socket(Socket::new(stream)))),
            Err(crate::commands::net::DialError::Name(_)) => {
                self.complain(format!("{host}: Name or service not known")).await;
                self.complain(format!("{path}: Invalid argument")).await;
                Err(1)
            }
            Err(crate::commands::net::DialError::Connect(error)) => {
                let errno = Errno::from(error);
                self.complain(format!("connect: {errno}")).await;
                self.complain(format!("{path}: {errno}")).await;
                Err(1)
            }
        }
    }
}

fn fixed(text: String) -> Fd {
    Arc::new(OpenFile::Fixed(std::sync::Mutex::new(text.into_bytes().into())))
}
