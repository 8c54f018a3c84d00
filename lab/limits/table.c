// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/limits/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct limits_row *limits_table_add(
	struct limits_table *table, const char *subject, const char *knob)
{
	struct limits_row *rows = reallocarray(table->rows, table->count + 1, sizeof(*table->rows));
	struct limits_row *row;

	if (!rows)
		return NULL;
	table->rows = rows;
	row = &rows[table->count++];
	*row = (struct limits_row){ 0 };
	snprintf(row->subject, sizeof(row->subject), "%s", subject);
	snprintf(row->knob, sizeof(row->knob), "%s", knob);
	return row;
}

void limits_table_done(struct limits_table *table)
{
	free(table->rows);
	*table = (struct limits_table){ 0 };
}

size_t limits_table_count(const struct limits_table *table, enum limits_verdict verdict)
{
	size_t count = 0;

	for (size_t i = 0; i < table->count; i++)
		count += table->rows[i].verdict == verdict;
	return count;
}

/* FAIL is graver than SKIP, SKIP than PASS. */
static int gravity(enum limits_verdict verdict)
{
	static const int gravities[] = { [LIMITS_PASS] = 0, [LIMITS_SKIP] = 1, [LIMITS_FAIL] = 2 };

	return gravities[verdict];
}

void limits_row_judge(struct limits_row *row, enum limits_verdict verdict, const char *fmt, ...)
{
	va_list args;

	if (gravity(verdict) < gravity(row->verdict))
		return;
	if (verdict == row->verdict && *row->reason)
		return;
	row->verdict = verdict;
	if (!fmt)
		return;
	va_start(args, fmt);
	vsnprintf(row->reason, sizeof(row->reason), fmt, args);
	va_end(args);
}

void limits_row_observe(struct limits_row *row, const char *fmt, ...)
{
	size_t len = strlen(row->observed);
	va_list args;

	if (len && len + 2 < sizeof(row->observed)) {
		strcpy(row->observed + len, "; ");
		len += 2;
	}
	va_start(args, fmt);
	vsnprintf(row->observed + len, sizeof(row->observed) - len, fmt, args);
	va_end(args);
}

const char *limits_verdict_name(enum limits_verdict verdict)
{
	static const char *const names[] = { "PASS", "FAIL", "SKIP" };

	return names[verdict];
}
