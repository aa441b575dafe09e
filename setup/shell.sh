# What the shell part of the set-up says and how it fails. Sourced by run.sh.

say() {
  printf 'heye: %s\n' "$*" >&2
}

# begin WHAT ... finish: a line before a step, and one after it that tells what it cost.
begin() {
  step=$1
  began=$(date +%s)
  say "$step ..."
}

finish() {
  say "$step: done in $(($(date +%s) - began)) s"
}

# fail EXPECTED FOUND NEXT: the same three parts that errors of the TypeScript part have.
fail() {
  say "expected $1"
  printf '  found: %s\n  next:  %s\n' "$2" "$3" >&2
  exit 1
}

# need PROGRAM PACKAGE
need() {
  command -v "$1" >/dev/null 2>&1 || fail "the program $1 on PATH" "no such program" \
    "install it (Debian and Ubuntu: apt-get install $2), then run the same command again"
}

# hold DESCRIPTOR WHY: takes the flock of an open file, and says so when it has to wait for somebody.
hold() {
  flock -n "$1" && return 0
  say "$2; waiting for it"
  flock "$1"
  say "it has finished; going on"
}
