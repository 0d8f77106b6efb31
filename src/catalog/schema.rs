//! The JSON Schema of manifests, for editors and for our own checks.

use super::Manifest;
use serde_json::Value;

/// Written by the test below from the types themselves: what makes it is 200 KB of code, and only
/// a developer needs it.
const SCHEMA: &str = include_str!("manifest.schema.json");

impl Manifest {
    /// The schema of a whole manifest, after `extends` has been followed.
    pub fn schema() -> Value {
        serde_json::from_str(SCHEMA).unwrap_or_default()
    }

    /// The schema of a file. With `extends` only the id has to be there, and of the tables that
    /// are merged only what is different.
    pub fn file_schema() -> Value {
        let mut schema = Self::schema();
        let required = std::mem::take(&mut schema["required"]);
        schema["required"] = serde_json::json!(["id"]);
        for merged in ["Mcp", "Http", "Check"] {
            schema["$defs"][merged]["required"] = serde_json::json!([]);
        }
        schema["anyOf"] = serde_json::json!([{"required": ["extends"]}, {"required": required}]);
        schema
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_that_of_the_types() {
        let mut schema = schemars::schema_for!(Manifest).to_value();
        schema["title"] = "A manifest of allmcp".into();
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if text != SCHEMA {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/catalog/manifest.schema.json");
            std::fs::write(path, text).unwrap();
            panic!("the types have changed: {path} is written anew, commit it");
        }
    }
}
