//! Reading certificate requests.

use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::cri_attributes::ParsedCriAttribute;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::oid_registry::{OID_PKCS1_RSAENCRYPTION, OID_X509_COMMON_NAME};
use x509_parser::oid_registry::{OID_X509_ORGANIZATION_NAME, Oid};
use x509_parser::prelude::FromDer;

use crate::error::{Result, SslError};
use crate::inspect::address;
use crate::names::Names;

/// What a certificate request asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestFacts {
    /// Every common name of the subject.
    pub common_names: Vec<String>,
    /// Every organization of the subject.
    pub organizations: Vec<String>,
    /// Object identifiers of whatever else the subject holds.
    pub further_subject: Vec<String>,
    /// DNS names and addresses.
    pub names: Names,
    /// Names of other sorts (email addresses, URIs), as text.
    pub other_names: Vec<String>,
    /// Whether its key is one of RSA.
    pub is_rsa: bool,
}

/// Reads a request in PEM. Its signature must be its own key's.
///
/// # Errors
/// Returns an error if it is not one request, or if something in it cannot be read.
pub fn request_facts(request_pem: &str) -> Result<RequestFacts> {
    let refuse = |reason: String| SslError::Pem { what: "certificate request", reason };
    let mut blocks = pem::parse_many(request_pem).map_err(|e| refuse(e.to_string()))?.into_iter();
    let block = match (blocks.next(), blocks.next()) {
        (Some(one), None) if one.tag() == "CERTIFICATE REQUEST" => one,
        _ => return Err(refuse("it is not one CERTIFICATE REQUEST block".into())),
    };
    let der = block.into_contents();
    let (rest, request) =
        X509CertificationRequest::from_der(&der).map_err(|e| refuse(e.to_string()))?;
    if !rest.is_empty() {
        return Err(refuse("something follows it".into()));
    }
    request.verify_signature().map_err(|_| refuse("its signature is not its key's".into()))?;
    let info = &request.certification_request_info;
    let mut facts = RequestFacts {
        is_rsa: info.subject_pki.algorithm.algorithm == OID_PKCS1_RSAENCRYPTION,
        ..RequestFacts::default()
    };
    for attribute in info.subject.iter_attributes() {
        let text = |oid: &Oid<'_>| {
            let text = attribute.as_str().map(str::to_owned);
            text.map_err(|e| refuse(format!("{oid} of its subject: {e}")))
        };
        match attribute.attr_type() {
            oid if *oid == OID_X509_COMMON_NAME => facts.common_names.push(text(oid)?),
            oid if *oid == OID_X509_ORGANIZATION_NAME => facts.organizations.push(text(oid)?),
            other => facts.further_subject.push(other.to_id_string()),
        }
    }
    // Other readers take several lists of extensions together: what is not read here must not count
    // there.
    let attributes = info.attributes();
    if attributes.len() > 1 {
        return Err(refuse("it has more than one attribute".into()));
    }
    for attribute in attributes {
        let ParsedCriAttribute::ExtensionRequest(list) = attribute.parsed_attribute() else {
            return Err(refuse(format!("it has an attribute {}", attribute.oid)));
        };
        if list.extensions.len() > 1 {
            return Err(refuse("it asks for further extensions".into()));
        }
        for extension in &list.extensions {
            match extension.parsed_extension() {
                ParsedExtension::SubjectAlternativeName(names) => {
                    alternative_names(&names.general_names, &mut facts).map_err(refuse)?;
                }
                _ => return Err(refuse(format!("it asks for the extension {}", extension.oid))),
            }
        }
    }
    Ok(facts)
}

fn alternative_names(
    names: &[GeneralName<'_>],
    facts: &mut RequestFacts,
) -> std::result::Result<(), String> {
    for name in names {
        match name {
            GeneralName::DNSName(name) => facts.names.dns.push((*name).to_owned()),
            GeneralName::IPAddress(raw) => {
                facts.names.ips.push(address(raw).ok_or("an address in it is none")?);
            }
            other => facts.other_names.push(other.to_string()),
        }
    }
    Ok(())
}
