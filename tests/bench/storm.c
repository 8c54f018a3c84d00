// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs one storm of page faults and prints what a fault costs, as one JSON object. */
#include <argp.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/clock.h"
#include "lib/units.h"
#include "tests/bench/storm_run.h"

static struct options {
	unsigned int threads; /* 0: one on each CPU */
	uint64_t duration_ns;
} options = { .threads = 1, .duration_ns = 500 * NS_PER_MS };

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case 't':
		if (storm_parse_threads(arg, &options.threads))
			argp_error(state,
				"--threads=%s: not a number up to %d, or all (examples: %s)", arg,
				STORM_THREADS_MAX, STORM_THREADS_EXAMPLES);
		break;
	case 'd':
		if (units_parse_duration(arg, &options.duration_ns) || options.duration_ns == 0)
			argp_error(state, "--duration=%s: not a time above 0 (examples: %s)", arg,
				UNITS_DURATION_EXAMPLES);
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument \"%s\"", arg);
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
				"Threads, each on a CPU of its own, or \"all\" "
				"(default 1)",
				0 },
			{ "duration", 'd', "TIME", 0, "How long (default 500ms)", 0 },
			{ 0 },
		},
	.parser = parse_option,
	.doc = "Faults 4 KiB pages in as fast as it can, and prints what one costs.",
};

int main(int argc, char **argv)
{
	struct storm_result result;
	struct rusage before, after;
	int err;

	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	getrusage(RUSAGE_SELF, &before);
	err = storm_run(options.threads, options.duration_ns, &result);
	getrusage(RUSAGE_SELF, &after);
	if (err == -ERANGE) {
		fprintf(stderr, "storm: --threads=%u: there are fewer CPUs\n", options.threads);
		return 2;
	}
	if (err) {
		fprintf(stderr, "storm: %s\n", strerror(-err));
		return 3;
	}
	printf("{\"threads\":%u,\"faults\":%.0f,\"kernel_faults\":%ld,\"cpu_ns\":%.2f,"
	       "\"mean_cpu_ns\":%.2f,\"wall_ns\":%.2f,\"faults_per_s\":%.0f}\n",
		result.threads, result.faults, after.ru_minflt - before.ru_minflt, result.cpu_ns,
		result.mean_cpu_ns, result.wall_ns, result.faults_per_s);
	return 0;
}
