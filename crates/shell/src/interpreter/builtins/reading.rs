//! `read` and `getopts`.

use std::sync::Arc;

use crate::stream::Lines;

use super::super::{Dialect, Exported, Shell, Step};
use super::is_name;

impl Shell {
    pub(super) async fn read(&mut self, arguments: &[String]) -> Step {
        let (mut raw, mut at, mut prompt, mut seconds) = (false, 0, String::new(), None);
        let mut letters: Option<usize> = None;
        while let Some(word) = arguments.get(at).filter(|word| word.starts_with('-') && word.len() > 1) {
            at += 1;
            for letter in word[1..].chars() {
                match letter {
                    'r' => raw = true,
                    's' => {}
                    'p' | 't' | 'n' | 'd' | 'u' => {
                        let value = arguments.get(at).cloned().unwrap_or_default();
                        at += 1;
                        match letter {
                            'p' => prompt = value,
                            't' => seconds = value.parse::<f64>().ok().filter(|value| *value >= 0.0),
                            'n' => letters = value.parse().ok(),
                            _ => {}
                        }
                    }
                    other => {
                        self.complain(format!("read: illegal option -{other}")).await;
                        return Ok(2);
                    }
                }
            }
        }
        if !prompt.is_empty() {
            self.process.write(2, &prompt).await?;
        }
        let mut names = arguments[at..].to_vec();
        if names.is_empty() {
            if self.dialect == Dialect::Dash {
                self.complain("read: arg count").await;
                return Ok(2);
            }
            names.push("REPLY".to_owned());
        }
        let fd = self.process.stdin();
        let entry = Arc::clone(&self.process.place.entry);
        let reading = async {
            if let Some(count) = letters {
                let bytes = fd.read(count.min(4096)).await.unwrap_or_default();
                return (String::from_utf8_lossy(&bytes).into_owned(), !bytes.is_empty());
            }
            let mut text = String::new();
            let mut lines = Lines::new(Arc::clone(&fd));
            loop {
                match lines.next().await {
                    Ok(Some(line)) => {
                        lines.give_back();
                        text.push_str(&String::from_utf8_lossy(&line.text));
                        if !raw && text.ends_with('\\') && line.ended && text.len() < crate::limits::WORD {
                            text.pop();
                            continue;
                        }
                        return (text, line.ended);
                    }
                    Ok(None) | Err(_) => return (text, false),
                }
            }
        };
        let patience = async {
            match seconds.and_then(|seconds| std::time::Duration::try_from_secs_f64(seconds).ok()) {
                Some(time) => self.process.kernel.surroundings.sleep(time).await,
                None => std::future::pending().await,
            }
        };
        let (text, ended) = tokio::select! {
            read = reading => read,
            () = patience => return Ok(if self.dialect == Dialect::Bash { 142 } else { 1 }),
            () = entry.awaited() => return Ok(130),
        };
        self.process.step(2).await?;
        let ifs = self.variables.get("IFS").map_or(" \t\n".to_owned(), |variable| variable.value.clone());
        for (name, value) in names.iter().zip(split_read(&text, names.len(), &ifs, raw)) {
            if !is_name(name) {
                self.complain(format!("read: {name}: bad variable name")).await;
                return Ok(2);
            }
            self.assign(name, &value).await?;
        }
        Ok(i32::from(!ended))
    }

    pub(super) async fn getopts(&mut self, arguments: &[String]) -> Step {
        let [options, name, rest @ ..] = arguments else {
            self.complain("getopts: usage: getopts optstring var [arg]").await;
            return Ok(2);
        };
        let words = if rest.is_empty() { self.arguments.clone() } else { rest.to_vec() };
        let index: usize = self.value("OPTIND").parse().unwrap_or(1);
        if self.options_at.0 != index {
            self.options_at = (index.max(1), 0);
        }
        let (mut word_at, mut letter_at) = self.options_at;
        let silent = options.starts_with(':');
        let word = words.get(word_at - 1).cloned().unwrap_or_default();
        if letter_at == 0 {
            if !word.starts_with('-') || word == "-" {
                self.assign(name, "?").await?;
                return Ok(1);
            }
            if word == "--" {
                self.put("OPTIND", &(word_at + 1).to_string(), Exported::No);
                self.options_at = (word_at + 1, 0);
                self.assign(name, "?").await?;
                return Ok(1);
            }
            letter_at = 1;
        }
        let letters: Vec<char> = word.chars().collect();
        let letter = letters.get(letter_at).copied().unwrap_or('?');
        letter_at += 1;
        let known = options.find(letter).filter(|_| letter != ':');
        let takes = known.is_some_and(|at| options[at + letter.len_utf8()..].starts_with(':'));
        let mut value = None;
        if takes && letter_at < letters.len() {
            value = Some(letters[letter_at..].iter().collect::<String>());
            letter_at = letters.len();
        }
        if letter_at >= letters.len() {
            word_at += 1;
            letter_at = 0;
        }
        let mut found = letter.to_string();
        if takes && value.is_none() {
            value = words.get(word_at - 1).cloned();
            if value.is_some() {
                word_at += 1;
            } else if silent {
                found = ":".to_owned();
                value = Some(letter.to_string());
            } else {
                self.process.say(format!("{}: option requires an argument -- {letter}", self.called)).await;
                found = "?".to_owned();
            }
        } else if known.is_none() {
            found = "?".to_owned();
            if silent {
                value = Some(letter.to_string());
            } else {
                self.process.say(format!("{}: illegal option -- {letter}", self.called)).await;
            }
        }
        self.assign(name, &found).await?;
        match value {
            Some(value) => self.assign("OPTARG", &value).await?,
            None => drop(self.variables.remove("OPTARG")),
        }
        self.put("OPTIND", &word_at.to_string(), Exported::No);
        self.options_at = (word_at, letter_at);
        Ok(0)
    }
}

/// Splits what was read into as many values; the last one takes the rest.
fn split_read(text: &str, count: usize, ifs: &str, raw: bool) -> Vec<String> {
    let mut letters: Vec<(char, bool)> = Vec::new();
    let mut chars = text.chars();
    while let Some(letter) = chars.next() {
        if letter == '\\' && !raw {
            letters.extend(chars.next().map(|next| (next, true)));
        } else {
            letters.push((letter, false));
        }
    }
    let is_white = |&(letter, escaped): &(char, bool)| !escaped && ifs.contains(letter) && letter.is_whitespace();
    let splits = |&(letter, escaped): &(char, bool)| !escaped && ifs.contains(letter);
    let mut values = Vec::new();
    let mut at = 0;
    while letters.get(at).is_some_and(is_white) {
        at += 1;
    }
    while values.len() + 1 < count && at < letters.len() {
        let mut value = String::new();
        while let Some(letter) = letters.get(at).filter(|letter| !splits(letter)) {
            value.push(letter.0);
            at += 1;
        }
        values.push(value);
        while letters.get(at).is_some_and(is_white) {
            at += 1;
        }
        if letters.get(at).is_some_and(|letter| splits(letter) && !is_white(letter)) {
            at += 1;
            while letters.get(at).is_some_and(is_white) {
                at += 1;
            }
        }
    }
    let mut rest = &letters[at.min(letters.len())..];
    while let [head @ .., last] = rest {
        if !is_white(last) {
            break;
        }
        rest = head;
    }
    values.push(rest.iter().map(|letter| letter.0).collect());
    values.resize(count, String::new());
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_falls_into_values() {
        let split = |text: &str, count: usize, ifs: &str| split_read(text, count, ifs, true);
        assert_eq!(split("  a b  c  ", 2, " \t\n"), ["a", "b  c"]);
        assert_eq!(split("a:b::c", 4, ":"), ["a", "b", "", "c"]);
        assert_eq!(split("a", 3, " "), ["a", "", ""]);
        assert_eq!(split(" x ", 1, " "), ["x"]);
        assert_eq!(split(" x ", 1, ""), [" x "]);
        assert_eq!(split_read("a\\ b", 2, " ", false), ["a b", ""]);
    }
}
