/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Texts of a plan with formulas in braces: "--rate={(size-floor)/period}/s". A formula knows
 * + - * / and parentheses, numbers, sizes ("64MiB"), times ("5s", "10min") and names that were
 * drawn; sizes are bytes, times are seconds.
 */
#ifndef LEAKLAB_LAB_SIMULATE_FORMULA_H
#define LEAKLAB_LAB_SIMULATE_FORMULA_H

#include <stddef.h>

struct formula_name {
	const char *name;
	double value;
};

struct formula_error {
	char text[256];
};

/*
 * A number, size, rate or time as a number: bytes, bytes per second or seconds. "5m" is 5 MiB.
 * Returns 0 or -EINVAL.
 */
int formula_quantity(const char *text, double *ret);

/*
 * Replaces each {formula} in @text by its value, rounded to a whole number from 100,000 on and
 * otherwise to six digits after the point. The caller frees @ret.
 * Returns 0, -ENOMEM, or -EINVAL with the thing, the value and the mend in @error.
 */
int formula_expand(const char *text, const struct formula_name *names, size_t count, char **ret,
	struct formula_error *error);

#endif
