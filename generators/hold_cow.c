// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Copy-on-write after fork: this process holds pages, a child that shares them writes to them.
 * Each write gives the child a page of its own: the charge grows, the RSS of neither process does,
 * for one page takes the place of another.
 *
 * A page can be shared again only by a new fork: to drop what is last, the child is ended and its
 * successor writes anew what remains. What lies before that is given back page by page; touched
 * again it is a page of the child's own as it was.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "generators/gen_arena.h"
#include "generators/gen_child.h"

enum order {
	ORDER_TOUCH,
	ORDER_DROP,
	ORDER_MEASURE,
};

/* Without padding, for they are sent. */
struct command {
	uint64_t order; /* enum order */
	uint64_t first;
	uint64_t count;
};

struct answer {
	int64_t err;
	uint64_t bytes;
};

struct state {
	struct gen_hold pages; /* the arena that both share */
	uint64_t end;	       /* units from here on are still shared */
	pid_t child;	       /* 0: none */
	int fd;		       /* to the child */
};

static void child_main(struct state *state, int fd)
{
	struct command command;

	while (recv(fd, &command, sizeof(command), 0) == sizeof(command)) {
		struct answer answer = { 0 };

		if (command.order == ORDER_TOUCH)
			answer.err = gen_arena_touch(&state->pages, command.first, command.count);
		else if (command.order == ORDER_DROP)
			answer.err = gen_arena_drop(&state->pages, command.first, command.count);
		else
			answer.err =
				gen_arena_figure(&state->pages, "Private_Dirty:", &answer.bytes);
		if (send(fd, &answer, sizeof(answer), MSG_NOSIGNAL) != sizeof(answer))
			break;
	}
	_exit(0);
}

static int check(struct gen_hold *hold)
{
	struct state *state = hold->state;

	if (gen_child_ended(hold) != state->child || state->child == 0)
		return 0;
	state->child = 0;
	close(state->fd);
	return -ECHILD;
}

static int ask(struct gen_hold *hold, const struct command *command, uint64_t *ret_bytes)
{
	const struct state *state = hold->state;
	struct answer answer;
	ssize_t n = send(state->fd, command, sizeof(*command), MSG_NOSIGNAL);

	if (n == sizeof(*command))
		n = recv(state->fd, &answer, sizeof(answer), 0);
	if (n != sizeof(answer)) {
		siginfo_t info;

		/* It closes its end when it dies, a little before it can be waited for. */
		waitid(P_PID, (id_t)state->child, &info, WEXITED | WNOWAIT);
		check(hold);
		return -ECHILD;
	}
	if (!answer.err && ret_bytes)
		*ret_bytes = answer.bytes;
	return (int)answer.err;
}

static int start_child(struct gen_hold *hold, struct state *state)
{
	/* A rehearsal: all that the child needs of its own is resident before it is used. */
	const struct command rehearsal = { .order = ORDER_MEASURE };
	int fds[2], err;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return gen_hold_fail(hold, -errno,
			"--pages=cow: cannot make a pair of sockets: %s; raise the limit on open "
			"files",
			strerror(errno));
	state->child = gen_child_fork(hold);
	if (state->child == 0) {
		close(fds[0]);
		child_main(state, fds[1]);
	}
	close(fds[1]);
	if (state->child < 0) {
		close(fds[0]);
		err = state->child;
		state->child = 0;
		return err;
	}
	state->fd = fds[0];
	state->end = 0;
	err = ask(hold, &rehearsal, NULL);
	return err == -ECHILD ? err : 0;
}

static void stop_child(struct state *state)
{
	if (state->child == 0)
		return;
	gen_child_kill(state->child);
	close(state->fd);
	state->child = 0;
}

static void close_hold(struct gen_hold *hold)
{
	struct state *state = hold->state;

	stop_child(state);
	gen_arena_close(&state->pages);
	free(state);
}

static int open_hold(struct gen_hold *hold)
{
	struct gen_arena_spec spec = gen_arena_spec_of(hold);
	struct state *state = calloc(1, sizeof(*state));
	int err;

	if (!state)
		return gen_hold_fail(hold, -ENOMEM, "out of memory before the start");
	state->pages = *hold;
	err = gen_arena_open(&state->pages, &spec);
	if (err) {
		free(state);
		return err;
	}
	hold->state = state;
	gen_arena_touch(&state->pages, 0, spec.units);
	err = start_child(hold, state);
	if (err)
		close_hold(hold);
	return err;
}

static int touch(struct gen_hold *hold, uint64_t first, uint64_t count)
{
	const struct command command = { ORDER_TOUCH, first, count };
	struct state *state = hold->state;
	int err = ask(hold, &command, NULL);

	if (!err && first + count > state->end)
		state->end = first + count;
	return err;
}

static int drop(struct gen_hold *hold, uint64_t first, uint64_t count)
{
	const struct command command = { ORDER_DROP, first, count };
	struct state *state = hold->state;
	int err;

	if (first + count < state->end)
		return ask(hold, &command, NULL);
	stop_child(state);
	err = start_child(hold, state);
	return !err && first > 0 ? touch(hold, 0, first) : err;
}

static int measure(struct gen_hold *hold, uint64_t *ret_bytes)
{
	const struct command command = { .order = ORDER_MEASURE };

	return ask(hold, &command, ret_bytes);
}

/* The pages that the parent holds. */
static uint64_t overhead_bytes(const struct gen_config *config, uint64_t peak_bytes)
{
	(void)config;
	return peak_bytes;
}

const struct gen_holder gen_hold_cow = {
	.name = "cow",
	.summary = "pages that a child writes to after fork; its parent holds as much",
	.ledger = GEN_LEDGER_CGROUP,
	.kind = "cow",
	.counter = GEN_COUNTER_ANON,
	.tolerance_percent = 2,
	.overhead_bytes = overhead_bytes,
	.open = open_hold,
	.close = close_hold,
	.touch = touch,
	.drop = drop,
	.measure = measure,
	.check = check,
};
