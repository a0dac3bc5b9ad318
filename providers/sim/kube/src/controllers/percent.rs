//! Int-or-percent values, such as `maxUnavailable: 25%`.

use serde_json::Value;

/// Reads an int-or-percent of `total`; percents round up or down as asked.
pub fn int_or_percent(v: &Value, total: i64, round_up: bool) -> Option<i64> {
    match v {
        Value::Number(n) => n.as_i64(),
        Value::String(s) => match s.strip_suffix('%') {
            Some(p) => {
                let scaled = p.trim().parse::<i64>().ok()? * total;
                Some(if round_up { (scaled + 99) / 100 } else { scaled / 100 })
            }
            None => s.parse().ok(),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn percents_round_the_asked_way() {
        assert_eq!(int_or_percent(&json!("25%"), 3, true), Some(1));
        assert_eq!(int_or_percent(&json!("25%"), 3, false), Some(0));
        assert_eq!(int_or_percent(&json!(2), 3, false), Some(2));
    }
}
