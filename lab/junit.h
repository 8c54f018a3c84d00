/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JUnit's XML, for CI services: one suite of cases. */
#ifndef LEAKLAB_LAB_JUNIT_H
#define LEAKLAB_LAB_JUNIT_H

#include <stdio.h>

/* A gate that is missed is a failure; what could not be judged is an error. */
enum junit_outcome { JUNIT_PASS, JUNIT_FAILURE, JUNIT_ERROR, JUNIT_SKIPPED, JUNIT_OUTCOMES };

struct junit;

/*
 * Writes the suite @suite. @cases tells each case with junit_case(), and is called twice, for the
 * numbers of cases stand before them.
 */
void junit_write(FILE *out, const char *suite, void (*cases)(struct junit *junit, const void *data),
	const void *data);

/* Names may hold anything. @message is not looked at when the case passed. */
void junit_case(struct junit *junit, const char *class, const char *name, double seconds,
	enum junit_outcome outcome, const char *message);

#endif
