//! Translates between JSON and CBOR, which some services speak.
//!
//! A time is tagged seconds since 1970 in CBOR, and a plain number in JSON. So members that are times
//! are known by their names.
//! Source: "Smithy RPC v2 CBOR", "Timestamp type serialization".

use ciborium::Value as Cbor;
use serde_json::{Map, Number, Value};

/// The tag of seconds since 1970 (RFC 8949, section 3.4.2).
const EPOCH: u64 = 1;
/// The members that are times, alone or in lists.
const TIMES: [&str; 3] = ["lastUpdatedTimestamp", "lastRefreshTimestamp", "Timestamps"];

/// JSON as CBOR.
pub(crate) fn write(json: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to memory cannot fail.
    let _ = ciborium::into_writer(&to_cbor(json, false), &mut bytes);
    bytes
}

/// CBOR as JSON; null if it cannot be read.
pub(crate) fn read(bytes: &[u8]) -> Value {
    ciborium::from_reader::<Cbor, _>(bytes).map_or(Value::Null, |cbor| to_json(&cbor))
}

fn to_cbor(json: &Value, is_time: bool) -> Cbor {
    match json {
        Value::Null => Cbor::Null,
        Value::Bool(truth) => Cbor::Bool(*truth),
        Value::Number(number) if is_time => {
            let seconds = Cbor::Float(number.as_f64().unwrap_or_default());
            Cbor::Tag(EPOCH, Box::new(seconds))
        }
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Cbor::Integer(whole.into()),
            None => Cbor::Float(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => Cbor::Text(text.clone()),
        Value::Array(items) => Cbor::Array(items.iter().map(|it| to_cbor(it, is_time)).collect()),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                let is_time = TIMES.contains(&name.as_str());
                (Cbor::Text(name.clone()), to_cbor(value, is_time))
            };
            Cbor::Map(members.iter().map(member).collect())
        }
    }
}

fn to_json(cbor: &Cbor) -> Value {
    match cbor {
        Cbor::Bool(truth) => Value::Bool(*truth),
        Cbor::Integer(whole) => {
            let whole: Option<i64> = i128::from(*whole).try_into().ok();
            whole.map_or(Value::Null, Value::from)
        }
        Cbor::Float(float) => Number::from_f64(*float).map_or(Value::Null, Value::Number),
        Cbor::Text(text) => Value::String(text.clone()),
        Cbor::Array(items) => items.iter().map(to_json).collect(),
        Cbor::Tag(_, inner) => to_json(inner),
        Cbor::Map(members) => {
            let member =
                |(name, value): &(Cbor, Cbor)| Some((name.as_text()?.to_owned(), to_json(value)));
            Value::Object(members.iter().filter_map(member).collect::<Map<_, _>>())
        }
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_survives_the_way_through_cbor() {
        let json =
            json!({"a": [1, 2.5, "x", true], "lastRefreshTimestamp": 1_795_000_000.0, "b": {}});
        assert_eq!(read(&write(&json)), json);
    }

    #[test]
    fn a_time_is_tagged() {
        let bytes = write(&json!({"Timestamps": [5.0]}));
        let cbor: Cbor = ciborium::from_reader(bytes.as_slice()).unwrap();
        let (_, times) = &cbor.as_map().unwrap()[0];
        assert!(times.as_array().unwrap()[0].is_tag());
    }

    #[test]
    fn what_is_no_cbor_is_null() {
        assert_eq!(read(b"\xff\xff"), Value::Null);
    }
}
