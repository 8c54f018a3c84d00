// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/runner/checks.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "lab/problems.h"
#include "lab/programs.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/units.h"

#define SHA256_TIMEOUT_NS (60 * NS_PER_S)

void lab_host_done(struct lab_host *host)
{
	if (host->cgroup_open)
		cgroup_host_close(&host->cgroup);
	host->cgroup_open = false;
}

int check_root(struct problems *problems)
{
	if (geteuid() == 0)
		return 0;
	return problems_add(problems,
		"not root (user id %d): limited containers and BPF need it; use sudo", geteuid());
}

static int check_program(const char *name, char *buf, size_t size, struct problems *problems)
{
	char own[PATH_MAX] = "";

	if (programs_find(name, buf, size) == 0)
		return 0;
	programs_own_dir(own, sizeof(own));
	return problems_add(
		problems, "%s: neither in %s nor in PATH; build it with `make`", name, own);
}

int check_programs(struct lab_host *host, struct problems *problems)
{
	int err = check_program("memgen", host->memgen, sizeof(host->memgen), problems);

	if (err < 0)
		return err;
	return check_program("memgrowth", host->memgrowth, sizeof(host->memgrowth), problems);
}

int check_podman(struct lab_host *host, struct problems *problems)
{
	if (podman_init(&host->podman) == 0)
		return 0;
	return problems_add(problems, "podman: not found in PATH; install it with `make deps` or "
				      "`apt-get install podman`");
}

int check_cgroup(struct lab_host *host, struct problems *problems)
{
	int err = cgroup_host_open("/proc", &host->cgroup);

	host->cgroup_open = err == 0;
	if (err == 0)
		return 0;
	return problems_add(problems,
		"no memory cgroups: %s; boot without cgroup_disable=memory and mount the hierarchy",
		strerror(-err));
}

/* The sum as sha256sum prints it, in hexadecimal; @buf holds 65 bytes. */
static int sha256_of(const char *path, char *buf, size_t size, struct problems *problems)
{
	_cleanup_child_output_ struct child_output output = { 0 };
	_cleanup_args_ struct args args = { 0 };
	int err;

	/* With --zero a path with a backslash in it is not escaped, which would change the line. */
	args_add_all(&args, "sha256sum", "--zero", "--", path, NULL);
	err = child_capture(&args, NULL, SHA256_TIMEOUT_NS, &output);
	if (err < 0)
		return problems_add(problems,
			"sha256sum: %s; install it with `apt-get install coreutils`",
			strerror(-err));
	if (output.status != 0)
		return problems_add(
			problems, "%s: cannot be read: %s", path, child_last_line(output.err));
	snprintf(buf, size, "%s", output.out);
	return 0;
}

/* A run of another memgen than the one that was asked what it will do is not what was asked for. */
static int check_memgen_in(
	const struct lab_host *host, const char *image, struct problems *problems)
{
	struct podman_memgen memgen;
	char sha256[sizeof(memgen.sha256)];
	int err;

	if (!*host->memgen)
		return 0;
	err = sha256_of(host->memgen, sha256, sizeof(sha256), problems);
	if (err < 0)
		return err;
	err = podman_image_memgen(&host->podman, image, &memgen);
	if (err < 0)
		return problems_add(
			problems, "image %s: its labels cannot be read: %s", image, strerror(-err));
	if (strcmp(sha256, memgen.sha256) == 0)
		return 0;
	return problems_add(problems,
		"image %s: has another memgen (%s) than %s; build it anew with `make images`",
		image, *memgen.version ? memgen.version : "of unknown version", host->memgen);
}

int check_image(const struct lab_host *host, const char *image, struct problems *problems)
{
	int there = podman_image_exists(&host->podman, image);

	if (there > 0 && strcmp(image, PODMAN_MEMGEN_IMAGE) == 0)
		return check_memgen_in(host, image, problems);
	if (there > 0)
		return 0;
	if (there < 0)
		return problems_add(problems, "image %s: podman: %s", image, strerror(-there));
	if (strncmp(image, "localhost/leaklab-", 18) == 0)
		return problems_add(problems, "image %s: missing; build it with `make %s`", image,
			strcmp(image, PODMAN_REAL_IMAGE) == 0 ? "images-real" : "images");
	return problems_add(problems,
		"image %s: missing, and the lab pulls nothing; get it with `podman pull %s`", image,
		image);
}

uint64_t check_free_bytes(const char *dir)
{
	struct statvfs st;

	if (statvfs(dir, &st) < 0)
		return UINT64_MAX;
	return (uint64_t)st.f_bavail * st.f_frsize;
}

int check_disk(const char *dir, struct problems *problems)
{
	char at[PATH_MAX], have[UNITS_TEXT_SIZE], want[UNITS_TEXT_SIZE];
	uint64_t free_bytes;

	snprintf(at, sizeof(at), "%s", dir);
	while (access(at, F_OK) < 0 && strchr(at, '/') && strcmp(at, "/") != 0) {
		char *slash = strrchr(at, '/');

		slash[slash == at] = '\0';
	}
	free_bytes = check_free_bytes(access(at, F_OK) == 0 ? at : ".");
	if (free_bytes >= CHECKS_DISK_START_BYTES)
		return 0;
	return problems_add(problems,
		"%s: %s free, a run needs %s; make room, or give another folder with --runs DIR",
		dir, units_format_size((double)free_bytes, have, sizeof(have)),
		units_format_size((double)CHECKS_DISK_START_BYTES, want, sizeof(want)));
}

bool check_swap_limit(const struct lab_host *host, const char *parent)
{
	char path[CGROUP_PATH_SIZE + 128];
	struct sysinfo info;

	if (sysinfo(&info) == 0 && info.totalswap == 0)
		return true;
	snprintf(path, sizeof(path), "%s/%s/%s", host->cgroup.mount, parent,
		host->cgroup.version == 2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes");
	return access(path, F_OK) == 0;
}
