//! `test`, `[` and `expr`.

use crate::files::{Follow, Right, StatKind};
use crate::process::{Process, Ran};
use crate::tree::Flavour;

/// An expression that is none, with what is wrong.
pub(crate) struct Bad(pub(crate) String);

pub(super) async fn test(process: &mut Process, argv: &[String]) -> Ran {
    let mut words: Vec<&str> = argv[1..].iter().map(String::as_str).collect();
    let closing = match argv[0].as_str() {
        "[" => Some("]"),
        "[[" => Some("]]"),
        _ => None,
    };
    if let Some(closing) = closing
        && words.pop() != Some(closing)
    {
        let message = match process.flavour {
            Flavour::Busybox => format!("missing {closing}"),
            Flavour::Gnu => format!("missing `{closing}'"),
        };
        process.complain(message).await;
        return Ok(2);
    }
    let mut reader = Reader { process, words: &words, at: 0, depth: 0 };
    let result = reader.or();
    let left = reader.at < words.len();
    match result {
        Ok(value) if !left => Ok(i32::from(!value)),
        Ok(_) => {
            process.complain(format!("{}: unexpected operator", words.get(1).unwrap_or(&""))).await;
            Ok(2)
        }
        Err(Bad(message)) => {
            process.complain(message).await;
            Ok(2)
        }
    }
}

struct Reader<'a> {
    process: &'a Process,
    words: &'a [&'a str],
    at: usize,
    depth: u32,
}

impl Reader<'_> {
    fn or(&mut self) -> Result<bool, Bad> {
        let mut value = self.and()?;
        while self.words.get(self.at) == Some(&"-o") {
            self.at += 1;
            value |= self.and()?;
        }
        Ok(value)
    }

    fn and(&mut self) -> Result<bool, Bad> {
        let mut value = self.not()?;
        while self.words.get(self.at) == Some(&"-a") {
            self.at += 1;
            value &= self.not()?;
        }
        Ok(value)
    }

    fn not(&mut self) -> Result<bool, Bad> {
        let left = self.words.len() - self.at;
        let mut negated = false;
        // `! = x` compares, `!` alone is a text that is not empty.
        while self.words.get(self.at) == Some(&"!") && left > 1 && !self.is_binary(self.at) {
            negated = !negated;
            self.at += 1;
        }
        Ok(self.primary()? != negated)
    }

    fn is_binary(&self, at: usize) -> bool {
        self.words.get(at + 1).is_some_and(|sign| OPERATORS.contains(sign)) && self.words.len() > at + 2
    }

    fn primary(&mut self) -> Result<bool, Bad> {
        let Some(first) = self.words.get(self.at).copied() else { return Ok(false) };
        if self.is_binary(self.at) {
            let (sign, right) = (self.words[self.at + 1], self.words[self.at + 2]);
            self.at += 3;
            return binary(self.process, first, sign, right).unwrap_or(Ok(false));
        }
        if first == "(" && self.words.len() - self.at > 2 {
            self.depth += 1;
            if self.depth > 16 {
                return Err(Bad("too many parentheses".to_owned()));
            }
            self.at += 1;
            let value = self.or()?;
            if self.words.get(self.at) != Some(&")") {
                return Err(Bad("closing paren expected".to_owned()));
            }
            self.at += 1;
            self.depth -= 1;
            return Ok(value);
        }
        if first.len() == 2 && first.starts_with('-') && self.words.len() - self.at > 1 {
            let word = self.words[self.at + 1];
            if let Some(value) = unary(self.process, first, word) {
                self.at += 2;
                return Ok(value);
            }
            if self.words.len() - self.at == 2 {
                return Err(Bad(format!("{first}: unknown operand")));
            }
        }
        self.at += 1;
        Ok(!first.is_empty())
    }
}

const OPERATORS: [&str; 15] =
    ["=", "==", "!=", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef", "=~"];

/// Returns whether a file or text is so; `None` for an operator that there is not.
pub(crate) fn unary(process: &Process, sign: &str, word: &str) -> Option<bool> {
    let stat = || process.stat(word, Follow::Yes);
    let may = |right| process.kernel.files.may(process.walker(), word, right).is_ok();
    Some(match sign {
        "-z" => word.is_empty(),
        "-n" => !word.is_empty(),
        "-e" | "-a" => stat().is_ok(),
        "-f" => stat().is_ok_and(|stat| stat.kind == StatKind::File),
        "-d" => stat().is_ok_and(|stat| stat.is_directory()),
        "-L" | "-h" => process.stat(word, Follow::No).is_ok_and(|stat| matches!(stat.kind, StatKind::Link(_))),
        "-c" => stat().is_ok_and(|stat| matches!(stat.kind, StatKind::Device(_))),
        "-b" | "-p" | "-S" => false,
        "-s" => stat().is_ok_and(|stat| stat.size > 0),
        "-r" => may(Right::Read),
        "-w" => may(Right::Write),
        "-x" => may(Right::Execute),
        "-u" => stat().is_ok_and(|stat| stat.mode & 0o4000 != 0),
        "-g" => stat().is_ok_and(|stat| stat.mode & 0o2000 != 0),
        "-k" => stat().is_ok_and(|stat| stat.mode & 0o1000 != 0),
        "-O" => stat().is_ok_and(|stat| stat.uid == process.who.uid),
        "-G" => stat().is_ok_and(|stat| stat.gid == process.who.gid),
        "-N" => false,
        "-t" => word.parse().is_ok_and(|number| process.fd(number).is_ok_and(|fd| fd.is_terminal())),
        _ => return None,
    })
}

/// Compares numbers.
pub(crate) fn compare(sign: &str, left: i64, right: i64) -> bool {
    match sign {
        "-eq" => left == right,
        "-ne" => left != right,
        "-lt" => left < right,
        "-le" => left <= right,
        "-gt" => left > right,
        _ => left >= right,
    }
}

/// Returns whether two words are in a relation; `None` for an operator that there is not.
pub(crate) fn binary(process: &Process, left: &str, sign: &str, right: &str) -> Option<Result<bool, Bad>> {
    Some(Ok(match sign {
        "=" | "==" => left == right,
        "!=" => left != right,
        "<" => left < right,
        ">" => left > right,
        "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" => {
            let number = |word: &str| {
                word.trim().parse::<i64>().map_err(|_| {
                    let dash = process.place.entry.argv().first().is_some_and(|first| first.ends_with("bash"));
                    Bad(match process.flavour {
                        Flavour::Busybox => format!("{word}: bad number"),
                        Flavour::Gnu if dash => format!("{word}: integer expression expected"),
                        Flavour::Gnu => format!("Illegal number: {word}"),
                    })
                })
            };
            match (number(left), number(right)) {
                (Ok(left), Ok(right)) => compare(sign, left, right),
                (Err(bad), _) | (_, Err(bad)) => return Some(Err(bad)),
            }
        }
        "-nt" | "-ot" => {
            let time = |word: &str| process.stat(word, Follow::Yes).ok().map(|stat| stat.modified);
            if sign == "-nt" { time(left) > time(right) } else { time(left) < time(right) }
        }
        "-ef" => {
            let place = |word: &str| process.stat(word, Follow::Yes).ok().map(|stat| (stat.mount, stat.ino));
            place(left).is_some() && place(left) == place(right)
        }
        _ => return None,
    }))
}

pub(super) async fn expr(process: &mut Process, argv: &[String]) -> Ran {
    let words: Vec<&str> = argv[1..].iter().map(String::as_str).collect();
    let mut reader = Expr { words: &words, at: 0, depth: 0 };
    match reader.level(0) {
        Ok(value) if reader.at == words.len() && !words.is_empty() => {
            process.out(format!("{value}\n")).await?;
            Ok(i32::from(value.is_empty() || value == "0"))
        }
        Ok(_) => {
            process.complain("syntax error").await;
            Ok(2)
        }
        Err(message) => {
            process.complain(message).await;
            Ok(2)
        }
    }
}

struct Expr<'a> {
    words: &'a [&'a str],
    at: usize,
    depth: u32,
}

const EXPR: [&[&str]; 6] =
    [&["|"], &["&"], &["<", "<=", "=", "==", "!=", ">=", ">"], &["+", "-"], &["*", "/", "%"], &[":"]];

impl Expr<'_> {
    fn level(&mut self, level: usize) -> Result<String, &'static str> {
        let Some(signs) = EXPR.get(level) else { return self.primary() };
        let mut left = self.level(level + 1)?;
        while let Some(sign) = self.words.get(self.at).filter(|sign| signs.contains(sign)) {
            self.at += 1;
            let right = self.level(level + 1)?;
            let numbers = || Some((left.parse::<i64>().ok()?, right.parse::<i64>().ok()?));
            let truth = |value: bool| if value { "1".to_owned() } else { "0".to_owned() };
            let empty = |text: &str| text.is_empty() || text == "0";
            left = match *sign {
                "|" => {
                    if empty(&left) {
                        right
                    } else {
                        left
                    }
                }
                "&" => {
                    if empty(&left) || empty(&right) {
                        "0".to_owned()
                    } else {
                        left
                    }
                }
                ":" => {
                    let regex = super::regexp::basic(&format!("^{right}"), super::regexp::Letters::Exact)
                        .ok_or("bad pattern")?;
                    match regex.captures(left.as_bytes()) {
                        Some(found) if found.len() > 1 => found
                            .get(1)
                            .map(|part| String::from_utf8_lossy(part.as_bytes()).into_owned())
                            .unwrap_or_default(),
                        Some(found) => found.get(0).map_or(0, |part| part.as_bytes().len()).to_string(),
                        None if right.contains("\\(") => String::new(),
                        None => "0".to_owned(),
                    }
                }
                "+" | "-" | "*" | "/" | "%" => {
                    let (one, two) = numbers().ok_or("non-integer argument")?;
                    if ["/", "%"].contains(sign) && two == 0 {
                        return Err("division by zero");
                    }
                    match *sign {
                        "+" => one.wrapping_add(two),
                        "-" => one.wrapping_sub(two),
                        "*" => one.wrapping_mul(two),
                        "/" => one.wrapping_div(two),
                        _ => one.wrapping_rem(two),
                    }
                    .to_string()
                }
                sign => {
                    let order = match numbers() {
                        Some((one, two)) => one.cmp(&two),
                        None => left.cmp(&right),
                    };
                    truth(match sign {
                        "<" => order.is_lt(),
                        "<=" => order.is_le(),
                        "=" | "==" => order.is_eq(),
                        "!=" => order.is_ne(),
                        ">=" => order.is_ge(),
                        _ => order.is_gt(),
                    })
                }
            };
        }
        Ok(left)
    }

    fn primary(&mut self) -> Result<String, &'static str> {
        let Some(word) = self.words.get(self.at) else { return Err("syntax error") };
        self.at += 1;
        match *word {
            "(" => {
                self.depth += 1;
                if self.depth > 16 {
                    return Err("syntax error");
                }
                let value = self.level(0)?;
                if self.words.get(self.at) != Some(&")") {
                    return Err("syntax error");
                }
                self.at += 1;
                self.depth -= 1;
                Ok(value)
            }
            "length" if self.at < self.words.len() => {
                let text = self.primary()?;
                Ok(text.chars().count().to_string())
            }
            "substr" if self.words.len() - self.at >= 3 => {
                let (text, from, length) = (self.primary()?, self.primary()?, self.primary()?);
                let (from, length): (usize, usize) = (from.parse().unwrap_or(0), length.parse().unwrap_or(0));
                Ok(text.chars().skip(from.saturating_sub(1)).take(length).collect())
            }
            word => Ok(word.to_owned()),
        }
    }
}
