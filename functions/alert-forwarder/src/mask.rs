//! Masks what must not reach a channel in lines of a log: secrets, tokens, addresses of people.
//!
//! A line comes from code that this function does not know, so what only looks like a secret is masked too.

/// What stands where a secret was.
const MASK: &str = "[masked]";
/// Names whose values are secrets. They are compared without case, `_`, `-` and `.`.
const SECRET_NAMES: [&str; 12] = [
    "secret",
    "token",
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "authorization",
    "apikey",
    "accesskey",
    "privatekey",
    "cookie",
    "credential",
];
/// What a header says before a secret.
const SCHEMES: [&str; 3] = ["bearer", "basic", "negotiate"];
/// A word of so many letters and digits is a secret or a digest, not a name. An AWS secret key has 40.
const RANDOM_BYTES_MIN: usize = 40;
/// The ids of AWS access keys begin like this, and have this length.
const ACCESS_KEYS: [&str; 2] = ["AKIA", "ASIA"];
const ACCESS_KEY_BYTES: usize = 20;
const PRIVATE_KEY: &str = "-----BEGIN";

/// Masks the secrets in a text.
pub(crate) fn masked(text: &str) -> String {
    let (text, has_key) = match text.split_once(PRIVATE_KEY) {
        Some((before, _)) => (before, true),
        None => (text, false),
    };
    let mut masked = String::new();
    let mut expects = Expects::Nothing;
    for word in words(text) {
        match word {
            Word::Gap(gap) => masked.push_str(gap),
            Word::Said(said) => {
                let (shown, next) = expects.read(said);
                masked.push_str(&shown);
                expects = next;
            }
        }
    }
    if has_key {
        masked.push_str(MASK);
    }
    masked
}

enum Word<'a> {
    Gap(&'a str),
    Said(&'a str),
}

/// Splits a text at white-space, quotes, brackets and commas, which no secret contains.
fn words(text: &str) -> Vec<Word<'_>> {
    let is_gap =
        |character: char| character.is_whitespace() || "\"'`\\,;<>(){}[]|".contains(character);
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let in_gap = is_gap(first);
        let end = rest.find(|character| is_gap(character) != in_gap);
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        words.push(if in_gap {
            Word::Gap(word)
        } else {
            Word::Said(word)
        });
        rest = after;
    }
    words
}

/// What the words before a word say about it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Expects {
    Nothing,
    /// A name of a secret: its value follows after `:` or `=`.
    Separator,
    /// The value of a secret.
    Secret,
    /// What follows `Bearer`, which may also be a word of a sentence.
    Credentials,
}

impl Expects {
    /// A word as it may be shown, and what it says about the next one.
    fn read(self, word: &str) -> (String, Self) {
        let is_separator = word.trim_matches([':', '=']).is_empty();
        if is_separator {
            let next = match self {
                Self::Separator | Self::Secret => Self::Secret,
                Self::Nothing | Self::Credentials => Self::Nothing,
            };
            return (word.to_owned(), next);
        }
        let lower = word.to_ascii_lowercase();
        let name = lower.trim_end_matches([':', '=']);
        if SCHEMES.contains(&name) {
            let next = match self {
                Self::Secret => Self::Secret,
                Self::Nothing | Self::Separator | Self::Credentials => Self::Credentials,
            };
            return (word.to_owned(), next);
        }
        match self {
            Self::Secret => return (MASK.to_owned(), Self::Nothing),
            Self::Credentials if 12 <= word.len() || has_digit(word) => {
                return (MASK.to_owned(), Self::Nothing);
            }
            Self::Nothing | Self::Separator | Self::Credentials => {}
        }
        let scheme = lower.rsplit(['=', ':']).next().unwrap_or_default();
        if SCHEMES.contains(&scheme) {
            return (word.to_owned(), Self::Secret);
        }
        if is_secret_name(name) && !name.contains(['=', ':', '/']) {
            let next = if name.len() < lower.len() {
                Self::Secret
            } else {
                Self::Separator
            };
            return (word.to_owned(), next);
        }
        (shown(word), Self::Nothing)
    }
}

/// A word without what is secret in it.
fn shown(word: &str) -> String {
    if let Some((scheme, rest)) = word.split_once("://") {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = host.rsplit('@').next().unwrap_or_default();
        // Webhooks and signed links have their secrets in the path or the query.
        let more = if rest.ends_with(host) { "" } else { "/…" };
        return format!("{scheme}://{host}{more}");
    }
    let parts: Vec<String> = word.split('&').map(pair).collect();
    parts.join("&")
}

/// A pair `name=value` or `name:value`, or a single word.
fn pair(text: &str) -> String {
    let separator = text.find(['=', ':']);
    if let Some((name, value)) = separator.and_then(|at| text.split_at_checked(at)) {
        let said = value.trim_start_matches(['=', ':']);
        if is_secret_name(&name.to_ascii_lowercase()) && !said.is_empty() {
            let signs = value.get(..value.len() - said.len()).unwrap_or_default();
            return format!("{name}{signs}{MASK}");
        }
    }
    if is_secret(text) {
        MASK.to_owned()
    } else {
        text.to_owned()
    }
}

fn is_secret_name(lower: &str) -> bool {
    let name: String = lower
        .chars()
        .filter(|it| !['_', '-', '.'].contains(it))
        .collect();
    SECRET_NAMES.iter().any(|secret| name.ends_with(secret))
}

/// Whether a word looks like a secret by itself.
fn is_secret(word: &str) -> bool {
    let is_token = word.starts_with("eyJ") && 1 < word.matches('.').count();
    let is_person = word
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    is_token || is_person || word.split(['.', ':', '@']).any(is_random)
}

/// Whether a word is a key or a long run of letters and digits.
fn is_random(word: &str) -> bool {
    let is_key = word.len() == ACCESS_KEY_BYTES
        && ACCESS_KEYS.iter().any(|start| word.starts_with(start))
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let in_alphabet = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=_-".contains(&byte);
    let is_long = RANDOM_BYTES_MIN <= word.len()
        && word.bytes().all(in_alphabet)
        && has_digit(word)
        && word.bytes().any(|byte| byte.is_ascii_alphabetic());
    is_key || is_long
}

fn has_digit(word: &str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(masked(text), expected);
    }

    #[test]
    fn the_value_of_a_name_that_says_secret_is_masked() {
        check("password=hunter2", "password=[masked]");
        check(
            "DB_PASSWORD: hunter2, host: a",
            "DB_PASSWORD: [masked], host: a",
        );
        check(
            r#"{"api_key":"k","sku":"TEA"}"#,
            r#"{"api_key":"[masked]","sku":"TEA"}"#,
        );
        check(r#"{\"token\": \"abc\"}"#, r#"{\"token\": \"[masked]\"}"#);
        check("x=1&access_token=abc&y=2", "x=1&access_token=[masked]&y=2");
        check("Set-Cookie: id=abc", "Set-Cookie: [masked]");
        check("secret = s3 now", "secret = [masked] now");
    }

    #[test]
    fn an_authorization_is_masked_with_its_scheme_left() {
        check(
            "Authorization: Bearer abc.def",
            "Authorization: Bearer [masked]",
        );
        check(
            "authorization=Basic dXNlcg==",
            "authorization=Basic [masked]",
        );
        check("sent Bearer abcdef123456", "sent Bearer [masked]");
        check("the bearer token is missing", "the bearer token is missing");
    }

    #[test]
    fn what_looks_like_a_secret_is_masked_without_a_name() {
        check(
            "eyJhbGciOi.eyJzdWIi.c2ln was refused",
            "[masked] was refused",
        );
        check("key AKIAIOSFODNN7EXAMPLE", "key [masked]");
        check("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "[masked]");
        check("to ada@shop.example.", "to [masked]");
        check("-----BEGIN PRIVATE KEY----- MIIE", "[masked]");
    }

    #[test]
    fn of_an_address_only_the_host_is_left() {
        let webhook = "https://discord.com/api/webhooks/1/hunter2 failed";
        check(webhook, "https://discord.com/… failed");
        check("rediss://user:hunter2@cache:6379", "rediss://cache:6379");
        check("(http://127.0.0.1:8000/)", "(http://127.0.0.1:8000/…)");
    }

    #[test]
    fn names_and_ids_stay_readable() {
        for text in [
            "a request failed: DynamoDB answered 500 (InternalServerError)",
            "orders::place: ord_seshs3nkoof52wdcfxqsibhzu4 TEA-01",
            "request 8f14e45f-ceea-467f-a8e6-33f1c7d3a1b2 took 12 ms",
            "arn:aws:dynamodb:eu-west-1:123456789012:table/orders",
            "the tokens of three customers expired",
            "1-5759e988-bd862e3fe1be46a994272793",
        ] {
            check(text, text);
        }
    }
}
