//! Whether a value is what the argument may be.

use super::schema;
use crate::{
    catalog::manifest::{Arg, ArgKind},
    text,
    wire::splice,
};
use bytes::Bytes;
use serde_json::Value;

pub(super) fn not_a(name: &str, want: &str, value: &[u8]) -> String {
    format!("the argument {name:?} has to be {}, not {}", with_article(want), kind_of(value))
}

fn with_article(word: &str) -> String {
    let article = if matches!(word, "integer" | "array" | "object") { "an" } else { "a" };
    format!("{article} {word}")
}

fn kind_of(value: &[u8]) -> String {
    let word = match value.first() {
        Some(b'"') => "string",
        Some(b'{') => "object",
        Some(b'[') => "array",
        Some(b't' | b'f') => "boolean",
        Some(b'n') => return "null".to_owned(),
        _ => "number",
    };
    with_article(word)
}

fn is_a(kind: ArgKind, value: &[u8]) -> bool {
    match (kind, value.first()) {
        (ArgKind::String, Some(b'"'))
        | (ArgKind::Boolean, Some(b't' | b'f'))
        | (ArgKind::Array, Some(b'['))
        | (ArgKind::Object, Some(b'{'))
        | (ArgKind::Number, Some(b'-' | b'0'..=b'9')) => true,
        // Also 1.0 (JSON Schema 2020-12, validation 6.1.1).
        (ArgKind::Integer, Some(b'-' | b'0'..=b'9')) => {
            value[1..].iter().all(u8::is_ascii_digit)
                || number(value).is_some_and(|it| it.fract() == 0.0)
        }
        _ => false,
    }
}

fn number(value: &[u8]) -> Option<f64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

pub(super) fn check(arg: &Arg, value: &Bytes) -> Result<(), String> {
    if !is_a(arg.kind, value) {
        return Err(not_a(&arg.name, schema::word(arg.kind), value));
    }
    one_of(&arg.name, &arg.choices, value)?;
    if let Some(number) = number(value) {
        #[expect(clippy::cast_precision_loss, reason = "bounds are small")]
        let (least, most) = (arg.minimum.map(|it| it as f64), arg.maximum.map(|it| it as f64));
        if least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most) {
            let bound = match (arg.minimum, arg.maximum) {
                (Some(least), Some(most)) => format!("from {least} to {most}"),
                (Some(least), None) => format!("at least {least}"),
                (_, most) => format!("at most {}", most.unwrap_or_default()),
            };
            return Err(format!("the argument {:?} has to be {bound}", arg.name));
        }
    }
    if arg.kind == ArgKind::Array {
        elements(arg, value)?;
    }
    Ok(())
}

/// The elements of a list are looked at as far as their own type and values go.
fn elements(arg: &Arg, value: &[u8]) -> Result<(), String> {
    let want = arg.schema.get("type").and_then(Value::as_str);
    let kind = want.and_then(kind_named);
    let choices = arg.schema.get("enum").and_then(Value::as_array);
    for range in splice::elements(value) {
        let one = &value[range];
        if let (Some(want), Some(kind)) = (want, kind)
            && !is_a(kind, one)
        {
            let want = with_article(want);
            let name = &arg.name;
            return Err(format!(
                "each element of the argument {name:?} has to be {want}, not {}",
                kind_of(one)
            ));
        }
        if let Some(choices) = choices {
            one_of(&arg.name, choices, one)?;
        }
    }
    Ok(())
}

fn kind_named(word: &str) -> Option<ArgKind> {
    use ArgKind::{Array, Boolean, Integer, Number, Object, String};
    [String, Integer, Number, Boolean, Array, Object]
        .into_iter()
        .find(|kind| schema::word(*kind) == word)
}

fn one_of(name: &str, choices: &[Value], value: &[u8]) -> Result<(), String> {
    if choices.is_empty() {
        return Ok(());
    }
    let value = serde_json::from_slice::<Value>(value).unwrap_or_default();
    if choices.contains(&value) {
        return Ok(());
    }
    let all: Vec<String> = choices.iter().map(Value::to_string).collect();
    let value = text::line(&value.to_string(), 60);
    Err(format!("the argument {name:?} cannot be {value}; it is one of {}", all.join(", ")))
}
