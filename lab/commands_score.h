/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of leaklab that score and report. */
#ifndef LEAKLAB_LAB_COMMANDS_SCORE_H
#define LEAKLAB_LAB_COMMANDS_SCORE_H

/*
 * Each takes its own name as argv[0] ("leaklab score") and the arguments after it; prints, logs,
 * and returns the exit code: 0 pass, 1 a gate was missed, 2 usage, 3 the lab is broken, 77 skip.
 */
int cmd_score(int argc, char **argv);
int cmd_report(int argc, char **argv);

#endif
