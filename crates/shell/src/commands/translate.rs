//! `tr`.

use crate::limits;
use crate::process::{Process, Ran};

use super::print::{Escapes, unescape};
use super::{Grammar, Order};

/// Expands `a-z`, `[:digit:]` and escapes.
fn set(text: &str) -> Vec<char> {
    let mut letters: Vec<char> = Vec::new();
    let mut rest = text;
    let mut expanded = String::new();
    while let Some(at) = rest.find("[:") {
        let Some(end) = rest[at..].find(":]") else { break };
        expanded.push_str(&rest[..at]);
        let class = &rest[at + 2..at + end];
        for (low, high) in crate::pattern::named(class) {
            expanded.extend(low..=high);
        }
        rest = &rest[at + end + 2..];
        if class.is_empty() {
            break;
        }
        // A class's own letters are not read as a range again.
        letters.extend(ranges(&std::mem::take(&mut expanded), false));
    }
    expanded.push_str(rest);
    letters.extend(ranges(&unescape(&expanded, Escapes::Printf).0, true));
    letters
}

fn ranges(text: &str, expands: bool) -> Vec<char> {
    let letters: Vec<char> = text.chars().collect();
    let mut all = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        if expands && letters.get(at + 1) == Some(&'-') && at + 2 < letters.len() && letters[at] <= letters[at + 2] {
            all.extend((letters[at]..=letters[at + 2]).take(4096));
            at += 3;
        } else {
            all.push(letters[at]);
            at += 1;
        }
    }
    all
}

pub(super) async fn tr(process: &mut Process, argv: &[String]) -> Ran {
    const GRAMMAR: Grammar = Grammar {
        letters: "dscCt",
        long: &[("delete", 'd'), ("squeeze-repeats", 's'), ("complement", 'c')],
        order: Order::First,
    };
    let words = GRAMMAR.read(process, argv).await?;
    let complements = words.has('c') || words.has('C');
    let Some(first) = words.rest.first() else { return Ok(process.fail("missing operand").await) };
    let from = set(first);
    let to = words.rest.get(1).map(|text| set(text));
    let deletes = words.has('d');
    if to.is_none() && !deletes && !words.has('s') {
        return Ok(process.fail(format!("missing operand after '{first}'")).await);
    }
    let squeezed = if words.has('s') {
        match (&to, deletes) {
            (Some(to), _) => Some((to.clone(), false)),
            (None, _) => Some((from.clone(), complements)),
        }
    } else {
        None
    };
    let input = process.stdin();
    let mut last = None;
    let mut partial = Vec::new();
    loop {
        let mut bytes = std::mem::take(&mut partial);
        let more = input.read(limits::PIPE).await.unwrap_or_default();
        let ends = more.is_empty();
        bytes.extend(more);
        // A character that is cut in two waits for its rest.
        if !ends
            && let Err(error) = std::str::from_utf8(&bytes)
            && error.error_len().is_none()
        {
            partial = bytes.split_off(error.valid_up_to());
        }
        let mut out = String::with_capacity(bytes.len());
        for letter in String::from_utf8_lossy(&bytes).chars() {
            let place = from.iter().position(|known| *known == letter);
            let is_in = place.is_some() != complements;
            let made = match (is_in, deletes, &to) {
                (true, true, _) => continue,
                (true, false, Some(to)) => {
                    let at = if complements { to.len() } else { place.unwrap_or(0) };
                    to.get(at).or(to.last()).copied().unwrap_or(letter)
                }
                _ => letter,
            };
            if let Some((set, inverted)) = &squeezed
                && last == Some(made)
                && set.contains(&made) != *inverted
            {
                continue;
            }
            last = Some(made);
            out.push(made);
        }
        process.out(out).await?;
        if ends {
            return Ok(0);
        }
    }
}
