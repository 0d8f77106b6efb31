//! What a tool's JSON object says, read leniently.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Bytes of parameter descriptions that are read; the rest of a huge schema adds no meaning.
const TEXT: usize = 16 * 1024;

/// The words of a definition.
#[derive(Debug, Default)]
pub(super) struct Definition {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) description: String,
    /// Names of parameters, nested ones too, with spaces between.
    pub(super) parameters: String,
    /// Their titles, descriptions and fixed values.
    pub(super) parameter_text: String,
}

impl Definition {
    /// Reads as much as can be read; the definition comes from outside.
    pub(super) fn read(json: &[u8]) -> Self {
        let mut read = Self::default();
        let mut json = serde_json::Deserializer::from_slice(json);
        // Broken JSON, or too deep: what stood before that is still good.
        let _broken = Walk { read: &mut read, at: At::Tool }.deserialize(&mut json);
        read
    }
}

/// Where in the definition a value stands.
#[derive(Clone, Copy)]
enum At {
    Tool,
    Annotations,
    Name,
    Title,
    Description,
    Schema,
    /// An object whose keys are names of parameters.
    Properties,
    /// An object whose keys mean nothing to a reader and whose values are schemas.
    Definitions,
    Text,
}

impl At {
    /// Where the value under `key` stands; `None` when it says nothing about meaning.
    fn under(self, key: &str) -> Option<Self> {
        Some(match (self, key) {
            (Self::Tool, "name") => Self::Name,
            (Self::Tool | Self::Annotations, "title") => Self::Title,
            (Self::Tool, "description") => Self::Description,
            (Self::Tool, "annotations") => Self::Annotations,
            (Self::Schema, "properties") => Self::Properties,
            (Self::Schema, "description" | "title" | "enum" | "const") => Self::Text,
            (Self::Schema, "$defs" | "definitions") => Self::Definitions,
            (Self::Tool, "inputSchema")
            | (Self::Schema, "items" | "prefixItems" | "anyOf" | "oneOf" | "allOf")
            | (Self::Properties | Self::Definitions, _) => Self::Schema,
            _ => return None,
        })
    }
}

struct Walk<'a> {
    read: &'a mut Definition,
    at: At,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        let read = self.read;
        match self.at {
            At::Name => value.clone_into(&mut read.name),
            At::Title if read.title.is_empty() => value.clone_into(&mut read.title),
            At::Description => value.clone_into(&mut read.description),
            At::Text if read.parameter_text.len() + value.len() <= TEXT => {
                read.parameter_text.push_str(value);
                read.parameter_text.push('\n');
            }
            _ => {}
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<std::borrow::Cow<'_, str>>()? {
            if matches!(self.at, At::Properties) && self.read.parameters.len() + key.len() <= TEXT {
                self.read.parameters.push_str(&key);
                self.read.parameters.push(' ');
            }
            match self.at.under(&key) {
                Some(at) => map.next_value_seed(Walk { read: self.read, at })?,
                None => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Walk { read: self.read, at: self.at })?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}
