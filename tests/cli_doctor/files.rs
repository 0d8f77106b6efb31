//! Our own files, the store, and what was left behind.

use crate::{
    look::{all, fix, gone, machine, run},
    support::env::TestEnv,
};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn lists(env: &TestEnv, name: &str) -> PathBuf {
    env.allmcp_home().join(format!("cache/lists/{name}.json"))
}

/// Sets one member of a file of JSON.
fn set(path: &Path, key: &str, value: &str) {
    let mut file: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    file[key] = value.into();
    fs::write(path, file.to_string()).unwrap();
}

#[test]
fn what_others_may_read_is_closed() {
    let (env, upstream) = machine();
    let home = env.allmcp_home();
    mode(&home.join("data"), 0o755);
    let folders = fix(&env, "files", "warning", "others may enter");
    assert_eq!(folders, format!("chmod 700 {}", home.join("data").display()));
    run(&env, &folders, "");
    gone(&env, "files", "others may");

    mode(&home.join("data/secrets.json"), 0o644);
    let secrets = fix(&env, "files", "error", "others may read the secrets");
    // Trying the store has written it anew.
    gone(&env, "files", "others may");
    mode(&home.join("data/secrets.json"), 0o644);
    env.cmd(&["doctor"]).code(1);
    mode(&home.join("data/secrets.json"), 0o644);
    run(&env, &secrets, "");
    gone(&env, "files", "others may");

    // A file without anything of anybody's is nobody's concern.
    mode(&env.config_file(), 0o644);
    gone(&env, "files", "others may");
    let header = "X-User: a@b.c";
    env.command(&["connect", &upstream.url(), "--name", "b", "--header", header, "--token-stdin"])
        .stdin("k")
        .run()
        .success();
    mode(&env.config_file(), 0o644);
    let config = fix(&env, "files", "warning", "config.toml");
    run(&env, &config, "");
    gone(&env, "files", "others may");
    // One that others can change is named by whoever reads it.
    mode(&env.config_file(), 0o622);
    let config = fix(&env, "config", "warning", "can be changed by other users");
    run(&env, &config, "");
    gone(&env, "config", "can be changed");
}

#[test]
fn an_entry_deleted_by_hand_leaves_a_secret_and_lists() {
    let (env, upstream) = machine();
    env.connect_key("old", &upstream.url(), "k");
    env.cmd(&["status", "--live"]).success();
    let config = env.read_config();
    let at = config.find("[connections.old]").unwrap();
    env.config(&config[..at]);
    let secret = fix(&env, "store", "warning", "a secret of old is kept");
    assert_eq!(secret, "allmcp disconnect old --yes");
    gone(&env, "cache", "old");
    // Without the secret there are the lists.
    let mut store: serde_json::Value =
        serde_json::from_slice(&fs::read(env.allmcp_home().join("data/secrets.json")).unwrap())
            .unwrap();
    let secrets = store.clone();
    store["items"].as_object_mut().unwrap().remove("old");
    fs::write(env.allmcp_home().join("data/secrets.json"), store.to_string()).unwrap();
    let cache = fix(&env, "cache", "warning", "what was known of old is kept (lists");
    assert_eq!(cache, secret);
    fs::write(env.allmcp_home().join("data/secrets.json"), secrets.to_string()).unwrap();
    run(&env, &secret, "");
    gone(&env, "store", "old");
    gone(&env, "cache", "old");
    assert!(env.stored("old").is_null() && !lists(&env, "old").exists());
    assert!(lists(&env, "shop").exists());
    // And there is nothing to do any more.
    let again = env.cmd(&["disconnect", "old", "--yes"]).success();
    assert_eq!(again.stderr(), "there is no connection old\n");
}

#[test]
fn a_broken_configuration_makes_no_orphans() {
    let (env, _upstream) = machine();
    let good = env.read_config();
    fs::remove_file(env.allmcp_home().join("state/config.last-good.toml")).unwrap();
    env.config("version = \n");
    assert!(all(&env, "store", "no connection has that name").is_empty());
    assert!(all(&env, "cache", "").is_empty());
    env.config(&good);
    env.cmd(&["doctor"]).success();
}

#[test]
fn old_lists_those_of_another_url_and_torn_ones_are_fetched_again() {
    let (env, _upstream) = machine();
    let file = lists(&env, "shop");
    let cases: [(&str, &str, &dyn Fn()); 4] = [
        ("cache", "is 31 days old", &|| {
            let then = std::time::SystemTime::now() - std::time::Duration::from_hours(31 * 24 + 1);
            set(&file, "fetched_at", &humantime::format_rfc3339_seconds(then).to_string());
        }),
        ("connection", "its kept list of tools is of another URL", &|| {
            set(&file, "target", "https://h.example/");
        }),
        ("cache", "cannot be read", &|| fs::write(&file, "{").unwrap()),
        ("clock", "which is still to come", &|| set(&file, "fetched_at", "2199-01-01T00:00:00Z")),
    ];
    for (check, part, break_it) in cases {
        break_it();
        let fix = fix(&env, check, "warning", part);
        assert_eq!(fix, "allmcp sync shop", "{part}");
        run(&env, &fix, "");
        gone(&env, check, part);
    }
}

#[test]
fn a_log_that_is_not_put_aside_and_a_torn_memory_are_named() {
    let (env, _upstream) = machine();
    let log = env.allmcp_home().join("state/access.log");
    fs::create_dir_all(log.parent().unwrap()).unwrap();
    let file = fs::File::create(&log).unwrap();
    mode(&log, 0o600);
    file.set_len((16 << 20) + 1).unwrap();
    let told = fix(&env, "files", "warning", "access.log is longer than");
    run(&env, &told, "");
    gone(&env, "files", "access.log");

    env.cmd(&["memory", "save", "--title", "a title", "--content", "a text"]).success();
    gone(&env, "files", "memory.db");
    let memory = env.allmcp_home().join("data/memory.db");
    let mut bytes = fs::read(&memory).unwrap();
    bytes[4096..].fill(0xa5);
    fs::write(&memory, &bytes).unwrap();
    let told = fix(&env, "files", "error", "memory.db is damaged");
    assert!(told.contains("put a backup in its place"), "{told}");
    assert_eq!(fs::read(&memory).unwrap(), bytes, "it is never reset");
}

#[test]
fn a_lock_that_is_never_given_back_is_named() {
    let (env, _upstream) = machine();
    let path = env.allmcp_home().join("data/secrets.json.lock");
    let file = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
    file.lock().unwrap();
    let told = fix(&env, "files", "error", "another process holds");
    assert!(told.contains("secrets.json.lock"), "{told}");
    drop(file);
    gone(&env, "files", "another process");
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/nowhere", &path).unwrap();
    let told = fix(&env, "files", "error", "could not lock");
    assert!(told.contains("or delete it"), "{told}");
}

#[test]
fn a_store_that_does_not_work_is_an_error_of_the_machine() {
    let (env, _upstream) = machine();
    fs::write(env.allmcp_home().join("data/secrets.json"), "oops").unwrap();
    let told = fix(&env, "store", "error", "secrets.json");
    assert!(told.contains("allmcp reconnect"), "{told}");
    env.cmd(&["doctor"]).code(1);
}
