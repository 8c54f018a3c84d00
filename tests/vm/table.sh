#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Prints the results of the kernel matrix as a Markdown table, one column a machine, from the
# results.json files: table.sh BUILD [FILE]. With FILE it goes between that file's markers instead.
set -euo pipefail
export BUILD=$1
# shellcheck source=tests/vm/common.bash
. "$(dirname "$0")/common.bash"

begin='<!-- kernel table: written by make readme-kernel-table -->'
end='<!-- end of kernel table -->'

files=()
for name in "${VM_NAMES[@]}"; do
	file=$CACHE/results/$name/results.json
	[ ! -f "$file" ] || files+=("$file")
done
[ ${#files[@]} -gt 0 ] || die "no results in $CACHE/results; run make test-vm-all first"
table=$(jq -rs -f "$VM_DIR/table.jq" "${files[@]}")
if [ $# -lt 2 ]; then
	printf '%s\n' "$table"
	exit 0
fi
for line in "$begin" "$end"; do
	grep -qxF -e "$line" "$2" || die "$2: the line that marks the table's place is missing: $line"
done
awk -v begin="$begin" -v end="$end" -v table="$table" '
	$0 == end { inside = 0 }
	!inside { print }
	$0 == begin { print table; inside = 1 }' "$2" >"$2.new"
mv "$2.new" "$2"
