#!/usr/bin/env bash
# Build the workspace of an earlier version from git: build.sh COMMIT FOLDER
# It is closed twice, accrued, commented and registered by that version's own commands.
set -euo pipefail
commit=$1 folder=$(realpath -m "$2")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source_tree=$(mktemp -d)
trap 'git -C "$here" worktree remove --force "$source_tree"' EXIT
git -C "$here" worktree add --quiet --detach "$source_tree" "$commit"
make -C "$source_tree" --silent .venv/.ready
triptych="$source_tree/.venv/bin/triptych"
signed=(--by "A. Finance" --approved-by "B. Controller")

python3 "$here/company.py" "$folder"
cd "$folder"
if grep -q two_people "$source_tree/docs/reference/settings.md"; then
  printf 'access: {two_people: names}\n' >> triptych.yml
fi
"$triptych" run
"$triptych" study register studies/planning.yml --by "A. Analyst" \
  --low-power-because "A fixture" || true
"$triptych" run
"$triptych" close --period 2026-03 "${signed[@]}"
"$triptych" close --period 2026-04 "${signed[@]}"
"$triptych" accrue --period 2026-07 "${signed[@]}"
"$triptych" comment "Prices as agreed" --period 2026-05 --by "A. Finance" --publish
# Only the published run that readers see, and its record: the others repeat it.
run=$(tr -d '\n' < warehouse/CURRENT | sed 's/\.duckdb.*//; s|.*/||')
find warehouse/published -type f ! -name "*$run*" -delete
pack() { tar -C "$folder" --sort=name --mtime=2026-08-02 --owner=0 --group=0 -cf - "$@"; }
pack --exclude='./warehouse/dbt*' --exclude=./warehouse/build.duckdb \
  --exclude=./warehouse/published . | xz -9e > "$here/$commit.evidence.tar.xz"
pack ./warehouse/build.duckdb ./warehouse/published \
  | xz -9e > "$here/$commit.warehouse.tar.xz"
