//! The manifests that come with the program, as a client sees them.

use super::*;

/// A manifest that extends another, as the registry puts them together: tables are merged, and
/// whatever else stands in `over` replaces what is in `base`.
fn merged(base: toml::Table, over: toml::Table) -> toml::Table {
    let mut out = base;
    for (key, value) in over {
        let value = match (out.remove(&key), value) {
            (Some(toml::Value::Table(base)), toml::Value::Table(over)) => {
                toml::Value::Table(merged(base, over))
            }
            (_, value) => value,
        };
        out.insert(key, value);
    }
    out
}

#[test]
fn the_tools_that_come_with_the_program_are_fit_for_clients() {
    for text in [KOMMO, BITRIX24, YOUGILE] {
        let manifest = manifest(text);
        let id = manifest.id.clone();
        let http = manifest.http.clone().unwrap();
        let groups: Vec<_> = manifest.groups.iter().map(|group| group.id.as_str()).collect();
        for tool in &manifest.tools {
            let name = format!("{id} {}", tool.name);
            assert!(tool.name.len() + id.len() < 51, "{name}: its name is too long");
            assert!(groups.contains(&tool.group.as_deref().unwrap()), "{name}: no group");
            if let Some(pages) = &tool.pages {
                assert!(http.pages.contains_key(pages), "{name}: no pages {pages}");
            }
            for part in tool.path.split('{').skip(1) {
                let arg = part.split('}').next().unwrap();
                let arg = tool.args.iter().find(|one| one.name == arg);
                assert!(arg.is_some_and(|arg| arg.required), "{name}: its path needs {part}");
            }
            let mut names: Vec<_> = tool.args.iter().map(|arg| &arg.name).collect();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), tool.args.len(), "{name}: an argument stands there twice");
        }
        for way in manifest.auth.clone() {
            let api = HttpApi::new(Arc::new(manifest.clone()), &way.id, Limits::default()).unwrap();
            let tools = api.tools();
            assert_eq!(tools, api.tools());
            for tool in tools {
                let tool: Value = serde_json::from_slice(&tool).unwrap();
                assert_eq!(tool["inputSchema"]["type"], "object");
            }
        }
    }
    let missing = HttpApi::new(Arc::new(manifest(KOMMO)), "nope", Limits::default());
    assert_eq!(
        missing.err().unwrap().to_string(),
        "the provider kommo knows no way \"nope\" to sign in"
    );
}

#[test]
fn amocrm_is_kommo_on_other_hosts() {
    let merged = merged(toml::from_str(KOMMO).unwrap(), toml::from_str(AMOCRM).unwrap());
    let amocrm: Manifest = merged.try_into().unwrap();
    let kommo = manifest(KOMMO);
    assert_eq!(amocrm.tools, kommo.tools);
    let http = amocrm.http.clone().unwrap();
    assert_eq!(http.base_url, "https://${param:subdomain}.${param:domain}/api/v4");
    assert_eq!(http.errors, kommo.http.clone().unwrap().errors);
    let text = serde_json::to_string_pretty(&amocrm).unwrap();
    let of_kommo = text.lines().filter(|line| line.to_lowercase().contains("kommo"));
    assert_eq!(of_kommo.collect::<Vec<_>>(), ["  \"extends\": \"kommo\","]);
    for way in ["token", "oauth"] {
        assert!(HttpApi::new(Arc::new(amocrm.clone()), way, Limits::default()).is_ok());
    }
}

#[test]
fn what_is_asked_for_takes_what_people_have() {
    let portal = &manifest(BITRIX24).auth[0].params[0];
    for host in ["acme.bitrix24.com", "crm.example.org:8443", "Acme.Bitrix24.de"] {
        assert_eq!(portal.accept(host).as_deref(), Ok(host));
    }
    assert!(portal.accept("acme.example/rest").is_err());
    assert!(portal.accept("user@acme.example").is_err());
    let user = &manifest(BITRIX24).auth[0].params[1];
    assert!(user.accept("1/x").is_err());
    let subdomain = &manifest(KOMMO).params[0];
    assert_eq!(subdomain.accept("acme.kommo.com").as_deref(), Ok("acme"));
    assert!(subdomain.accept("acme.evil.example").is_err());
}
