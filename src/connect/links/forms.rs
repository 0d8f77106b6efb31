//! What is asked, as a form: which fields, in which words.

use super::asker::Memory;
use crate::{
    connect::prepare::{Answers, Blank, BlankKind, Choice, ChoiceOf, Sheet, Slot},
    kind::StoreKind,
    page::{Button, ButtonStyle, Field, FieldKind, Form, Sent, WebLink},
    secret::Secret,
};
use url::Url;

/// Names of fields and buttons, and what the buttons say.
pub(super) const DO: &str = "do";
pub(super) const SEND: &str = "send";
pub(super) const CANCEL: &str = "cancel";
pub(super) const OTHER: &str = "other";
pub(super) const CHOICE: &str = "choice";
pub(super) const NAME: &str = "connection";
pub(super) const KEY: &str = "key";
pub(super) const HEADER: &str = "header";

/// All that a way to sign in wants to know.
pub(super) fn sheet(memory: &Memory, store: StoreKind, sheet: &Sheet) -> Form {
    let chosen = memory.way.is_some();
    let mut form = begun(memory);
    if chosen {
        form.lead.push(format!("{}.", sheet.way.title.trim_end_matches('.')));
    }
    let secret = sheet.blanks.iter().any(|blank| matches!(blank.kind, BlankKind::Secret { .. }));
    if secret {
        form.lead.push(kept_where(store, &sheet.manifest.name));
    }
    form.fields.extend(name_field(memory));
    // What is true of several fields is said once.
    let (mut helped, mut linked): (Vec<&String>, Vec<&String>) = Default::default();
    for blank in &sheet.blanks {
        let mut field = field(memory, blank);
        let help: Vec<&String> = blank.help.iter().filter(|it| !helped.contains(it)).collect();
        field.hint = hint(&help, kept(memory, blank));
        helped.extend(help);
        let page = blank.page.as_ref().filter(|page| !linked.contains(page));
        field.page = page.and_then(|page| web_link(page));
        linked.extend(page);
        form.fields.push(field);
    }
    form.buttons.push(button(SEND, "Connect", ButtonStyle::Primary));
    if chosen {
        form.buttons.push(button(OTHER, "Another way", ButtonStyle::Plain));
    }
    form.buttons.push(button(CANCEL, "Cancel", ButtonStyle::Plain));
    form
}

/// What was sent for a sheet; a secret that stays empty is the one that was entered before.
pub(super) fn answers(memory: &Memory, sheet: &Sheet, sent: &mut Sent) -> Answers {
    let mut answers = Answers::new();
    for blank in &sheet.blanks {
        let given = sent.take(&field_name(&blank.slot)).map(|given| match &blank.slot {
            // A password may begin or end with a space; a key that is copied may bring one.
            Slot::Secret(name) if sheet.way.secrets.iter().all(|one| one.name != *name) => given,
            _ => Secret::new(given.expose().trim().to_owned()),
        });
        let given = given.filter(|given| !given.expose().is_empty());
        let before = || kept(memory, blank).then(|| memory.kept.get(&blank.slot).cloned());
        if let Some(value) = given.or_else(|| before().flatten()) {
            if matches!(blank.kind, BlankKind::Secret { shown: false }) {
                crate::log::redact(&value);
            }
            answers.insert(blank.slot.clone(), value);
        }
    }
    answers
}

/// One of several.
pub(super) fn choice(memory: &Memory, choice: &Choice) -> Form {
    let mut form = begun(memory);
    let by_card = choice.of == ChoiceOf::Way || choice.options.len() <= 6;
    let title = choice.title.split(" (").next().unwrap_or_default();
    form.fields.extend(name_field(memory));
    if by_card {
        form.question = Some(title.to_owned());
        for (value, label, about) in &choice.options {
            form.buttons.push(Button {
                name: CHOICE,
                value: value.clone(),
                label: label.clone(),
                about: about.clone(),
                style: ButtonStyle::Card,
            });
        }
    } else {
        let options = choice.options.iter().map(|(value, label, _)| (value.clone(), label.clone()));
        form.fields.push(Field {
            name: CHOICE.to_owned(),
            label: title.to_owned(),
            kind: FieldKind::Choice(options.collect()),
            ..Field::default()
        });
        form.buttons.push(button(SEND, "Go on", ButtonStyle::Primary));
    }
    form.buttons.push(button(CANCEL, "Cancel", ButtonStyle::Plain));
    form
}

/// One secret that a template names.
pub(super) fn secret(
    memory: &Memory,
    store: StoreKind,
    name: &str,
    host: &str,
    error: Option<String>,
) -> Form {
    let mut form = begun(memory);
    form.lead.push(kept_where(store, host));
    let label = if name == crate::auth::TOKEN { "Key" } else { name };
    form.fields.push(Field {
        name: KEY.to_owned(),
        label: label.to_owned(),
        kind: FieldKind::Secret,
        hint: Some(format!("The one that {host} gave you.")),
        error,
        ..Field::default()
    });
    form.buttons.push(button(SEND, "Connect", ButtonStyle::Primary));
    form.buttons.push(button(CANCEL, "Cancel", ButtonStyle::Plain));
    form
}

/// The key of a server of which nothing is known but that it wants one.
pub(super) fn key(memory: &Memory, store: StoreKind, host: &str) -> Form {
    let mut form = secret(memory, store, crate::auth::TOKEN, host, None);
    if memory.key.is_some() {
        let kept = "Leave it empty to send the one that you entered before.";
        form.fields[0].hint = Some(kept.to_owned());
    }
    form.fields.push(Field {
        name: HEADER.to_owned(),
        label: "Header".to_owned(),
        hint: Some(
            "Only where the vendor names one for its keys; else it is sent as a bearer token."
                .to_owned(),
        ),
        example: Some("X-API-Key".to_owned()),
        value: memory.header.clone(),
        error: memory.header_error.clone(),
        optional: true,
        ..Field::default()
    });
    form.fields.splice(0..0, name_field(memory));
    form
}

/// A connection is given up.
pub(super) fn leave(memory: &Memory, name: &str, target: &str, keyed: bool) -> Form {
    let mut form = begun(memory);
    form.lead.push(if keyed {
        "The connection is removed, and its stored credential is deleted and revoked where the \
         server offers that. This cannot be undone; it can be connected again."
            .to_owned()
    } else {
        "The connection is removed. It can be connected again.".to_owned()
    });
    form.facts.push(("Connection".to_owned(), name.to_owned()));
    form.facts.push(("Leads to".to_owned(), target.to_owned()));
    form.buttons.push(button(CANCEL, "Keep it", ButtonStyle::Plain));
    form.buttons.push(button(SEND, "Disconnect", ButtonStyle::Danger));
    form
}

fn begun(memory: &Memory) -> Form {
    Form {
        title: memory.title.clone(),
        lead: memory.lead.clone(),
        warnings: memory.warnings.clone(),
        problem: memory.problem.clone(),
        ..Form::default()
    }
}

fn kept_where(store: StoreKind, whom: &str) -> String {
    let place = match store {
        StoreKind::Keychain => "the keychain of this computer",
        _ => "a file on this computer that only you can read",
    };
    format!("What you enter is sent to {whom} only and kept in {place}. No AI model sees it.")
}

fn field_name(slot: &Slot) -> String {
    match slot {
        Slot::Param(name) => format!("param.{name}"),
        Slot::Secret(name) => format!("secret.{name}"),
        Slot::ClientId => "client_id".to_owned(),
    }
}

fn field(memory: &Memory, blank: &Blank) -> Field {
    let before = memory.kept.get(&blank.slot).map(|value| value.expose().clone());
    let (kind, value) = match &blank.kind {
        BlankKind::Secret { shown: false } => (FieldKind::Secret, String::new()),
        BlankKind::Secret { shown: true } | BlankKind::ClientId => {
            (FieldKind::Text, before.unwrap_or_default())
        }
        BlankKind::Param(param) => {
            let value = before.or_else(|| param.default.clone()).unwrap_or_default();
            match param.choices.as_slice() {
                [] => (FieldKind::Text, value),
                [only] if only == "true" => (FieldKind::Flag, value),
                choices => {
                    let none = blank.optional && param.default.is_none();
                    let none = none.then(|| (String::new(), "–".to_owned()));
                    let all = choices.iter().map(|it| (it.clone(), it.clone()));
                    (FieldKind::Choice(none.into_iter().chain(all).collect()), value)
                }
            }
        }
    };
    let wrong = memory.wrong.iter().find(|(slot, _)| *slot == blank.slot);
    Field {
        name: field_name(&blank.slot),
        label: blank.title.clone(),
        kind,
        example: blank.example.clone(),
        value,
        error: wrong.map(|(_, why)| sentence(why)),
        optional: blank.optional,
        ..Field::default()
    }
}

/// It was entered before, and is neither shown nor wrong.
fn kept(memory: &Memory, blank: &Blank) -> bool {
    matches!(blank.kind, BlankKind::Secret { shown: false })
        && memory.kept.contains_key(&blank.slot)
        && !memory.wrong.iter().any(|(slot, _)| *slot == blank.slot)
}

fn hint(help: &[&String], kept: bool) -> Option<String> {
    let kept = kept.then_some("Leave it empty to send what you entered before.");
    let all: Vec<&str> = kept.into_iter().chain(help.iter().map(|it| it.as_str())).collect();
    (!all.is_empty()).then(|| all.join(" "))
}

fn name_field(memory: &Memory) -> Option<Field> {
    memory.asks_name.then(|| Field {
        name: NAME.to_owned(),
        label: "Name of the connection".to_owned(),
        hint: Some("Small letters, digits and dashes.".to_owned()),
        value: memory.name_text.clone(),
        error: memory.name_error.as_deref().map(sentence),
        ..Field::default()
    })
}

fn web_link(page: &str) -> Option<WebLink> {
    let host = Url::parse(page).ok()?.host_str()?.to_owned();
    Some(WebLink { text: format!("Where to get it: {host}"), url: page.to_owned() })
}

fn button(value: &str, label: &str, style: ButtonStyle) -> Button {
    Button { name: DO, value: value.to_owned(), label: label.to_owned(), about: None, style }
}

/// A fragment of an error as people read it.
pub(super) fn sentence(fragment: &str) -> String {
    let fragment = fragment.trim();
    let mut letters = fragment.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let end = if fragment.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}
