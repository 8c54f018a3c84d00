// SPDX-License-Identifier: GPL-2.0-or-later
/* From a recording to a profile of noise. */
#include "lab/simulate/noise.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define KIB 1024.0
#define POINTS_MAX 100000
#define POINTS_A_LINE 16
#define S_PER_NS 1e-9

/* What the process held, at equal distances in time. */
struct series {
	uint64_t mm;
	uint64_t skip_ns, interval_ns;
	uint64_t next_ns; /* of the next point; 0: no sample yet */
	double now_kib;
	uint64_t events;
	double *kib;
	size_t count, room;
};

static int add_point(struct series *series)
{
	if (series->count == series->room) {
		size_t room = series->room ? 2 * series->room : 1024;
		double *grown = realloc(series->kib, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		series->kib = grown;
		series->room = room;
	}
	if (series->count == POINTS_MAX)
		return -E2BIG;
	series->kib[series->count++] = series->now_kib;
	series->next_ns += series->interval_ns;
	return 0;
}

/* Points up to @t_ns have the value from before it. */
static int pass_time(struct series *series, uint64_t t_ns)
{
	int err = 0;

	while (!err && series->next_ns && series->next_ns < t_ns)
		err = add_point(series);
	return err;
}

/* Returns 1 at the end of the process. */
static int take_record(struct series *series, const struct run_flat *flat)
{
	uint64_t t_ns, mm, anon, file, shmem, events = 0;
	int err;

	if (!run_flat_u64(flat, "t_ns", &t_ns))
		return 0;
	if (run_flat_u64(flat, "mm", &mm) && mm == series->mm) {
		if (run_flat_is(flat, "exit"))
			return 1;
		err = pass_time(series, t_ns);
		if (err || !run_flat_is(flat, "rss") || !run_flat_u64(flat, "anon_bytes", &anon) ||
			!run_flat_u64(flat, "file_bytes", &file) ||
			!run_flat_u64(flat, "shmem_bytes", &shmem))
			return err;
		run_flat_u64(flat, "events", &events);
		if (series->next_ns == 0)
			series->next_ns = t_ns + series->skip_ns;
		else if (series->count)
			series->events += events;
		series->now_kib = (double)(anon + file + shmem) / KIB;
		return 0;
	}
	/* Its counters may rest for long; the ticks tell that it still lives. */
	return run_flat_is(flat, "tick") ? pass_time(series, t_ns) : 0;
}

/* Takes the least-squares line through the points away. */
static void detrend(struct series *series)
{
	double n = (double)series->count, mid = (n - 1) / 2, mean = 0, product = 0, square = 0;

	for (size_t i = 0; i < series->count; i++)
		mean += series->kib[i] / n;
	for (size_t i = 0; i < series->count; i++) {
		product += ((double)i - mid) * (series->kib[i] - mean);
		square += ((double)i - mid) * ((double)i - mid);
	}
	for (size_t i = 0; i < series->count; i++)
		series->kib[i] -= mean + product / square * ((double)i - mid);
}

static void write_profile(
	const struct series *series, const char *program, const char *name, FILE *out)
{
	double interval_s = (double)series->interval_ns * S_PER_NS;
	json_t *text = json_string(program), *from = json_string(name);
	_cleanup_free_ char *program_json = json_dumps(text, JSON_ENCODE_ANY);
	_cleanup_free_ char *name_json = json_dumps(from, JSON_ENCODE_ANY);

	json_decref(text);
	json_decref(from);
	fprintf(out,
		"{\"format\": \"leaklab.noise\", \"version\": 1,\n \"program\": %s,\n"
		" \"recording\": %s,\n \"interval_s\": %g, \"events_per_s\": %.3f,\n"
		" \"deviation_kib\": [",
		program_json ? program_json : "\"\"", name_json ? name_json : "\"\"", interval_s,
		(double)series->events / ((double)series->count * interval_s));
	for (size_t i = 0; i < series->count; i++)
		fprintf(out, "%s%s%.0f", i ? "," : "", i % POINTS_A_LINE ? " " : "\n  ",
			series->kib[i]);
	fputs("\n ]}\n", out);
}

static int read_series(FILE *in, const char *name, struct series *series, struct run_error *error)
{
	struct run_records records;
	struct run_flat flat;
	json_t *header;
	int got = run_records_open(&records, in, name, "leaklab.samples", &header, error);

	if (got == 0) {
		json_decref(header);
		while ((got = run_records_next_line(&records, &flat, error)) > 0) {
			got = flat.count ? take_record(series, &flat) : 0;
			if (got)
				break;
		}
	}
	run_records_close(&records);
	if (got == -ENOMEM)
		return run_fail(error, got, "%s: out of memory", name);
	if (got == -E2BIG)
		return run_fail(error, got, "%s: more than %d points: raise the interval", name,
			POINTS_MAX);
	return got < 0 ? got : 0;
}

int noise_measure(FILE *in, const char *name, uint64_t mm, const char *program, uint64_t skip_ns,
	uint64_t interval_ns, FILE *out, struct run_error *error)
{
	struct series series = { .mm = mm, .skip_ns = skip_ns, .interval_ns = interval_ns };
	int err = read_series(in, name, &series, error);

	if (!err && series.count < NOISE_POINTS_MIN)
		err = run_fail(error, -ENODATA,
			"%s: mm %llu: %zu points of steady state, of %d that a profile needs: is "
			"it the right process, and recorded for long enough?",
			name, (unsigned long long)mm, series.count, NOISE_POINTS_MIN);
	if (!err) {
		detrend(&series);
		write_profile(&series, program, name, out);
		if (ferror(out))
			err = run_fail(error, -EIO, "%s: the profile cannot be written", program);
	}
	free(series.kib);
	return err;
}
