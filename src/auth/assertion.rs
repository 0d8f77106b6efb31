//! Signed assertions of who we are (RFC 7523, 2.2).

use super::Client;
use crate::secret::Secret;
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use oauth2::CsrfToken;
use serde_json::json;
use std::time::{SystemTime, UNIX_EPOCH};

/// How long an assertion is good, in seconds: it is used at once.
const LIFE: u64 = 60;

enum Key {
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl Key {
    /// From a PEM text with a PKCS #8 key. The error never quotes it.
    fn read(pem: &str) -> Result<Self, String> {
        let wrong = || {
            "its private key is not a PKCS #8 PEM (\"-----BEGIN PRIVATE KEY-----\") with a P-256, Ed25519 or RSA key"
                .to_owned()
        };
        let inner = pem.split_once("-----BEGIN PRIVATE KEY-----");
        let inner = inner.and_then(|(_, rest)| rest.split_once("-----END PRIVATE KEY-----"));
        let (inner, _) = inner.ok_or_else(wrong)?;
        let inner: String = inner.chars().filter(|c| !c.is_whitespace()).collect();
        let der = BASE64_STANDARD.decode(inner).map_err(|_| wrong())?;
        if let Ok(key) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der) {
            return Ok(Self::Ec(key));
        }
        if let Ok(key) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der) {
            return Ok(Self::Ed(key));
        }
        RsaKeyPair::from_pkcs8(&der).map(Self::Rsa).map_err(|_| wrong())
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Ec(_) => "ES256",
            Self::Ed(_) => "EdDSA",
            Self::Rsa(_) => "RS256",
        }
    }

    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, String> {
        let failed = |_| "its private key could not sign".to_owned();
        let random = SystemRandom::new();
        match self {
            Self::Ec(key) => {
                key.sign(&random, text).map(|made| made.as_ref().to_vec()).map_err(failed)
            }
            Self::Ed(key) => Ok(key.sign(text).as_ref().to_vec()),
            Self::Rsa(key) => {
                let mut made = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, text, &mut made).map_err(failed)?;
                Ok(made)
            }
        }
    }
}

/// An assertion of `client` for its issuer. The error is for our own words.
///
/// The audience is the issuer, as draft-ietf-oauth-rfc7523bis has it: one that is good at a token
/// endpoint could be passed on by a false server that names a foreign endpoint.
pub(super) fn sign(client: &Client, key: &Secret<String>) -> Result<Secret<String>, String> {
    sign_at(client, key, SystemTime::now())
}

fn sign_at(
    client: &Client,
    key: &Secret<String>,
    now: SystemTime,
) -> Result<Secret<String>, String> {
    let key = Key::read(key.expose())?;
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let head = json!({ "alg": key.algorithm(), "typ": "JWT" });
    let claims = json!({
        "iss": client.id,
        "sub": client.id,
        "aud": client.issuer,
        "iat": now,
        "exp": now + LIFE,
        "jti": CsrfToken::new_random().secret(),
    });
    let part = |value: &serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&head), part(&claims));
    let made = key.sign(text.as_bytes())?;
    let assertion = Secret::new(format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(made)));
    crate::log::redact(&assertion);
    Ok(assertion)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{AuthMethod, ClientSource};
    use aws_lc_rs::{
        encoding::AsDer as _,
        rsa::KeySize,
        signature::{
            ECDSA_P256_SHA256_FIXED, ED25519, KeyPair as _, RSA_PKCS1_2048_8192_SHA256,
            UnparsedPublicKey, VerificationAlgorithm,
        },
    };
    use serde_json::Value;
    use std::time::Duration;

    fn client() -> Client {
        Client {
            issuer: "https://as.example".to_owned(),
            id: "c1".to_owned(),
            secret: None,
            method: AuthMethod::PrivateKeyJwt,
            source: ClientSource::Configured,
            redirect_uri: None,
            secret_expires_at: None,
            management: None,
        }
    }

    fn pem(der: &[u8]) -> Secret<String> {
        let text = BASE64_STANDARD.encode(der);
        Secret::new(format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n"))
    }

    fn check(der: &[u8], public: &[u8], name: &str, algorithm: &'static dyn VerificationAlgorithm) {
        let now = UNIX_EPOCH + Duration::from_secs(1000);
        let made = sign_at(&client(), &pem(der), now).unwrap().into_inner();
        let parts: Vec<&str> = made.split('.').collect();
        let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
        let head: Value = serde_json::from_slice(&decode(parts[0])).unwrap();
        let claims: Value = serde_json::from_slice(&decode(parts[1])).unwrap();
        assert_eq!(head["alg"], name);
        assert_eq!((&claims["iss"], &claims["sub"]), (&json!("c1"), &json!("c1")));
        assert_eq!((&claims["aud"], &claims["exp"]), (&json!("https://as.example"), &json!(1060)));
        assert!(claims["jti"].as_str().unwrap().len() > 20);
        let signed = format!("{}.{}", parts[0], parts[1]);
        let key = UnparsedPublicKey::new(algorithm, public);
        key.verify(signed.as_bytes(), &decode(parts[2])).unwrap();
    }

    #[test]
    fn each_kind_of_key_signs_what_its_public_half_confirms() {
        let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let der = ec.to_pkcs8v1().unwrap();
        check(der.as_ref(), ec.public_key().as_ref(), "ES256", &ECDSA_P256_SHA256_FIXED);
        let ed = Ed25519KeyPair::generate().unwrap();
        let der = ed.to_pkcs8v1().unwrap();
        check(der.as_ref(), ed.public_key().as_ref(), "EdDSA", &ED25519);
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der = rsa.as_der().unwrap();
        check(der.as_ref(), rsa.public_key().as_ref(), "RS256", &RSA_PKCS1_2048_8192_SHA256);
    }

    #[test]
    fn a_key_that_cannot_be_read_is_not_quoted() {
        for bad in ["canary", "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----"] {
            let error = sign(&client(), &Secret::new(bad.to_owned())).unwrap_err();
            assert!(error.contains("PKCS #8") && !error.contains("canary"), "{error}");
        }
    }
}
