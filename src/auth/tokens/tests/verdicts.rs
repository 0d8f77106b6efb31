//! The last word of an authorization server, and what is none.

use super::*;

#[tokio::test]
async fn nobody_signed_in() {
    let site = Site::new();
    let copy = site.copy();
    needs_auth(site.call(&copy).await, "nobody has signed in");
    site.sign_in(0).await;
    assert_eq!(site.call(&copy).await, Ok(()), "without a restart");
}

#[tokio::test]
async fn a_refused_refresh_token_is_sent_once_and_by_one() {
    for n in [1, 5] {
        let site = Site::signed_in(7200).await;
        let copies = site.copies(n);
        site.server.state().over = true;
        for _ in 0..2 {
            for answer in site.all_call(&copies).await {
                needs_auth(answer, "no longer accepted since");
            }
        }
        needs_auth(site.call(&site.copy()).await, "(invalid_grant)");
        assert_eq!(site.server.counts(), (1, 0, 1));
        let rejected = site.facts().rejected.unwrap();
        assert_eq!((rejected.generation, &*rejected.code), (1, "invalid_grant"));
        // Nothing is erased.
        let (_, vault) = site.vault();
        let (signed_in, _) = site.place(vault).read().await.unwrap();
        assert!(signed_in.grant.unwrap().refresh_token.is_some());

        site.sign_in(0).await;
        let signed_in = site.all_call(&copies).await;
        assert!(signed_in.iter().all(Result::is_ok), "without a restart: {signed_in:?}");
        assert_eq!(site.facts().rejected, None);
    }
}

#[tokio::test]
async fn deviation_36_a_refusal_without_a_code_ends_nothing_and_says_what_may_help() {
    let site = Site::signed_in(7200).await;
    let unclear = || Refused::Unclear { detail: "the token endpoint answered http_400".to_owned() };
    site.server.state().script.push_back(unclear());
    let copy = site.copy();
    let answer = site.call(&copy).await;
    transient(answer, "http_400; if it stays so, run: allmcp reconnect c");
    assert_eq!(site.facts().rejected, None);
    // It is not asked again at once, and works as soon as the server does.
    transient(site.call(&copy).await, "http_400");
    assert_eq!(site.call(&site.copy()).await, Ok(()));
}

#[tokio::test]
async fn disconnected_and_connected_again_is_another_sign_in() {
    let site = Site::signed_in(7200).await;
    site.server.state().over = true;
    let copy = site.copy();
    needs_auth(site.call(&copy).await, "(invalid_grant)");
    copy.vault.delete("c").unwrap();
    site.grants().remove("c").unwrap();
    needs_auth(site.call(&copy).await, "nobody has signed in");
    site.sign_in(7200).await;
    assert_eq!(site.facts().generation, 1, "it begins anew");
    assert_eq!(site.call(&copy).await, Ok(()));
}

#[tokio::test]
async fn an_access_token_outlives_its_refresh_token() {
    let site = Site::signed_in(3590).await;
    site.server.state().script.push_back(Refused::Grant { code: "invalid_grant".to_owned() });
    let copies = site.copies(3);
    for _ in 0..3 {
        assert!(site.all_call(&copies).await.iter().all(Result::is_ok));
    }
    assert_eq!(site.server.counts().0, 1);
    site.ahead.store(3600, Ordering::SeqCst);
    needs_auth(site.call(&copies[0]).await, "(invalid_grant)");
    site.ahead.store(0, Ordering::SeqCst);
    site.server.state().accepted.clear();
    needs_auth(site.call(&copies[1]).await, "(invalid_grant)");
    assert_eq!(site.server.counts().0, 1);
}

#[tokio::test]
async fn a_forgotten_client_is_marked_for_the_next_sign_in() {
    let site = Site::signed_in(7200).await;
    site.server.state().script.push_back(Refused::Client { code: "invalid_client".to_owned() });
    let copy = site.copy();
    for _ in 0..2 {
        needs_auth(site.call(&copy).await, "does not know this client any more");
    }
    assert!(site.facts().client_forgotten);
    site.sign_in(0).await;
    assert!(!site.facts().client_forgotten);
    assert_eq!(site.call(&copy).await, Ok(()));
}

#[tokio::test]
async fn fresh_tokens_that_are_refused_end_in_an_error_and_not_in_a_loop() {
    let site = Site::signed_in(0).await;
    site.server.state().takes_none = true;
    let copies = site.copies(5);
    for _ in 0..3 {
        assert!(site.all_call(&copies).await.iter().all(Result::is_err));
    }
    needs_auth(site.call(&copies[0]).await, "refuses every token");
    let asked = site.server.counts().0;
    assert!(asked <= 3, "{asked}");
    // In the next minute it is worth another try.
    site.server.state().takes_none = false;
    site.ahead.store(40, Ordering::SeqCst);
    assert_eq!(site.call(&copies[0]).await, Ok(()));
}

#[tokio::test]
async fn what_cannot_be_renewed_is_sent_until_it_is_refused() {
    let site = Site::new();
    site.sign_in_with(7200, |grant| grant.refresh_token = None).await;
    let copy = site.copy();
    assert_eq!(site.call(&copy).await, Ok(()), "whatever our clock says");
    let taken = std::mem::take(&mut site.server.state().accepted);
    needs_auth(site.call(&copy).await, "cannot be renewed");
    site.server.state().accepted = taken;
    assert_eq!(site.call(&copy).await, Ok(()), "the server takes it again");
    assert_eq!(site.server.counts().0, 0);
}

#[tokio::test]
async fn a_machine_asks_again_with_its_own_credential() {
    let site = Site::new();
    site.sign_in_with(7200, |grant| {
        grant.refresh_token = None;
        grant.kind = GrantKind::ClientCredentials;
    })
    .await;
    let copies = site.copies(5);
    assert!(site.all_call(&copies).await.iter().all(Result::is_ok));
    assert_eq!(site.server.counts(), (1, 1, 0));
}

#[tokio::test]
async fn tokens_stay_with_their_place() {
    let site = Site::signed_in(0).await;
    for url in ["https://h/other", "https://g/mcp"] {
        needs_auth(site.call(&site.copy_of(url)).await, "URL was changed");
    }
    let (_, vault) = site.vault();
    let elsewhere = Place { bound: "https://g/mcp".to_owned(), ..site.place(vault) };
    assert_eq!(elsewhere.client_of().await, Ok(None));
    assert_eq!(elsewhere.save_client(&client()).await, Ok(false));
    assert_eq!(site.call(&site.copy()).await, Ok(()));
    let (_, vault) = site.vault();
    let here = site.place(vault);
    let grant = here.read().await.unwrap().0.grant.unwrap();
    elsewhere.store_new(client(), grant, |_| ()).await.unwrap();
    needs_auth(site.call(&site.copy()).await, "URL was changed");
    assert_eq!(site.call(&site.copy_of("https://g/mcp")).await, Ok(()));
}

#[tokio::test]
async fn wanted_scopes_are_kept_with_those_that_were_granted() {
    let site = Site::signed_in(0).await;
    let copy = site.copy();
    copy.credentials.wants_scope(vec!["b".to_owned(), "a".to_owned()]).await;
    copy.credentials.wants_scope(vec!["c".to_owned()]).await;
    assert_eq!(site.facts().wanted_scopes, ["a", "b", "c"]);
    assert_eq!(site.server.counts().0, 0);
}

#[tokio::test]
async fn a_registration_is_kept_before_the_consent_and_beside_the_tokens() {
    let site = Site::new();
    let (_, vault) = site.vault();
    let place = site.place(vault);
    assert_eq!(place.save_client(&client()).await, Ok(true));
    assert_eq!(place.client_of().await, Ok(Some(client())));
    needs_auth(site.call(&site.copy()).await, "nobody has signed in");
    site.sign_in(0).await;
    let other = Client { id: "other".to_owned(), ..client() };
    assert_eq!(place.save_client(&other).await, Ok(false), "tokens go with their client");
    assert_eq!(place.save_client(&client()).await, Ok(true));
    assert_eq!(site.call(&site.copy()).await, Ok(()));
}
