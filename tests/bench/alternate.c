// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * `alternate [--threads=N|all] [--rounds=N] PROGRAM...` runs short storms of page faults, with each
 * of the programs alone on the hook by turns and with none, within one process: a fraction of a
 * second apart, so that they meet the same machine. Prints one JSON object a round: CPU time of a
 * fault with each, and without any before and after them. Needs root.
 */
#include <argp.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "tests/bench/hooks_copy.h"
#include "tests/bench/storm_run.h"

/* A storm of 60 ms: three slices, each with what a record costs. */
#define STORM_NS (60 * NS_PER_MS)
/* What attaching and detaching leaves behind: patched code, deferred work. */
#define SETTLE_NS (2 * NS_PER_MS)
#define PROGRAMS_MAX 16
#define ROUNDS_MAX 100000

static struct {
	unsigned int threads; /* 0: one on each CPU */
	unsigned int rounds;
	const char *names[PROGRAMS_MAX];
	unsigned int programs;
} options = { .threads = 1, .rounds = 100 };

static struct copy copies[PROGRAMS_MAX];

static int print_nothing(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level, (void)fmt, (void)args;
	return 0;
}

static int storm_with(struct copy *copy, double *ret_ns)
{
	struct storm_result result;
	int err = copy ? copy_attach(copy) : 0;

	if (err)
		return err;
	clock_sleep_until_ns(clock_mono_ns() + SETTLE_NS);
	err = storm_run(options.threads, STORM_NS, &result);
	if (copy)
		copy_detach(copy);
	clock_sleep_until_ns(clock_mono_ns() + SETTLE_NS);
	*ret_ns = result.cpu_ns;
	return err;
}

/* Fisher and Yates. */
static void shuffle(unsigned int *order, unsigned int n)
{
	for (unsigned int i = n; i > 1; i--) {
		unsigned int at = (unsigned int)random() % i, last = order[i - 1];

		order[i - 1] = order[at];
		order[at] = last;
	}
}

static int run_round(unsigned int *order)
{
	double before, after, with[PROGRAMS_MAX] = {};
	int err = storm_with(NULL, &before);

	shuffle(order, options.programs);
	for (unsigned int i = 0; i < options.programs && !err; i++)
		err = storm_with(&copies[order[i]], &with[order[i]]);
	if (!err)
		err = storm_with(NULL, &after);
	if (err)
		return err;
	printf("{\"before\":%.2f,\"after\":%.2f", before, after);
	for (unsigned int i = 0; i < options.programs; i++)
		printf(",\"%s\":%.2f", options.names[i], with[i]);
	puts("}");
	return 0;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	unsigned long value;
	char *end;

	switch (key) {
	case 't':
		if (storm_parse_threads(arg, &options.threads))
			argp_error(state,
				"--threads=%s: not a number up to %d, or all (examples: %s)", arg,
				STORM_THREADS_MAX, STORM_THREADS_EXAMPLES);
		break;
	case 'r':
		value = strtoul(arg, &end, 10);
		if (*arg < '0' || *arg > '9' || *end || value < 1 || value > ROUNDS_MAX)
			argp_error(state, "--rounds=%s: not a whole number from 1 to %d", arg,
				ROUNDS_MAX);
		options.rounds = (unsigned int)value;
		break;
	case ARGP_KEY_ARG:
		if (options.programs == PROGRAMS_MAX)
			argp_error(state, "%s: more than %d programs", arg, PROGRAMS_MAX);
		options.names[options.programs++] = arg;
		break;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "name programs of hooks.bpf.c, ours or ours_each");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options =
		(const struct argp_option[]){
			{ "threads", 't', "N", 0,
				"Threads, each on a CPU of its own, or \"all\" (default 1)", 0 },
			{ "rounds", 'r', "N", 0, "How often each has its turn (default 100)", 0 },
			{ 0 },
		},
	.parser = parse_option,
	.args_doc = "PROGRAM...",
	.doc = "Holds the cost of programs on the hook against each other, a storm each by turns.",
};

int main(int argc, char **argv)
{
	unsigned int order[PROGRAMS_MAX];
	int err = 0;

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	libbpf_set_print(print_nothing);
	for (unsigned int i = 0; i < options.programs && !err; i++) {
		order[i] = i;
		err = copy_open(options.names[i], &copies[i]);
		if (!err && copy_is_iterator(&copies[i]))
			err = -EINVAL;
		if (err)
			fprintf(stderr, "alternate: %s: %s\n", options.names[i], strerror(-err));
	}
	for (unsigned int i = 0; i < options.rounds && !err; i++) {
		err = run_round(order);
		if (err)
			fprintf(stderr, "alternate: round %u: %s\n", i + 1, strerror(-err));
	}
	for (unsigned int i = 0; i < options.programs; i++)
		copy_close(&copies[i]);
	return err ? 3 : 0;
}
