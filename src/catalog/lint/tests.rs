use crate::catalog::load::{self, Base};

const MCP: &str = r#"
id = "x"
name = "X"
kind = "mcp"
category = "crm"
about = "It is X."
verified = "2026-11-20"
sources = ["a test"]

[[auth]]
id = "key"
title = "A key"
kind = "key"
secrets = [{ name = "token", title = "Key" }]
headers = { X-Key = "${secret:token}" }

[mcp]
url = "https://x.example/mcp"
"#;

const HTTP: &str = r#"
id = "x"
name = "X"
kind = "http"
category = "crm"
about = "It is X."
verified = "2026-11-20"
sources = ["a test"]
params = [{ name = "sub", title = "Subdomain", chars = "a-z0-9-", strip = ".x.example" }]
groups = [{ id = "leads", title = "Leads" }]

[[auth]]
id = "webhook"
title = "A webhook"
kind = "key"
secrets = [{ name = "url", title = "Webhook URL" }]
split = { from = "url", like = "https://${param:sub}.x.example/${secret:code}/" }
query = { auth = "${secret:code}" }

[[auth]]
id = "login"
title = "E-mail and password"
kind = "key"
headers = { Authorization = "Bearer ${secret:key}" }
[auth.login]
asks = [{ name = "mail", title = "E-mail", shown = true }, { name = "word", title = "Password" }]
[[auth.login.steps]]
method = "POST"
path = "/companies"
body = { login = "${secret:mail}", password = "${secret:word}" }
choose = { param = "company", title = "Company", list = "content", value = "id", label = "name" }
[[auth.login.steps]]
method = "POST"
path = "/keys"
body = { login = "${secret:mail}", password = "${secret:word}", company = "${param:company}" }
save = { key = "data.key" }

[[auth]]
id = "oauth"
title = "Browser"
kind = "oauth"
[auth.oauth]
authorize_url = "https://x.example/oauth"
token_url = "https://${param:sub}.x.example/token"
own_client = { help = "Register one with ${redirect_uri}." }
account = { from = "referer", param = "sub", suffixes = [".x.example"] }

[http]
base_url = "https://${param:sub}.x.example/api"
check = { method = "GET", path = "/me", account = "name" }
rate = [{ requests = 7, seconds = 1 }]
errors = [{ status = [204], means = "empty" }, { at = "status", is = ["error"], means = "failed" }]
[http.pages.p]
kind = "page"
query = "page"
more = "_links.next"

[[tools]]
name = "lead_get"
description = "Gets a lead."
group = "leads"
method = "GET"
path = "/leads/{id}"
pages = "p"
args = [{ name = "id", description = "Its id.", type = "integer", required = true }]

[[tools]]
name = "lead_update"
description = "Changes a lead."
group = "leads"
method = "PATCH"
path = "/leads/{id}"
effect = "write"
args = [{ name = "id", description = "Its id.", required = true }, { name = "price", description = "In euros.", type = "number", minimum = 0 }]
"#;

fn told(text: &str) -> Vec<String> {
    let none = |_: &str, _: bool| -> Option<Base> { None };
    load::checked(text, false, &none).findings.iter().map(ToString::to_string).collect()
}

/// What is found when one place is changed.
#[track_caller]
fn change(text: &str, from: &str, to: &str) -> Vec<String> {
    assert_eq!(text.matches(from).count(), 1, "{from}");
    told(&text.replace(from, to))
}

#[test]
fn a_window_of_time_needs_both_its_ends_as_numbers() {
    let page = "kind = \"page\"\nquery = \"page\"\nmore = \"_links.next\"";
    let window = |to: &str, span: u32| {
        let window = format!("kind = \"window\"\nfrom = \"id\"\nto = \"{to}\"\nspan = {span}");
        change(HTTP, page, &window)
    };
    assert_eq!(window("id", 60), Vec::<String>::new());
    let told = window("stop", 0).join("\n");
    assert!(told.contains("http.pages.p.to: lead_get has no integer argument \"stop\""), "{told}");
    assert!(told.contains("http.pages.p.span: is 0"), "{told}");
}

#[test]
fn what_is_right_is_left_alone() {
    assert_eq!(told(MCP), Vec::<String>::new());
    assert_eq!(told(HTTP), Vec::<String>::new());
}

#[test]
fn faults_of_an_mcp_manifest_are_found_where_they_are() {
    for (from, to, want) in [
        ("id = \"x\"", "id = \"X y\"", "2:1: error: id: use 1 to 32"),
        ("\"It is X.\"", "\"\"", "6:1: error: about: is empty"),
        ("\"It is X.\"", "\"It\\u202e is X.\"", "error: about: has a control"),
        ("\"crm\"", "\"Sales Tool\"", "category: use one word"),
        ("2026-11-20", "2026-13-20", "verified: write a date"),
        ("[\"a test\"]", "[]", "8:1: warning: sources: says nothing"),
        ("https://x.example/mcp", "http://x.example/mcp", "mcp.url: use https; http is"),
        ("https://x.example/mcp", "https://u:p@x.example/mcp", "no user and no password"),
        ("x.example/mcp", "${param:acount}.example/mcp", "uses the parameter \"acount\", which"),
        ("x.example/mcp", "${user_id}.example/mcp", "${user_id} may be unset"),
        ("x.example/mcp", "${env:HOME}.example/mcp", "takes nothing from the environment"),
        ("x.example/mcp", "${oops.example/mcp", "is not closed"),
        (
            "${secret:token}",
            "${secret:tokn}",
            "\"tokn\", which nothing asks for; did you mean \"token\"?",
        ),
        (
            "X-Key = \"${secret:token}\"",
            "X-Key = \"a\"",
            "14:12: error: auth[0].secrets[0]: nothing uses the secret \"token\"",
        ),
        ("X-Key =", "\"X Key\" =", "is no name of a header"),
        ("kind = \"key\"", "kind = \"none\"", "a way of kind none asks for no secret"),
        ("kind = \"key\"", "kind = \"enterprise\"", "cannot offer this one"),
        (
            "kind = \"key\"",
            "kind = \"key\"\nquery = { a = \"b\" }",
            "auth[0].query: is for kind http",
        ),
        ("kind = \"key\"", "kind = \"key\"\noauth = {}", "not for a way of kind key"),
        (
            "[mcp]",
            "[http]\nbase_url = \"https://x.example\"\ncheck = { method = \"GET\", path = \"/\" }\n[mcp]",
            "has [mcp] and no [http]",
        ),
        (
            "[mcp]",
            "[[params]]\nname = \"a\"\ntitle = \"A\"\n[mcp]",
            "nothing uses the parameter \"a\"",
        ),
        (
            "[mcp]",
            "[[params]]\nname = \"a\"\ntitle = \"A\"\nchars = \"z-a\"\n[mcp]\nquery = { a = \"${param:a}\" }",
            "params[0].chars: z-a is no range",
        ),
        (
            "[mcp]",
            "[[params]]\nname = \"a\"\ntitle = \"A\"\ndefault = \"a b\"\n[mcp]\nquery = { a = \"${param:a}\" }",
            "params[0].default: cannot be the value",
        ),
    ] {
        let found = change(MCP, from, to);
        assert!(found.iter().any(|f| f.contains(want)), "{to}: {want}: {found:#?}");
    }
    let literal = change(
        MCP,
        "X-Key = \"${secret:token}\"",
        "X-Key = \"${secret:token}\", X-Api-Key = \"abc\"",
    );
    assert_eq!(
        literal,
        [
            "15:40: error: auth[0].headers.X-Api-Key: is a credential in plain text; ask for it as a secret"
        ]
    );
}

#[test]
fn faults_of_ways_to_sign_in_are_found() {
    for (from, to, want) in [
        ("from = \"url\"", "from = \"uri\"", "no secret is called \"uri\""),
        ("${secret:code}/\"", "${secret:url}/\"", "the whole cannot be one of its parts"),
        ("${secret:code}/\"", "\"", "no part of it is a secret"),
        ("like = \"https:", "like = \"http:", "split.like: use https"),
        (
            "save = { key = \"data.key\" }",
            "save = { key = \"data..key\" }",
            "write the keys with dots",
        ),
        ("save = { key = \"data.key\" }", "", "no step saves a secret"),
        ("path = \"/keys\"", "path = \"https://evil.example/keys\"", "stays below it"),
        ("path = \"/keys\"", "path = \"/a/../../keys\"", "stays below it"),
        (
            "company = \"${param:company}\"",
            "company = \"${param:firm}\"",
            "\"firm\", which nothing asks for",
        ),
        ("authorize_url = \"https:", "authorize_url = \"http:", "authorize_url: use https"),
        ("token_url = \"https://${param:sub}.x.example/token\"", "", "goes with token_url"),
        (
            "token_url =",
            "issuer = \"https://x.example\"\ntoken_url =",
            "of no use beside token_url",
        ),
        ("own_client = {", "client_id = \"c\"\nown_client = {", "of no use beside client_id"),
        ("own_client = {", "scopes = [\"a b\"]\nown_client = {", "one scope, without spaces"),
        (
            "own_client = {",
            "callback_host = \"example.com\"\nown_client = {",
            "use one of 127.0.0.1",
        ),
        ("suffixes = [\".x.example\"]", "suffixes = [\".example\"]", "is a domain of its own"),
        ("suffixes = [\".x.example\"]", "suffixes = []", "no host would be allowed"),
        ("id = \"login\"", "id = \"oauth\"", "\"oauth\" is there already"),
    ] {
        let found = change(HTTP, from, to);
        assert!(found.iter().any(|f| f.contains(want)), "{to}: {want}: {found:#?}");
    }
}

#[test]
fn rules_for_tools_that_are_there_and_for_patterns_are_right() {
    let policy = "[policy]\ndestructive = \"ask\"\n[policy.tools]\nlead_update = \"ask\"\n\"*_x\" = \"deny\"\n[http]";
    assert!(change(HTTP, "[http]", policy).is_empty());
    // What a server has is not known here.
    let tools = "[policy.tools]\nsend = \"ask\"\n[mcp]";
    assert!(change(MCP, "[mcp]", tools).is_empty());
}

#[test]
fn faults_of_an_api_and_its_tools_are_found() {
    let long = "a".repeat(60);
    for (from, to, want) in [
        ("requests = 7", "requests = 0", "requests: must be 1 or more"),
        ("seconds = 1", "seconds = 0.0", "seconds: must be more than 0"),
        ("seconds = 1", "seconds = 1, groups = [\"x\"]", "no group is called \"x\""),
        ("status = [204], ", "", "has no condition"),
        ("at = \"status\", ", "status = [200], ", "says what stands at a place"),
        ("query = \"page\"", "query = \"\"", "http.pages.p.query: is empty"),
        ("pages = \"p\"", "pages = \"q\"", "http.pages has no \"q\"; it has p"),
        ("pages = \"p\"\n", "", "warning: http.pages.p: no tool uses it"),
        ("\"lead_get\"", "\"lead-get\"", "use letters, digits and _"),
        ("\"lead_get\"", &format!("{long:?}"), "has 63 characters; 51 is the most"),
        ("\"lead_get\"", "\"lead_update\"", "\"lead_update\" is there already"),
        ("\"Gets a lead.\"", "\" \"", "tools[0].description: is empty"),
        ("\"PATCH\"", "\"PUSH\"", "use one of GET, POST"),
        ("effect = \"write\"", "effect = \"read\"", "a PUT or PATCH is no read"),
        (
            "[{ name = \"id\", description = \"Its id.\", type = \"integer\", required = true }]",
            "[]",
            "no argument is called \"id\"",
        ),
        ("type = \"integer\", required = true", "type = \"integer\"", "the path needs it"),
        (
            "type = \"integer\", required = true",
            "type = \"object\", required = true",
            "cannot stand in a path",
        ),
        ("type = \"number\", minimum = 0", "type = \"string\", minimum = 0", "is for numbers"),
        ("type = \"number\", minimum = 0", "in = \"path\"", "the path has no {price}"),
        ("type = \"number\", minimum = 0", "enum = [1]", "is not of the argument's type"),
        (
            "\"price\", description = \"In euros.\"",
            "\"price\"",
            "warning: tools[1].args[1].description",
        ),
        (
            "{ name = \"price\", ",
            "{ name = \"b\", description = \"B.\", key = \"price\" }, { name = \"price\", ",
            "is sent as \"price\", and so is",
        ),
        (
            "required = true }]\n",
            "required = true }, { name = \"cursor\", description = \"C.\" }]\n",
            "is an argument of our own",
        ),
        ("pages = \"p\"", "pages = \"p\"\nbody = { a = 1 }", "a GET has no body"),
        ("[http]", "[policy]\nwrite = \"aks\"\n[http]", "policy.write"),
        ("[http]", "[policy]\nwirte = \"ask\"\n[http]", "did you mean write?"),
        (
            "[http]",
            "[policy.tools]\nlead_delete = \"ask\"\n[http]",
            "no tool is called \"lead_delete\"",
        ),
        ("[http]", "[policy.tools]\n\"\" = \"ask\"\n[http]", "is not the name of a tool"),
    ] {
        let found = change(HTTP, from, to);
        assert!(found.iter().any(|f| f.contains(want)), "{to}: {want}: {found:#?}");
    }
}
