//! Flags as kubectl's own parser takes them: anywhere, `-n ns`, `-nns`, `--namespace=ns`, `-it`, `--wait=false`.

use std::collections::BTreeMap;

use super::trouble::Trouble;

/// What a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// A value, always.
    Value,
    /// `true` unless `=false` follows.
    Switch,
    /// A value after `=` only; this one where there is none.
    Optional(&'static str),
}

/// One flag.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flag {
    /// The long name, without dashes.
    pub(crate) long: &'static str,
    /// The short letter.
    pub(crate) short: Option<char>,
    /// What it takes.
    pub(crate) takes: Takes,
}

/// A flag with a value.
pub(crate) const fn value(long: &'static str, short: Option<char>) -> Flag {
    Flag { long, short, takes: Takes::Value }
}

/// A flag that is on or off.
pub(crate) const fn switch(long: &'static str, short: Option<char>) -> Flag {
    Flag { long, short, takes: Takes::Switch }
}

/// A flag whose value is optional.
pub(crate) const fn optional(long: &'static str, without: &'static str) -> Flag {
    Flag { long, short: None, takes: Takes::Optional(without) }
}

/// The flags that every verb knows.
const EVERYWHERE: &[Flag] = &[
    value("namespace", Some('n')),
    value("kubeconfig", None),
    value("context", None),
    value("cluster", None),
    value("user", None),
    value("as", None),
    value("as-group", None),
    value("request-timeout", None),
    value("v", Some('v')),
    switch("warnings-as-errors", None),
    switch("help", Some('h')),
];

/// A command line, taken apart.
#[derive(Debug, Default)]
pub(crate) struct Given {
    /// What is not a flag, in order.
    pub(crate) words: Vec<String>,
    /// What follows `--`.
    pub(crate) after_dashes: Vec<String>,
    values: BTreeMap<&'static str, Vec<String>>,
}

impl Given {
    /// The last value of a flag.
    pub(crate) fn value(&self, flag: &str) -> Option<&str> {
        self.values.get(flag).and_then(|values| values.last()).map(String::as_str)
    }

    /// All values of a flag that may be repeated or hold commas.
    pub(crate) fn values(&self, flag: &str) -> Vec<String> {
        self.values.get(flag).into_iter().flatten().cloned().collect()
    }

    /// Whether a switch is on.
    pub(crate) fn is_on(&self, flag: &str) -> bool {
        self.value(flag).is_some_and(|value| value == "true")
    }

    /// Whether a switch whose default is on was turned off.
    pub(crate) fn is_off(&self, flag: &str) -> bool {
        self.value(flag).is_some_and(|value| value == "false")
    }

    /// A numeric flag.
    ///
    /// # Errors
    ///
    /// The value is no number.
    pub(crate) fn number(&self, flag: &str) -> Result<Option<i64>, Trouble> {
        let Some(text) = self.value(flag) else { return Ok(None) };
        text.parse().map(Some).map_err(|_not_a_number| {
            Trouble::error(format!(
                "invalid argument {text:?} for \"--{flag}\" flag: strconv.ParseInt: parsing {text:?}: invalid syntax"
            ))
        })
    }

    /// A duration flag, as Go writes durations (`30s`, `1m30s`, `500ms`); a bare number counts seconds.
    ///
    /// # Errors
    ///
    /// The value is no duration.
    pub(crate) fn duration(&self, flag: &str) -> Result<Option<std::time::Duration>, Trouble> {
        let Some(text) = self.value(flag) else { return Ok(None) };
        parse_duration(text).map(Some).ok_or_else(|| {
            Trouble::error(format!("invalid argument {text:?} for \"--{flag}\" flag: time: invalid duration {text:?}"))
        })
    }
}

/// Reads a Go duration. Negative ones mean «for ever» to kubectl, and give the longest.
pub(crate) fn parse_duration(text: &str) -> Option<std::time::Duration> {
    use std::time::Duration;
    if let Some(rest) = text.strip_prefix('-') {
        return parse_duration(rest).map(|_| Duration::MAX);
    }
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest.get(..end)?.parse().ok()?;
        let tail = rest.get(end..)?;
        let unit_end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let seconds = match tail.get(..unit_end)? {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        total = total.checked_add(Duration::try_from_secs_f64(number * seconds).ok()?)?;
        rest = tail.get(unit_end..)?;
    }
    (!text.is_empty()).then_some(total)
}

/// Where the verb stands: common flags and their values may come before it.
pub(crate) fn first_word(arguments: &[String]) -> Option<usize> {
    let mut position = 0;
    while let Some(word) = arguments.get(position) {
        if !word.starts_with('-') {
            return Some(position);
        }
        let takes_next = EVERYWHERE.iter().any(|flag| {
            let named = word.strip_prefix("--") == Some(flag.long)
                || flag.short.is_some_and(|short| word.strip_prefix('-') == Some(short.to_string().as_str()));
            named && flag.takes == Takes::Value
        });
        position += if takes_next { 2 } else { 1 };
    }
    None
}

/// Takes a command line apart; `verb` names it for complaints, `flags` are its own.
///
/// # Errors
///
/// A flag is unknown or lacks its value.
pub(crate) fn parse(verb: &str, arguments: &[String], flags: &[Flag]) -> Result<Given, Trouble> {
    let mut given = Given::default();
    let mut rest = arguments.iter();
    // A verb's own flag wins over a common one of the same letter.
    let known = || flags.iter().chain(EVERYWHERE);
    let unknown = |flag: &str| Trouble::UnknownFlag { verb: verb.to_owned(), flag: flag.to_owned() };
    while let Some(word) = rest.next() {
        if word == "--" {
            given.after_dashes = rest.cloned().collect();
            break;
        }
        if let Some(long) = word.strip_prefix("--") {
            let (name, text) = match long.split_once('=') {
                Some((name, text)) => (name, Some(text.to_owned())),
                None => (long, None),
            };
            let flag = known().find(|flag| flag.long == name).ok_or_else(|| unknown(word))?;
            let text = match (text, flag.takes) {
                (Some(text), _) => text,
                (None, Takes::Switch) => "true".to_owned(),
                (None, Takes::Optional(without)) => without.to_owned(),
                (None, Takes::Value) => {
                    rest.next().cloned().ok_or_else(|| Trouble::error(format!("flag needs an argument: --{name}")))?
                }
            };
            given.values.entry(flag.long).or_default().push(text);
        } else if word.len() > 1
            && let Some(letters) = word.strip_prefix('-')
        {
            let mut letters = letters.chars();
            while let Some(letter) = letters.next() {
                let flag = known().find(|flag| flag.short == Some(letter)).ok_or_else(|| unknown(word))?;
                if flag.takes == Takes::Value {
                    let attached = letters.as_str();
                    let text = match attached.strip_prefix('=').unwrap_or(attached) {
                        "" => rest
                            .next()
                            .cloned()
                            .ok_or_else(|| Trouble::error(format!("flag needs an argument: '{letter}' in {word}")))?,
                        text => text.to_owned(),
                    };
                    given.values.entry(flag.long).or_default().push(text);
                    break;
                }
                if let Some(text) = letters.as_str().strip_prefix('=') {
                    given.values.entry(flag.long).or_default().push(text.to_owned());
                    break;
                }
                given.values.entry(flag.long).or_default().push("true".to_owned());
            }
        } else {
            given.words.push(word.clone());
        }
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(line: &str) -> Given {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        parse(
            "get",
            &words,
            &[value("output", Some('o')), switch("watch", Some('w')), optional("dry-run", "unchanged")],
        )
        .unwrap()
    }

    #[test]
    fn flags_stand_anywhere_and_in_every_form() {
        let parsed = given("pods -nkube-system -o=yaml web -w --dry-run=client -- sh -c");
        assert_eq!(parsed.words, ["pods", "web"]);
        assert_eq!(parsed.after_dashes, ["sh", "-c"]);
        assert_eq!(parsed.value("namespace"), Some("kube-system"));
        assert_eq!(parsed.value("output"), Some("yaml"));
        assert!(parsed.is_on("watch"));
        assert_eq!(parsed.value("dry-run"), Some("client"));
        assert!(given("--watch=false").is_off("watch"));
        assert_eq!(given("--dry-run -").words, ["-"]);
    }

    #[test]
    fn the_verb_is_the_first_word_that_is_no_flag_nor_its_value() {
        for (line, expected) in
            [("-n get get pods", Some(2)), ("--context=a get", Some(1)), ("get", Some(0)), ("--help", None)]
        {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(first_word(&words), expected, "{line}");
        }
    }

    #[test]
    fn an_unknown_flag_and_a_missing_value_are_refused() {
        let words = ["--sauce".to_owned()];
        assert!(matches!(parse("get", &words, &[]), Err(Trouble::UnknownFlag { .. })));
        let words = ["-n".to_owned()];
        assert_eq!(parse("get", &words, &[]).unwrap_err().to_string(), "error: flag needs an argument: 'n' in -n");
    }

    #[test]
    fn durations_are_read_as_go_writes_them() {
        use std::time::Duration;
        for (text, expected) in [
            ("30s", Some(Duration::from_secs(30))),
            ("1m30s", Some(Duration::from_secs(90))),
            ("500ms", Some(Duration::from_millis(500))),
            ("0", Some(Duration::ZERO)),
            ("-1s", Some(Duration::MAX)),
            ("abc", None),
            ("", None),
            ("9999999999999999999999h", None),
        ] {
            assert_eq!(parse_duration(text), expected, "{text}");
        }
    }
}
