//! What commands and servers write into logs: nothing secret of it may be stored.

use proptest::prelude::*;
use redact::{LogMasker, Redactor};

use crate::generate::{Random, fill};

/// Lines with a secret at `@`.
const LINES: &[&str] = &[
    "+ curl -u bob:@ https://x.test/api",
    "+ curl -s -ubob:@ https://x.test/api",
    "curl --user 'bob:@' -X POST https://x.test/api",
    "curl --proxy-user bob:@ https://x.test",
    "$ mysql -h db -u root -p@ shop < dump.sql",
    "/usr/bin/mysqldump --password=@ shop",
    "mysql --password @ shop",
    "mariadb-dump -p'@' shop",
    "PGPASSWORD=@ psql -h db",
    "export PGPASSWORD='@'",
    "sshpass -p @ ssh host",
    "sshpass -p'@' scp a host:b",
    "docker login -u bob -p @ registry.test",
    "podman login --password @ registry.test",
    "redis-cli -h cache -a @ ping",
    "> Cookie: theme=dark; session=@; lang=de",
    "< Set-Cookie: sid=@; Path=/; HttpOnly",
    "{\"Cookie\": \"sid=@; theme=dark\"}",
    "curl -H 'Cookie: sid=@' https://x.test",
    "> Authorization: Bearer @",
    "> Authorization: Token @",
    "> Authorization: Digest username=\"bob\", response=@",
    "> Authorization: Hawk id=\"x\", mac=@",
    "> Authorization: Custom @",
    "> Authorization: @",
    "Proxy-Authorization: Basic @",
    "headers={'Authorization': 'ApiKey @'}",
    // In two pieces, so that the tree holds no such header.
    concat!(
        "Authoriz",
        "ation: AWS4-HMAC-SHA256 Cred",
        "ential=x/20260101/eu/s3/aws4_request, Signature=@"
    ),
    "GET /x?page=2&access_token=@&y=1 HTTP/1.1",
    "GET /x?api_key=@ HTTP/1.1",
    "GET https://b.test/k?X-Amz-Expires=60&X-Amz-Signature=@ HTTP/1.1",
    "password: ab&@",
    "password=ab&@&user=bob",
    "curl -sSf \\\n  -u bob:@ \\\n  https://x.test/api",
    "curl -sSf \\\r\n  -u bob:@ \\\r\n  https://x.test/api",
    "docker login \\\n  -u bob \\\n  -p @ registry.test",
    "\u{1b}[1mpassword\u{1b}[0m=\u{1b}[32m@\u{1b}[0m",
    "\u{1b}[36mAPI_TOKEN\u{1b}[39m: \u{1b}[33m\"@\"\u{1b}[39m",
];

fn redactor() -> Redactor {
    Redactor::new([3; 32])
}

fn secret(random: &mut Random) -> String {
    fill("{an:9}7{an:20}3x{hex:12}", random)
}

#[test]
fn nothing_secret_of_a_line_is_stored() {
    let mut random = Random::new(21);
    let leaks: Vec<String> = LINES
        .iter()
        .filter_map(|line| {
            let secret = secret(&mut random);
            let masked = redactor().mask(&line.replace('@', &secret)).text;
            masked.contains(&secret[..12]).then_some(masked)
        })
        .collect();
    assert!(leaks.is_empty(), "{leaks:#?}");
}

#[test]
fn the_rest_of_a_line_stays_readable() {
    let pw = fill("{an:9}7{an:9}", &mut Random::new(2));
    let cases = [
        (format!("curl -u bob:{pw} https://x.test"), "curl -u bob:# https://x.test"),
        (format!("Cookie: a={pw}; Path=/"), "Cookie: a=#; Path=/"),
        (format!("docker login -u bob -p {pw} r.test"), "docker login -u bob -p # r.test"),
        (format!("password: ab&{pw} next"), "password: # next"),
        (format!("Authorization: Bearer {pw} end"), "Authorization: Bearer # end"),
    ];
    for (line, expected) in cases {
        let masked = redactor().mask(&line);
        let range = masked.text.find('«').unwrap()..masked.text.rfind('»').unwrap() + "»".len();
        let shown = format!("{}#{}", &masked.text[..range.start], &masked.text[range.end..]);
        assert_eq!(shown, expected, "{}", masked.text);
    }
}

#[test]
fn a_token_split_by_colours_is_masked_whole() {
    let token = fill("ghp_{an:36}", &mut Random::new(8));
    for at in [2, 4, 11, 39] {
        let (head, tail) = token.split_at(at);
        for colour in ["\u{1b}[0m", "\u{1b}[1;38;5;196m", "\u{1b}[m"] {
            let line = format!("using {head}{colour}{tail} for the upload\n");
            let masked = redactor().mask(&line).text;
            assert!(!masked.contains(head) || at < 8, "{masked}");
            assert!(!masked.contains(tail), "{masked}");
            assert!(masked.starts_with("using «redacted:github-token:"), "{masked}");
        }
    }
}

#[test]
fn ordinary_lines_stay() {
    for line in [
        "mkdir -p some/folder && cd some/folder",
        "docker run -u 1000:1000 -p 8080:80 image",
        "mysql -p shop",
        "authorization: denied for bob",
        "Authorization required",
        "the cookie jar is empty; cookie: none",
        "Set-Cookie headers were kept",
        "\u{1b}[32m✓\u{1b}[0m 12 tests passed in 3.4 s (auth, tokens, keys)",
        "curl -sSf -o out.tar.gz https://x.test/a-1.2.3.tar.gz",
        "login succeeded -- see mongodb.log",
        "a && b & c",
        "ldapsearch -x -b dc=test",
    ] {
        assert_eq!(redactor().mask(line).text, line);
    }
}

proptest! {
    #[test]
    fn chunks_of_any_size_lose_no_secret(
        seed in any::<u64>(), which in 0..LINES.len(), size in 1_usize..70,
    ) {
        let secret = secret(&mut Random::new(seed));
        let text = format!("first\n{}\nlast\n", LINES[which].replace('@', &secret));
        let mut masker = LogMasker::new(redactor());
        let mut out = Vec::new();
        text.as_bytes().chunks(size).for_each(|chunk| masker.push(chunk, &mut out));
        masker.finish(&mut out);
        let out = String::from_utf8_lossy(&out);
        prop_assert!(!out.contains(&secret[..12]), "{}", out);
        prop_assert!(out.starts_with("first\n") && out.ends_with("\nlast\n"));
    }
}
