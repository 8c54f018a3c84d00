// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How fast the detector is alone: samples that lie in memory, one core, no reading of files. Beside
 * it what it costs only to read (sum up) the same samples, taken in turns so that both see the
 * same machine. "with ticks" adds the one each half second that a recorder sends: it goes through
 * all processes, whether they have a sample or not.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "collector/detect/detect.h"

#define SAMPLES 600000
#define ROUNDS 5
#define SECOND_NS 1000000000ULL
#define TICK_NS (SECOND_NS / 2)
#define MIB (1ULL << 20)
#define GOAL 5e6

enum shape {
	QUIET,	 /* 64 MiB, give or take some pages */
	GROWING, /* by 100 KiB/s */
	TEETH,	 /* of 32 MiB, 20 s each */
	MIXED,	 /* a third of the processes each */
	SHAPES,
};

static const char *const shape_names[] = { "quiet", "growing", "teeth", "mixed" };

struct counted {
	uint64_t verdicts, onsets;
};

static void count(void *ctx, const struct detect_verdict *verdict)
{
	struct counted *counted = ctx;

	counted->verdicts++;
	counted->onsets += verdict->onset_ns;
}

static uint64_t bytes_at(enum shape shape, uint64_t process, uint64_t t_ns, uint64_t *noise)
{
	if (shape == MIXED)
		shape = (enum shape)(process % 3);
	*noise = *noise * 6364136223846793005ULL + 1442695040888963407ULL;
	switch (shape) {
	case GROWING:
		return 64 * MIB + t_ns / 10000 / 4096 * 4096;
	case TEETH:
		return 64 * MIB + (t_ns + process * SECOND_NS) % (20 * SECOND_NS) * 32 * MIB /
					  (20 * SECOND_NS) / 4096 * 4096;
	default:
		return 64 * MIB + (*noise >> 60) * 4096;
	}
}

static void fill(struct detect_sample *samples, enum shape shape, uint64_t processes, uint64_t hz)
{
	uint64_t noise = 1;

	for (uint64_t i = 0; i < SAMPLES; i++) {
		uint64_t process = i % processes;
		/* Spread over the interval, as they are in a recording. */
		uint64_t t_ns =
			(i / processes) * (SECOND_NS / hz) + process * (SECOND_NS / hz) / processes;

		samples[i] = (struct detect_sample){
			.mm = process + 1,
			.t_ns = SECOND_NS + t_ns,
			.anon_bytes = bytes_at(shape, process, t_ns, &noise),
			.file_bytes = 4 * MIB,
			.error_bytes = 128 * 1024,
			.events = 10,
		};
	}
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double time_detect(const struct detect_sample *samples, uint64_t processes, bool ticks,
	struct counted *counted)
{
	struct detect *detect = detect_new(
		&(struct detect_options){ .max_processes = (uint32_t)processes }, count, counted);
	uint64_t next_ns = 0;
	double start_s = now_s(), took_s;

	*counted = (struct counted){};
	if (!detect) {
		fprintf(stderr, "no memory\n");
		exit(1);
	}
	for (int i = 0; i < SAMPLES; i++) {
		if (ticks && samples[i].t_ns >= next_ns) {
			detect_tick(detect, samples[i].t_ns);
			next_ns = samples[i].t_ns + TICK_NS;
		}
		detect_sample(detect, &samples[i]);
	}
	took_s = now_s() - start_s;
	detect_free(detect);
	return took_s;
}

static volatile uint64_t sink;

static double time_reading(const struct detect_sample *samples)
{
	double start_s = now_s();
	uint64_t sum = 0;

	for (int i = 0; i < SAMPLES; i++)
		sum += samples[i].mm + samples[i].t_ns + samples[i].anon_bytes +
		       samples[i].file_bytes + samples[i].swap_bytes + samples[i].shmem_bytes +
		       samples[i].error_bytes + samples[i].events;
	sink = sum;
	return now_s() - start_s;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof(*values), compare);
	return values[ROUNDS / 2];
}

/* Returns samples a second, without ticks. */
static double measure(
	struct detect_sample *samples, enum shape shape, uint64_t processes, uint64_t hz)
{
	double detect_s[ROUNDS], ticked_s[ROUNDS], reading_s[ROUNDS], rate;
	struct counted counted;

	fill(samples, shape, processes, hz);
	for (int i = 0; i < ROUNDS; i++) {
		reading_s[i] = time_reading(samples);
		ticked_s[i] = time_detect(samples, processes, true, &counted);
		detect_s[i] = time_detect(samples, processes, false, &counted);
	}
	rate = SAMPLES / median(detect_s);
	printf("%9llu %4llu  %-8s %9.1f %10.1f %9.1f %8.0fx %9llu\n", (unsigned long long)processes,
		(unsigned long long)hz, shape_names[shape], rate * 1e-6,
		SAMPLES / median(ticked_s) * 1e-6, SAMPLES / median(reading_s) * 1e-6,
		median(detect_s) / median(reading_s), (unsigned long long)counted.verdicts);
	return rate;
}

int main(void)
{
	static const uint64_t processes[] = { 1, 100, 5000 }, hz[] = { 1, 10 };
	struct detect_sample *samples = calloc(SAMPLES, sizeof(*samples));
	double worst = 0;

	if (!samples)
		return 1;
	printf("the detector alone, one core; millions of samples a second; %zu bytes a process\n",
		detect_state_bytes());
	printf("processes   Hz  shape       detect with ticks   reading    ratio  verdicts\n");
	for (size_t i = 0; i < sizeof(processes) / sizeof(processes[0]); i++)
		for (size_t k = 0; k < sizeof(hz) / sizeof(hz[0]); k++)
			for (int shape = 0; shape < SHAPES; shape++) {
				double rate;

				if (shape == MIXED && processes[i] == 1)
					continue;
				rate = measure(samples, (enum shape)shape, processes[i], hz[k]);
				worst = worst == 0 || rate < worst ? rate : worst;
			}
	printf("the slowest: %.1f million samples a second (goal: %.0f)\n", worst * 1e-6,
		GOAL * 1e-6);
	free(samples);
	return 0;
}
