/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Starting other programs: argument vectors through posix_spawn, never a shell. Every child gets
 * its own process group, so that a Ctrl-C on the terminal reaches leaklab alone, and starts with
 * no signal blocked.
 */
#ifndef LEAKLAB_LAB_CHILD_H
#define LEAKLAB_LAB_CHILD_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* An argument vector that owns its strings. Zero-initialised it is empty. */
struct args {
	char **v; /* NULL-terminated once not empty */
	size_t count;
	int err; /* sticks: -ENOMEM once an argument was lost */
};

void args_add(struct args *args, const char *arg);
void args_addf(struct args *args, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Adds each of the arguments up to a NULL. */
void args_add_all(struct args *args, ...) __attribute__((sentinel));
void args_done(struct args *args);

#define _cleanup_args_ __attribute__((cleanup(args_done)))

struct child_spec {
	const struct args *args;
	const char *cwd; /* NULL: ours */
	int stdout_fd;	 /* -1: /dev/null */
	int stderr_fd;	 /* -1: /dev/null */
	int pass_fd;	 /* kept open in the child as descriptor 3; -1: none */
};

#define CHILD_PASS_FD 3

/*
 * Starts args[0], looked up in PATH, in a process group of its own. stdin is /dev/null.
 * Returns 0, or a negative errno of posix_spawn (-ENOENT: no such program).
 */
int child_spawn(const struct child_spec *spec, pid_t *ret_pid);

/*
 * Waits for the end of a child; kills its group after @timeout_ns. Returns 0 with its status as of
 * waitpid(), or -ETIMEDOUT after it was killed.
 */
int child_wait(pid_t pid, uint64_t timeout_ns, int *ret_status);

/* What a child that has ended left behind. */
struct child_output {
	int status; /* as of waitpid() */
	char *out;  /* stdout, NUL-terminated */
	char *err;  /* stderr, NUL-terminated */
};

#define CHILD_OUTPUT_MAX (4UL << 20)

/*
 * Runs a program to its end and keeps what it wrote, CHILD_OUTPUT_MAX bytes of each at most.
 * @cwd may be NULL. The caller releases @ret with child_output_done().
 * Returns 0 whatever the exit status, -ETIMEDOUT when its group was killed after @timeout_ns, or an
 * errno of starting it.
 */
int child_capture(
	const struct args *args, const char *cwd, uint64_t timeout_ns, struct child_output *ret);
void child_output_done(struct child_output *output);

#define _cleanup_child_output_ __attribute__((cleanup(child_output_done)))

/* Exit status of a normal end, 128 + signal otherwise. */
int child_exit_code(int status);

/* Cuts @text at its end of lines and returns its last line that is not empty, for messages. */
const char *child_last_line(char *text);

#endif
