//! `find`: names, kinds, owners, modes, sizes, times; `-exec`, `-delete`, `-print0`.

use crate::files::{Follow, Stat, StatKind, join};
use crate::pattern::Pattern;
use crate::process::{Process, Ran};
use crate::tree::Flavour;

use super::identity;

/// One test or act.
enum Term {
    Name(Pattern, Fold),
    Path(Pattern),
    Kind(char),
    User(Option<u32>),
    Group(Option<u32>),
    Mode(char, u32),
    Size(char, u64),
    Newer(std::time::Duration),
    Age(char, u64),
    Empty,
    Print(&'static str),
    Delete,
    Prune,
    Exec(Vec<String>, Gather),
    Not(Box<Term>),
    Or(Vec<Term>, Vec<Term>),
    True,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fold {
    Yes,
    No,
}

/// Whether `-exec` runs once a file, or once for all (`+`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gather {
    Each,
    All,
}

struct Reader<'a> {
    words: &'a [String],
    at: usize,
    depth: u32,
    least: usize,
    most: usize,
    acts: bool,
}

pub(super) async fn find(process: &mut Process, argv: &[String]) -> Ran {
    let split = argv.iter().skip(1).position(|word| word.starts_with('-') || ["(", "!"].contains(&word.as_str()));
    let split = split.map_or(argv.len(), |at| at + 1);
    let paths = if split == 1 { vec![".".to_owned()] } else { argv[1..split].to_vec() };
    let mut reader = Reader { words: &argv[split..], at: 0, depth: 0, least: 0, most: 64, acts: false };
    let mut terms = match reader.list(process) {
        Ok(terms) if reader.at == reader.words.len() => terms,
        Ok(_) => return Ok(process.fail("unexpected ')'").await),
        Err(message) => return Ok(process.fail(message).await),
    };
    if !reader.acts {
        terms = vec![Term::Or(terms, Vec::new()), Term::Print("\n")];
    }
    let (least, most) = (reader.least, reader.most);
    let depth_first = terms_delete(&terms);
    let mut code = 0;
    let mut gathered: Vec<String> = Vec::new();
    // A path with its depth, and whether what is below was gone through already.
    let mut open: Vec<(String, usize, bool)> = paths.into_iter().rev().map(|path| (path, 0, false)).collect();
    while let Some((path, depth, is_back)) = open.pop() {
        process.step(2).await?;
        let stat = match process.stat(&path, Follow::No) {
            Ok(stat) => stat,
            Err(error) => {
                code = process
                    .fail(match process.flavour {
                        Flavour::Busybox => format!("{path}: {error}"),
                        Flavour::Gnu => format!("'{path}': {error}"),
                    })
                    .await;
                continue;
            }
        };
        let below = stat.is_directory() && depth < most;
        if depth_first && below && !is_back {
            open.push((path.clone(), depth, true));
        }
        let mut prunes = false;
        if (!depth_first || !below || is_back) && depth >= least {
            let mut visit = Visit { path: &path, stat: &stat, prunes: false, code: 0, gathered: &mut gathered };
            visit.all(process, &terms).await?;
            prunes = visit.prunes;
            code |= visit.code;
        }
        if below && !is_back && !prunes {
            match process.kernel.files.list(process.walker(), &path) {
                Ok(entries) => {
                    open.extend(entries.into_iter().rev().map(|(name, _)| (join(&path, &name), depth + 1, false)));
                }
                Err(error) => {
                    code = process
                        .fail(match process.flavour {
                            Flavour::Busybox => format!("{path}: {error}"),
                            Flavour::Gnu => format!("'{path}': {error}"),
                        })
                        .await;
                }
            }
        }
    }
    if !gathered.is_empty()
        && let Some(command) = command_for_all(&terms)
    {
        let argv: Vec<String> =
            command.iter().flat_map(|word| if word == "{}" { gathered.clone() } else { vec![word.clone()] }).collect();
        code |= start(process, &argv).await;
    }
    Ok(code)
}

fn terms_delete(terms: &[Term]) -> bool {
    terms.iter().any(|term| match term {
        Term::Delete => true,
        Term::Not(inner) => terms_delete(std::slice::from_ref(inner)),
        Term::Or(left, right) => terms_delete(left) || terms_delete(right),
        _ => false,
    })
}

fn command_for_all(terms: &[Term]) -> Option<Vec<String>> {
    terms.iter().find_map(|term| match term {
        Term::Exec(words, Gather::All) => Some(words.clone()),
        Term::Not(inner) => command_for_all(std::slice::from_ref(inner)),
        Term::Or(left, right) => command_for_all(left).or_else(|| command_for_all(right)),
        _ => None,
    })
}

async fn start(process: &Process, argv: &[String]) -> i32 {
    match process.fork(argv) {
        Ok(mut child) => {
            child.name.clone_from(&process.name);
            child.run(argv.to_vec()).await
        }
        Err(error) => process.fail(format!("can't fork: {error}")).await,
    }
}

struct Visit<'a> {
    path: &'a str,
    stat: &'a Stat,
    prunes: bool,
    code: i32,
    gathered: &'a mut Vec<String>,
}

impl Visit<'_> {
    fn all<'a>(
        &'a mut self,
        process: &'a Process,
        terms: &'a [Term],
    ) -> crate::Future<'a, Result<bool, crate::process::Halt>> {
        Box::pin(async move {
            for term in terms {
                if !self.one(process, term).await? {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }

    async fn one(&mut self, process: &Process, term: &Term) -> Result<bool, crate::process::Halt> {
        let compare = |sign: char, value: u64, wanted: u64| match sign {
            '+' => value > wanted,
            '-' => value < wanted,
            _ => value == wanted,
        };
        let stat = self.stat;
        Ok(match term {
            Term::True => true,
            Term::Name(pattern, fold) => {
                let name = self.path.trim_end_matches('/').rsplit('/').next().unwrap_or(self.path);
                match fold {
                    Fold::Yes => pattern.matches(&name.to_lowercase()),
                    Fold::No => pattern.matches(name),
                }
            }
            Term::Path(pattern) => pattern.matches(self.path),
            Term::Kind(letter) => matches!(
                (&stat.kind, letter),
                (StatKind::File, 'f')
                    | (StatKind::Directory, 'd')
                    | (StatKind::Link(_), 'l')
                    | (StatKind::Device(_), 'c')
            ),
            Term::User(uid) => *uid == Some(stat.uid),
            Term::Group(gid) => *gid == Some(stat.gid),
            Term::Mode(sign, mode) => match sign {
                '-' => stat.mode & mode == *mode,
                '/' | '+' => stat.mode & mode != 0 || *mode == 0,
                _ => stat.mode == *mode,
            },
            Term::Size(sign, size) => compare(*sign, stat.size.div_ceil(512), size.div_ceil(512)),
            Term::Newer(time) => stat.modified > *time,
            Term::Age(sign, minutes) => {
                compare(*sign, process.now().saturating_sub(stat.modified).as_secs() / 60, *minutes)
            }
            Term::Empty if stat.is_directory() => {
                process.kernel.files.list(process.walker(), self.path).is_ok_and(|entries| entries.is_empty())
            }
            Term::Empty => stat.kind == StatKind::File && stat.size == 0,
            Term::Print(end) => {
                process.out(format!("{}{end}", self.path)).await?;
                true
            }
            Term::Prune => {
                self.prunes = true;
                true
            }
            Term::Delete => {
                let files = &process.kernel.files;
                let removed = if stat.is_directory() {
                    files.remove_directory(process.walker(), self.path)
                } else {
                    files.unlink(process.walker(), self.path)
                };
                match removed {
                    Ok(()) => true,
                    Err(error) => {
                        self.code = process.fail(format!("{}: {error}", self.path)).await;
                        false
                    }
                }
            }
            Term::Exec(_, Gather::All) => {
                if self.gathered.len() < 4096 {
                    self.gathered.push(self.path.to_owned());
                }
                true
            }
            Term::Exec(words, Gather::Each) => {
                let argv: Vec<String> = words.iter().map(|word| word.replace("{}", self.path)).collect();
                start(process, &argv).await == 0
            }
            Term::Not(inner) => !self.all(process, std::slice::from_ref(inner)).await?,
            Term::Or(left, right) => {
                self.all(process, left).await? || (!right.is_empty() && self.all(process, right).await?)
            }
        })
    }
}

impl Reader<'_> {
    fn list(&mut self, process: &Process) -> Result<Vec<Term>, String> {
        self.depth += 1;
        if self.depth > 16 {
            return Err("expression nested too deep".to_owned());
        }
        let mut terms = Vec::new();
        while let Some(word) = self.words.get(self.at) {
            match word.as_str() {
                ")" if self.depth > 1 => break,
                "-o" | "-or" => {
                    self.at += 1;
                    let right = self.list(process)?;
                    self.depth -= 1;
                    return Ok(vec![Term::Or(terms, right)]);
                }
                "-a" | "-and" => self.at += 1,
                _ => terms.push(self.term(process)?),
            }
        }
        self.depth -= 1;
        Ok(terms)
    }

    fn value(&mut self, name: &str) -> Result<String, String> {
        self.at += 1;
        self.words.get(self.at - 1).cloned().ok_or_else(|| format!("option requires an argument: {name}"))
    }

    fn term(&mut self, process: &Process) -> Result<Term, String> {
        let word = self.words[self.at].clone();
        self.at += 1;
        let signed = |text: &str| match text.chars().next() {
            Some(sign @ ('+' | '-' | '/')) => (sign, text[1..].to_owned()),
            _ => ('=', text.to_owned()),
        };
        Ok(match word.as_str() {
            "!" | "-not" => {
                self.depth += 1;
                if self.depth > 16 || self.at >= self.words.len() {
                    return Err("bad expression".to_owned());
                }
                let inner = self.term(process)?;
                self.depth -= 1;
                Term::Not(Box::new(inner))
            }
            "(" => {
                let inner = self.list(process)?;
                if self.words.get(self.at).map(String::as_str) != Some(")") {
                    return Err("missing ')'".to_owned());
                }
                self.at += 1;
                Term::Or(inner, Vec::new())
            }
            "-name" => Term::Name(Pattern::new(&self.value("-name")?), Fold::No),
            "-iname" => Term::Name(Pattern::new(&self.value("-iname")?.to_lowercase()), Fold::Yes),
            "-path" | "-wholename" => Term::Path(Pattern::new(&self.value("-path")?)),
            "-type" => Term::Kind(self.value("-type")?.chars().next().unwrap_or('f')),
            "-user" => {
                let name = self.value("-user")?;
                Term::User(name.parse().ok().or_else(|| identity::user(process, &name)?.get(2)?.parse().ok()))
            }
            "-group" => {
                let name = self.value("-group")?;
                Term::Group(name.parse().ok().or_else(|| identity::group(process, &name)))
            }
            "-perm" => {
                let text = self.value("-perm")?;
                let (sign, mode) = signed(&text);
                match u32::from_str_radix(&mode, 8).ok().or_else(|| super::change::mode(&mode, 0, 0, false)) {
                    Some(mode) => Term::Mode(sign, mode),
                    None => return Err(format!("invalid mode '{text}'")),
                }
            }
            "-size" => {
                let text = self.value("-size")?;
                let (sign, size) = signed(&text);
                let size =
                    if size.ends_with(|letter: char| letter.is_ascii_digit()) { format!("{size}b") } else { size };
                Term::Size(sign, super::count(&size).ok_or_else(|| format!("invalid number '{text}'"))?)
            }
            "-newer" => {
                let path = self.value("-newer")?;
                let stat = process.stat(&path, Follow::Yes).map_err(|error| format!("{path}: {error}"))?;
                Term::Newer(stat.modified)
            }
            "-mmin" | "-mtime" => {
                let text = self.value(&word)?;
                let (sign, number) = signed(&text);
                let number: u64 = number.parse().map_err(|_| format!("invalid number '{text}'"))?;
                Term::Age(sign, if word == "-mtime" { number.saturating_mul(1440) } else { number })
            }
            "-empty" => Term::Empty,
            "-maxdepth" => {
                self.most = self.value("-maxdepth")?.parse().map_err(|_| "invalid number".to_owned())?;
                self.most = self.most.min(64);
                Term::True
            }
            "-mindepth" => {
                self.least = self.value("-mindepth")?.parse().map_err(|_| "invalid number".to_owned())?;
                Term::True
            }
            "-xdev" | "-mount" | "-depth" | "-follow" | "-true" => Term::True,
            "-print" => self.act(Term::Print("\n")),
            "-print0" => self.act(Term::Print("\0")),
            "-delete" => self.act(Term::Delete),
            "-prune" => Term::Prune,
            "-exec" => {
                let rest = &self.words[self.at..];
                let end = rest
                    .iter()
                    .position(|word| word == ";" || word == "+")
                    .ok_or_else(|| "-exec requires an argument".to_owned())?;
                let gather = if rest[end] == "+" { Gather::All } else { Gather::Each };
                let words = rest[..end].to_vec();
                if words.is_empty() {
                    return Err("-exec requires an argument".to_owned());
                }
                self.at += end + 1;
                self.act(Term::Exec(words, gather))
            }
            other => return Err(format!("unrecognized: {other}")),
        })
    }

    fn act(&mut self, term: Term) -> Term {
        self.acts = true;
        term
    }
}
