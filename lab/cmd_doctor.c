// SPDX-License-Identifier: GPL-2.0-or-later
/* leaklab doctor: every check of a run, told one by one. */
#include <argp.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/cmd.h"
#include "lab/problems.h"
#include "lab/runner/checks.h"
#include "lab/runner/run_state.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/units.h"

#define TIMEOUT_NS (60 * NS_PER_S)

static const struct argp argp = {
	.doc = "Says what this host can and cannot do. Exit code 0 when a run can start, else 3.",
};

struct doctor {
	struct lab_host host;
	struct state state;
	char parent[PARENT_NAME_SIZE];
	bool failed;
};

/* One line: @err as of a check, whose problems are printed when it failed. */
__attribute__((format(printf, 5, 6))) static bool tell(struct doctor *doctor, const char *name,
	int err, struct problems *problems, const char *fmt, ...)
{
	va_list args;

	if (err < 0) {
		doctor->failed = true;
		for (size_t i = 0; i < problems->count; i++)
			printf("FAIL  %-12s %s\n", name, problems->texts[i]);
	} else {
		printf("PASS  %-12s ", name);
		va_start(args, fmt);
		vprintf(fmt, args);
		va_end(args);
		putchar('\n');
	}
	fflush(stdout);
	problems_done(problems);
	return err == 0;
}

static void check_all_images(struct doctor *doctor, struct problems *problems)
{
	static const char *const images[] = { "memgen", "stress-ng" };

	for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
		char image[PODMAN_IMAGE_SIZE];

		podman_image_name(images[i], image, sizeof(image));
		tell(doctor, "image", check_image(&doctor->host, image, problems), problems, "%s",
			image);
	}
}

/* A cgroup and a container for a moment: what really works here. */
static void try_container(struct doctor *doctor, struct problems *problems)
{
	struct lab_host *host = &doctor->host;
	int err = state_create(&doctor->state);

	if (err < 0) {
		problems_add(
			problems, STATE_ROOT ": %s; make it writable for root", strerror(-err));
		tell(doctor, "state", err, problems, "%s", "");
		return;
	}
	snprintf(doctor->parent, sizeof(doctor->parent), PARENT_PREFIX "%s", doctor->state.id);
	err = parent_create(&host->cgroup, doctor->parent, problems);
	if (tell(doctor, "cgroup", err, problems, "can be made in %s", host->cgroup.mount)) {
		if (!check_swap_limit(host, doctor->parent))
			err = problems_add(problems, "the kernel does not limit swap per cgroup; "
						     "boot with swapaccount=1, "
						     "or turn swap off");
		tell(doctor, "swap", err, problems,
			"limited together with memory, or there is none");
		err = podman_choose_runtime(
			&host->podman, &host->cgroup, doctor->state.id, doctor->parent, problems);
		tell(doctor, "runtime", err, problems, "%s, tried in a container of 32 MiB",
			host->podman.runtime ? host->podman.runtime : "");
		podman_remove_run(&host->podman, doctor->state.id, problems);
	}
	err = parent_remove(doctor->parent, 10 * NS_PER_S, problems);
	if (err < 0)
		tell(doctor, "cgroup", err, problems, "%s", "");
	state_remove(&doctor->state);
}

static void check_orphans(struct doctor *doctor, struct problems *problems)
{
	_cleanup_free_ struct orphan *orphans = NULL;
	size_t count = 0;
	int err = orphans_find(&doctor->host.podman, &orphans, &count);

	if (err < 0)
		problems_add(problems, "containers cannot be listed; see `podman ps -a`");
	/* In nobody's way: runs start beside them. */
	for (size_t i = 0; err == 0 && i < count; i++)
		printf("WARN  %-12s run %s died and left something behind; use `leaklab clean`\n",
			"left-overs", orphans[i].id);
	if (err < 0 || count == 0)
		tell(doctor, "left-overs", err, problems, "none of dead runs");
}

/* The collector knows best what it needs; its own lines follow. */
static void ask_memgrowth(struct doctor *doctor, struct problems *problems)
{
	_cleanup_child_output_ struct child_output output = { 0 };
	_cleanup_args_ struct args args = { 0 };
	int err;

	args_add_all(&args, doctor->host.memgrowth, "doctor", NULL);
	err = child_capture(&args, NULL, TIMEOUT_NS, &output);
	if (err < 0)
		problems_add(problems, "%s doctor: %s", doctor->host.memgrowth, strerror(-err));
	else if (output.status != 0)
		err = problems_add(problems,
			"`memgrowth doctor` ended with %d; see its lines above",
			child_exit_code(output.status));
	if (output.out)
		fputs(output.out, stdout);
	tell(doctor, "collector", err, problems, "%s", doctor->host.memgrowth);
}

static void check_everything(struct doctor *doctor)
{
	_cleanup_problems_ struct problems problems = { 0 };
	struct lab_host *host = &doctor->host;
	bool root, podman, programs, cgroup;
	int cgroup_err;

	root = tell(doctor, "root", check_root(&problems), &problems, "yes");
	programs = tell(doctor, "programs", check_programs(host, &problems), &problems,
		"memgen and memgrowth found");
	podman = tell(doctor, "podman", check_podman(host, &problems), &problems, "%s",
		host->podman.program);
	/* Asked first: what is told comes from the answer. */
	cgroup_err = check_cgroup(host, &problems);
	cgroup = tell(doctor, "cgroups", cgroup_err, &problems, "%s, memory on v%d at %s",
		cgroup_mode_name(host->cgroup.mode), host->cgroup.version, host->cgroup.mount);
	tell(doctor, "disk", check_disk("runs", &problems), &problems, "enough room in runs");
	if (podman)
		tell(doctor, "ulimits", 0, &problems,
			"a container may have %" PRIu64 " open files and %" PRIu64 " processes",
			host->podman.limit_files, host->podman.limit_processes);
	if (root && podman)
		check_all_images(doctor, &problems);
	if (root && podman && cgroup)
		try_container(doctor, &problems);
	if (root && podman)
		check_orphans(doctor, &problems);
	if (programs)
		ask_memgrowth(doctor, &problems);
}

int cmd_doctor(int argc, char **argv)
{
	struct doctor doctor = { .state.lock_fd = -1 };

	if (argp_parse(&argp, argc, argv, 0, NULL, NULL) != 0)
		return EXIT_USAGE;
	check_everything(&doctor);
	lab_host_done(&doctor.host);
	return doctor.failed ? EXIT_BROKEN : EXIT_PASS;
}
