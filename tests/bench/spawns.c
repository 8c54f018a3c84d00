// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A storm of processes: on each CPU one after the other is forked, executes `true` and is waited
 * for. Takes how many in all; whoever starts it takes the time.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void stay_on(int nth)
{
	cpu_set_t all, one;

	if (sched_getaffinity(0, sizeof(all), &all))
		return;
	CPU_ZERO(&one);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &all) && nth-- == 0)
			CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static int spawn_and_wait(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execl("/bin/true", "true", NULL);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	long total = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
	int status, failed = 0;

	if (total < cpus) {
		fprintf(stderr, "usage: spawns N (at least one for each CPU)\n");
		return 2;
	}
	for (int cpu = 0; cpu < cpus; cpu++) {
		if (fork() > 0)
			continue;
		stay_on(cpu);
		for (long i = 0; i < total / cpus; i++)
			if (spawn_and_wait())
				_exit(3);
		_exit(0);
	}
	while (wait(&status) > 0)
		failed |= status;
	return failed ? 3 : 0;
}
