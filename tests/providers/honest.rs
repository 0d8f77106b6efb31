//! The stand-ins do what the vendors document, also where our own client would not go.

use crate::stand_in::{Site, kommo, kommo::Kommo, yougile, yougile::YouGile};
use serde_json::{Value, json};
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

/// One request, with a bearer token if it is not empty; the status and the body.
fn send(
    site: &Site,
    method: &str,
    path: &str,
    token: &str,
    kind: &str,
    body: &str,
) -> (u16, Value) {
    let mut stream = TcpStream::connect(site.address).unwrap();
    let length = body.len();
    let token =
        if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") };
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: x\r\n{token}content-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    (status, serde_json::from_str(body).unwrap_or_default())
}

const REDIRECT: &str = "http://localhost:17823/callback";

fn token(kommo: &Kommo, more: &Value) -> (u16, Value) {
    let mut body = json!({
        "client_id": kommo::CLIENT_ID, "client_secret": kommo::CLIENT_SECRET, "redirect_uri": REDIRECT,
    });
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    let body = body.to_string();
    send(&kommo.site, "POST", "/oauth2/access_token", "", "application/json", &body)
}

fn account(kommo: &Kommo, token: &Value) -> u16 {
    let token = token.as_str().unwrap();
    send(&kommo.site, "GET", "/api/v4/account", token, "text/plain", "").0
}

#[test]
fn kommos_token_endpoint_takes_json_and_a_code_once() {
    let kommo = Kommo::start(0, REDIRECT);
    let form = format!("grant_type=authorization_code&code={}", kommo::CODE);
    let kind = "application/x-www-form-urlencoded";
    assert_eq!(send(&kommo.site, "POST", "/oauth2/access_token", "", kind, &form).0, 400);
    let code = json!({ "grant_type": "authorization_code", "code": kommo::CODE });
    let mut other = code.clone();
    other["redirect_uri"] = "http://localhost:1/callback".into();
    assert_eq!(token(&kommo, &other).0, 400, "another redirect URI");
    let (status, pair) = token(&kommo, &code);
    assert_eq!(
        (status, &pair["token_type"], &pair["expires_in"]),
        (200, &json!("Bearer"), &json!(86400))
    );
    assert_eq!(account(&kommo, &pair["access_token"]), 200);
    assert_eq!(token(&kommo, &code).0, 401, "a second time");
}

#[test]
fn kommos_old_refresh_token_works_until_the_new_one_was_used() {
    let kommo = Kommo::start(0, REDIRECT);
    let refresh = |token_: &Value| {
        token(&kommo, &json!({ "grant_type": "refresh_token", "refresh_token": token_ }))
    };
    let (_, first) =
        token(&kommo, &json!({ "grant_type": "authorization_code", "code": kommo::CODE }));
    assert_eq!(refresh(&first["refresh_token"]).0, 200, "its answer may have been lost");
    let (status, second) = refresh(&first["refresh_token"]);
    assert_eq!(status, 200);
    assert_eq!(refresh(&second["refresh_token"]).0, 200);
    assert_eq!(refresh(&first["refresh_token"]).0, 401, "now it has ended");
    kommo.expire();
    assert_eq!(account(&kommo, &second["access_token"]), 401);
}

#[test]
fn yougile_makes_a_key_of_a_login_and_takes_it_back() {
    let yougile = YouGile::start(0);
    let post = |path: &str, body: Value| {
        send(&yougile.site, "POST", path, "", "application/json", &body.to_string())
    };
    let login = json!({ "login": yougile::LOGIN, "password": yougile::PASSWORD });
    assert_eq!(post("/api-v2/auth/companies", json!({ "login": "x", "password": "y" })).0, 401);
    let (_, companies) = post("/api-v2/auth/companies", login.clone());
    assert_eq!(companies["content"][1]["name"], "Other");
    assert_eq!(post("/api-v2/auth/keys", login.clone()).0, 400, "without a company");
    let mut login = login;
    login["companyId"] = companies["content"][1]["id"].clone();
    let (status, made) = post("/api-v2/auth/keys", login);
    assert_eq!(status, 201);
    let key = made["key"].as_str().unwrap().to_owned();
    let me = || send(&yougile.site, "GET", "/api-v2/users/me", &key, "text/plain", "").0;
    assert_eq!(me(), 200);
    let path = format!("/api-v2/auth/keys/{key}");
    send(&yougile.site, "DELETE", &path, "", "text/plain", "");
    assert_eq!(me(), 401);
    assert!(!yougile.keys().contains(&key));
}
