// SPDX-License-Identifier: GPL-2.0-or-later
/* memgen: workloads whose memory is known to the page. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "generators/gen_config.h"
#include "generators/gen_run.h"
#include "generators/gen_show.h"
#include "generators/gen_truth.h"
#include "lib/log.h"
#include "lib/revision.h"

/* Of files in virtual time, which are written as fast as they can be. */
#define BUFFER_BYTES (1 << 18)

/* The exit code of what wrote to stdout, where a full disk may only show when it is flushed. */
static int finish_output(int err)
{
	if (!err && (fflush(stdout) != 0 || ferror(stdout)))
		err = errno ? -errno : -EIO;
	if (!err)
		return 0;
	log_error("stdout: %s; check where it goes", strerror(-err));
	return GEN_EXIT_BROKEN;
}

static int fail_truth(const char *path, int err)
{
	log_error("--truth=%s: %s; check where it goes", path, strerror(-err));
	return GEN_EXIT_BROKEN;
}

/* Samples to stdout, and the truth to a file if asked for. Returns the exit code. */
static int simulate_samples(const struct gen_config *config)
{
	FILE *truth;
	int err;

	if (!config->truth_path)
		return finish_output(gen_simulate(config, NULL, stdout));
	truth = fopen(config->truth_path, "we");
	if (!truth)
		return fail_truth(config->truth_path, -errno);
	setvbuf(truth, NULL, _IOFBF, BUFFER_BYTES);
	err = gen_simulate(config, truth, stdout);
	if (ferror(truth)) {
		fclose(truth);
		return fail_truth(config->truth_path, err);
	}
	if (fclose(truth) != 0 && !err)
		return fail_truth(config->truth_path, -errno);
	return finish_output(err);
}

int main(int argc, char **argv)
{
	struct gen_config config;
	struct gen_error error;

	log_init("memgen", false);
	if (gen_config_parse(argc, argv, &config, &error)) {
		fprintf(stderr, "memgen: %s\n", error.text);
		return GEN_EXIT_USAGE;
	}
	switch (config.action) {
	case GEN_HELP:
		gen_show_help(stdout);
		return finish_output(0);
	case GEN_VERSION:
		printf("memgen %s\n", revision());
		return finish_output(0);
	case GEN_LIST:
		return finish_output(gen_show_list(stdout, config.json));
	case GEN_DESCRIBE:
		return finish_output(gen_show_describe(stdout, &config));
	case GEN_SIMULATE:
		setvbuf(stdout, NULL, _IOFBF, BUFFER_BYTES);
		return finish_output(gen_simulate(&config, stdout, NULL));
	case GEN_SIMULATE_SAMPLES:
		setvbuf(stdout, NULL, _IOFBF, BUFFER_BYTES);
		return simulate_samples(&config);
	case GEN_RUN:
		break;
	}
	return gen_run(&config, STDOUT_FILENO);
}
