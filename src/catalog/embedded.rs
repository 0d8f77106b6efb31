//! The manifests that come with the program.

macro_rules! manifests {
    ($($id:literal)+) => {
        /// Id and text, in the order of the list.
        pub(super) const ALL: &[(&str, &str)] =
            &[$(($id, include_str!(concat!("manifests/", $id, ".toml"))),)+];
    };
}

manifests! {
    "allmcp"
    "alloy"
    "allv"
    "amocrm"
    "anyrouter"
    "bitrix24"
    "cloudflare"
    "cloudflare-ai-gateway"
    "cloudflare-auditlogs"
    "cloudflare-autorag"
    "cloudflare-bindings"
    "cloudflare-blog"
    "cloudflare-browser"
    "cloudflare-builds"
    "cloudflare-casb"
    "cloudflare-containers"
    "cloudflare-dex"
    "cloudflare-dns-analytics"
    "cloudflare-docs"
    "cloudflare-graphql"
    "cloudflare-logs"
    "cloudflare-observability"
    "cloudflare-radar"
    "firecrawl"
    "firecrawl-search"
    "github"
    "kommo"
    "linear"
    "linear-readonly"
    "notion"
    "onemcp"
    "yougile"
}

/// The text of one of them.
pub(super) fn text(id: &str) -> Option<&'static str> {
    ALL.iter().find(|(known, _)| *known == id).map(|(_, text)| *text)
}

/// The name of one of them, as it stands before the first table.
pub(super) fn name(id: &str) -> Option<&'static str> {
    let mut lines = text(id)?.lines().take_while(|line| !line.starts_with('['));
    lines.find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
}

#[cfg(test)]
mod tests {
    use super::ALL;
    use crate::{
        catalog::{
            Level,
            load::{self, Base},
            manifest::Effect,
        },
        kind::Rule,
    };
    use std::{collections::BTreeSet, path::Path};

    fn base(id: &str, _: bool) -> Option<Base> {
        super::text(id).map(|text| Base { text: text.to_owned(), is_builtin: true })
    }

    #[test]
    fn every_manifest_of_the_folder_comes_along_in_order() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/catalog/manifests");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
            .collect();
        let listed: Vec<_> = ALL.iter().map(|(id, _)| (*id).to_owned()).collect();
        assert_eq!(listed, files.into_iter().collect::<Vec<_>>(), "add it to the list above");
    }

    #[test]
    fn every_manifest_fits_the_schema_and_passes_lint() {
        let mut told = Vec::<String>::new();
        for (id, text) in ALL {
            let loaded = load::checked(text, true, &base);
            let errors = loaded.findings.iter().filter(|finding| finding.level == Level::Error);
            told.extend(errors.map(|finding| format!("{id}.toml:{finding}")));
            assert_eq!(
                loaded.manifest.map(|manifest| manifest.id).as_deref(),
                Some(*id),
                "{told:#?}"
            );
            // The short ways to it lead to the same.
            let manifest = load::trusted(text, &base).unwrap();
            assert_eq!(super::name(id), Some(manifest.name.as_str()));
            assert_eq!(
                load::trusted(text, &base).unwrap(),
                load::checked(text, true, &base).manifest.unwrap()
            );
        }
        assert!(told.is_empty(), "\n{}\n", told.join("\n"));
    }

    /// Whoever adds such a tool decides otherwise with a word of the manifest, not by forgetting.
    #[test]
    fn apis_that_can_destroy_ask_first() {
        for (id, text) in ALL {
            let manifest = load::trusted(text, &base).unwrap();
            let destroys = manifest.tools.iter().any(|tool| tool.effect == Effect::Destructive);
            let said = manifest.policy.and_then(|policy| policy.destructive);
            assert!(!destroys || said == Some(Rule::Ask), "{id}: destructive = \"ask\" is missing");
        }
    }
}
