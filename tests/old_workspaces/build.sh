#!/usr/bin/env bash
# Build the workspace of an earlier version from git: build.sh COMMIT FOLDER
# It is closed twice, accrued, commented and registered by that version's own commands,
# and alerts of versions that send any wait for a channel that does not answer.
set -euo pipefail
commit=$1 folder=$(realpath -m "$2")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source_tree=$(mktemp -d)
trap 'git -C "$here" worktree remove --force "$source_tree"' EXIT
git -C "$here" worktree add --quiet --detach "$source_tree" "$commit"
make -C "$source_tree" --silent .venv/.ready
export TRIPTYCH_NOTIFY_FINANCE=json://127.0.0.1:9
triptych="$source_tree/.venv/bin/triptych"
signed=(--by "A. Finance" --approved-by "B. Controller")

python3 "$here/company.py" "$folder"
cd "$folder"
if grep -q two_people "$source_tree/docs/reference/settings.md"; then
  printf 'access: {two_people: names}\n' >> triptych.yml
fi
if grep -q '^## notify' "$source_tree/docs/reference/settings.md"; then
  cat >> triptych.yml <<'YAML'
notify:
  channels: [{name: finance, url_variable: TRIPTYCH_NOTIFY_FINANCE}]
  rules:
    - {alert: budget, channels: [finance], thresholds: [0.8, 1.0]}
    - {alert: month_red, channels: [finance]}
    - {alert: source_stale, channels: [finance]}
    - {alert: study_concluded, channels: [finance]}
YAML
fi
"$triptych" run
"$triptych" study register studies/planning.yml --by "A. Analyst" \
  --low-power-because "A fixture" || true
"$triptych" run
"$triptych" close --period 2026-03 "${signed[@]}"
"$triptych" close --period 2026-04 "${signed[@]}"
"$triptych" accrue --period 2026-07 "${signed[@]}"
"$triptych" comment "Prices as agreed" --period 2026-05 --by "A. Finance" --publish
if grep -q '^notify:' triptych.yml; then
  first=$("$triptych" alerts list | grep -oE '^ *[0-9a-f]{8}' | head -1 | tr -d ' ')
  "$triptych" alerts acknowledge "$first" --note "Agreed with Operations"
fi
# Only the published run that readers see, and its record: the others repeat it.
run=$(tr -d '\n' < warehouse/CURRENT | sed 's/\.duckdb.*//; s|.*/||')
find warehouse/published -type f ! -name "*$run*" -delete
pack() { tar -C "$folder" --sort=name --mtime=2026-08-02 --owner=0 --group=0 -cf - "$@"; }
pack --exclude='./warehouse/dbt*' --exclude=./warehouse/build.duckdb \
  --exclude=./warehouse/published . | xz -9e > "$here/$commit.evidence.tar.xz"
pack ./warehouse/build.duckdb ./warehouse/published \
  | xz -9e > "$here/$commit.warehouse.tar.xz"
