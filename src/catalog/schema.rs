//! The JSON Schema of manifests, for editors and for our own checks.

use super::Manifest;
use serde_json::Value;

impl Manifest {
    /// The schema of a whole manifest, after `extends` has been followed.
    pub fn schema() -> Value {
        let mut schema = schemars::schema_for!(Manifest).to_value();
        schema["title"] = "A manifest of allmcp".into();
        schema
    }

    /// The schema of a file: with `extends` only the id has to be there.
    pub fn file_schema() -> Value {
        let mut schema = Self::schema();
        let required = std::mem::take(&mut schema["required"]);
        schema["required"] = serde_json::json!(["id"]);
        schema["anyOf"] = serde_json::json!([{"required": ["extends"]}, {"required": required}]);
        schema
    }
}
