#!/usr/bin/env bash
# Show that earlier programs refuse an upgraded workspace: downgrade.sh FOLDER [COMMIT…]
# FOLDER is a workspace of this version. Each command of each released state has to end
# with exactly 2 and to write nothing. A state refuses the setting `format` (637af10,
# d811b57, c0c91fc0) or the format of the lake (68e3934c); a command that it does not
# know yet ends with 2 as well, and is counted apart.
set -euo pipefail
folder=$(realpath "$1")
shift
commits=("$@")
[ $# -gt 0 ] || commits=(637af10 d811b57 c0c91fc0 68e3934c)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
clean() { git -C "$here" worktree remove --force "$work/source" 2> /dev/null || true; rm -rf "$work"; }
trap clean EXIT
digest() { find "$folder" -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum; }
before=$(digest)

refuse() {  # commit and command
  local code=0
  # shellcheck disable=SC2086  # words of one line
  "$work/source/.venv/bin/triptych" $2 --workspace "$folder" \
    < /dev/null > "$work/said" 2>&1 || code=$?
  [ "$code" = 2 ] || { cat "$work/said"; echo "$1 $2: exit code $code, not 2"; exit 1; }
  [ "$(digest)" = "$before" ] || { echo "$1 $2: wrote"; exit 1; }
  if grep -q "unknown key 'format'\|wrote this workspace in format" "$work/said"; then
    refused=$((refused + 1))
  elif grep -q "No such command\|No such option" "$work/said"; then
    unknown=$((unknown + 1))
  else
    cat "$work/said"; echo "$1 $2: refused something else"; exit 1
  fi
}

for commit in "${commits[@]}"; do
  refused=0 unknown=0
  git -C "$here" worktree add --quiet --detach "$work/source" "$commit"
  make -C "$work/source" --silent .venv/.ready
  while read -r command; do refuse "$commit" "$command"; done << 'COMMANDS'
run
ingest
build
attribute
close --period 2026-05 --by A --approved-by B
reopen --period 2026-04 --by A --approved-by B --reason x
accrue --period 2026-07 --by A --approved-by B
comment x --period 2026-05 --by A
study register studies/planning.yml --by A
value validate planning --by A
quarantine retry
recover
prune --apply --because x
withdraw cloud --because x
source retire cloud --because x
alerts list
audit verify
receive
dashboard
COMMANDS
  echo "$commit: $((refused + unknown)) commands end with 2: the format $refused, not known yet $unknown"
  git -C "$here" worktree remove --force "$work/source"
done
