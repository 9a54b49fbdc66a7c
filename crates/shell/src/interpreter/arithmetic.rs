//! Shell arithmetic: 64-bit integers that wrap, C's operators, variables by name.

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BadArithmetic {
    /// It is no expression.
    Syntax,
    /// It divides by zero.
    DivideByZero,
    /// It is nested too deep.
    TooDeep,
}

/// What an expression reads and writes.
pub(crate) trait Variables {
    /// Returns a variable's text; empty if it is not set.
    fn get(&self, name: &str) -> String;
    /// Sets a variable.
    fn set(&mut self, name: &str, value: i64);
}

/// How deep parentheses and variables that name others may be nested.
const NESTING: u32 = 32;

/// Evaluates an expression.
pub(crate) fn evaluate(text: &str, variables: &mut dyn Variables) -> Result<i64, BadArithmetic> {
    evaluate_at(text, variables, 0)
}

fn evaluate_at(text: &str, variables: &mut dyn Variables, depth: u32) -> Result<i64, BadArithmetic> {
    if depth > NESTING {
        return Err(BadArithmetic::TooDeep);
    }
    if text.trim().is_empty() {
        return Ok(0);
    }
    let mut reader = Reader { text: text.as_bytes(), at: 0, variables, depth, runs: true };
    let value = reader.comma()?;
    reader.space();
    if reader.at < reader.text.len() { Err(BadArithmetic::Syntax) } else { Ok(value) }
}

/// The binary operators, weakest first, longer ones before their prefixes.
const LEVELS: [&[&str]; 10] = [
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    variables: &'a mut dyn Variables,
    depth: u32,
    /// Whether what is read also takes effect: not so in the branch of `?:` that is not taken.
    runs: bool,
}

impl Reader<'_> {
    fn space(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn takes(&mut self, sign: &str) -> bool {
        self.space();
        let found = self.text[self.at..].starts_with(sign.as_bytes());
        if found {
            self.at += sign.len();
        }
        found
    }

    fn comma(&mut self) -> Result<i64, BadArithmetic> {
        self.depth += 1;
        if self.depth > NESTING {
            return Err(BadArithmetic::TooDeep);
        }
        let mut value = self.choice()?;
        while self.takes(",") {
            value = self.choice()?;
        }
        self.depth -= 1;
        Ok(value)
    }

    fn choice(&mut self) -> Result<i64, BadArithmetic> {
        let condition = self.binary(0)?;
        if !self.takes("?") {
            return Ok(condition);
        }
        let ran = self.runs;
        self.runs = ran && condition != 0;
        let yes = self.comma()?;
        if !self.takes(":") {
            return Err(BadArithmetic::Syntax);
        }
        self.runs = ran && condition == 0;
        self.depth += 1;
        if self.depth > NESTING {
            return Err(BadArithmetic::TooDeep);
        }
        let no = self.choice()?;
        self.depth -= 1;
        self.runs = ran;
        Ok(if condition != 0 { yes } else { no })
    }

    fn binary(&mut self, level: usize) -> Result<i64, BadArithmetic> {
        let Some(signs) = LEVELS.get(level) else { return self.power() };
        let mut left = self.binary(level + 1)?;
        loop {
            self.space();
            let rest = &self.text[self.at..];
            let Some(sign) = signs.iter().find(|sign| rest.starts_with(sign.as_bytes())) else { return Ok(left) };
            let after = &rest[sign.len()..];
            let is_other = match *sign {
                "|" | "&" => after.first() == sign.as_bytes().first() || after.first() == Some(&b'='),
                "<" | ">" => after.first() == sign.as_bytes().first(),
                "*" => matches!(after.first(), Some(b'*' | b'=')),
                "<<" | ">>" | "+" | "-" | "/" | "%" | "^" => after.first() == Some(&b'='),
                _ => false,
            };
            if is_other {
                return Ok(left);
            }
            self.at += sign.len();
            let ran = self.runs;
            self.runs = ran && !(*sign == "||" && left != 0 || *sign == "&&" && left == 0);
            let right = self.binary(level + 1)?;
            left = apply(sign, left, right, self.runs)?;
            self.runs = ran;
        }
    }

    fn power(&mut self) -> Result<i64, BadArithmetic> {
        let base = self.unary()?;
        if !self.takes("**") {
            return Ok(base);
        }
        self.depth += 1;
        if self.depth > NESTING {
            return Err(BadArithmetic::TooDeep);
        }
        let exponent = self.power()?;
        self.depth -= 1;
        let exponent = u32::try_from(exponent.min(i64::from(u32::MAX))).map_err(|_| BadArithmetic::Syntax)?;
        Ok(base.wrapping_pow(exponent))
    }

    fn unary(&mut self) -> Result<i64, BadArithmetic> {
        self.depth += 1;
        if self.depth > NESTING {
            return Err(BadArithmetic::TooDeep);
        }
        self.space();
        let rest = &self.text[self.at..];
        let value = if rest.starts_with(b"++") || rest.starts_with(b"--") {
            let step = if rest[0] == b'+' { 1 } else { -1 };
            self.at += 2;
            self.space();
            let name = self.name().ok_or(BadArithmetic::Syntax)?;
            let value = self.value_of(&name)?.wrapping_add(step);
            self.assign(&name, value);
            value
        } else {
            match rest.first() {
                Some(b'!') => {
                    self.at += 1;
                    i64::from(self.unary()? == 0)
                }
                Some(b'~') => {
                    self.at += 1;
                    !self.unary()?
                }
                Some(b'-') => {
                    self.at += 1;
                    self.unary()?.wrapping_neg()
                }
                Some(b'+') => {
                    self.at += 1;
                    self.unary()?
                }
                Some(b'(') => {
                    self.at += 1;
                    let value = self.comma()?;
                    if !self.takes(")") {
                        return Err(BadArithmetic::Syntax);
                    }
                    value
                }
                Some(digit) if digit.is_ascii_digit() => self.number()?,
                _ => self.variable()?,
            }
        };
        self.depth -= 1;
        Ok(value)
    }

    fn name(&mut self) -> Option<String> {
        let start = self.at;
        if self.text.get(start).is_some_and(u8::is_ascii_digit) {
            return None;
        }
        while self.text.get(self.at).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
            self.at += 1;
        }
        (self.at > start).then(|| String::from_utf8_lossy(&self.text[start..self.at]).into_owned())
    }

    fn assign(&mut self, name: &str, value: i64) {
        if self.runs {
            self.variables.set(name, value);
        }
    }

    fn value_of(&mut self, name: &str) -> Result<i64, BadArithmetic> {
        let text = self.variables.get(name);
        match text.trim().parse() {
            Ok(number) => Ok(number),
            Err(_) => evaluate_at(&text, self.variables, self.depth + 1),
        }
    }

    fn variable(&mut self) -> Result<i64, BadArithmetic> {
        let name = self.name().ok_or(BadArithmetic::Syntax)?;
        self.space();
        let rest = &self.text[self.at..];
        if rest.starts_with(b"++") || rest.starts_with(b"--") {
            let step = if rest[0] == b'+' { 1 } else { -1 };
            self.at += 2;
            let value = self.value_of(&name)?;
            self.assign(&name, value.wrapping_add(step));
            return Ok(value);
        }
        for sign in ["<<=", ">>=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "="] {
            if rest.starts_with(sign.as_bytes()) && !(sign == "=" && rest.get(1) == Some(&b'=')) {
                self.at += sign.len();
                let right = self.choice()?;
                let value = match sign.strip_suffix('=') {
                    Some("") | None => right,
                    Some(sign) => {
                        let left = self.value_of(&name)?;
                        apply(sign, left, right, self.runs)?
                    }
                };
                self.assign(&name, value);
                return Ok(value);
            }
        }
        self.value_of(&name)
    }

    fn number(&mut self) -> Result<i64, BadArithmetic> {
        let start = self.at;
        while self.text.get(self.at).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'#') {
            self.at += 1;
        }
        let text = std::str::from_utf8(&self.text[start..self.at]).map_err(|_| BadArithmetic::Syntax)?;
        let (digits, radix) = if let Some((radix, digits)) = text.split_once('#') {
            (digits, radix.parse().ok().filter(|radix| (2..=36).contains(radix)).ok_or(BadArithmetic::Syntax)?)
        } else if let Some(digits) = text.strip_prefix("0x").or(text.strip_prefix("0X")) {
            (digits, 16)
        } else if text.len() > 1 && text.starts_with('0') {
            (&text[1..], 8)
        } else {
            (text, 10)
        };
        if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
            return Err(BadArithmetic::Syntax);
        }
        Ok(digits
            .chars()
            .filter_map(|digit| digit.to_digit(radix))
            .fold(0_i64, |sum, digit| sum.wrapping_mul(i64::from(radix)).wrapping_add(i64::from(digit))))
    }
}

fn apply(sign: &str, left: i64, right: i64, runs: bool) -> Result<i64, BadArithmetic> {
    let shift = u32::try_from(right & 63).unwrap_or(0);
    Ok(match sign {
        "||" => i64::from(left != 0 || right != 0),
        "&&" => i64::from(left != 0 && right != 0),
        "|" => left | right,
        "^" => left ^ right,
        "&" => left & right,
        "==" => i64::from(left == right),
        "!=" => i64::from(left != right),
        "<=" => i64::from(left <= right),
        ">=" => i64::from(left >= right),
        "<" => i64::from(left < right),
        ">" => i64::from(left > right),
        "<<" => left.wrapping_shl(shift),
        ">>" => left.wrapping_shr(shift),
        "+" => left.wrapping_add(right),
        "-" => left.wrapping_sub(right),
        "*" => left.wrapping_mul(right),
        "/" | "%" if right == 0 && runs => return Err(BadArithmetic::DivideByZero),
        "/" if right != 0 => left.wrapping_div(right),
        "%" if right != 0 => left.wrapping_rem(right),
        _ => 0,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    struct Map(BTreeMap<String, String>);

    impl Variables for Map {
        fn get(&self, name: &str) -> String {
            self.0.get(name).cloned().unwrap_or_default()
        }

        fn set(&mut self, name: &str, value: i64) {
            self.0.insert(name.to_owned(), value.to_string());
        }
    }

    #[test]
    fn expressions_have_the_values_that_c_gives() {
        let mut map = Map(BTreeMap::from([("x".to_owned(), "5".to_owned()), ("y".to_owned(), "x+1".to_owned())]));
        for (text, expected) in [
            ("1+2*3", Ok(7)),
            ("(1+2)*3", Ok(9)),
            ("-x + y", Ok(1)),
            ("x++ + ++x", Ok(12)),
            ("x", Ok(7)),
            ("x = 3, x *= 2", Ok(6)),
            ("2**10", Ok(1024)),
            ("1 << 4 | 1", Ok(17)),
            ("7 / 2 % 2", Ok(1)),
            ("0x1f + 010", Ok(39)),
            ("1 ? 2 : 3/0", Ok(2)),
            ("0 && 1/0", Ok(0)),
            ("3 > 2 && 2 >= 2", Ok(1)),
            ("!0 + ~0", Ok(0)),
            ("", Ok(0)),
            ("9223372036854775807 + 1", Ok(i64::MIN)),
            ("1/0", Err(BadArithmetic::DivideByZero)),
            ("1+", Err(BadArithmetic::Syntax)),
            ("1 2", Err(BadArithmetic::Syntax)),
        ] {
            assert_eq!(evaluate(text, &mut map), expected, "{text}");
        }
        map.0.insert("a".to_owned(), "a".to_owned());
        assert_eq!(evaluate("a", &mut map), Err(BadArithmetic::TooDeep));
        assert_eq!(evaluate(&"(".repeat(100_000), &mut map), Err(BadArithmetic::TooDeep));
        assert_eq!(evaluate(&"-".repeat(100_001), &mut map), Err(BadArithmetic::Syntax));
        assert_eq!(evaluate(&"- ".repeat(100_001), &mut map), Err(BadArithmetic::TooDeep));
    }
}
