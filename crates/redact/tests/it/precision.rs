//! Clean text must stay clean.

use redact::Redactor;

use crate::generate::{Random, fill};

fn findings(text: &str) -> Vec<String> {
    let found = Redactor::new([0; 32]).scan(text);
    let show = |f: &redact::Finding| format!("{} {} {:?}", f.line, f.rule, &text[f.range.clone()]);
    found.iter().map(show).collect()
}

#[test]
fn placeholders_are_no_findings() {
    let text = r#"
API_KEY=xxxxxxxxxxxxxxxxxxxxxxxx
API_KEY=${API_KEY}
api_key: "{{ vault_api_key }}"
TOKEN=<token>
password: changeme
password = "example-password-1"
password: "password123"
GITHUB_TOKEN: ${{ secrets.GITHUB_TOKEN }}
token = os.environ["API_TOKEN_2"]
const token = await getToken(request, 3);
secret: !vault secret/data/app1
password = getpass.getpass("Password 1: ")
DB_PASSWORD=$(cat /run/secrets/db1)
export AWS_SECRET_ACCESS_KEY=your_secret_key_here_1234567890123456
let token = Token::new(TokenKind::Ident, 3..4);
api_key = settings.API_KEY_V2
token: "csrf-token-2"
auth: "https://auth.example.com/oauth2/v1/token"
https://user:password@example.com/x
postgres://postgres:postgres@localhost:5432/test
sk-your-api-key-goes-here-please
ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
AKIAIOSFODNN7EXAMPLE
"#;
    assert_eq!(findings(text), Vec::<String>::new());
}

#[test]
fn lock_files_and_identifiers_are_no_findings() {
    let mut random = Random::new(11);
    let shapes = [
        "checksum = \"{hex:64}\"",
        "\"integrity\": \"sha512-{b64:86}==\"",
        "commit {hex:40}",
        "id: {uuid}",
        "resolved \"https://r.test/x/-/x-1.0.0.tgz#{hex:40}\"",
        "h1:{b64:43}=",
        "uses: actions/checkout@{hex:40}",
        "    --hash=sha256:{hex:64} \\",
        "etag: W/\"{hex:32}\"",
        "image: app@sha256:{hex:64}",
        "\"tokenId\": \"{uuid}\"",
        "content-hash = \"{hex:64}\"",
        "github.com/a/b v1.2.3/go.mod h1:{b64:43}=",
        "rev = \"{hex:40}\"",
        "key: {hex:8}",
        "public_key = \"{b64:43}=\"",
        "nonce: {an:32}",
        "data:image/png;base64,iVBORw0KGgo{b64:200}",
    ];
    let mut text = String::new();
    for _ in 0..400 {
        for shape in shapes {
            text.push_str(&fill(&shape.replace("{{", "("), &mut random));
            text.push('\n');
        }
    }
    let found = findings(&text);
    assert!(text.len() > 500_000);
    assert!(found.is_empty(), "{} in {} bytes: {found:#?}", found.len(), text.len());
}

#[test]
fn code_about_secrets_is_no_finding() {
    let text = include_str!("../../src/assignment.rs").to_owned()
        + include_str!("../../src/shapes.rs")
        + include_str!("../../src/judge.rs")
        + include_str!("../../src/secrets.rules")
        + include_str!("recall.rs");
    assert_eq!(findings(&text), Vec::<String>::new());
}

#[test]
fn words_around_keys_are_no_findings() {
    let text = "\
The token is valid for 24h and the password must have 8 characters.
fn token_2(key: &Key2, password: Option<&str>) -> Token2 { self.token3.clone() }
    if password == other.password2 { return Err(Error::Password2); }
<label for=\"password1\">Password</label> <input type=\"password\" id=\"password1\">
primaryKey: 'userId2', foreignKey: 'roleId2', keyCode: 13, apiKeyHeader: 'X-Api-Key'
\"tokenizer\": \"cl100k_base\", \"token_type\": \"bearer\", \"max_tokens\": 4096
secretName: tls-cert-2\n--secret id=npm2,src=.npmrc\npasswordHash = sha256(x1)
-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJ
-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAnzyis1ZjfNB0bBgKFMSv
let begin = \"-----BEGIN RSA PRIVATE KEY-----\";
";
    assert_eq!(findings(text), Vec::<String>::new());
}

#[test]
fn an_inline_comment_allows_its_line_only() {
    let secret = fill("ghp_{an:36}", &mut Random::new(3));
    for word in ["wgx:allow-secret", "gitleaks:allow", "pragma: allowlist secret"] {
        let text = format!("a = '{secret}' # {word}\nb = '{secret}'\n");
        let found = Redactor::new([0; 32]).scan(&text);
        assert_eq!(found.iter().map(|f| f.line).collect::<Vec<_>>(), [2], "{word}");
        assert_eq!(Redactor::new([0; 32]).mask(&text).findings.len(), 2, "masking is not affected");
    }
}

#[test]
fn an_allowed_digest_is_passed_over() {
    use sha2::Digest as _;
    let secret = fill("ghp_{an:36}", &mut Random::new(4));
    let digest: String = sha2::Sha256::digest(&secret).iter().map(|b| format!("{b:02x}")).collect();
    let redactor = Redactor::new([0; 32]).with_allowed([digest.as_str()]).expect("a digest");
    assert!(redactor.scan(&secret).is_empty());
    assert_eq!(redactor.mask(&secret).findings.len(), 1);
    let error = Redactor::new([0; 32]).with_allowed(["abc"]).expect_err("no digest");
    assert_eq!(
        error.to_string(),
        "`abc` in the list of allowed secrets is not a SHA-256 in 64 hex digits"
    );
}
