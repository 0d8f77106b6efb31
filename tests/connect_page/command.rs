//! `allmcp connect PROVIDER` on a terminal, filled in in the browser.

use crate::{
    home::Home,
    stand_in::yougile::{KEY, YouGile},
    support::talk::eventually,
};
use std::{fs, os::unix::fs::PermissionsExt as _};

/// A browser that only says where it was sent.
fn browser(home: &mut Home) -> std::path::PathBuf {
    let (program, log) = (home.env.scratch().join("browser"), home.env.scratch().join("opened"));
    let script =
        format!("#!/bin/sh\nprintf %s \"$1\" > {0}.new && mv {0}.new {0}\n", log.display());
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    home.env.var("BROWSER", &program);
    log
}

#[test]
fn the_last_choice_is_the_browser() {
    let yougile = YouGile::start(1);
    let mut home = Home::new();
    home.env.without("ALLMCP_LOG");
    let opened = browser(&mut home);
    home.at("yougile", &yougile.base());
    let Home { env, window } = &home;
    let output = std::thread::scope(|scope| {
        let terminal =
            scope.spawn(|| env.on_terminal(120, &["connect", "yougile"], &[("Number", "3\n")]));
        // Where there is no `script` program there is no terminal either.
        eventually("the browser is opened", || opened.exists() || terminal.is_finished());
        if opened.exists() {
            let link = fs::read_to_string(&opened).unwrap();
            let page = window.open(&link);
            let page = window.send(&page, &[("choice", "key")]);
            let page = window.send(&page, &[("do", "send"), ("secret.token", KEY)]);
            page.says("yougile is connected");
        }
        terminal.join().unwrap()
    });
    let Some(output) = output else { return };
    let output = output.success();
    assert!(output.stdout().contains("3 Fill it in in the browser"), "{}", output.stdout());
    assert!(output.stdout().contains("yougile: connected with a key"), "{}", output.stdout());
    assert!(!output.stdout().contains(KEY) && !window.seen().contains(KEY));
    assert!(env.read_config().contains("way = \"key\""), "{}", env.read_config());
}
