//! Scripts as a learner types them, and what they must not break.

use crate::testing::{Run, check, run, run_as};

#[test]
fn pipes_redirections_and_lists() {
    check("echo hi; exit 3", "hi\n", 3);
    check("printf 'b\\na\\n' | sort | head -n 1", "a\n", 0);
    check("echo a > /tmp/x; echo b >> /tmp/x; cat < /tmp/x", "a\nb\n", 0);
    check("echo out; echo err >&2", "out\n", 0);
    check("{ echo a; echo b >&2; } 2>&1 | wc -l", "2\n", 0);
    check("false || echo no && echo yes", "no\nyes\n", 0);
    check("! true; echo $?", "1\n", 0);
    check("true | false", "", 1);
    check("set -o pipefail; false | true", "", 1);
    check("cat <<EOF\n$((1+1)) `echo x` \"q\"\nEOF", "2 x \"q\"\n", 0);
    check("cat <<'EOF'\n$x\nEOF", "$x\n", 0);
    check("cat <<-EOF\n\t\tx\n\tEOF\n", "x\n", 0);
    check("exec 3>/tmp/y; echo z >&3; exec 3>&-; cat /tmp/y", "z\n", 0);
    check("(echo a; exit 4); echo $?", "a\n4\n", 0);
    check("yes | head -n 2", "y\ny\n", 0);
    check("ls /nosuch 2>/dev/null || echo none", "none\n", 0);
}

#[test]
fn expansions() {
    check("x='a  b'; echo $x \"$x\"", "a b a  b\n", 0);
    check("echo ${x:-d} ${x-e} ${x:+f}; : ${x:=g}; echo $x ${#x}", "d e\ng 1\n", 0);
    check("f=/a/b.tar.gz; echo ${f##*/} ${f%.gz} ${f%%.*} ${f#/}", "b.tar.gz /a/b.tar /a/b a/b.tar.gz\n", 0);
    check("x=banana; echo ${x/an/AN} ${x//a/o} ${x:1:3}", "bANana bonono ana\n", 0);
    check("set -- a 'b c'; for i in \"$@\"; do echo \"<$i>\"; done; echo $#", "<a>\n<b c>\n2\n", 0);
    check("set -- a b; echo \"$*\"; IFS=,; echo \"$*\"", "a b\na,b\n", 0);
    check("echo $(echo $(echo deep))", "deep\n", 0);
    check("mkdir /tmp/g; cd /tmp/g; touch b a .h; echo *; echo nosuch*; echo '*'", "a b\nnosuch*\n*\n", 0);
    check("echo /e*c", "/etc\n", 0);
    check("x=5; echo $((x * 2 + 1)) $((x++)) $x", "11 5 6\n", 0);
    check("echo ~ ~/x", "/root /root/x\n", 0);
    check("x=$(printf 'a\\n\\n'); echo \"[$x]\"", "[a]\n", 0);
    check("echo \"a\\$b\" 'c\\d' e\\ f", "a$b c\\d e f\n", 0);
    check("echo \"${x:-\"a b\"}\"", "a b\n", 0);
    check("IFS=:; set -- $PATH; echo $# $1", "6 /usr/local/sbin\n", 0);
    check("x=; echo a${x}b $x c \"\"", "ab c \n", 0);
    check("echo ${1:-none} $0", "none sh\n", 0);
}

#[test]
fn compound_commands() {
    check("for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done", "1\n3\n", 0);
    check("i=0; while [ $i -lt 3 ]; do i=$((i+1)); echo $i; [ $i = 2 ] && break; done", "1\n2\n", 0);
    check("until true; do echo no; done; echo done", "done\n", 0);
    check("case abc in x|a*) echo one;; *) echo two;; esac", "one\n", 0);
    check("if false; then echo a; elif true; then echo b; else echo c; fi", "b\n", 0);
    check("f() { local x=1; echo $1 $x; return 5; }; x=2; f arg; echo $? $x", "arg 1\n5 2\n", 0);
    check("f() { [ $1 -le 1 ] && { echo 1; return; }; echo $(( $1 * $(f $(( $1 - 1 ))) )); }; f 5", "120\n", 0);
    check("printf '1 a\\n2 b\\n' | while read n w; do echo $w$n; done", "a1\nb2\n", 0);
    check("while read x; do echo [$x]; done < /etc/hostname", "[pod]\n", 0);
    check("for i in 1 2; do for j in 1 2; do [ $j = 2 ] && continue 2; echo $i$j; done; done", "11\n21\n", 0);
}

#[test]
fn settings_and_traps() {
    check("set -e; false; echo no", "", 1);
    check("set -e; false || true; if false; then :; fi; ! true; echo yes", "yes\n", 0);
    let unset = run("set -u; echo $nothing; echo no");
    assert_eq!((unset.code, unset.stdout.as_str(), unset.stderr.as_str()), (2, "", "sh: nothing: parameter not set\n"));
    let traced = run("set -x; echo a 'b c'");
    assert_eq!(traced.stderr, "+ echo a 'b c'\n");
    check("trap 'echo bye' EXIT; echo hi; exit 2", "hi\nbye\n", 2);
    check("trap 'echo got' TERM; kill -TERM $$; echo after", "got\nafter\n", 0);
    check("sleep 100 & kill $!; wait $!; echo $?", "143\n", 0);
    check("(sleep 1; echo later) & echo now; wait", "now\nlater\n", 0);
    check("readonly r=1; r=2; echo no", "", 2);
    check("export A=1; sh -c 'echo $A'; B=2 sh -c 'echo $B'; echo ${B-unset}", "1\n2\nunset\n", 0);
    check("eval 'x=1; echo $x'; . /tmp/none; echo no", "1\n", 2);
    check("while getopts ab:c o; do echo $o $OPTARG; done", "", 0);
    check(
        "set -- -a -b val x; while getopts ab: o; do echo $o $OPTARG; done; shift $((OPTIND-1)); echo $1",
        "a\nb val\nx\n",
        0,
    );
    check("alias ll='ls -d'; ll /etc; type cd; command -v ls", "/etc\ncd is a shell builtin\n/bin/ls\n", 0);
}

#[test]
fn messages_are_those_of_ash() {
    let says = |script: &str, expected: &str, code: i32| {
        let Run { stderr, code: got, .. } = run(script);
        assert_eq!((stderr.as_str(), got), (expected, code), "{script}");
    };
    says("nosuch", "sh: nosuch: not found\n", 127);
    says("./nosuch", "sh: ./nosuch: not found\n", 127);
    says("/etc", "sh: /etc: Permission denied\n", 126);
    says("cat < /nosuch", "sh: can't open /nosuch: no such file\n", 1);
    says("echo x > /no/such", "sh: can't create /no/such: nonexistent directory\n", 1);
    says("cd /nosuch", "sh: cd: can't cd to /nosuch: No such file or directory\n", 1);
    says("echo 'a", "sh: syntax error: unterminated quoted string\n", 2);
    says("fi", "sh: syntax error: unexpected \"fi\"\n", 2);
    says("if true", "sh: syntax error: unexpected end of file\n", 2);
    says("echo $((1/0))", "sh: divide by zero\n", 2);
    says("echo ${x?gone}", "sh: x: gone\n", 2);
    says("[ a -eq 1 ]", "sh: a: bad number\n", 2);
    says("a=(1 2); echo ${a[0]}", "sh: arrays: not simulated\nsh: syntax error: bad substitution\n", 2);
}

#[test]
fn a_user_meets_the_modes() {
    let denied = run_as(1000, "cat /etc/shadow; echo x > /x; ls /root; id -u; touch /tmp/ok && echo ok");
    assert_eq!(denied.stdout, "1000\nok\n");
    assert_eq!(
        denied.stderr,
        "cat: can't open '/etc/shadow': Permission denied\nsh: can't create /x: Permission denied\n\
         ls: can't open '/root': Permission denied\n"
    );
}

#[test]
fn budgets_hold() {
    let full = run("yes > /tmp/x; echo $?; rm /tmp/x; echo ok > /tmp/y && cat /tmp/y");
    assert_eq!(
        (full.stdout.as_str(), full.stderr.as_str()),
        ("1\nok\n", "yes: write error: No space left on device\n")
    );
    assert_eq!(run("while :; do :; done").code, 137);
    assert_eq!(run("f() { f; }; f").code, 2);
    let bomb = run("f() { f | f & }; f; sleep 1; echo alive");
    assert!(bomb.code == 0 || bomb.code == 137 || bomb.code == 2, "{bomb:?}");
    assert_eq!(run("x=x; while true; do x=$x$x; done").stderr, "sh: out of memory\n");
    let noisy = run("cat /dev/zero | tr '\\0' 'a' | tail -c 1");
    assert!([137, 0, 1].contains(&noisy.code));
    assert_eq!(run("tail /dev/zero").code, 1);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 64, ..Default::default() })]

    #[test]
    fn nothing_that_is_typed_breaks_it(script in "([a-z]{1,3}|[ ;|&<>(){}$`'\"\\\\*?!~#=\\[\\]0-9.-]|if |then |fi |do |done |while |for |in |case |esac |\\$\\(|\\$\\(\\(|\\$\\{|<<|\n){0,40}") {
        run(&script);
    }

    #[test]
    fn arbitrary_text_is_no_danger(script in ".{0,80}") {
        run(&script);
    }
}
