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
	{ "watch", cmd_watch, "say on the terminal what grows" },
	{ "record", cmd_record, "write samples, and detections, to files" },
	{ "replay", cmd_replay, "run the detector over a recording" },
	{ "ledger", cmd_ledger, "show what each cgroup is charged, beside its processes' memory" },
	{ "doctor", cmd_doctor, "say what this host can and cannot do" },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *out)
{
	fprintf(out,
		"Usage: memgrowth COMMAND [OPTION...]\n"
		"Watches the resident memory of processes, and what the kernel charges to\n"
		"memory cgroups, and says what grows, how fast, and when its limit is full.\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
	fprintf(out, "\n`memgrowth COMMAND --help` shows the options of a command.\n\n"
		     "Examples:\n"
		     "  sudo memgrowth watch\n"
		     "  sudo memgrowth ledger\n\n"
		     "Exit codes: 0 done, 1 a file cannot be read as what it should be, 2 usage,\n"
		     "3 this host cannot do it.\n");
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
		static char name[32], help[] = "--help";

		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		snprintf(name, sizeof(name), "memgrowth %s", commands[i].name);
		argv[1] = name;
		if (argc > 2 && strcmp(argv[2], "-h") == 0)
			argv[2] = help; /* argp has only -? */
		return commands[i].run(argc - 1, argv + 1);
	}
	log_error("unknown command \"%s\"; `memgrowth --help` lists them", argv[1]);
	return EXIT_USAGE;
}
