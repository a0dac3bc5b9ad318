use std::fmt;

/// An amount such as `500m`, `1.5`, `2Gi`, `1e3`, in nano-units, with the family of its suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quantity {
    nanos: i128,
    family: Family,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Decimal,
    Binary,
    Exponent,
}

const NANO: i128 = 1_000_000_000;
const BINARY: [(&str, i128); 6] = [
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
    ("Ti", 1 << 40),
    ("Pi", 1 << 50),
    ("Ei", 1 << 60),
];
/// Suffix and how many nano-units it is, largest first.
const DECIMAL: [(&str, i128); 10] = [
    ("E", NANO * 1_000_000_000_000_000_000),
    ("P", NANO * 1_000_000_000_000_000),
    ("T", NANO * 1_000_000_000_000),
    ("G", NANO * 1_000_000_000),
    ("M", NANO * 1_000_000),
    ("k", NANO * 1_000),
    ("", NANO),
    ("m", NANO / 1_000),
    ("u", NANO / 1_000_000),
    ("n", 1),
];

impl Quantity {
    /// Reads an amount; `None` when it is not one.
    pub(crate) fn parse(text: &str) -> Option<Quantity> {
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (digits, suffix) = rest.split_at(end);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let (unit, family) = unit(suffix)?;
        let mut nanos: i128 = 0;
        if !whole.is_empty() {
            nanos = whole.parse::<i128>().ok()?.checked_mul(unit)?;
        }
        let mut scale = unit;
        let mut left_over = false;
        for digit in fraction.bytes() {
            left_over |= scale % 10 != 0 && digit != b'0';
            scale /= 10;
            nanos = nanos.checked_add(i128::from(digit - b'0') * scale)?;
        }
        // Amounts are rounded up to the nano-unit.
        nanos += i128::from(left_over && scale == 0);
        Some(Quantity { nanos: if negative { -nanos } else { nanos }, family })
    }

    /// The amount rounded up to whole units.
    pub(crate) fn whole(self) -> i128 {
        self.nanos.div_euclid(NANO) + i128::from(self.nanos.rem_euclid(NANO) > 0)
    }

    pub(crate) fn is_negative(self) -> bool {
        self.nanos < 0
    }

    pub(crate) fn at_least(self, other: Quantity) -> bool {
        self.nanos >= other.nanos
    }
}

fn unit(suffix: &str) -> Option<(i128, Family)> {
    if let Some((_, unit)) = BINARY.iter().find(|(name, _)| *name == suffix) {
        return Some((unit * NANO, Family::Binary));
    }
    if let Some((_, unit)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
        return Some((*unit, Family::Decimal));
    }
    let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    let power = u32::try_from(exponent + 9).ok().filter(|power| *power <= 27)?;
    Some((10_i128.pow(power), Family::Exponent))
}

/// The canonical form: the largest suffix of its family that needs no fraction.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nanos == 0 {
            return f.write_str("0");
        }
        if self.family == Family::Binary && self.nanos % NANO == 0 {
            let units = self.nanos / NANO;
            // Below 1024 the decimal form is the canonical one.
            if units.abs() >= 1024 {
                for (suffix, unit) in BINARY.iter().rev() {
                    if units % unit == 0 {
                        return write!(f, "{}{suffix}", units / unit);
                    }
                }
            }
            return write!(f, "{units}");
        }
        for (suffix, unit) in DECIMAL {
            if self.nanos % unit == 0 {
                let count = self.nanos / unit;
                if self.family == Family::Exponent && unit >= NANO {
                    let power = (unit / NANO).ilog10();
                    return if power == 0 {
                        write!(f, "{count}")
                    } else {
                        write!(f, "{count}e{power}")
                    };
                }
                return write!(f, "{count}{suffix}");
            }
        }
        write!(f, "{}n", self.nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::Quantity;

    #[test]
    fn amounts_take_their_canonical_form() {
        for (given, canonical) in [
            ("0.5", "500m"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("100Mi", "100Mi"),
            ("1000Mi", "1000Mi"),
            ("1e3", "1e3"),
            ("1000", "1k"),
            ("0", "0"),
            ("512", "512"),
            ("10Gi", "10Gi"),
            ("1000M", "1G"),
            ("-1", "-1"),
            ("0.1n", "1n"),
        ] {
            assert_eq!(Quantity::parse(given).unwrap().to_string(), canonical, "{given}");
        }
        for bad in ["", "Mi", "1 Gi", "1GiB", "1.2.3", "one", "1K"] {
            assert!(Quantity::parse(bad).is_none(), "{bad}");
        }
    }
}
