//! Tokens of an identity provider, through the real door: those that the settings ask for open it, as far
//! as their claims go, and no others do.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use serde_json::{Value, json};
use tollgate::config::gate::{Jwt, JwtAlgorithm};

use super::matrix::plain;
use super::world::World;
use crate::support::TestApp;

const SECRET: &str = "k7Qw2-vR9x_Lm4Zt8Hs1.Bn5-0123456789";

/// Another of the same length.
const ANOTHER: &str = "9xR2w-Lm4Zk7Qv_t8Hs1.Bn5-0123456789";

async fn app_with(algorithm: JwtAlgorithm, key: &str) -> TestApp {
    TestApp::start_with(|settings| {
        settings.access.failures_max = 0; // there are many bad ones here
        accept(&mut settings.access.jwt, algorithm, key);
    })
    .await
}

/// Takes tokens that are signed so.
pub fn accept(jwt: &mut Jwt, algorithm: JwtAlgorithm, key: &str) {
    jwt.algorithm = algorithm;
    jwt.key = Some(key.into());
    jwt.issuer = Some("https://id.example".to_owned());
    jwt.audience = Some("tollgate".to_owned());
}

pub fn claims(company: &str) -> Value {
    let now = get_current_timestamp();
    json!({
        "sub": "till-7", "iss": "https://id.example", "aud": "tollgate",
        "exp": now + 600, "nbf": now - 5, "scope": "read", "company_id": company,
    })
}

/// The settings of a service that takes tokens with a shared secret, as variables.
pub fn environment() -> [(&'static str, &'static str); 4] {
    [
        ("TOLLGATE__ACCESS__JWT__ALGORITHM", "HS256"),
        ("TOLLGATE__ACCESS__JWT__KEY", SECRET),
        ("TOLLGATE__ACCESS__JWT__ISSUER", "https://id.example"),
        ("TOLLGATE__ACCESS__JWT__AUDIENCE", "tollgate"),
    ]
}

/// A token of the program that such a service takes, with these claims.
pub fn shared(changes: &Value) -> String {
    let mut claims = claims("program");
    for (name, value) in changes.as_object().expect("an object") {
        claims[name] = value.clone();
    }
    signed(Algorithm::HS256, &claims, &EncodingKey::from_secret(SECRET.as_bytes()))
}

pub fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    claims[name] = value;
    claims
}

fn without(claims: &Value, name: &str) -> Value {
    let mut claims = claims.clone();
    claims.as_object_mut().expect("an object").remove(name);
    claims
}

pub fn signed(algorithm: Algorithm, claims: &Value, key: &EncodingKey) -> String {
    encode(&Header::new(algorithm), claims, key).expect("a token")
}

/// A token that says that it needs no signature, with this one all the same.
fn unsigned(claims: &Value, signature: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(&json!({"alg": "none", "typ": "JWT"})), part(claims))
}

fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let lines: Vec<_> =
        body.as_bytes().chunks(64).map(|line| str::from_utf8(line).expect("text")).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// The private key, and the public one in PEM.
pub fn rsa() -> (EncodingKey, String) {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a pair");
    let private: Pkcs8V1Der<'_> = pair.as_der().expect("a private key");
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().expect("a public key");
    let private = EncodingKey::from_rsa_pem(pem("PRIVATE KEY", private.as_ref()).as_bytes());
    (private.expect("a key"), pem("PUBLIC KEY", public.as_ref()))
}

/// The same of an elliptic curve.
fn ec() -> (EncodingKey, String) {
    const CURVE: &EcdsaSigningAlgorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let private = EcdsaKeyPair::generate_pkcs8(CURVE, &SystemRandom::new()).expect("a pair");
    let pair = EcdsaKeyPair::from_pkcs8(CURVE, private.as_ref()).expect("a pair");
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().expect("a public key");
    let private = EncodingKey::from_ec_pem(pem("PRIVATE KEY", private.as_ref()).as_bytes());
    (private.expect("a key"), pem("PUBLIC KEY", public.as_ref()))
}

/// Asks with tokens of this signer, and with forged ones of the same claims.
async fn run(
    app: TestApp,
    sign: impl Fn(&Value) -> String,
    forged: impl Fn(&Value) -> Vec<(&'static str, String)>,
) {
    let mut world = World::of(&app).await;
    let card = format!("/api/v1/cards/{}", world.own.card);
    let good = claims(&world.own.company);
    let now = get_current_timestamp();
    let mut refused = forged(&good);
    let signature = sign(&good).rsplit('.').next().unwrap_or_default().to_owned();
    refused.extend([
        ("alg: none", unsigned(&good, "")),
        ("alg: none, with a signature", unsigned(&good, &signature)),
    ]);
    for (what, claims) in [
        ("another issuer", with(&good, "iss", json!("https://evil.example"))),
        ("no issuer", without(&good, "iss")),
        ("another audience", with(&good, "aud", json!("other"))),
        ("no audience", without(&good, "aud")),
        ("expired", with(&good, "exp", json!(now - 60))),
        ("no expiry", without(&good, "exp")),
        ("not yet valid", with(&good, "nbf", json!(now + 300))),
        ("no company", without(&good, "company_id")),
        ("a company that is none", with(&good, "company_id", json!("cmp_x"))),
    ] {
        refused.push((what, sign(&claims)));
    }
    let nobody = world.send(None, "GET", &card, None).await;
    assert_eq!(nobody.says(), (401, "unauthorized".into()));
    for (what, token) in refused {
        let answer = world.send(Some(&token), "GET", &card, None).await;
        assert_eq!(answer.status, 401, "{what}: {answer:?}");
        assert_eq!(plain(&answer), plain(&nobody), "{what}: the answer tells nothing");
    }

    let answer = world.send(Some(&sign(&good)), "GET", &card, None).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["id"], world.own.card.as_str());
    let program = sign(&with(&good, "company_id", json!("program")));
    assert_eq!(world.send(Some(&program), "GET", &card, None).await.status, 200);

    // Another company's object is as one that is not there.
    let stranger = world.stranger().await;
    let stranger = sign(&with(&good, "company_id", json!(stranger)));
    let foreign = world.send(Some(&stranger), "GET", &card, None).await;
    assert_eq!(foreign.says(), (404, "not_found".into()));
    let absent = "/api/v1/cards/crd_01901234567878ab8def0123456789ab";
    let absent = world.send(Some(&stranger), "GET", absent, None).await;
    assert_eq!(plain(&foreign), plain(&absent), "the answer tells nothing");

    // What the scopes do not give is known, and refused.
    let body = json!({"user_id": world.own.user});
    for claims in [good.clone(), with(&good, "scope", json!("root")), without(&good, "scope")] {
        let answer =
            world.send(Some(&sign(&claims)), "POST", "/api/v1/cards", Some(body.clone())).await;
        assert_eq!(answer.says(), (403, "forbidden".into()));
    }
    let scopes = with(&good, "scope", json!(["admin"]));
    let answer = world.send(Some(&sign(&scopes)), "POST", "/api/v1/cards", Some(body)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let (_, log) = app.get("/api/v1/audit?limit=1").await;
    assert!(log.to_string().contains("jwt:till-7"), "the log names who it was: {log}");
    app.stop_and_verify().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_with_a_shared_secret_open_what_their_claims_say() {
    let app = app_with(JwtAlgorithm::Hs256, SECRET).await;
    let key = |secret: &str| EncodingKey::from_secret(secret.as_bytes());
    let (rsa_private, _) = rsa();
    run(
        app,
        |claims| signed(Algorithm::HS256, claims, &key(SECRET)),
        |claims| {
            vec![
                ("another secret", signed(Algorithm::HS256, claims, &key(ANOTHER))),
                ("another hash", signed(Algorithm::HS512, claims, &key(SECRET))),
                ("another algorithm", signed(Algorithm::RS256, claims, &rsa_private)),
            ]
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_of_a_key_pair_open_what_their_claims_say_and_its_public_key_opens_nothing() {
    let (private, public) = rsa();
    let (another, _) = rsa();
    let app = app_with(JwtAlgorithm::Rs256, &public).await;
    run(
        app,
        |claims| signed(Algorithm::RS256, claims, &private),
        |claims| {
            // Everybody has it: were the token's own word taken for the algorithm, anybody could sign.
            let secret = |text: &str| EncodingKey::from_secret(text.as_bytes());
            vec![
                ("another pair", signed(Algorithm::RS256, claims, &another)),
                ("another hash", signed(Algorithm::RS512, claims, &private)),
                ("the public key", signed(Algorithm::HS256, claims, &secret(&public))),
                (
                    "the public key, trimmed",
                    signed(Algorithm::HS256, claims, &secret(public.trim())),
                ),
            ]
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_of_an_elliptic_curve_open_what_their_claims_say() {
    let (private, public) = ec();
    let (another, _) = ec();
    let (rsa_private, _) = rsa();
    let app = app_with(JwtAlgorithm::Es256, &public).await;
    run(
        app,
        |claims| signed(Algorithm::ES256, claims, &private),
        |claims| {
            let secret = EncodingKey::from_secret(public.as_bytes());
            vec![
                ("another pair", signed(Algorithm::ES256, claims, &another)),
                ("another algorithm", signed(Algorithm::RS256, claims, &rsa_private)),
                ("the public key", signed(Algorithm::HS256, claims, &secret)),
            ]
        },
    )
    .await;
}
