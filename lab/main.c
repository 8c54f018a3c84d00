// SPDX-License-Identifier: GPL-2.0-or-later
/* leaklab: hands the command line to one of its commands. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/cmd.h"
#include "lib/log.h"
#include "lib/revision.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{ "list", cmd_list, "list the scenarios" },
	{ "validate", cmd_validate, "check scenarios without running them" },
	{ "run", cmd_run, "run a scenario, score it and report" },
	{ "score", cmd_score, "score a detector on recorded runs" },
	{ "compare", cmd_compare, "compare detectors over the same runs, ours with each" },
	{ "baseline", cmd_baseline, "a simple detector, for others to be compared with" },
	{ "report", cmd_report, "report on recorded runs" },
	{ "simulate", cmd_simulate, "judge detectors over many runs in virtual time" },
	{ "accuracy", cmd_accuracy, "hold what was judged against the goals" },
	{ "calibrate", cmd_calibrate, "make the detector's table of confidence" },
	{ "oom", cmd_oom, "kill containers in every way and show who saw it" },
	{ "limits", cmd_limits, "check that memory limits do what was declared" },
	{ "soak", cmd_soak, "watch the collector itself over hours of load" },
	{ "doctor", cmd_doctor, "say what this host can and cannot do" },
	{ "clean", cmd_clean, "remove what runs that were killed left behind" },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *out)
{
	fputs("Usage: leaklab COMMAND [OPTION...] [ARGUMENT...]\n\n"
	      "Runs containers whose memory behaviour is known to the byte, watches them with a\n"
	      "detector, and tells how often, how fast and how surely the detector was right.\n\n"
	      "Commands:\n",
		out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\n`leaklab COMMAND --help` tells the options of a command.\n\n"
	      "Examples:\n"
	      "  leaklab list\n"
	      "  sudo leaklab run burst --seed 7\n"
	      "  sudo leaklab limits --container web\n\n"
	      "Exit codes: 0 pass, 1 a gate was missed, 2 usage, 3 the lab or the host is broken,\n"
	      "77 skipped, 130 interrupted.\n",
		out);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int run_command(const struct command *command, int argc, char **argv)
{
	static char name[64], help[] = "--help";
	int code;

	snprintf(name, sizeof(name), "leaklab %s", command->name);
	argv[0] = name; /* argp names the program by it */
	if (argc > 1 && strcmp(argv[1], "-h") == 0)
		argv[1] = help; /* argp has only -? */
	argp_err_exit_status = EXIT_USAGE;
	code = command->run(argc, argv);
	/* What could not be printed was not said: a full disk is no success. */
	if ((fflush(stdout) || ferror(stdout)) && code == EXIT_PASS) {
		log_error("standard output: cannot be written: %m");
		return EXIT_BROKEN;
	}
	return code;
}

int main(int argc, char **argv)
{
	const struct command *command;

	log_init("leaklab", false);
	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
		strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return EXIT_PASS;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("leaklab %s\n", revision());
		return EXIT_PASS;
	}
	command = find_command(argv[1]);
	if (!command) {
		log_error("%s: no such command (see `leaklab --help`)", argv[1]);
		return EXIT_USAGE;
	}
	return run_command(command, argc - 1, argv + 1);
}
