// SPDX-License-Identifier: GPL-2.0-or-later
/* Figures as text, for all that print. */
#include "lab/accuracy/accuracy.h"

#include <math.h>
#include <string.h>

char *accuracy_value_text(enum accuracy_unit unit, double value, char buf[ACCURACY_TEXT_SIZE])
{
	if (isnan(value))
		snprintf(buf, ACCURACY_TEXT_SIZE, "-");
	else if (isinf(value))
		snprintf(buf, ACCURACY_TEXT_SIZE, "%s", value > 0 ? "never" : "any");
	else if (unit == ACCURACY_SHARE)
		snprintf(buf, ACCURACY_TEXT_SIZE, "%.1f %%", value * 100);
	else if (unit == ACCURACY_SECONDS)
		snprintf(buf, ACCURACY_TEXT_SIZE, value < 10 ? "%.2f s" : "%.1f s", value);
	else
		snprintf(buf, ACCURACY_TEXT_SIZE, "%.3f", value);
	return buf;
}

/* An end of an interval: the unit stands with the value. Infinite is what n cannot bound. */
static void end_text(const struct accuracy_row *row, double value, char buf[ACCURACY_TEXT_SIZE])
{
	if (!isfinite(value))
		snprintf(buf, ACCURACY_TEXT_SIZE, "open");
	else if (row->unit == ACCURACY_SHARE)
		snprintf(buf, ACCURACY_TEXT_SIZE, row->test == ACCURACY_BELOW ? "%.2f" : "%.1f",
			value * 100);
	else
		snprintf(buf, ACCURACY_TEXT_SIZE, row->unit == ACCURACY_SECONDS ? "%.2f" : "%.3f",
			value);
}

char *accuracy_interval_text(const struct accuracy_row *row, const struct accuracy_cell *cell,
	char buf[ACCURACY_TEXT_SIZE])
{
	char lo[ACCURACY_TEXT_SIZE], hi[ACCURACY_TEXT_SIZE];
	size_t len = 0;

	*buf = '\0';
	if (!isnan(cell->one_sided)) {
		end_text(row, cell->one_sided, lo);
		len = (size_t)snprintf(buf, ACCURACY_TEXT_SIZE, "%s %.15s ",
			row->test == ACCURACY_ABOVE ? ">=" : "<=", lo);
	}
	if (!isnan(cell->interval.lo)) {
		end_text(row, cell->interval.lo, lo);
		end_text(row, cell->interval.hi, hi);
		snprintf(buf + len, ACCURACY_TEXT_SIZE - len, "[%.15s, %.15s]", lo, hi);
	} else if (row->goal[0] && isfinite(cell->bound) && strstr(row->goal, "band")) {
		end_text(row, cell->bound, hi);
		snprintf(buf + len, ACCURACY_TEXT_SIZE - len, "band %.15s", hi);
	}
	return buf;
}

char *accuracy_verdict_text(const struct accuracy_cell *cell, char buf[ACCURACY_TEXT_SIZE])
{
	if (cell->verdict == ACCURACY_KNOWN)
		snprintf(buf, ACCURACY_TEXT_SIZE, "MISSED (known)");
	else if (cell->verdict == ACCURACY_SHORT && cell->needed)
		snprintf(buf, ACCURACY_TEXT_SIZE, "SHORT, needs %zu", cell->needed);
	else if (cell->verdict == ACCURACY_INFO || cell->verdict == ACCURACY_NONE)
		snprintf(buf, ACCURACY_TEXT_SIZE, "%s",
			cell->verdict == ACCURACY_NONE ? "not measured" : "");
	else
		snprintf(buf, ACCURACY_TEXT_SIZE, "%s", accuracy_verdict_name(cell->verdict));
	return buf;
}
