#!/usr/bin/env bash
# Show that an earlier program refuses an upgraded workspace: downgrade.sh COMMIT FOLDER
# FOLDER is a workspace of this version; every command must end with 2 and write nothing.
set -euo pipefail
commit=$1 folder=$(realpath "$2")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source_tree=$(mktemp -d)
trap 'git -C "$here" worktree remove --force "$source_tree"' EXIT
git -C "$here" worktree add --quiet --detach "$source_tree" "$commit"
make -C "$source_tree" --silent .venv/.ready
digest() { find "$folder" -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum; }
before=$(digest)
while read -r command; do
  # A command that this version lacks writes nothing, either.
  # shellcheck disable=SC2086  # words of one line
  "$source_tree/.venv/bin/triptych" $command --workspace "$folder" < /dev/null && exit 1
  [ "$(digest)" = "$before" ] || { echo "$commit $command wrote"; exit 1; }
done << 'COMMANDS'
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
