#!/bin/bash
# Builds the image that holds the real programs as Debian packages them: build-real-base.sh WORKDIR
# Packages come from the archive that this host itself installs from.
set -euo pipefail

work=$1
here=$(cd "$(dirname "$0")" && pwd)

command -v mmdebstrap >/dev/null || {
	echo "images: mmdebstrap is not installed; install it with 'make deps-real' or" \
		"'apt-get install mmdebstrap'" >&2
	exit 3
}
# shellcheck disable=SC1091 # the system's
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")

# archive SUITE: where apt on this host gets it from
archive() {
	local uri

	# shellcheck disable=SC2016 # apt's own variables
	uri=$(apt-get indextargets --format '$(RELEASE) $(ORIGIN) $(REPO_URI)' \
		'Created-By: Packages' | awk -v suite="$1" '$1 == suite && $2 == "Debian" {
			print $3; exit }')
	[ -n "$uri" ] || {
		echo "images: apt on this host has no Debian archive with $1; add it to its" \
			"sources and run apt-get update" >&2
		exit 3
	}
	echo "$uri"
}

main=$(archive "$suite")
security=$(archive "$suite-security")
packages=$(sed 's/#.*//' "$here/real/packages" | xargs | tr ' ' ,)
rm -rf --one-file-system "$work"
mkdir -p "$work"
apt-config dump | { grep -E '^Acquire::https?::Proxy' || [ $? -eq 1 ]; } >"$work/proxies"
# mmdebstrap's apt looks at the folder as another user.
chmod 755 "$work"
# PostgreSQL makes no cluster when it is installed: the workload makes its own. The Java runtime has
# the compiler's module, and wants the folder of manual pages.
# shellcheck disable=SC2016 # for mmdebstrap, which gives the root as $1
mmdebstrap --verbose --variant=minbase --include="$packages" --aptopt="$work/proxies" \
	--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
	--dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/icons/*' \
	--essential-hook='mkdir -p "$1/etc/postgresql-common" "$1/usr/share/man/man1"' \
	--essential-hook='echo "create_main_cluster = false" \
		>"$1/etc/postgresql-common/createcluster.conf"' \
	--customize-hook='mkdir "$1/app"' \
	--customize-hook="copy-in $here/real/Workload.java /app" \
	--customize-hook='chroot "$1" java -m jdk.compiler/com.sun.tools.javac.Main \
		/app/Workload.java' \
	"$suite" "$work/root.tar" "deb $main $suite main" "deb $security $suite-security main" \
	>"$work/log" 2>&1 || {
	grep -E '(^|: )(E|error|dpkg: error)' "$work/log" | tail -n 5 >&2
	echo "images: mmdebstrap failed; all it said is in $work/log" >&2
	exit 3
}
podman import --quiet "$work/root.tar" localhost/leaklab-real-base:latest >/dev/null
rm -f "$work/root.tar"
