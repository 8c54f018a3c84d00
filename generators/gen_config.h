/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One run of memgen as asked for on the command line, checked. Nothing here writes or exits.
 */
#ifndef LEAKLAB_GENERATORS_GEN_CONFIG_H
#define LEAKLAB_GENERATORS_GEN_CONFIG_H

#include "generators/gen.h"
#include "generators/gen_holder.h"

enum gen_action {
	GEN_RUN,	      /* real pages, truth */
	GEN_SIMULATE,	      /* virtual time, truth */
	GEN_SIMULATE_SAMPLES, /* virtual time, samples.jsonl, and truth into a file if asked for */
	GEN_DESCRIBE,
	GEN_LIST,
	GEN_HELP,
	GEN_VERSION,
};

#define GEN_PROCESSES_MAX 10000
#define GEN_THREADS_MAX 256
/* More could be neither mapped nor counted exactly in a double. */
#define GEN_PEAK_MAX_BYTES (1ULL << 46)

struct gen_config {
	enum gen_action action;
	bool json;			   /* of GEN_LIST */
	const struct gen_pattern *pattern; /* NULL for GEN_LIST, GEN_HELP, GEN_VERSION */
	struct gen_params params;	   /* of process 0, see gen_process_config() */
	uint64_t start_delay_ns;	   /* from ready to onset */
	uint64_t duration_ns;		   /* from ready to the end */
	unsigned processes;
	unsigned leaking;		 /* of them, the first ones, which run the pattern */
	const struct gen_pattern *other; /* that of the rest, NULL without any */
	struct gen_params other_params;	 /* of the rest */
	unsigned threads;		 /* of each process */
	const struct gen_holder *holder; /* what holds the memory */
	const char *dir;		 /* of holders with a file; borrowed from argv */
	bool thp_always;
	uint64_t interval_ns;	/* of samples */
	const char *truth_path; /* beside samples; NULL: no truth. Borrowed from argv */
	uint64_t memory_bytes;	/* limit of the simulated cgroup, 0: none */
	/*
	 * Steps lie at phase_ns and every tick_ns from there, since onset. In virtual time those
	 * are the times of the samples: nobody could see what is between them.
	 */
	uint64_t tick_ns;
	uint64_t phase_ns;
	uint64_t page_bytes;
	uint64_t unit_bytes; /* what memory grows by, before the holder has measured it */
};

/*
 * Reads @argv (with the program's name first) into @ret. @argv must outlive @ret.
 * Returns 0, or -EINVAL with @ret_error filled.
 */
int gen_config_parse(int argc, char **argv, struct gen_config *ret, struct gen_error *ret_error);

/* Time from onset to the end. */
uint64_t gen_span_ns(const struct gen_config *config);

/*
 * The configuration of process @proc, with its pattern and parameters. Its seed is its own, so that
 * jitter differs, and one that is not leaking is somewhere in its cycle at onset.
 */
struct gen_config gen_process_config(const struct gen_config *config, unsigned proc);

/* Most that the process of @config holds during the run, in units of config->unit_bytes. */
uint64_t gen_peak_units(const struct gen_config *config);

/* True when the run is one in virtual time. */
bool gen_is_simulated(const struct gen_config *config);

/* "leak" or "benign": the pattern's, but what the kernel takes back under pressure is benign. */
const char *gen_config_class(const struct gen_config *config);
const char *gen_class_name(enum gen_class class);

/* Of a transparent huge page. */
uint64_t gen_huge_page_bytes(void);

/* The options of patterns ----------------------------------------------------------------- */

enum gen_kind {
	GEN_KIND_SIZE,
	GEN_KIND_RATE,
	GEN_KIND_DURATION,
	GEN_KIND_CURVE,
};

struct gen_option {
	const char *name;
	enum gen_kind kind;
	bool zero_ok;
	size_t offset;	 /* in struct gen_params */
	const char *key; /* in the truth's params: the name with its unit */
	const char *help;
};

/* Indexed by enum gen_opt. */
extern const struct gen_option gen_options[GEN_OPT_COUNT];

/* Sets option @opt in @params from @text. Returns 0 or gen_refuse(). */
int gen_option_set(enum gen_opt opt, const char *text, uint64_t page_bytes,
	struct gen_params *params, struct gen_error *ret_error);

/* The value as a number in the unit of its key. */
double gen_option_value(enum gen_opt opt, const struct gen_params *params);

bool gen_pattern_takes(const struct gen_pattern *pattern, enum gen_opt opt);

#endif
