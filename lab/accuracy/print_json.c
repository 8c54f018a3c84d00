// SPDX-License-Identifier: GPL-2.0-or-later
/* The table as JSON: everything that the other forms show, and more digits. */
#include "lab/accuracy/accuracy.h"
#include "lib/revision.h"

#include <math.h>

/* JSON has no infinity: what was never reached is a text. */
static json_t *number(double value)
{
	if (isnan(value))
		return json_null();
	return isinf(value) ? json_string(value > 0 ? "never" : "any") : json_real(value);
}

static json_t *interval_json(const struct stats_interval *interval)
{
	json_t *pair = json_array();

	if (isnan(interval->lo)) {
		json_decref(pair);
		return json_null();
	}
	json_array_append_new(pair, number(interval->lo));
	json_array_append_new(pair, number(interval->hi));
	return pair;
}

static json_t *text_or_null(const char *text)
{
	return text && *text ? json_string(text) : json_null();
}

static json_t *cell_json(const struct accuracy_row *row, const struct accuracy_cell *cell)
{
	json_t *json = json_object();

	json_object_set_new(json, "n", json_integer((json_int_t)cell->n));
	json_object_set_new(json, "measured", number(cell->value));
	json_object_set_new(json, "bound", number(cell->bound));
	json_object_set_new(json, "two_sided_95", interval_json(&cell->interval));
	json_object_set_new(json, "one_sided_lower_95",
		row->test == ACCURACY_ABOVE ? number(cell->one_sided) : json_null());
	json_object_set_new(json, "one_sided_upper_95",
		row->test == ACCURACY_BELOW ? number(cell->one_sided) : json_null());
	json_object_set_new(json, "verdict", json_string(accuracy_verdict_name(cell->verdict)));
	json_object_set_new(json, "needed",
		cell->needed ? json_integer((json_int_t)cell->needed) : json_null());
	json_object_set_new(json, "known_reason", text_or_null(cell->reason));
	json_object_set_new(json, "note", text_or_null(cell->note));
	return json;
}

static json_t *row_json(const struct accuracy_row *row)
{
	json_t *json = json_object();

	json_object_set_new(json, "row", json_string(row->id));
	json_object_set_new(json, "class", text_or_null(row->class));
	json_object_set_new(json, "what", json_string(row->what));
	json_object_set_new(json, "goal", json_string(row->goal));
	json_object_set_new(
		json, "of", json_string(row->section == ACCURACY_OURS ? "project" : "document"));
	json_object_set_new(json, "worst_of_classes", json_boolean(row->sums));
	for (int s = 0; s < ACCURACY_SOURCES; s++)
		json_object_set_new(json, accuracy_source_name(s), cell_json(row, &row->cell[s]));
	return json;
}

static void class_leak(json_t *json, const struct accuracy_class *class)
{
	json_object_set_new(json, "found", json_integer((json_int_t) class->good));
	json_object_set_new(json, "growing_median_s", number(class->growing_median_s));
	json_object_set_new(json, "growing_p95_s", number(class->growing_p95_s));
	json_object_set_new(json, "leak_median_s", number(class->leak_median_s));
	json_object_set_new(json, "leak_p95_s", number(class->leak_p95_s));
	json_object_set_new(json, "rate_within_2_percent", number(class->rate_within));
	json_object_set_new(json, "rate_error_median", number(class->rate_median));
	json_object_set_new(json, "rate_n", json_integer((json_int_t) class->rate_n));
}

static void class_benign(json_t *json, const struct accuracy_class *class)
{
	double upper = NAN;

	stats_rate_upper(class->false_leak, class->hours, ACCURACY_LEVEL, &upper);
	json_object_set_new(
		json, "false_units", json_integer((json_int_t)(class->units - class->good)));
	json_object_set_new(json, "false_growing_units", json_integer((json_int_t) class->alarmed));
	json_object_set_new(
		json, "false_leak_alarms", json_integer((json_int_t) class->false_leak));
	json_object_set_new(
		json, "false_growing_alarms", json_integer((json_int_t) class->false_growing));
	json_object_set_new(json, "hours", number(class->hours));
	json_object_set_new(json, "false_leak_per_hour_upper_95", number(upper));
}

static json_t *classes_json(const struct accuracy_source *source)
{
	json_t *list = json_array();

	for (size_t i = 0; i < source->classes_count; i++) {
		const struct accuracy_class *class = &source->classes[i];
		json_t *json = json_object();

		json_object_set_new(json, "class", json_string(class->name));
		json_object_set_new(json, "truth", json_string(class->leak ? "leak" : "benign"));
		json_object_set_new(json, "n", json_integer((json_int_t) class->units));
		if (class->leak)
			class_leak(json, class);
		else
			class_benign(json, class);
		json_object_set_new(json, "named", json_integer((json_int_t) class->named));
		json_object_set_new(json, "stated", json_integer((json_int_t) class->stated));
		json_array_append_new(list, json);
	}
	return list;
}

static json_t *patterns_json(const struct accuracy_patterns *patterns)
{
	json_t *json = json_object(), *stated = json_array(), *matrix = json_object();
	size_t columns = patterns->count + ACCURACY_EXTRA_COLUMNS;

	for (size_t i = 0; i < patterns->count; i++)
		json_array_append_new(stated, json_string(patterns->name[i]));
	json_array_append_new(stated, json_string("(other)"));
	json_array_append_new(stated, json_string("(none)"));
	for (size_t i = 0; i < patterns->count; i++) {
		json_t *line = json_array();

		for (size_t k = 0; k < columns; k++)
			json_array_append_new(
				line, json_integer((json_int_t)patterns->cell[i * columns + k]));
		json_object_set_new(matrix, patterns->name[i], line);
	}
	json_object_set_new(json, "n", json_integer((json_int_t)patterns->units));
	json_object_set_new(json, "macro_f1", number(patterns->macro_f1));
	json_object_set_new(json, "stated", stated);
	json_object_set_new(json, "truth", matrix);
	return json;
}

static json_t *calibration_json(const struct accuracy_calibration *cal)
{
	const struct stats_calibration *figures = &cal->figures;
	json_t *json = json_object(), *bins = json_array();

	for (size_t i = 0; i < figures->bins; i++) {
		json_t *bin = json_object();

		json_object_set_new(bin, "n", json_integer((json_int_t)figures->bin[i].count));
		json_object_set_new(bin, "stated", number(figures->bin[i].mean_confidence));
		json_object_set_new(bin, "right", number(figures->bin[i].share_right));
		json_array_append_new(bins, bin);
	}
	json_object_set_new(json, "n", json_integer((json_int_t)cal->n));
	json_object_set_new(json, "unstated", json_integer((json_int_t)cal->unstated));
	json_object_set_new(json, "brier", number(cal->n ? figures->brier : NAN));
	json_object_set_new(json, "reliability", number(cal->n ? figures->reliability : NAN));
	json_object_set_new(json, "resolution", number(cal->n ? figures->resolution : NAN));
	json_object_set_new(json, "uncertainty", number(cal->n ? figures->uncertainty : NAN));
	json_object_set_new(json, "log_loss", number(cal->n ? figures->log_loss : NAN));
	json_object_set_new(json, "ece", number(cal->n ? figures->ece : NAN));
	json_object_set_new(json, "ece_band_95", number(cal->band));
	json_object_set_new(json, "bins", bins);
	return json;
}

static json_t *source_json(const struct accuracy_source *source)
{
	json_t *json = json_object(), *calibration = json_object();

	for (int t = 0; t < SCORE_TIERS; t++)
		json_object_set_new(
			calibration, score_tier_name(t), calibration_json(&source->calibration[t]));
	json_object_set_new(json, "units", json_integer((json_int_t)source->units));
	json_object_set_new(json, "broken", json_integer((json_int_t)source->broken));
	json_object_set_new(json, "broken_why", text_or_null(source->broken_why));
	json_object_set_new(json, "sealed", json_integer((json_int_t)source->sealed));
	json_object_set_new(json, "classes", classes_json(source));
	json_object_set_new(json, "patterns", patterns_json(&source->patterns));
	json_object_set_new(json, "calibration", calibration);
	return json;
}

json_t *accuracy_json(const struct accuracy_table *table)
{
	static const char *const ends[] = { "PASS", "FAIL", "BROKEN" };
	json_t *json = json_object(), *rows = json_array(), *elsewhere = json_array();
	char why[256];
	enum accuracy_end end = accuracy_conclude(table, why, sizeof(why));

	for (size_t i = 0; i < table->rows_count; i++)
		json_array_append_new(rows, row_json(&table->rows[i]));
	for (size_t i = 0; accuracy_elsewhere[i][0]; i++)
		json_array_append_new(
			elsewhere, json_pack("{s:s, s:s}", "goal", accuracy_elsewhere[i][0],
					   "where", accuracy_elsewhere[i][1]));
	json_object_set_new(json, "format", json_string("leaklab.accuracy"));
	json_object_set_new(json, "version", json_integer(1));
	json_object_set_new(json, "revision", json_string(revision()));
	json_object_set_new(json, "detector", json_string(table->detector));
	json_object_set_new(json, "verdict", json_string(ends[end]));
	json_object_set_new(json, "why", json_string(why));
	json_object_set_new(json, "rows", rows);
	json_object_set_new(json, "elsewhere", elsewhere);
	for (int s = 0; s < ACCURACY_SOURCES; s++)
		json_object_set_new(json, accuracy_source_name(s), source_json(&table->source[s]));
	return json;
}
