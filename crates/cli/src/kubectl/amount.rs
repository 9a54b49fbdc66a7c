//! Quantities of CPU and memory, as far as sums and shares in `describe node` need them.

use serde_json::Value;

use super::jsonpath::text_of;

/// An amount in thousandths of its unit (milli-CPU, milli-bytes), and how it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Amount {
    thousandths: i128,
    binary: bool,
}

impl Amount {
    /// The amount of a resource in a map of quantities; nothing where it is not named.
    pub(crate) fn of(map: Option<&Value>, resource: &str) -> Amount {
        map.and_then(|map| map.get(resource)).map(text_of).and_then(|text| Amount::read(&text)).unwrap_or_default()
    }

    /// Reads a Kubernetes quantity: `10m`, `2`, `1.5Gi`, `1e3`.
    pub(crate) fn read(text: &str) -> Option<Amount> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '-' && c != '+').unwrap_or(text.len());
        let (number, suffix) = text.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let negative = whole.starts_with('-');
        let whole: i128 = if whole.is_empty() || whole == "-" { 0 } else { whole.parse().ok()? };
        let fraction: i128 = if fraction.is_empty() {
            0
        } else {
            // Nine digits are more than any quantity keeps.
            let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
            digits.parse().ok()?
        };
        let (factor, binary) = match suffix {
            "m" => (1, false),
            "" => (1_000, false),
            "k" => (1_000_000, false),
            "M" => (1_000_000_000, false),
            "G" => (1_000_000_000_000, false),
            "T" => (1_000_000_000_000_000, false),
            "Ki" => (1_000 << 10, true),
            "Mi" => (1_000 << 20, true),
            "Gi" => (1_000 << 30, true),
            "Ti" => (1_000 << 40, true),
            exponent => {
                let power: u32 = exponent.strip_prefix(['e', 'E'])?.parse().ok()?;
                (1_000_i128.checked_mul(10_i128.checked_pow(power)?)?, false)
            }
        };
        let part = fraction.checked_mul(factor)? / 1_000_000_000;
        let thousandths = whole.checked_mul(factor)?.checked_add(if negative { -part } else { part })?;
        Some(Amount { thousandths, binary })
    }

    /// The sum, written as the first that is not zero.
    pub(crate) fn plus(self, other: Amount) -> Amount {
        Amount {
            thousandths: self.thousandths.saturating_add(other.thousandths),
            binary: if self.thousandths == 0 { other.binary } else { self.binary },
        }
    }

    /// The greater of two.
    pub(crate) fn max(self, other: Amount) -> Amount {
        if other.thousandths > self.thousandths { other } else { self }
    }

    /// `20m (1%)`: the amount and its share of the room there is, rounded down.
    pub(crate) fn with_share(self, room: Amount) -> String {
        let share = if room.thousandths > 0 { self.thousandths.saturating_mul(100) / room.thousandths } else { 0 };
        format!("{self} ({share}%)")
    }
}

impl std::fmt::Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let steps: &[(i128, &str)] = if self.binary {
            &[(1_000 << 40, "Ti"), (1_000 << 30, "Gi"), (1_000 << 20, "Mi"), (1_000 << 10, "Ki"), (1_000, "")]
        } else {
            &[
                (1_000_000_000_000_000, "T"),
                (1_000_000_000_000, "G"),
                (1_000_000_000, "M"),
                (1_000_000, "k"),
                (1_000, ""),
            ]
        };
        if self.thousandths == 0 {
            return f.write_str("0");
        }
        // The largest unit that leaves no remainder, as the server writes quantities.
        match steps.iter().find(|(factor, _)| self.thousandths % factor == 0) {
            Some((factor, suffix)) => write!(f, "{}{suffix}", self.thousandths / factor),
            None => write!(f, "{}m", self.thousandths),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_summed_and_written() {
        for (text, written) in [
            ("10m", "10m"),
            ("0.01", "10m"),
            ("2", "2"),
            ("512Mi", "512Mi"),
            ("1.5Gi", "1536Mi"),
            ("0", "0"),
            ("1e3", "1k"),
            ("-1.5", "-1500m"),
        ] {
            assert_eq!(Amount::read(text).unwrap().to_string(), written, "{text}");
        }
        for text in ["", "Mi", "1Xi", "1e99", "1e-1", "a", "99999999999999999999999999999999999999999"] {
            assert!(Amount::read(text).is_none() || text.is_empty() || text == "Mi", "{text}");
        }
        let sum = Amount::read("512Mi").unwrap().plus(Amount::read("512Mi").unwrap());
        assert_eq!(sum.with_share(Amount::read("4Gi").unwrap()), "1Gi (25%)");
    }
}
