//! Kubernetes quantities (`512Mi`, `10m`, `0.5`, `1e3`), read exactly so that they compare by value.
//!
//! Format: <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>.

use std::fmt;
use std::str::FromStr;

/// An amount, in billionths (the finest unit that Kubernetes keeps; what is finer is rounded up, as the server does).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(i128);

/// The text is not a quantity, or exceeds what can be counted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a quantity")]
pub struct NotAQuantity(pub String);

const BILLION: i128 = 1_000_000_000;

impl Quantity {
    /// Returns the amount as a floating-point number: for what need not be exact.
    #[expect(clippy::cast_precision_loss, reason = "the caller asks for an approximation")]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / BILLION as f64
    }
}

impl FromStr for Quantity {
    type Err = NotAQuantity;

    fn from_str(text: &str) -> Result<Quantity, NotAQuantity> {
        parse(text).ok_or_else(|| NotAQuantity(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Quantity> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') || number.len() > 30 {
        return None;
    }
    let mut digits: i128 = 0;
    for digit in whole.bytes().chain(fraction.bytes()) {
        digits = digits.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
    }
    let (power_of_ten, power_of_two) = scale(suffix)?;
    let exponent = power_of_ten + 9 - i32::try_from(fraction.len()).ok()?;
    let mut nano = digits.checked_mul(1_i128.checked_shl(power_of_two)?)?;
    if exponent >= 0 {
        nano = nano.checked_mul(10_i128.checked_pow(exponent.unsigned_abs())?)?;
    } else {
        let divisor = 10_i128.checked_pow(exponent.unsigned_abs())?;
        nano = nano.checked_add(divisor - 1)? / divisor;
    }
    Some(Quantity(if negative { -nano } else { nano }))
}

/// Returns the powers of ten and of two that a suffix stands for.
fn scale(suffix: &str) -> Option<(i32, u32)> {
    Some(match suffix {
        "n" => (-9, 0),
        "u" => (-6, 0),
        "m" => (-3, 0),
        "" => (0, 0),
        "k" => (3, 0),
        "M" => (6, 0),
        "G" => (9, 0),
        "T" => (12, 0),
        "P" => (15, 0),
        "E" => (18, 0),
        "Ki" => (0, 10),
        "Mi" => (0, 20),
        "Gi" => (0, 30),
        "Ti" => (0, 40),
        "Pi" => (0, 50),
        "Ei" => (0, 60),
        _ => {
            let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            if exponent.abs() > 18 {
                return None;
            }
            (exponent, 0)
        }
    })
}

impl fmt::Display for Quantity {
    /// Writes the amount as people read it: `512Mi`, `1.5Gi`, `10m`, `20`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = self.0;
        if amount % BILLION != 0 {
            let milli = BILLION / 1000;
            return if amount % milli == 0 { write!(f, "{}m", amount / milli) } else { write!(f, "{amount}n") };
        }
        let whole = amount / BILLION;
        for (suffix, shift) in [("Ei", 60), ("Pi", 50), ("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10)] {
            let unit = 1_i128 << shift;
            if whole.abs() >= unit && whole % unit == 0 {
                return write!(f, "{}{suffix}", whole / unit);
            }
            // One decimal where it is exact: 1.5Gi reads better than 1536Mi.
            if whole.abs() >= unit && (whole * 10) % unit == 0 {
                return write!(f, "{}.{}{suffix}", whole / unit, (whole.abs() * 10 / unit) % 10);
            }
        }
        write!(f, "{whole}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) {
        assert_eq!(a.parse::<Quantity>().unwrap(), b.parse::<Quantity>().unwrap(), "{a} and {b}");
    }

    #[test]
    fn forms_of_one_amount_are_equal() {
        same("512Mi", "536870912");
        same("0.5Gi", "512Mi");
        same("10m", "0.01");
        same("10m", ".01");
        same("1", "1000m");
        same("1e3", "1k");
        same("1E3", "1000");
        same("1.5", "1500m");
        same("100u", "0.1m");
        same("-1", "-1000m");
        same("0.1n", "1n");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in
            ["", ".", "Mi", "1.2.3", "512 Mi", "512MB", "1e", "1e99", "abc", "--1", "9999999999999999999999999999999Ei"]
        {
            assert_eq!(text.parse::<Quantity>(), Err(NotAQuantity(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn amounts_are_written_as_people_read_them() {
        for (text, shown) in [
            ("536870912", "512Mi"),
            ("1536Mi", "1.5Gi"),
            ("0.01", "10m"),
            ("20", "20"),
            ("1000", "1000"),
            ("4Gi", "4Gi"),
            ("1n", "1n"),
        ] {
            assert_eq!(text.parse::<Quantity>().unwrap().to_string(), shown);
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_back(whole in 0_i64..1_000_000_000_000, suffix in "(|m|Ki|Mi|k|M)") {
            let quantity: Quantity = format!("{whole}{suffix}").parse().unwrap();
            proptest::prop_assert_eq!(quantity.to_string().parse::<Quantity>().unwrap(), quantity);
        }

        #[test]
        fn no_text_panics(text in "[-+0-9.eEmkMiGnu]{0,40}") {
            let _ = text.parse::<Quantity>();
        }
    }
}
