/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commands of leaklab, one file each. argv[0] of a command is "leaklab VERB"; the return value
 * is the exit code.
 */
#ifndef LEAKLAB_LAB_CMD_H
#define LEAKLAB_LAB_CMD_H

enum exit_code {
	EXIT_PASS = 0,
	EXIT_GATE = 1,	 /* a gate was missed */
	EXIT_USAGE = 2,	 /* the command line or a scenario is wrong */
	EXIT_BROKEN = 3, /* the lab or the host is broken */
	EXIT_SKIPPED = 77,
	EXIT_INTERRUPTED = 130, /* stopped by a signal */
};

int cmd_list(int argc, char **argv);
int cmd_validate(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_score(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_accuracy(int argc, char **argv);
int cmd_calibrate(int argc, char **argv);
int cmd_limits(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_oom(int argc, char **argv);
int cmd_simulate(int argc, char **argv);
int cmd_clean(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_baseline(int argc, char **argv);
int cmd_soak(int argc, char **argv);

#endif
