//! Completions in real shells: the script that wgx prints, loaded, asked for real task names.

use std::path::Path;

use testkit::{Ran, Run, TestRepo, has_program, not_run};

use crate::world::WGX;

fn repo() -> TestRepo {
    TestRepo::new()
        .profile("tasks:\n  zebra-count: {cmd: x, desc: Counts}\n  zebra-feed: x\n  other: x\n")
}

/// Runs a script in a shell that finds wgx by its name.
fn in_shell(repo: &TestRepo, words: &[&str]) -> Option<Ran> {
    if !has_program(words[0]) {
        not_run(&format!("completions in {}", words[0]), "it is not installed");
        return None;
    }
    let folder = Path::new(WGX).parent().unwrap().display();
    let ran = Run::new(words[0], repo.path())
        .args(&words[1..])
        .env("PATH", format!("{folder}:/usr/local/bin:/usr/bin:/bin"))
        .env("HAUSKI_HOME", repo.home())
        .env("HOME", repo.path())
        .go();
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    Some(ran)
}

fn words_of(ran: &Ran) -> Vec<&str> {
    let first = |line: &'_ str| line.split(['\t', ':']).next().unwrap_or_default().trim().len();
    ran.stdout.lines().map(|line| &line[..first(line)]).collect()
}

#[test]
fn bash_completes_real_task_names() {
    let script = r#"
source <(wgx completions bash)
spec=$(complete -p wgx); function=${spec##*-F }; function=${function%% *}
COMP_WORDS=(wgx run zeb); COMP_CWORD=2; COMP_LINE='wgx run zeb'; COMP_POINT=11; COMP_TYPE=9
"$function" wgx zeb run
printf '%s\n' "${COMPREPLY[@]}"
"#;
    let Some(ran) = in_shell(&repo(), &["bash", "--norc", "-c", script]) else { return };
    assert_eq!(words_of(&ran), ["zebra-count", "zebra-feed"], "{}", ran.stderr);
}

#[test]
fn fish_completes_real_task_names() {
    let script = "wgx completions fish | source; complete -C 'wgx run zeb'";
    let Some(ran) = in_shell(&repo(), &["fish", "--no-config", "-c", script]) else { return };
    assert_eq!(words_of(&ran), ["zebra-count", "zebra-feed"], "{}", ran.stderr);
}

#[test]
fn zsh_completes_real_task_names() {
    // Without a line editor the completion function runs with its output functions replaced.
    let script = r#"
autoload -Uz compinit && compinit -u -d .zcompdump
source <(wgx completions zsh)
function=$_comps[wgx]
_describe() { local list=${@[-1]}; print -rl -- "${(@P)list}" }
compadd() { while [[ $1 == -* && $1 != -- ]]; do shift; done; print -rl -- "$@" }
words=(wgx run zeb); CURRENT=3
eval "$function"
"#;
    let Some(ran) = in_shell(&repo(), &["zsh", "-f", "-c", script]) else { return };
    assert_eq!(words_of(&ran), ["zebra-count", "zebra-feed"], "{}", ran.stderr);
}
