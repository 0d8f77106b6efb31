//! How a form looks. No script: what a page has to do, links, buttons and the server do.

use super::{Button, ButtonStyle, Field, FieldKind, Form, TOKEN_FIELD, WebLink};
use crate::page::frame::{document, escaped};
use std::fmt::Write as _;
use url::Url;

pub(super) fn form(form: &Form) -> String {
    let mut main = String::new();
    let title = escaped(&form.title);
    let _ = write!(main, "<h1>{title}</h1>");
    for text in &form.lead {
        let _ = write!(main, "<p>{}</p>", escaped(text));
    }
    if let Some(problem) = &form.problem {
        let _ = write!(main, "<div class=\"note bad\" role=\"alert\">{}</div>", escaped(problem));
    }
    if !form.warnings.is_empty() {
        main.push_str("<div class=\"note wait\"><strong>Good to know</strong><ul>");
        for warning in &form.warnings {
            let _ = write!(main, "<li>{}</li>", escaped(warning));
        }
        main.push_str("</ul></div>");
    }
    if !form.facts.is_empty() {
        main.push_str("<dl>");
        for (label, text) in &form.facts {
            let _ = write!(main, "<dt>{}</dt><dd>{}</dd>", escaped(label), escaped(text));
        }
        main.push_str("</dl>");
    }
    link(&mut main, form.page.as_ref());
    let token = escaped(&form.token);
    let _ = write!(
        main,
        "<form method=\"post\" autocomplete=\"off\">\
         <input type=\"hidden\" name=\"{TOKEN_FIELD}\" value=\"{token}\">"
    );
    // Whoever comes back to a mistake is taken to it.
    let wrong = form.fields.iter().position(|field| field.error.is_some());
    let first = form.problem.as_ref().and(Some(0));
    for (at, one) in form.fields.iter().enumerate() {
        field(&mut main, one, at, wrong.or(first) == Some(at));
    }
    main.push_str("<div class=\"buttons\">");
    form.buttons.iter().for_each(|one| button(&mut main, one));
    main.push_str("</div></form>");
    let failed = form.problem.is_some() || wrong.is_some();
    let title = if failed { format!("Not yet: {title}") } else { title };
    document(&title, "form", "", &main)
}

fn field(out: &mut String, field: &Field, at: usize, focus: bool) {
    let Field { label, kind, hint, example, value, error, optional, .. } = field;
    let name = escaped(&field.name);
    let mut about = Vec::new();
    if hint.is_some() {
        about.push(format!("h{at}"));
    }
    if error.is_some() {
        about.push(format!("e{at}"));
    }
    let mut more = format!(" id=\"f{at}\" name=\"{name}\"");
    if !about.is_empty() {
        let _ = write!(more, " aria-describedby=\"{}\"", about.join(" "));
    }
    if error.is_some() {
        more.push_str(" aria-invalid=\"true\"");
    }
    if focus {
        more.push_str(" autofocus");
    }
    let plain = " autocapitalize=\"none\" autocorrect=\"off\" spellcheck=\"false\"";
    let example = example.as_ref().map(|it| format!(" placeholder=\"{}\"", escaped(it)));
    let example = example.unwrap_or_default();
    let input = match kind {
        FieldKind::Text => format!(
            "<input type=\"text\"{more}{plain}{example} autocomplete=\"off\" value=\"{}\">",
            escaped(value)
        ),
        FieldKind::Secret => {
            format!("<input type=\"password\"{more}{plain}{example} autocomplete=\"off\">")
        }
        FieldKind::Choice(options) => {
            let mut all = format!("<select{more}>");
            for (key, label) in options {
                let chosen = if key == value { " selected" } else { "" };
                let (key, label) = (escaped(key), escaped(label));
                let _ = write!(all, "<option value=\"{key}\"{chosen}>{label}</option>");
            }
            all + "</select>"
        }
        FieldKind::Flag => {
            let on = if value == "true" { " checked" } else { "" };
            format!("<input type=\"checkbox\" value=\"true\"{more}{on}>")
        }
    };
    let bad = if error.is_some() { " wrong" } else { "" };
    let optional = if *optional { " <span class=\"opt\">optional</span>" } else { "" };
    let label = format!("<label for=\"f{at}\">{}{optional}</label>", escaped(label));
    let flag = matches!(kind, FieldKind::Flag);
    let row = if flag { format!("<div class=\"flag\">{input}{label}</div>") } else { label };
    let _ = write!(out, "<div class=\"field{bad}\">{row}");
    if let Some(hint) = hint {
        let _ = write!(out, "<p class=\"hint\" id=\"h{at}\">{}</p>", escaped(hint));
    }
    link(out, field.page.as_ref());
    if !flag {
        out.push_str(&input);
    }
    if let Some(error) = error {
        let _ = write!(out, "<p class=\"error\" id=\"e{at}\">{}</p>", escaped(error));
    }
    out.push_str("</div>");
}

fn button(out: &mut String, button: &Button) {
    let class = match button.style {
        ButtonStyle::Primary => "primary",
        ButtonStyle::Plain => "plain",
        ButtonStyle::Danger => "danger",
        ButtonStyle::Card => "card",
    };
    let (name, value) = (escaped(button.name), escaped(&button.value));
    let label = escaped(&button.label);
    let about = button.about.as_deref().map(|it| format!("<small>{}</small>", escaped(it)));
    let about = about.unwrap_or_default();
    let _ = write!(
        out,
        "<button class=\"{class}\" name=\"{name}\" value=\"{value}\"><span>{label}</span>{about}</button>"
    );
}

/// A page elsewhere, which is not told where the user came from.
fn link(out: &mut String, link: Option<&WebLink>) {
    let Some(WebLink { text, url }) = link else { return };
    let web = Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "https" | "http"));
    if web {
        let (text, url) = (escaped(text), escaped(url));
        let _ = write!(
            out,
            "<p class=\"link\"><a href=\"{url}\" target=\"_blank\" \
             rel=\"noopener noreferrer\">{text}</a></p>"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown_and_every_text_stays_a_text() {
        let evil = "\"><script>x</script>'&".to_owned();
        let one = |kind: FieldKind| Field {
            name: evil.clone(),
            label: evil.clone(),
            kind,
            hint: Some(evil.clone()),
            example: Some(evil.clone()),
            page: Some(WebLink { text: evil.clone(), url: "javascript:x".to_owned() }),
            value: "canary-value".to_owned(),
            error: Some(evil.clone()),
            optional: true,
        };
        let html = form(&Form {
            token: "t".to_owned(),
            title: evil.clone(),
            lead: vec![evil.clone()],
            warnings: vec![evil.clone()],
            problem: Some(evil.clone()),
            facts: vec![(evil.clone(), evil.clone())],
            page: Some(WebLink { text: "there".to_owned(), url: "https://v.example/a?b&c".into() }),
            fields: vec![
                one(FieldKind::Secret),
                one(FieldKind::Choice(vec![(evil.clone(), evil.clone())])),
                one(FieldKind::Flag),
            ],
            buttons: vec![Button {
                name: "go",
                value: evil.clone(),
                label: evil.clone(),
                about: Some(evil.clone()),
                style: ButtonStyle::Card,
            }],
        });
        assert!(!html.contains("<script") && !html.contains("javascript:"), "{html}");
        assert!(!html.contains("canary-value"), "{html}");
        assert!(html.contains("href=\"https://v.example/a?b&amp;c\""), "{html}");
        assert!(html.contains("name=\"form\" value=\"t\""), "{html}");
    }

    #[test]
    fn labels_hints_and_errors_belong_to_their_fields() {
        let field = Field {
            name: "key".to_owned(),
            label: "API key".to_owned(),
            hint: Some("ends in 9".to_owned()),
            error: Some("too short".to_owned()),
            ..Field::default()
        };
        let html = form(&Form { fields: vec![field], ..Form::default() });
        assert!(html.contains("<label for=\"f0\">API key</label>"), "{html}");
        let input = "<input type=\"text\" id=\"f0\" name=\"key\" \
                     aria-describedby=\"h0 e0\" aria-invalid=\"true\" autofocus";
        assert!(html.contains(input), "{html}");
        assert!(html.contains("<p class=\"error\" id=\"e0\">too short</p>"), "{html}");
    }
}
