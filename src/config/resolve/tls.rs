//! Certificates of sites. The files are read when a plan needs them: a verb that only shows or
//! deletes must not fail because one of them has ended.

use infra_cloud::DnsCredentials;

use super::{Resolver, secrets::is_variable};
use crate::{
    clouds,
    config::{
        project::{AcmeConfig, Challenge, TlsConfig, TlsFile, TlsIssuer, TlsTarget},
        raw::{RawAcme, RawChallenge, RawIssuer, RawTlsFile},
        values,
    },
};

/// The directory of Let's Encrypt.
const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

impl Resolver<'_> {
    pub(super) fn tls(&mut self, provider: &str) -> Option<TlsConfig> {
        let raw = self.raw.tls.clone()?;
        let is_acme = raw.issuer == Some(RawIssuer::Acme);
        if is_acme && raw.acme.is_none() {
            self.wrong_hint(
                &["tls", "issuer"],
                "the issuer `acme` needs to know whom the server writes to".into(),
                "add [tls.acme] with email = \"…\"",
            );
        }
        let acme = raw.acme.as_ref().map(|acme| self.acme(acme, provider));
        let exclude = raw.exclude.iter().filter_map(|text| self.secret_name(text)).collect();
        let written = raw.file.iter().enumerate();
        let files: Vec<TlsFile> =
            written.filter_map(|(place, file)| self.tls_file(place, file)).collect();
        for (place, file) in files.iter().enumerate() {
            if files[..place].iter().any(|other| other.target == file.target) {
                let message = format!("two files are given for {}", file.target);
                self.wrong_hint(&["tls", "file"], message, "remove one of the two tables");
            }
        }
        Some(TlsConfig {
            issuer: raw.issuer.map(|issuer| match issuer {
                RawIssuer::Own => TlsIssuer::Own,
                RawIssuer::Acme => TlsIssuer::Acme,
            }),
            // Kept for later, it means nothing beside another issuer.
            acme: acme.filter(|_| is_acme),
            exclude,
            files,
        })
    }

    fn acme(&mut self, raw: &RawAcme, provider: &str) -> AcmeConfig {
        let (name, domain) = raw.email.split_once('@').unwrap_or_default();
        if name.is_empty() || values::domain(&domain.to_ascii_lowercase()).is_err() {
            let message = format!("`{}` is not an e-mail address", raw.email);
            self.wrong(&["tls", "acme", "email"], message);
        }
        let server = raw.server.clone().unwrap_or_else(|| LETS_ENCRYPT.to_owned());
        let is_https = url::Url::parse(&server).is_ok_and(|url| url.scheme() == "https");
        if !is_https {
            let message = format!("`{server}` is not the directory of an ACME server");
            self.wrong_hint(
                &["tls", "acme", "server"],
                message,
                "write its URL, which begins with https://",
            );
        }
        let challenge = match raw.challenge {
            Some(RawChallenge::Dns01) => Challenge::Dns01,
            Some(RawChallenge::Http01) | None => Challenge::Http01,
        };
        let apps = self.raw.apps.clone().unwrap_or_default();
        if challenge == Challenge::Http01 && apps.addons.ingress == Some(false) {
            self.wrong_hint(
                &["tls", "acme"],
                "http-01 is answered by the ingress controller, which is switched off".into(),
                "write challenge = \"dns-01\", or remove addons.ingress = false",
            );
        }
        let of_cloud = clouds::find(provider).map(|cloud| cloud.dns_credentials);
        let usual = match of_cloud {
            Some(DnsCredentials::Token(usual)) => usual,
            _ => "DNS_TOKEN",
        };
        let mut token = raw.token.as_ref().map(|token| token.env.clone());
        if let Some(variable) = &token {
            if challenge == Challenge::Http01 {
                let message = "`token` has no meaning for http-01".to_owned();
                self.wrong_hint(&["tls", "acme", "token"], message, "remove it");
            } else if let Some(DnsCredentials::Keys(keys)) = of_cloud {
                let message =
                    format!("`token` has no meaning on {provider}, whose DNS takes a pair of keys");
                let hint = format!("remove it, and export {}", keys.join(" and "));
                self.wrong_hint(&["tls", "acme", "token"], message, hint);
            } else if !is_variable(variable) {
                // What stands there may be the token itself, so it is not repeated.
                self.wrong_hint(
                    &["tls", "acme", "token"],
                    "`env` is not the name of an environment variable".into(),
                    format!("write the variable's name, not the token: {{ env = \"{usual}\" }}"),
                );
                token = None;
            }
        }
        AcmeConfig {
            email: raw.email.clone(),
            server,
            challenge,
            ingress_class: apps.ingress.class.unwrap_or_else(|| crate::apps::ADDON_CLASS.into()),
            token,
            source: self.source(&["tls", "acme"]),
        }
    }

    /// Reads `namespace/name` of a Secret.
    fn secret_name(&mut self, text: &str) -> Option<(String, String)> {
        let parts = text.split_once('/').filter(|(namespace, name)| {
            values::label(namespace, 63).is_ok() && !name.is_empty() && !name.contains('/')
        });
        if parts.is_none() {
            self.wrong_hint(
                &["tls", "exclude"],
                format!("`{text}` does not name a Secret"),
                "write namespace/name",
            );
        }
        parts.map(|(namespace, name)| (namespace.to_owned(), name.to_owned()))
    }

    fn tls_file(&mut self, place: usize, raw: &RawTlsFile) -> Option<TlsFile> {
        let at = place.to_string();
        let at = at.as_str();
        let target = match (&raw.host, &raw.secret, &raw.namespace) {
            (Some(host), None, None) => {
                let plain = host.strip_prefix("*.").unwrap_or(host);
                if let Err(why) = values::domain(plain) {
                    let message = format!("the host `{host}` is refused: {why}");
                    self.wrong(&["tls", "file", at, "host"], message);
                    return None;
                }
                TlsTarget::Host(host.clone())
            }
            (None, Some(name), Some(namespace)) => {
                if let Err(why) = values::label(namespace, 63) {
                    let message = format!("`{namespace}` is not the name of a namespace: {why}");
                    self.wrong(&["tls", "file", at, "namespace"], message);
                    return None;
                }
                TlsTarget::Secret { namespace: namespace.clone(), name: name.clone() }
            }
            _ => {
                let message = "[[tls.file]] needs either `host`, or `secret` and `namespace`";
                self.wrong(&["tls", "file", at, "cert"], message);
                return None;
            }
        };
        let source = |key: &str| self.source(&["tls", "file", at, key]);
        Some(TlsFile {
            target,
            cert: self.local(&raw.cert),
            cert_source: source("cert"),
            key: self.local(&raw.key),
            key_source: source("key"),
        })
    }
}
