//! What is asked of a person at a terminal; elsewhere the flag is named that answers.

use crate::{
    catalog::manifest::{Param, Way},
    cli::{error::CliError, secrets::Terminal},
    connect::{
        ConnectError, Provider,
        prepare::{Blank, Slot},
    },
    secret::Secret,
    text,
};

/// Asks until the answer can be a value.
pub(super) async fn asked(ask: &Terminal<'_>, param: &Param) -> Result<String, CliError> {
    let flag = format!("--param {}=VALUE", param.name);
    let about = [param.help.as_deref(), param.example.as_deref()];
    let about: Vec<&str> = about.into_iter().flatten().collect();
    let what = match about.as_slice() {
        [] => param.title.clone(),
        about => format!("{} ({})", param.title, about.join("; ")),
    };
    loop {
        let text = ask.line(&what, &flag).await?;
        match param.accept(&text) {
            Ok(value) => return Ok(value),
            Err(why) => ask.note(&format!("that cannot be: {why}")),
        }
    }
}

/// Asks for a secret, and says where one gets it.
pub(super) async fn hidden(
    ask: &Terminal<'_>,
    way: &Way,
    blank: &Blank,
    shown: bool,
) -> Result<Secret<String>, CliError> {
    let (title, Slot::Secret(name)) = (&blank.title, &blank.slot) else {
        return Err(CliError::internal("not a secret".to_owned()));
    };
    let flag = match way.secrets.as_slice() {
        [_] => "--token-stdin or --token-file FILE".to_owned(),
        _ => format!("--secret-file {name}=FILE or --secrets-stdin"),
    };
    let told: Vec<&str> = blank.help.iter().chain(&blank.page).map(String::as_str).collect();
    if ask.can_ask() {
        for line in &told {
            ask.note(line);
        }
        return match shown {
            true => Ok(Secret::new(ask.line(title, &flag).await?)),
            false => ask.hidden(title, &flag).await,
        };
    }
    let error = CliError::usage(format!("{title} is missing: give it by {flag}"));
    Err(if told.is_empty() { error } else { error.hint(told.join(" ")) })
}

/// Where the vendor gives a key, for one that was not taken.
pub(in crate::cli) fn another_key(
    error: &ConnectError,
    provider: Option<&Provider>,
) -> Option<String> {
    let ConnectError::WrongKey { .. } = error else { return None };
    let provider = provider?;
    let way = provider.manifest.auth.iter().find(|way| way.id == provider.way)?;
    let told: Vec<&str> = way.help.iter().chain(&way.page).map(String::as_str).collect();
    (!told.is_empty()).then(|| format!("check the key, or make another: {}", told.join(" ")))
}

/// One of several, by its number or its word.
pub(super) async fn choose(
    ask: &Terminal<'_>,
    title: &str,
    options: Vec<(String, String)>,
    flag: &str,
) -> Result<String, CliError> {
    if !ask.can_ask() {
        let all: Vec<String> = options
            .iter()
            .take(20)
            .map(|(value, label)| format!("{value} ({})", text::line(label, 80)))
            .collect();
        return Err(CliError::usage(format!("{title}: choose one of {}", all.join(", ")))
            .hint(format!("give {flag}")));
    }
    ask.note(title);
    for (at, (value, label)) in options.iter().enumerate() {
        ask.note(&format!("  {} {} ({value})", at + 1, text::line(label, 100)));
    }
    loop {
        let answer = ask.line("Number", flag).await?;
        let answer = answer.trim();
        let by_number = answer.parse::<usize>().ok().and_then(|n| options.get(n.checked_sub(1)?));
        let found = by_number.or_else(|| options.iter().find(|(value, _)| value == answer));
        if let Some((value, _)) = found {
            return Ok(value.clone());
        }
        ask.note("that is none of them");
    }
}
