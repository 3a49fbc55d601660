//! Tokens that must not pass, whatever they say of themselves, and the ones that do.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{EncodingKey, Header, encode, get_current_timestamp};
use serde_json::json;

use super::*;
use crate::domain::id::CompanyId;

const SECRET: &str = "k7Qw2-vR9x_Lm4Zt8Hs1.Bn5-0123456789";
const COMPANY: &str = "cmp_01901234567878ab8def0123456789ab";

fn settings(algorithm: JwtAlgorithm, key: &str) -> Jwt {
    Jwt {
        algorithm,
        key: Some(key.into()),
        previous_key: None,
        issuer: Some("https://id.example".to_owned()),
        audience: Some("tollgate".to_owned()),
        leeway_s: 30,
        scopes_claim: "scope".to_owned(),
        company_claim: "company_id".to_owned(),
        without_company: WithoutCompany::Refuse,
    }
}

fn tokens(set: &Jwt) -> Tokens {
    Tokens::new(set).unwrap().unwrap()
}

fn claims() -> Value {
    let now = get_current_timestamp();
    json!({
        "sub": "till-7", "iss": "https://id.example", "aud": "tollgate",
        "exp": now + 300, "nbf": now - 5, "scope": "read processor unknown", "company_id": COMPANY,
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn hs256(claims: &Value) -> String {
    signed(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(SECRET.as_bytes()))
}

fn signed(header: &Header, claims: &Value, key: &EncodingKey) -> String {
    encode(header, claims, key).unwrap()
}

fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let lines: Vec<_> =
        body.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// The private key, and the public one in PEM.
fn rsa() -> (EncodingKey, String) {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let private = EncodingKey::from_rsa_pem(pem("PRIVATE KEY", private.as_ref()).as_bytes());
    (private.unwrap(), pem("PUBLIC KEY", public.as_ref()))
}

fn ec() -> (EncodingKey, String) {
    let random = SystemRandom::new();
    let private = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let pair =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, private.as_ref()).unwrap();
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let private = EncodingKey::from_ec_pem(pem("PRIVATE KEY", private.as_ref()).as_bytes());
    (private.unwrap(), pem("PUBLIC KEY", public.as_ref()))
}

#[test]
fn a_good_token_tells_who_calls() {
    let company: CompanyId = COMPANY.parse().unwrap();
    let caller =
        tokens(&settings(JwtAlgorithm::Hs256, SECRET)).recognise(&hs256(&claims())).unwrap();
    assert_eq!(&*caller.key, "jwt:till-7");
    assert_eq!(caller.scopes, Scopes::of(&[Scope::Read, Scope::Processor]));
    assert_eq!(caller.reach, Reach::Company(company));
    let list = with("scope", json!(["admin", 7, "root"]));
    let list = tokens(&settings(JwtAlgorithm::Hs256, SECRET)).recognise(&hs256(&list)).unwrap();
    assert_eq!(list.scopes, Scopes::of(&[Scope::Admin]));
    let program = with("company_id", json!("program"));
    let program = tokens(&settings(JwtAlgorithm::Hs256, SECRET)).recognise(&hs256(&program));
    assert_eq!(program.unwrap().reach, Reach::Program);
}

#[test]
fn nobody_is_known_by_a_card_number() {
    let set = settings(JwtAlgorithm::Hs256, SECRET);
    let recognised = |subject: &str| {
        let claims = with("sub", json!(subject));
        tokens(&set).recognise(&hs256(&claims)).is_some()
    };
    assert!(!recognised("4111111111111111") && !recognised("5555-5555-5555-4444"));
    for subject in ["117382649201827364512", "auth0|5f7c8ec7c33c6c004bbafe82", "4111111111111112"] {
        assert!(recognised(subject), "{subject}");
    }
}

#[test]
fn claims_that_are_missing_or_wrong_are_refused() {
    let set = settings(JwtAlgorithm::Hs256, SECRET);
    let tokens = tokens(&set);
    let now = get_current_timestamp();
    let faults = [
        ("expired", with("exp", json!(now - 31))),
        ("no exp", without("exp")),
        ("exp in words", with("exp", json!("never"))),
        ("not yet", with("nbf", json!(now + 60))),
        ("another audience", with("aud", json!("other"))),
        ("no audience", without("aud")),
        ("another issuer", with("iss", json!("https://evil.example"))),
        ("no issuer", without("iss")),
        ("no subject", without("sub")),
        ("an empty subject", with("sub", json!(""))),
        ("a long subject", with("sub", json!("x".repeat(129)))),
        ("a subject of two lines", with("sub", json!("a\nb"))),
        ("no company", without("company_id")),
        ("a company that is none", with("company_id", json!("cmp_x"))),
        ("companies", with("company_id", json!([COMPANY]))),
        ("null for a company", with("company_id", Value::Null)),
    ];
    for (fault, claims) in faults {
        assert_eq!(tokens.recognise(&hs256(&claims)), None, "{fault}");
    }
    assert!(tokens.recognise(&hs256(&with("exp", json!(now - 5)))).is_some(), "within the leeway");
    let open = Jwt { without_company: WithoutCompany::Program, ..set };
    let open = Tokens::new(&open).unwrap().unwrap();
    assert_eq!(open.recognise(&hs256(&without("company_id"))).unwrap().reach, Reach::Program);
    assert_eq!(open.recognise(&hs256(&with("company_id", json!("all")))), None);
}

#[test]
fn what_a_token_says_of_itself_does_not_choose_how_it_is_checked() {
    let hs = tokens(&settings(JwtAlgorithm::Hs256, SECRET));
    let good = hs256(&claims());
    let (head, rest) = good.split_once('.').unwrap();
    let (body, signature) = rest.split_once('.').unwrap();
    assert!(!head.is_empty());
    let headed = |header: Value| URL_SAFE_NO_PAD.encode(header.to_string());
    for alg in ["none", "None", "HS384", "RS256", ""] {
        let header = headed(json!({"alg": alg, "typ": "JWT"}));
        for signature in ["", signature] {
            assert_eq!(hs.recognise(&format!("{header}.{body}.{signature}")), None, "{alg}");
        }
    }
    for text in ["", ".", "..", "a.b.c", &good[..good.len() - 1], &format!("{good}x")] {
        assert_eq!(hs.recognise(text), None, "{text}");
    }
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let other = EncodingKey::from_secret(b"another-secret-of-at-least-32-characters");
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some("../../../dev/null".to_owned());
    header.jku = Some("https://evil.example/keys".to_owned());
    assert!(
        hs.recognise(&signed(&header, &claims(), &key)).is_some(),
        "kid and jku are not looked at"
    );
    assert_eq!(hs.recognise(&signed(&header, &claims(), &other)), None);
    let crit = Header { crit: Some(vec!["exp".to_owned()]), ..Header::new(Algorithm::HS256) };
    assert_eq!(hs.recognise(&signed(&crit, &claims(), &key)), None, "what must be understood");
}

#[test]
fn signatures_of_key_pairs_are_checked_and_their_public_keys_are_no_secrets() {
    let ((rsa_private, rsa_public), (ec_private, ec_public)) = (rsa(), ec());
    let rs = tokens(&settings(JwtAlgorithm::Rs256, &rsa_public));
    let es = tokens(&settings(JwtAlgorithm::Es256, &ec_public));
    let rs_token = signed(&Header::new(Algorithm::RS256), &claims(), &rsa_private);
    let es_token = signed(&Header::new(Algorithm::ES256), &claims(), &ec_private);
    assert!(rs.recognise(&rs_token).is_some() && es.recognise(&es_token).is_some());
    assert!(rs.recognise(&es_token).is_none() && es.recognise(&rs_token).is_none());
    let rs512 = signed(&Header::new(Algorithm::RS512), &claims(), &rsa_private);
    assert!(rs.recognise(&rs512).is_none(), "the same key, not the algorithm of the settings");
    for (tokens, public) in [(&rs, &rsa_public), (&es, &ec_public)] {
        let swapped = EncodingKey::from_secret(public.as_bytes());
        let swapped = signed(&Header::new(Algorithm::HS256), &claims(), &swapped);
        assert!(tokens.recognise(&swapped).is_none(), "everybody has the public key");
    }
    let (next_private, next_public) = ec();
    let rotating = Jwt {
        previous_key: Some(ec_public.as_str().into()),
        ..settings(JwtAlgorithm::Es256, &next_public)
    };
    let rotating = Tokens::new(&rotating).unwrap().unwrap();
    let next = signed(&Header::new(Algorithm::ES256), &claims(), &next_private);
    assert!(rotating.recognise(&next).is_some() && rotating.recognise(&es_token).is_some());
    assert!(
        Tokens::new(&settings(JwtAlgorithm::Rs256, &ec_public)).is_err(),
        "another kind of key"
    );
}

#[test]
fn no_tokens_are_accepted_where_the_settings_say_so() {
    assert!(Tokens::new(&settings(JwtAlgorithm::Off, SECRET)).unwrap().is_none());
}
