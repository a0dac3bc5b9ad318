//! JSON with its fields in order, so that equal values have equal bytes.

use std::io::{self, Write};

use serde_json::Value;

/// Writes `value` with the fields of every object sorted. Whole numbers are written as such, also
/// where they come as `1.0`.
pub(super) fn write(value: &Value, to: &mut impl Write) -> io::Result<()> {
    match value {
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by_key(|(name, _)| *name);
            to.write_all(b"{")?;
            for (place, (name, field)) in sorted.into_iter().enumerate() {
                if place > 0 {
                    to.write_all(b",")?;
                }
                serde_json::to_writer(&mut *to, name)?;
                to.write_all(b":")?;
                write(field, to)?;
            }
            to.write_all(b"}")
        }
        Value::Array(items) => {
            to.write_all(b"[")?;
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    to.write_all(b",")?;
                }
                write(item, to)?;
            }
            to.write_all(b"]")
        }
        Value::Number(number) => match number.as_f64() {
            #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
            Some(float)
                if !number.is_u64()
                    && !number.is_i64()
                    && float.fract() == 0.0
                    && float.abs() < 9e15 =>
            {
                write!(to, "{}", float as i64)
            }
            _ => write!(to, "{number}"),
        },
        other => serde_json::to_writer(to, other).map_err(io::Error::from),
    }
}

/// Writes a value in canonical form, as text.
pub(crate) fn canonical_text(value: &Value) -> String {
    let mut bytes = Vec::new();
    // Writing to memory can't fail, and JSON is always UTF-8.
    let _ = write(value, &mut bytes);
    String::from_utf8(bytes).unwrap_or_default()
}
