// SPDX-License-Identifier: GPL-2.0-or-later
/* The tables as a C header. */
#include "lab/calibrate/calibrate.h"

/* A comment in the header must not end before its end. */
static void write_note(const char *text, FILE *out)
{
	fputs(" * ", out);
	for (const char *c = text; *c; c++) {
		if (c[0] == '*' && c[1] == '/')
			fputs("* ", out);
		else
			fputc(*c, out);
	}
	fputc('\n', out);
}

static void write_table(const char *name, const struct calibrate_table *table, FILE *out)
{
	fprintf(out, "\n/* Of %zu first alarms, of which %zu were right. */\n", table->alarms,
		table->right);
	fprintf(out, "static const struct calibration_point calibration_%s[] = {\n", name);
	/* 9 digits keep what add_point() told apart; a hexadecimal form nobody could read. */
	for (size_t i = 0; i < table->count; i++)
		fprintf(out, "\t{ %.9g, %.6f },\n", table->point[i].score,
			table->point[i].confidence);
	fputs("};\n", out);
}

void calibrate_write(const struct calibrate_table *growing, const struct calibrate_table *leak,
	const char *const *note, size_t notes, FILE *out)
{
	fputs("/* SPDX-License-Identifier: GPL-2.0-or-later */\n"
	      "/*\n"
	      " * Generated, do not edit: how likely an alarm is right, by the score of its\n"
	      " * evidence. Interpolate between the points; scores rise strictly.\n"
	      " *\n",
		out);
	for (size_t i = 0; i < notes; i++)
		write_note(note[i], out);
	fputs(" */\n"
	      "#ifndef MEMGROWTH_CALIBRATION_H\n"
	      "#define MEMGROWTH_CALIBRATION_H\n\n"
	      "struct calibration_point {\n"
	      "\tdouble score;\n"
	      "\tdouble confidence;\n"
	      "};\n",
		out);
	write_table("growing", growing, out);
	write_table("leak", leak, out);
	fputs("\n#endif\n", out);
}
