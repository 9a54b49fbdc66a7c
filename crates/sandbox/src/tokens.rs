//! ServiceAccount tokens: JSON Web Tokens (RFC 7519) signed by the sandbox's own key with ES256 (RFC 7518).
//!
//! [`Issuer`] signs and verifies; what the claims mean is in [`claims`], what a Pod gets of them in
//! [`projection`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub(crate) mod claims;
pub(crate) mod legacy;
pub(crate) mod projection;

/// Who issues the tokens, as kubeadm names it.
pub(crate) const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// How many verified tokens are remembered.
const REMEMBERED: usize = 512;
/// The longest token that is looked at, in bytes.
const LONGEST: usize = 16 * 1024;

/// What precedes the 65 bytes of a P-256 point in its `SubjectPublicKeyInfo` (RFC 5480).
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Why there is no issuer.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The stored key is no PEM.
    #[error("cannot read the key of the tokens")]
    Pem(#[from] rustls::pki_types::pem::Error),
    /// It is none of the right kind.
    #[error("the key of the tokens is not a P-256 one: {0}")]
    Kind(ring::error::KeyRejected),
}

/// The key that signs tokens.
pub(crate) struct Issuer {
    key: EcdsaKeyPair,
    id: String,
    random: SystemRandom,
    verified: Mutex<HashMap<String, Arc<Value>>>,
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Issuer").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Issuer {
    /// Reads a key: PKCS #8, as PEM.
    pub(crate) fn from_pem(pem: &str) -> Result<Issuer, KeyError> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes())?;
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.secret_pkcs8_der(), &random)
            .map_err(KeyError::Kind)?;
        let mut hash = Sha256::new();
        hash.update(SPKI_PREFIX);
        hash.update(key.public_key().as_ref());
        let id = BASE64.encode(hash.finalize());
        Ok(Issuer { key, id, random, verified: Mutex::default() })
    }

    /// Signs claims.
    pub(crate) fn sign(&self, claims: &Value) -> Option<String> {
        let header = json!({ "alg": "ES256", "kid": self.id });
        let mut token = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
        let signature = self.key.sign(&self.random, token.as_bytes()).ok()?;
        token.push('.');
        token.push_str(&BASE64.encode(signature));
        Some(token)
    }

    /// Returns the claims of a token that this key signed; whether they still hold is another question.
    pub(crate) fn verify(&self, token: &str) -> Option<Arc<Value>> {
        if token.len() > LONGEST {
            return None;
        }
        if let Some(claims) = self.remembered().get(token) {
            return Some(Arc::clone(claims));
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let part = |text: &str| serde_json::from_slice::<Value>(&BASE64.decode(text).ok()?).ok();
        if part(header)?["alg"] != "ES256" {
            return None;
        }
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.key.public_key().as_ref());
        public.verify(signed.as_bytes(), &BASE64.decode(signature).ok()?).ok()?;
        let claims = Arc::new(part(claims)?);
        let mut remembered = self.remembered();
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(token.to_owned(), Arc::clone(&claims));
        Some(claims)
    }

    /// Returns the JSON Web Key Set (RFC 7517) that others verify tokens with.
    pub(crate) fn key_set(&self) -> Value {
        let point = self.key.public_key().as_ref();
        let coordinate = |from: usize| BASE64.encode(point.get(from..from + 32).unwrap_or_default());
        json!({ "keys": [{
            "use": "sig", "kty": "EC", "kid": self.id, "crv": "P-256", "alg": "ES256",
            "x": coordinate(1), "y": coordinate(33),
        }] })
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Value>>> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the OpenID configuration, as far as Kubernetes has one.
pub(crate) fn configuration(address: std::net::SocketAddr) -> Value {
    json!({
        "issuer": ISSUER, "jwks_uri": format!("https://{address}/openid/v1/jwks"),
        "response_types_supported": ["id_token"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer() -> Issuer {
        Issuer::from_pem(&rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap()
    }

    #[test]
    fn only_ones_own_tokens_are_taken() {
        let issuer = issuer();
        let claims = json!({"sub": "system:serviceaccount:a:b"});
        let token = issuer.sign(&claims).unwrap();
        assert_eq!(token.split('.').count(), 3);
        // The second time from memory.
        assert_eq!(*issuer.verify(&token).unwrap(), claims);
        assert_eq!(*issuer.verify(&token).unwrap(), claims);
        assert!(self::issuer().verify(&token).is_none());
        let forged = json!({"sub": "system:serviceaccount:a:admin"});
        let parts: Vec<&str> = token.split('.').collect();
        let forged = format!("{}.{}.{}", parts[0], BASE64.encode(forged.to_string()), parts[2]);
        assert!(issuer.verify(&forged).is_none());
        let none = BASE64.encode(r#"{"alg":"none"}"#);
        assert!(issuer.verify(&format!("{none}.{}.", parts[1])).is_none());
        assert!(issuer.verify("").is_none() && issuer.verify("a.b").is_none() && issuer.verify("a.b.c").is_none());
    }

    #[test]
    fn the_key_set_has_both_coordinates() {
        let set = issuer().key_set();
        assert_eq!(["x", "y"].map(|field| set["keys"][0][field].as_str().unwrap().len()), [43, 43]);
    }
}
