//! Which passwords are taken. There is no rule about what kinds of characters are in one: such
//! rules lead to `Password1!`. What is refused can be guessed.

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::limits::{
    PASSWORD_BYTES_MAX, PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, PASSWORD_GUESSES_MIN,
};

/// How many times as long a text in UTF-8 can become; only `U+FDFA` does.
const NFKC_GROWTH: usize = 11;

/// Why a password is not taken, in the order in which it is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefusal {
    /// It has too few characters.
    #[error("expected a password of at least {PASSWORD_CHARS_MIN} characters")]
    TooShort,
    /// It has too many characters.
    #[error("expected a password of at most {PASSWORD_CHARS_MAX} characters")]
    TooLong,
    /// It is the e-mail address or its first part.
    #[error("expected a password that is not the e-mail address")]
    IsEmail,
    /// It is one of those that are tried first.
    #[error("expected a password that is harder to guess; this one is among the first to be tried")]
    Common,
}

impl PasswordRefusal {
    /// The stable name.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooShort => "password_too_short",
            Self::TooLong => "password_too_long",
            Self::IsEmail => "password_is_email",
            Self::Common => "password_too_common",
        }
    }
}

/// A password in the form that is hashed: the same letters give the same bytes, whichever way a
/// keyboard spells them (NFKC). `None` when it is too long to be one.
pub(super) fn normalised(password: &str) -> Option<Zeroizing<String>> {
    if password.len() > PASSWORD_BYTES_MAX {
        return None;
    }
    // Room for all: a string that grows leaves copies behind that nobody wipes.
    let mut normalised = Zeroizing::new(String::with_capacity(NFKC_GROWTH * password.len()));
    normalised.extend(password.nfkc());
    (normalised.chars().count() <= PASSWORD_CHARS_MAX).then_some(normalised)
}

/// The password to hash for an account, if it is a good one. Takes a few milliseconds at worst.
pub(super) fn accept(password: &str, email: &str) -> Result<Zeroizing<String>, PasswordRefusal> {
    let password = normalised(password).ok_or(PasswordRefusal::TooLong)?;
    if password.chars().count() < PASSWORD_CHARS_MIN {
        return Err(PasswordRefusal::TooShort);
    }
    let local = email.rsplit_once('@').map_or(email, |(local, _)| local);
    let lower = Zeroizing::new(password.to_lowercase());
    if [email, local].iter().any(|known| known.to_lowercase() == *lower) {
        return Err(PasswordRefusal::IsEmail);
    }
    if zxcvbn::zxcvbn(&password, &[email, local]).guesses() < PASSWORD_GUESSES_MIN {
        return Err(PasswordRefusal::Common);
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_guessed_is_refused() {
        use PasswordRefusal::{Common, IsEmail, TooLong, TooShort};
        fn check(password: &str, wanted: Option<PasswordRefusal>) {
            let accepted = accept(password, "Margarete.Smith@shop.example");
            assert_eq!(accepted.err(), wanted, "{password}");
        }
        check("", Some(TooShort));
        check("kZ3!vq9", Some(TooShort));
        check("kZ3!vq9x", None);
        check("€€€x€€€", Some(TooShort));
        // Two characters on the keyboard, one in the hash.
        check("e\u{301}kZ3!vq", Some(TooShort));
        check("tomatoes & 7 bees", None);
        check("correct horse battery staple", None);
        check("пароль для овощей", None);
        check(&"kZ3!vq9x".repeat(16), None);
        check(&format!("{}y", "kZ3!vq9x".repeat(16)), Some(TooLong));
        // Of one character 18 become.
        check(&"\u{fdfa}".repeat(7), None);
        check(&"\u{fdfa}".repeat(8), Some(TooLong));
        check(&"x".repeat(1 << 20), Some(TooLong));
        check("margarete.smith@shop.example", Some(IsEmail));
        check("MARGARETE.SMITH", Some(IsEmail));
        check("htims.eteragram", Some(Common));
        for common in [
            "password",
            "Password",
            "password1",
            "PASSWORD",
            "drowssap",
            "p@ssw0rd",
            "12345678",
            "123456789",
            "1234567890",
            "87654321",
            "11111111",
            "abcdefgh",
            "qwertyui",
            "qwertyuiop",
            "1qaz2wsx",
            "iloveyou",
            "sunshine",
            "princess",
            "football",
            "baseball",
            "trustno1",
            "starwars",
            "superman",
            "whatever",
            "aaaaaaaaaaaaaaaaaaaa",
        ] {
            check(common, Some(Common));
        }
    }

    #[test]
    fn a_password_never_grows_out_of_its_room() {
        let longest = ('\0'..=char::MAX).map(|char| {
            let bytes: usize = char.nfkc().map(char::len_utf8).sum();
            bytes.div_ceil(char.len_utf8())
        });
        assert_eq!(longest.max(), Some(NFKC_GROWTH));
    }

    #[test]
    fn long_passwords_are_judged_quickly() {
        for password in ["a1".repeat(64), "\u{1f600}".repeat(128), "password".repeat(16)] {
            let started = std::time::Instant::now();
            let _ = accept(&password, "ann@shop.example");
            assert!(started.elapsed().as_secs() < 5, "{password}");
        }
    }
}
