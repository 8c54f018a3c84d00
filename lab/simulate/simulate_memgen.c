// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * memgen as a child that is in our process group, so that whoever ends the group ends it too; the
 * children of lab/child.h have groups of their own.
 */
#include "lab/simulate/simulate.h"
#include "lab/child.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

static int fail_run(struct run_error *error, const struct plan_run *run, int err, const char *what)
{
	return run_fail(error, err, "%s, seed %llu: %s", run->class->name,
		(unsigned long long)run->seed, what);
}

static void add_args(
	const char *memgen, const struct plan_run *run, const char *truth, struct args *args)
{
	args_add_all(args, memgen, run->class->pattern, NULL);
	for (size_t i = 0; i < run->args_count; i++)
		args_add(args, run->args[i]);
	args_add(args, "--simulate=samples");
	args_addf(args, "--truth=%s", truth);
	args_addf(args, "--interval=%lluns", (unsigned long long)run->interval_ns);
	args_addf(args, "--start-delay=%lluns", (unsigned long long)run->health_ns);
	args_addf(args, "--duration=%lluns", (unsigned long long)run->duration_ns);
	args_addf(args, "--seed=%llu", (unsigned long long)run->memgen_seed);
}

static int spawn(char **argv, int out, int said, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	int err;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, said, STDERR_FILENO);
	err = posix_spawn(ret_pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -err;
}

static int await(pid_t pid, int *ret_status)
{
	while (waitpid(pid, ret_status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* What it said on stderr before it failed, which names the option and the mend. */
static int fail_memgen(struct run_error *error, const struct plan_run *run, int said, int status)
{
	char text[1024];
	ssize_t n = pread(said, text, sizeof(text) - 1, 0);

	if (n <= 0)
		n = snprintf(text, sizeof(text), "memgen ended with %d without a word",
			child_exit_code(status));
	text[n] = '\0';
	return fail_run(error, run, -EPROTO, child_last_line(text));
}

int simulate_memgen(const char *memgen, const struct plan_run *run, const char *truth,
	FILE **ret_samples, struct run_error *error)
{
	_cleanup_args_ struct args args = { 0 };
	_cleanup_close_ int out = memfd_create("samples", MFD_CLOEXEC);
	_cleanup_close_ int said = memfd_create("stderr", MFD_CLOEXEC);
	int status = 0, err;
	pid_t pid;

	add_args(memgen, run, truth, &args);
	if (out < 0 || said < 0 || args.err)
		return fail_run(error, run, -ENOMEM, "out of memory");
	err = spawn(args.v, out, said, &pid);
	if (!err)
		err = await(pid, &status);
	if (err)
		return run_fail(error, err, "%s: %s", memgen, strerror(-err));
	if (child_exit_code(status) != 0)
		return fail_memgen(error, run, said, status);
	/* The child wrote at the offset that we share with it. */
	if (lseek(out, 0, SEEK_SET) < 0)
		return fail_run(error, run, -errno, strerror(errno));
	*ret_samples = fdopen(out, "r");
	if (!*ret_samples)
		return fail_run(error, run, -ENOMEM, "out of memory");
	cleanup_steal_fd(&out);
	return 0;
}
