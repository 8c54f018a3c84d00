// SPDX-License-Identifier: GPL-2.0-or-later
#include "generators/gen_child.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "generators/gen_kernel.h"

#define MEND "raise the limit on processes (podman --pids-limit, pids.max, ulimit -u) or hold less"

pid_t gen_child_fork(struct gen_hold *hold)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* A parent that was gone before that is not told of. */
		if (getppid() != parent)
			_exit(1);
	} else if (pid < 0) {
		int err = -errno;

		return gen_hold_fail(hold, err, "--pages=%s: cannot fork: %s; " MEND,
			hold->holder->name, strerror(-err));
	}
	return pid;
}

void gen_child_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

pid_t gen_child_ended(struct gen_hold *hold)
{
	siginfo_t info = { 0 };
	bool out_of_memory;

	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
		return 0;
	hold->killed_by = info.si_code == CLD_EXITED ? 0 : (unsigned)info.si_status;
	out_of_memory = hold->killed_by == SIGKILL;
	gen_hold_fail(hold, -ECHILD, "--pages=%s: process %d, which held memory, %s %d%s",
		hold->holder->name, info.si_pid,
		hold->killed_by ? "was killed by signal" : "ended with exit code", info.si_status,
		out_of_memory ? ", as when memory is out: hold less, or raise the limit" : "");
	return info.si_pid;
}

int gen_child_check_limit(struct gen_hold *hold, uint64_t tasks)
{
	uint64_t left = gen_kernel_pids_left();

	if (tasks <= left)
		return 0;
	return gen_hold_fail(hold, -EAGAIN,
		"--pages=%s: needs %" PRIu64 " of them, and the limit on processes leaves %" PRIu64
		"; " MEND,
		hold->holder->name, tasks, left);
}
