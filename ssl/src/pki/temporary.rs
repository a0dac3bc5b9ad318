//! A short-lived administrator: a client certificate that is handed out and kept nowhere.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use crate::error::{Result, SslError};
use crate::kubeconfig::Credentials;
use crate::leaf::LeafRequest;
use crate::pki::folder::{AuthorityOnDisk, read_authority};
use crate::pki::{AuthorityName, PkiLayout};

/// The longest text that a common name may be (X.520).
const NAME_MAX: usize = 64;

/// The administrator's certificate of one session.
#[derive(Debug, Clone)]
pub struct TemporaryAdmin {
    /// The user that the API server sees, and that its audit log names.
    pub user: String,
    /// When the certificate ends.
    pub ends: Timestamp,
    /// The certificate with its key.
    pub credentials: Credentials,
}

impl TemporaryAdmin {
    /// The shortest life: below it the certificate ends while it is being handed over.
    pub const SHORTEST: SignedDuration = SignedDuration::from_mins(5);
    /// The longest life. A certificate can't be taken back before its end.
    pub const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);

    /// Issues a certificate for `person` that ends at `now + life`, signed by the authority in `dir`.
    /// Nothing is written. The user is called `infra:<person>:<8 hexadecimal digits>`, so that each
    /// certificate is recognized in an audit log.
    ///
    /// # Errors
    /// Returns an error if the life is out of bounds, if the authority is missing, has ended, ends before
    /// the certificate would, or has not begun by the clock of this machine.
    pub fn issue(
        dir: &Path,
        person: &str,
        life: SignedDuration,
        now: Timestamp,
    ) -> Result<TemporaryAdmin> {
        let refuse = |text: String| Err(SslError::Validity(text));
        if life < Self::SHORTEST || life > Self::LONGEST {
            return refuse(format!(
                "{life:#} is out of bounds; a short-lived certificate lasts from {:#} to {:#}",
                Self::SHORTEST,
                Self::LONGEST
            ));
        }
        let layout = PkiLayout::new(dir);
        let name = AuthorityName::Kubernetes;
        let AuthorityOnDisk::Present(authority) = read_authority(&layout, name)? else {
            return Err(SslError::malformed(&layout.cert(name.stem()), "it has not been made yet"));
        };
        let ends = now
            .checked_add(life)
            .map_err(|e| SslError::Validity(format!("a date out of range: {e}")))?;
        let facts = authority.facts();
        if facts.not_after <= now {
            return Err(SslError::ExpiredAuthority {
                cert: layout.cert(name.stem()),
                folder: dir.to_path_buf(),
                expired: facts.not_after.to_string(),
            });
        }
        if ends > facts.not_after {
            return refuse(format!(
                "the certificate authority ends at {}, before the certificate would",
                facts.not_after
            ));
        }
        if now < facts.not_before {
            return refuse(format!(
                "the certificate authority begins at {}, later than the clock of this machine ({}); \
                 nothing accepts what it signs now",
                facts.not_before,
                now.strftime("%Y-%m-%d %H:%M:%SZ")
            ));
        }
        let user = user_name(person)?;
        let issued = authority.issue_until(&LeafRequest::admin(&user), now, ends)?;
        let credentials =
            Credentials { cert_pem: issued.cert_pem, key_pem: issued.key.pem().clone() };
        Ok(TemporaryAdmin { user, ends, credentials })
    }
}

/// Makes a user's name of a person's: characters that a log's reader could stumble over are replaced.
fn user_name(person: &str) -> Result<String> {
    let mut id = [0u8; 4];
    crate::token::draw(&mut id)?;
    let id = hex::encode(id);
    let room = NAME_MAX - "infra::".len() - id.len();
    let good = |c: char| if c.is_ascii_alphanumeric() || "._-@".contains(c) { c } else { '_' };
    let person: String = person.chars().map(good).take(room).collect();
    Ok(format!("infra:{person}:{id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_name_fits_into_a_certificate_and_is_one_word() {
        let name = user_name(&"ops\n:é".repeat(40)).unwrap();
        assert!(name.len() <= NAME_MAX, "{name}");
        assert!(name.starts_with("infra:ops___ops"), "{name}");
        assert_eq!(name.matches(':').count(), 2, "{name}");
        assert_ne!(user_name("ops").unwrap(), user_name("ops").unwrap());
    }
}
