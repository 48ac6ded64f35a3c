//! Planted secrets must be found, in many notations and encodings.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use redact::Redactor;

use crate::generate::{Random, fill};

/// Formats of tokens that say by themselves what they are.
pub(crate) const TOKENS: &[&str] = &[
    "ghp_{an:36}",
    "gho_{an:36}",
    "ghu_{an:36}",
    "ghs_{an:36}",
    "ghr_{an:36}",
    "github_pat_{an:22}_{an:59}",
    "glpat-{url:20}",
    "gldt-{url:20}",
    "glrt-{url:20}",
    "glptt-{hex:40}",
    "gloas-{hex:64}",
    "glft-{url:20}",
    "ATBB{an:32}",
    "ATATT3{url:180}",
    "sgp_{hex:40}",
    "AKIA{b32:16}",
    "ASIA{b32:16}",
    "AIza{url:35}",
    "GOCSPX-{url:28}",
    "ya29.{url:60}",
    "1//0{url:60}",
    "{an:3}8Q~{url:34}",
    "LTAI{an:20}",
    "AKID{an:32}",
    "dop_v1_{hex:64}",
    "doo_v1_{hex:64}",
    "HRKU-AA{url:58}",
    "v1.0-{hex:24}-{hex:146}",
    "fo1_{url:43}",
    "rnd_{an:28}",
    "nfp_{an:36}",
    "pscale_tkn_{url:43}",
    "sbp_{hex:40}",
    "dapi{hex:32}",
    "{an:14}.atlasv1.{an:67}",
    "pul-{hex:40}",
    "hvs.{url:90}",
    "dp.pt.{an:43}",
    "ops_eyJ{an:240}",
    "A3-{up:6}-{up:6}-{up:5}-{up:5}-{up:5}-{up:5}",
    "tskey-auth-{an:17}-{an:32}",
    "npm_{an:36}",
    "pypi-AgEIcHlwaS5vcmc{url:120}",
    "cio{an:32}",
    "rubygems_{hex:48}",
    "oy2{low:43}",
    "dckr_pat_{url:27}",
    "CLOJARS_{low:60}",
    "AKCp{an:69}",
    "xoxb-{dig:12}-{dig:12}-{an:24}",
    "xoxp-{dig:12}-{dig:12}-{dig:12}-{hex:32}",
    "xapp-1-A{up:10}-{dig:13}-{hex:64}",
    "{dig:9}:AA{url:33}",
    "SK{hex:32}",
    "SG.{url:22}.{url:43}",
    "key-{hex:32}",
    "xkeysib-{hex:64}-{an:16}",
    "re_{an:8}_{an:24}",
    "sk_live_{an:24}",
    "rk_live_{an:24}",
    "sk_test_{an:99}",
    "whsec_{an:32}",
    "shpat_{hex:32}",
    "shpss_{hex:32}",
    "EAAA{url:60}",
    "sq0atp-{url:22}",
    "sq0csp-{url:43}",
    "access_token$production${low:16}${hex:32}",
    "FLWSECK_TEST-{an:32}-X",
    "EZAK{an:54}",
    "shippo_live_{hex:40}",
    "duffel_test_{url:43}",
    "sk-proj-{url:64}",
    "sk-{an:20}T3BlbkFJ{an:20}",
    "sk-ant-api03-{url:93}AA",
    "sk-or-v1-{hex:64}",
    "sk-{an:48}",
    "hf_{let:34}",
    "gsk_{an:52}",
    "xai-{an:80}",
    "pplx-{an:48}",
    "r8_{an:37}",
    "lsv2_pt_{hex:32}_{hex:10}",
    "glsa_{an:32}_{hex:8}",
    "glc_eyJ{an:80}",
    "NRAK-{up:27}",
    "sntrys_eyJ{an:100}",
    "dt0c01.{up:24}.{up:64}",
    "bkua_{hex:40}",
    "CCIPAT_{an:22}_{hex:40}",
    "sdk-{uuid}",
    "PMAK-{hex:24}-{hex:34}",
    "pnu_{low:36}",
    "tk-us-{url:48}",
    "lin_api_{an:40}",
    "ntn_{dig:11}{an:35}",
    "secret_{an:43}",
    "pat{an:14}.{hex:64}",
    "figd_{url:40}",
    "sl.{url:140}",
    "CFPAT-{url:43}",
    "tfp_{an:44}",
    "rdme_{low:70}",
    "fio-u-{url:64}",
    "aio_{an:28}",
    "hk_live_{an:8}_{an:49}",
    "EAAC{an:160}",
    "AAAAAAAAAAAAAAAAAAAAA{an:80}",
];

/// Names and values where only the name tells.
const NAMED: &[(&str, &str)] = &[
    ("AWS_SECRET_ACCESS_KEY", "{b64:40}"),
    ("AWS_SESSION_TOKEN", "{b64:240}"),
    ("HEROKU_API_KEY", "{uuid}"),
    ("SCW_SECRET_KEY", "{uuid}"),
    ("CLOUDFLARE_API_TOKEN", "{url:40}"),
    ("VERCEL_TOKEN", "{an:24}"),
    ("RAILWAY_TOKEN", "{uuid}"),
    ("OKTA_API_TOKEN", "00{url:40}"),
    ("VAULT_TOKEN", "s.{an:24}"),
    ("DISCORD_TOKEN", "M{an:23}.{an:6}.{an:27}"),
    ("TWILIO_AUTH_TOKEN", "{hex:32}"),
    ("MAILCHIMP_API_KEY", "{hex:32}-us12"),
    ("POSTMARK_API_TOKEN", "{uuid}"),
    ("DATADOG_API_KEY", "{hex:32}"),
    ("SNYK_TOKEN", "{uuid}"),
    ("NGROK_AUTHTOKEN", "{an:27}_{an:21}"),
    ("ALGOLIA_ADMIN_KEY", "{hex:32}"),
    ("RAPIDAPI_KEY", "{an:50}"),
    ("ASANA_TOKEN", "1/{dig:16}:{hex:32}"),
    ("DB_PASSWORD", "{pw:16}"),
    ("MYSQL_ROOT_PASSWORD", "{pw:12}"),
    ("clientSecret", "{an:32}"),
    ("api_key", "{an:24}"),
    ("SIGNING_KEY", "{hex:64}"),
    ("smtp.password", "{pw:14}"),
];

/// Notations of a token; `@` stands for it.
const PLACES: &[&str] = &[
    "@",
    "token: @",
    "export THING=@",
    "{\"a\": \"@\", \"b\": 1}",
    "x = '@';",
    "2026-01-01T00:00:00Z INFO using @ for the upload\n",
    "curl -H \"Authorization: Bearer @\" x",
    "https://api.test/v1?t=@&x=1",
    "line\\n@\\nline",
    "<v>@</v>",
];

/// Notations of a named value; `#` stands for the name, `@` for the value.
const ASSIGNMENTS: &[&str] = &[
    "#=@",
    "export #='@'",
    "#: \"@\"",
    "{\"#\": \"@\"}",
    "{\\\"#\\\": \\\"@\\\"}",
    "- name: #\n  value: \"@\"\n",
    "process.env.# = \"@\";",
    "os.environ[\"#\"] = '@'",
    "ENV #=@",
    "setenv(\"#\", \"@\")",
    "<#>@</#>",
];

fn redactor() -> Redactor {
    Redactor::new([3; 32])
}

/// Whether scan names a finding that covers the secret, and mask leaves nothing of it.
fn is_caught(text: &str, secret: &str) -> bool {
    let at = text.find(secret).expect("the secret is planted");
    let covered = |range: &std::ops::Range<usize>| {
        let end = at + secret.len();
        range.start < end && at < range.end
    };
    redactor().scan(text).iter().any(|finding| covered(&finding.range))
        && !redactor().mask(text).text.contains(secret)
}

pub(crate) fn planted() -> Vec<(String, String)> {
    let mut random = Random::new(2);
    let mut all = Vec::new();
    for (index, format) in TOKENS.iter().enumerate() {
        for turn in 0..4 {
            let secret = fill(format, &mut random);
            let place = PLACES[(index + turn * 3) % PLACES.len()];
            all.push((place.replace('@', &secret), secret));
        }
    }
    for (index, (name, format)) in NAMED.iter().enumerate() {
        for turn in 0..4 {
            let secret = fill(format, &mut random);
            let place = ASSIGNMENTS[(index + turn * 3) % ASSIGNMENTS.len()];
            all.push((place.replace('#', name).replace('@', &secret), secret));
        }
    }
    all.extend(shaped(&mut random));
    all
}

/// Blocks, addresses, headers and logins.
fn shaped(random: &mut Random) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for kind in ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED ", "DSA "] {
        let body: Vec<String> = (0..8).map(|_| fill("{b64:64}", random)).collect();
        let secret = body[3].clone();
        let block = |separator: &str| {
            let head = format!("-----BEGIN {kind}PRIVATE KEY-----");
            [head.as_str(), &body.join(separator), "-----END PRIVATE KEY-----"].join(separator)
        };
        all.push((block("\n"), secret.clone()));
        all.push((format!("{{\"private_key\": \"{}\\n\"}}", block("\\n")), secret));
    }
    for scheme in ["https", "postgres", "redis", "amqp", "mongodb+srv"] {
        let secret = fill("{an:14}7k2", random);
        all.push((format!("{scheme}://svc:{secret}@db.internal.net:5432/x"), secret));
    }
    let jwt = |random: &mut Random| {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let body = part("{\"sub\":\"1234\",\"name\":\"x\"}");
        format!(
            "{}.{body}.{}",
            part("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"),
            fill("{url:43}", random)
        )
    };
    for place in PLACES {
        let secret = jwt(random);
        all.push((place.replace('@', &secret), secret));
    }
    let secret = STANDARD.encode(fill("svc:{an:20}9x1", random));
    all.push((
        format!("{{\"auths\": {{\"r.test\": {{\"auth\": \"{secret}\"}}}}}}"),
        secret.clone(),
    ));
    all.push((format!("Authorization: Basic {secret}"), secret));
    let secret = fill("{an:18}4q7", random);
    all.push((format!("machine git.test login bob password {secret}\n"), secret.clone()));
    all.push((format!("tool --password {secret} --verbose"), secret.clone()));
    all.push((format!("X-API-Key: {secret}"), secret));
    let hook = fill("T{up:9}/B{up:10}/{an:24}", random);
    all.push((format!("https://hooks.slack.com/services/{hook}"), hook));
    let key = fill("{b64:86}==", random);
    all.push((format!("AccountName=x;AccountKey={key};EndpointSuffix=y"), key));
    all
}

#[test]
fn planted_secrets_are_found() {
    let planted = planted();
    assert!(planted.len() >= 300 && TOKENS.len() + NAMED.len() >= 60);
    let missed: Vec<_> = planted.iter().filter(|(text, secret)| !is_caught(text, secret)).collect();
    let recall = 1.0 - missed.len() as f64 / planted.len() as f64;
    println!("{} planted, {} missed, recall {recall:.4}", planted.len(), missed.len());
    assert!(recall >= 0.99, "recall {recall:.4}; missed: {missed:#?}");
}

#[test]
fn the_first_look_doubts_every_secret() {
    for (text, _) in planted() {
        assert!(redact::may_hold_secret(text.as_bytes()), "{text}");
    }
    for text in ["run the tests", "src/lib.rs", "build (release)", "Prüfe die Doku", "-D warnings"]
    {
        assert!(!redact::may_hold_secret(text.as_bytes()), "{text}");
    }
}

#[test]
fn encoded_secrets_are_found() {
    let mut random = Random::new(9);
    let mut missed = Vec::new();
    for format in TOKENS {
        let secret = fill(format, &mut random);
        let line = format!("the token is {secret} here");
        for (layer, text) in encodings(&line) {
            if redactor().scan_bytes(&text).is_empty() {
                missed.push((*format, layer));
            }
        }
    }
    let total = TOKENS.len() * 9;
    assert!(missed.len() * 100 <= total, "{} of {total} missed: {missed:#?}", missed.len());
}

fn gzip(text: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(text).expect("writing to memory");
    gzip.finish().expect("writing to memory")
}

#[test]
fn packed_text_beyond_the_budget_of_a_search_is_masked_unseen() {
    let blanks = STANDARD.encode(gzip(&vec![b' '; 5 << 20]));
    let bomb = STANDARD.encode(gzip(format!("{blanks}\n").repeat(20).as_bytes()));
    let secret = fill("password={pw:12}", &mut Random::new(7));
    let late = STANDARD.encode(gzip(secret.as_bytes()));
    let text = format!("one {blanks}\ntwo {bomb}\nthree {late}\nfour\n");
    let masked = redactor().mask(&text);
    let rules: Vec<&str> = masked.findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(rules, ["packed-text", "packed-text"]);
    assert!(masked.text.starts_with(&format!("one {blanks}\ntwo «redacted:packed-text:")));
    assert!(masked.text.ends_with("»\nfour\n") && !masked.text.contains(&late));
    assert_eq!(redactor().mask(&masked.text).text, masked.text);
    assert!(redactor().scan(&text).is_empty(), "nothing was seen, so people are told nothing");
}

fn encodings(line: &str) -> Vec<(&'static str, Vec<u8>)> {
    let hex: String = line.bytes().map(|byte| format!("{byte:02x}")).collect();
    let url: String = line.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let json: String = line.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    let gzip = gzip(line.as_bytes());
    let wide = |line: &str| line.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let wide_be = line.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
    let base64 = STANDARD.encode(line);
    vec![
        ("base64", format!("data: {base64}\n").into_bytes()),
        ("base64 twice", STANDARD.encode(base64).into_bytes()),
        ("base64 of utf-16", STANDARD.encode(wide(line)).into_bytes()),
        ("base64 of gzip", format!("x: {}", STANDARD.encode(&gzip)).into_bytes()),
        ("hex", hex.into_bytes()),
        ("url", url.into_bytes()),
        ("json", format!("{{\"a\": \"{json}\"}}").into_bytes()),
        ("gzip", gzip),
        ("utf-16", [wide(line), wide_be].concat()),
    ]
}

#[test]
fn a_secret_split_by_escapes_is_found() {
    let secret = fill("{b64:40}", &mut Random::new(5));
    let escaped = secret.replace('/', "\\/").replacen('A', "\\u0041", 1);
    let text = format!("{{\"aws_secret_access_key\": \"{escaped}\"}}");
    assert!(!redactor().scan(&text).is_empty(), "{text}");
    assert!(!redactor().mask(&text).text.contains(&escaped));
    let split = fill("ghp_{an:18}\\\n{an:18}", &mut Random::new(6));
    assert_eq!(redactor().scan(&split).len(), 1, "{split}");
}

#[test]
fn known_values_are_masked_wherever_they_are() {
    let value = "plain words only";
    let redactor = redactor().with_known_values([
        ("DEPLOY_TOKEN", value),
        ("HOME", "/home/somebody"),
        ("A_TOKEN", "short"),
    ]);
    let encoded = STANDARD.encode(format!("it is {value}!"));
    for text in [format!("it says {value}."), format!("x {encoded}"), "plain%20words%20only".into()]
    {
        let masked = redactor.mask(&text);
        assert_eq!(masked.findings.len(), 1, "{text}");
        assert!(masked.text.contains("«redacted:known-value:"), "{}", masked.text);
    }
    assert!(redactor.mask("a short text in /home/somebody").findings.is_empty());
}

#[test]
fn logs_are_masked_more_boldly_than_people_are_bothered() {
    for text in ["password=letmein", "--token abcdefgh", "postgres://app:app@localhost/x"] {
        assert!(redactor().scan(text).is_empty(), "{text}");
        assert_eq!(redactor().mask(text).findings.len(), 1, "{text}");
    }
}
