// SPDX-License-Identifier: GPL-2.0-or-later
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "collector/commands.h"
#include "lib/log.h"
#include "lib/revision.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{ "watch", cmd_watch, "say on the terminal which processes grow" },
	{ "record", cmd_record, "write samples, and detections, to files" },
	{ "replay", cmd_replay, "run the detector over a recording" },
	{ "ledger", cmd_ledger, "show what each cgroup is charged, beside its processes' memory" },
	{ "doctor", cmd_doctor, "say what this host can and cannot do" },

};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *out)
{
	fprintf(out, "Usage: memgrowth COMMAND [OPTION...]\n"
		     "Watches the resident memory of processes and says which ones grow.\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
	fprintf(out, "\n`memgrowth COMMAND --help` shows the options of a command.\n");
}

int main(int argc, char **argv)
{
	log_init("memgrowth", false);
	argp_err_exit_status = EXIT_USAGE;
	if (argc < 2) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_usage(stdout);
		return EXIT_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("memgrowth %s\n", revision());
		return EXIT_OK;
	}
	for (size_t i = 0; i < COMMANDS; i++) {
		char name[32];

		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		snprintf(name, sizeof(name), "memgrowth %s", commands[i].name);
		argv[1] = name;
		return commands[i].run(argc - 1, argv + 1);
	}
	log_error("unknown command \"%s\"; `memgrowth --help` lists them", argv[1]);
	return EXIT_USAGE;
}
