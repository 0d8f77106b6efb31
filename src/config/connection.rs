//! Reading one `[connections.NAME]`: whatever is wrong in it stays its own problem.

use super::{
    read::{Reader, in_order},
    schema,
    settings::{Connection, Target},
    value::{self, boolean, duration, filled, texts, word},
};
use crate::{
    kind::{AuthKind, Rule},
    name::ConnectionName,
    template::Template,
};
use std::collections::BTreeMap;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

impl Reader<'_> {
    pub(super) fn connection(
        &mut self,
        name: ConnectionName,
        at: usize,
        value: &Spanned<DeValue<'_>>,
    ) -> Connection {
        let path = format!("connections.{name}");
        let first = self.findings.len();
        let mut c = Connection::new(name);
        if let Some(table) = value.get_ref().as_table() {
            self.connection_keys(&path, at, table, &mut c);
        } else {
            self.wrong(path, at, "must be a table".to_owned());
        }
        for finding in &mut self.findings[first..] {
            finding.problem = !finding.unknown;
        }
        c.problem = self.findings[first..].iter().find(|f| f.problem).map(|f| self.show(f));
        if c.problem.is_none() {
            c.problem =
                c.oauth.incomplete().map(|what| format!("connections.{}.oauth: {what}", c.name));
        }
        c
    }

    fn connection_keys(&mut self, path: &str, at: usize, table: &DeTable<'_>, c: &mut Connection) {
        let (mut url, mut provider, mut command, mut auth) = (None, None, None, None);
        let (mut way, mut base_url, mut args, mut env) = (None, None, Vec::new(), Vec::new());
        for (key, at, v) in in_order(table) {
            match key {
                "url" => self.put(path, key, v, |v| value::url(v).map(Some), &mut url),
                "provider" => self.put(path, key, v, |v| filled(v).map(Some), &mut provider),
                "way" => self.put(path, key, v, |v| filled(v).map(Some), &mut way),
                "base_url" => self.put(path, key, v, |v| value::url(v).map(Some), &mut base_url),
                "command" => self.put(path, key, v, |v| filled(v).map(Some), &mut command),
                "args" => self.put(path, key, v, texts, &mut args),
                "env" => self.templates(path, key, v, &mut env),
                "auth" => self.put(path, key, v, |v| word(v).map(Some), &mut auth),
                "transport" => self.put(path, key, v, word, &mut c.transport),
                "enabled" => self.put(path, key, v, boolean, &mut c.enabled),
                "timeout" => self.put(path, key, v, duration, &mut c.timeout),
                "connect_timeout" => self.put(path, key, v, duration, &mut c.connect_timeout),
                "breaker_first" => self.put(path, key, v, duration, &mut c.breaker.first),
                "breaker_max" => self.put(path, key, v, duration, &mut c.breaker.max),
                "pin" => self.put(path, key, v, |v| word(v).map(Some), &mut c.pin),
                "headers" => {
                    self.templates(path, key, v, &mut c.headers);
                    self.header_names(path, v, &c.headers);
                }
                "params" => {
                    let mut params = Vec::new();
                    self.templates(path, key, v, &mut params);
                    c.params = BTreeMap::from_iter(params);
                }
                "oauth" => self.oauth(path, v, &mut c.oauth),
                "tools" => {
                    let (path, table) = self.sub(path, key, v);
                    for (key, at, v) in table.map(in_order).unwrap_or_default() {
                        match key {
                            "allow" => self.put(&path, key, v, texts, &mut c.allow),
                            "deny" => self.put(&path, key, v, texts, &mut c.deny),
                            _ => self.unknown(&format!("{path}."), key, at, schema::TOOLS),
                        }
                    }
                }
                "policy" => {
                    let (path, table) = self.sub(path, key, v);
                    for (key, at, v) in table.map(in_order).unwrap_or_default() {
                        match key {
                            "write" => self.rule(&path, key, v, &mut c.policy.write),
                            "destructive" => self.rule(&path, key, v, &mut c.policy.destructive),
                            "tools" => self.tool_rules(&path, v, &mut c.policy.tools),
                            _ => self.unknown(&format!("{path}."), key, at, schema::POLICY),
                        }
                    }
                }
                _ => self.unknown(&format!("{path}."), key, at, schema::CONNECTION),
            }
        }
        let secret = |t: &Template| t.needs_secret();
        let needs_key =
            url.as_ref().is_some_and(secret) || c.headers.iter().any(|(_, t)| secret(t));
        c.said_auth = auth.is_some();
        c.auth = auth.unwrap_or(if needs_key { AuthKind::Key } else { AuthKind::None });
        let has = |key: &str| table.contains_key(key);
        match [has("url"), has("provider"), has("command")] {
            [true, false, false] => c.target = url.map_or(Target::None, Target::Url),
            [false, true, false] => {
                let base_url = base_url.map(|t: Template| t.source().to_owned());
                c.target =
                    provider.map_or(Target::None, |id| Target::Provider { id, way, base_url });
            }
            [false, false, true] => {
                let env = BTreeMap::from_iter(env);
                c.target =
                    command.map_or(Target::None, |command| Target::Command { command, args, env });
            }
            [false, false, false] => {
                self.wrong(path.to_owned(), at, "needs a url, a provider or a command".to_owned());
            }
            _ => {
                let message = "has more than one of url, provider and command";
                self.wrong(path.to_owned(), at, message.to_owned());
            }
        }
    }

    fn rule(
        &mut self,
        path: &str,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        slot: &mut Option<Rule>,
    ) {
        self.put(path, key, value, |v| word(v).map(Some), slot);
    }

    fn tool_rules(
        &mut self,
        path: &str,
        value: &Spanned<DeValue<'_>>,
        out: &mut Vec<(String, Rule)>,
    ) {
        let (path, table) = self.sub(path, "tools", value);
        for (pattern, _, value) in table.map(in_order).unwrap_or_default() {
            let mut rule = None;
            self.rule(&path, pattern, value, &mut rule);
            out.extend(rule.map(|rule| (pattern.to_owned(), rule)));
        }
    }

    fn header_names(
        &mut self,
        path: &str,
        value: &Spanned<DeValue<'_>>,
        headers: &[(String, Template)],
    ) {
        for (name, text) in headers {
            let message = if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
                "is not a header's name"
            } else if text.source().chars().any(|c| c.is_control() && c != '\t') {
                "holds a line break or another control character"
            } else {
                continue;
            };
            self.wrong(format!("{path}.headers.{name}"), value.span().start, message.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{
        read::read,
        schema,
        settings::{Policy, Settings},
    };
    use crate::kind::{Pin, Transport};
    use std::{path::Path, time::Duration};

    fn settings(text: &str) -> Settings {
        read(text, Path::new("config.toml")).unwrap().settings
    }

    /// The sample of the contract, with every key that a connection may have.
    const SAMPLE: &str = r#"
version = 1
[settings]
mode = "full"
store = "file"
proxy = "http://proxy.example:3128"
no_proxy = "localhost"
ca_file = "ca.pem"
passphrase_file = "pass"
browser = "/usr/bin/b"
log_level = "debug"
max_result = 1_000
own_tools = ["list_*"]
pin = "off"
approval_wait = "1m"
approval_life = "2m"
[connections.zeta]
url = "https://agent.example/api/mcp"
transport = "http"
enabled = false
timeout = "20s"
connect_timeout = "200ms"
breaker_first = "10ms"
breaker_max = "1s"
pin = "block"
[connections.zeta.headers]
Authorization = "Bearer ${secret:token}"
X-Email = "${env:EMAIL}"
x-a = 7
[connections.alpha]
provider = "kommo"
params = { subdomain = "acme", board = 5, live = true }
base_url = "https://proxy.example"
auth = "oauth"
[connections.alpha.oauth]
client_id = "x"
[connections.alpha.tools]
allow = ["*"]
deny = ["*_delete"]
[connections.alpha.policy]
write = "ask"
destructive = "deny"
tools = { "deal_*" = "deny", note_add = "allow" }
[connections.local]
command = "npx"
args = ["-y", "x"]
env = { KEY = "${secret:key}" }
[profiles.sales]
connections = ["alpha", "zeta"]
"#;

    #[test]
    fn the_whole_sample_is_read_without_a_word() {
        let s = settings(SAMPLE);
        assert_eq!(s.warnings, Vec::<String>::new());
        let names: Vec<_> = s.connections.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["zeta", "alpha", "local"], "in the order of the file");
        let [zeta, alpha, local] = &s.connections[..] else { panic!() };
        assert_eq!(zeta.problem, None);
        assert_eq!((zeta.auth, zeta.transport), (AuthKind::Key, Transport::Http));
        assert_eq!((zeta.enabled, zeta.timeout), (false, Duration::from_secs(20)));
        assert_eq!(zeta.breaker.first, Duration::from_millis(10));
        assert_eq!(zeta.pin, Some(Pin::Block));
        let headers: Vec<_> = zeta.headers.iter().map(|(n, t)| (n.as_str(), t.source())).collect();
        assert_eq!(headers[0], ("Authorization", "Bearer ${secret:token}"));
        assert_eq!(headers[2], ("x-a", "7"));
        let policy = &alpha.policy;
        assert_eq!((policy.write, policy.destructive), (Some(Rule::Ask), Some(Rule::Deny)));
        let tools = [("deal_*".to_owned(), Rule::Deny), ("note_add".to_owned(), Rule::Allow)];
        assert_eq!((&policy.tools[..], &local.policy), (&tools[..], &Policy::default()));
        assert_eq!(s.approval_wait, Duration::from_mins(1));
        assert_eq!((alpha.params["board"].source(), alpha.deny.len()), ("5", 1));
        let base_url = Some("https://proxy.example".to_owned());
        assert_eq!(alpha.target, Target::Provider { id: "kommo".to_owned(), way: None, base_url });
        assert_eq!(local.target_source(), "npx");
    }

    #[test]
    fn every_key_of_the_schema_is_one_that_is_read() {
        for (keys, table) in [
            (schema::TOP, ""),
            (schema::SETTINGS, "settings."),
            (schema::CONNECTION, "connections.a."),
            (schema::TOOLS, "connections.a.tools."),
            (schema::POLICY, "connections.a.policy."),
            (schema::PROFILE, "profiles.p."),
        ] {
            for key in keys {
                let text = format!("{table}{} = {{}}", key.name);
                let read = read(&text, Path::new("f")).unwrap();
                assert!(!read.findings.iter().any(|f| f.unknown), "{text}: {:?}", read.findings);
            }
        }
    }

    #[test]
    fn a_wrong_value_is_the_problem_of_its_connection_alone() {
        for (entry, says) in [
            ("url = \"nonsense\"", "line 2, column 7: connections.a.url: is not a URL"),
            (
                "url = \"https://h.example\"\nauth = \"ouath\"",
                "line 3, column 8: connections.a.auth",
            ),
            ("url = \"https://h.example\"\ntimeout = 55", "connections.a.timeout: must be a time"),
            ("url = \"https://h.example/${secert:x}\"", "${secert:x}"),
            ("url = \"https://h.example\"\nheaders = { \"a b\" = \"x\" }", "not a header's name"),
            ("url = \"https://h.example\"\nheaders = { a = \"x\\ny\" }", "a line break"),
            ("url = \"https://h.example\"\ncommand = \"x\"", "more than one of"),
            ("command = \"x\"\npolicy.write = \"aks\"", "connections.a.policy.write: \"aks\""),
            (
                "command = \"x\"\npolicy.tools = { \"*_x\" = \"no\" }",
                "connections.a.policy.tools.*_x: \"no\" is not one of allow, ask, deny",
            ),
            ("auth = \"none\"", "needs a url, a provider or a command"),
            ("tools = [\"*\"]\ncommand = \"x\"", "connections.a.tools: must be a table"),
        ] {
            let text = format!("[connections.a]\n{entry}\n[connections.b]\ncommand = \"x\"\n");
            let s = settings(&text);
            let problem = s.connections[0].problem.clone().unwrap_or_default();
            assert!(problem.contains(says), "{entry}: {problem}");
            assert_eq!((s.warnings.len(), &s.connections[1].problem), (0, &None), "{entry}");
        }
    }

    #[test]
    fn an_unknown_key_warns_and_harms_nothing() {
        let s = settings("[connections.a]\ncommand = \"x\"\ntimout = \"5s\"\ntools.alow = []\n");
        assert_eq!(s.connections[0].problem, None);
        assert!(
            s.warnings[0].ends_with("connections.a.timout: unknown key; did you mean timeout?")
        );
        assert!(
            s.warnings[1].ends_with("connections.a.tools.alow: unknown key; did you mean allow?")
        );
    }

    #[test]
    fn inline_and_dotted_entries_are_the_same() {
        for text in [
            "connections = { b = { command = \"x\" }, a = { command = \"y\" } }",
            "connections.b.command = \"x\"\nconnections.a.command = \"y\"",
        ] {
            let s = settings(text);
            let names: Vec<_> = s.connections.iter().map(|c| c.name.as_str()).collect();
            assert_eq!((names, s.warnings.len()), (vec!["b", "a"], 0), "{text}");
        }
    }
}
