//! What a provider asks for besides a key: a webhook, a parameter, a client of one's own.

use crate::{
    home::{Home, usable},
    stand_in::{
        bitrix24::{Bitrix24, CODE},
        kommo::{CLIENT_ID, CLIENT_SECRET, Kommo, TOKEN},
    },
};
use serde_json::json;

#[test]
fn a_webhook_is_pasted_whole_and_taken_apart() {
    let portal = Bitrix24::start(2);
    let home = Home::new();
    home.at(
        "bitrix24",
        &format!("{}/rest/${{param:user_id}}/${{secret:code}}", portal.site.origin()),
    );
    let mut serve = home.serve(json!({}));
    let link = home.link(&mut serve, json!({ "provider": "bitrix24" }));
    let page = home.window.open(&link);
    page.says("Connect Bitrix24").says_not("How do you want to sign in?");
    let wrong = format!("https://acme.bitrix24.com/{CODE}");
    let page = home.window.send(&page, &[("do", "send"), ("secret.webhook", &wrong)]);
    page.says("does not look like https://PORTAL/rest/USER_ID/CODE/").says("aria-invalid");
    let right = format!("https://acme.bitrix24.com/rest/1/{CODE}/");
    let page = home.window.send(&page, &[("do", "send"), ("secret.webhook", &right)]);
    page.says("bitrix24 is connected");
    usable(&mut serve, "bitrix24__user_current");
    home.end(serve, &[], &[CODE]);
}

#[test]
fn a_wrong_parameter_is_told_at_its_field_and_the_key_is_kept() {
    let kommo = Kommo::start(1, "");
    let home = Home::new();
    home.at("kommo", &kommo.base());
    let mut serve = home.serve(json!({}));
    let link = home.link(&mut serve, json!({ "provider": "Kommo" }));
    let page = home.by_way(&link, "token");
    let fields = [("do", "send"), ("param.subdomain", "no such"), ("secret.token", TOKEN)];
    let page = home.window.send(&page, &fields);
    page.says("cannot stand in it").says("value=\"no such\"");
    page.says("Leave it empty to send what you entered before.");
    let fields =
        [("do", "send"), ("param.subdomain", "https://acme.kommo.com/leads"), ("secret.token", "")];
    home.window.send(&page, &fields).says("kommo is connected");
    assert!(home.env.read_config().contains("subdomain = \"acme\""), "{}", home.env.read_config());
    usable(&mut serve, "kommo__account_get");
    home.end(serve, &[], &[TOKEN]);
}

#[test]
fn another_way_can_be_chosen_and_a_client_of_ones_own_leads_to_the_consent() {
    let kommo = Kommo::start(1, "");
    let home = Home::new();
    home.at("kommo", &kommo.base());
    let mut serve = home.serve(json!({}));
    let link =
        home.link(&mut serve, json!({ "provider": "kommo", "params": { "subdomain": "acme" } }));
    let page = home.by_way(&link, "token");
    page.says("Another way").says_not("Subdomain of the account");
    let page = home.window.send(&page, &[("do", "other")]);
    page.says("How do you want to sign in?");
    let page = home.window.send(&page, &[("choice", "oauth")]);
    page.says("Client id").says("http://localhost:17823/callback");
    let fields =
        [("do", "send"), ("client_id", CLIENT_ID), ("secret.client_secret", CLIENT_SECRET)];
    let page = home.window.send(&page, &fields);
    assert_eq!(page.status, 200, "a browser that has sent a form follows no redirect to elsewhere");
    page.says("On to www.kommo.com").says("https://www.kommo.com/oauth?");
    page.says(CLIENT_ID).says_not(CLIENT_SECRET);
    home.end(serve, &[], &[CLIENT_SECRET]);
}

#[test]
fn what_was_given_up_changes_nothing() {
    let home = Home::new();
    let mut serve = home.serve(json!({}));
    let link = home.link(&mut serve, json!({ "provider": "kommo" }));
    let page = home.window.open(&link);
    let page = home.window.send(&page, &[("do", "cancel")]);
    page.says("Nothing was changed");
    assert_ne!(home.link(&mut serve, json!({ "provider": "kommo" })), link, "a new one");
    assert!(!home.env.config_file().exists());
    home.end(serve, &[], &[]);
}
