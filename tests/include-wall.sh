#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The wall between the folders: prints every #include "..." from one folder into another that the
# table of the design does not allow, and fails if there is one.
#
# usage: tests/include-wall.sh [TREE]
set -eu

tree=${1:-.}
cd "$tree"

# folder: what it may include, besides itself. The longest folder that fits a file counts.
# "header:" entries name single files; generated headers lie under the same names in the build.
table='
lib:
collector/detect: lib
collector/cgroup: lib
collector/capture: lib collector/cgroup header:bpf/rss_events.h header:bpf/memgrowth.skel.h
collector/output: lib collector/cgroup header:bpf/rss_events.h header:collector/detect/detect.h
collector: lib collector/detect collector/cgroup collector/capture collector/output header:bpf/rss_events.h
generators: lib
lab/score: lib
lab: lib lab/score collector/cgroup
bpf:
'
# Pure folders do no I/O and read no clock.
pure='collector/detect lab/score'
impure='<(stdio|time|unistd|fcntl|poll|sys/[a-z]+)\.h>|"lib/(log|jsonl|show)\.h"'

list() {
	if git rev-parse --git-dir > /dev/null 2>&1 && [ -n "$(git ls-files | head -n 1)" ]; then
		git ls-files --cached --others --exclude-standard '*.c' '*.h'
	else
		find . -name '*.c' -o -name '*.h' | sed 's|^\./||'
	fi | grep -Ev '^(tests|build)/' || true
}

bad=$(list | while read -r file; do
	[ -f "$file" ] || continue
	grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$file" |
		sed -E "s|^([0-9]+):[^\"]*\"([^\"]*)\".*|$file \\1 \\2|" || true
done | TABLE=$table awk '
	BEGIN {
		count = split(ENVIRON["TABLE"], lines, "\n")
		for (i = 1; i <= count; i++) {
			if (split(lines[i], part, ":") < 2)
				continue
			folder[part[1]] = 1
			rest = lines[i]
			sub(/^[^:]*:/, "", rest)
			words = split(rest, word, " ")
			for (k = 1; k <= words; k++)
				allowed[part[1], word[k]] = 1
		}
	}
	function folder_of(path,    best, name) {
		best = ""
		for (name in folder)
			if (index(path, name "/") == 1 && length(name) > length(best))
				best = name
		return best
	}
	{
		from = folder_of($1)
		path = $3
		if (path !~ /\//) {
			path = $1
			sub(/[^\/]*$/, $3, path)
		}
		to = folder_of(path)
		if (from == "")
			printf "%s:%s: no folder of the design\n", $1, $2
		else if (to == "")
			printf "%s:%s: \"%s\": not in a folder of the design\n", $1, $2, $3
		else if (from != to && !((from, to) in allowed) && !((from, "header:" path) in allowed))
			printf "%s:%s: %s may not include %s (\"%s\")\n", $1, $2, from, to, $3
	}')

for folder in $pure; do
	[ -d "$folder" ] || continue
	found=$(grep -rnE "^[[:space:]]*#[[:space:]]*include[[:space:]]*($impure)" "$folder" |
		sed 's|$|: a pure folder does no I/O and reads no clock|') || found=
	[ -z "$found" ] || bad="$bad${bad:+
}$found"
done

if [ -n "$bad" ]; then
	printf '%s\n' "$bad"
	exit 1
fi
