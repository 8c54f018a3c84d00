// SPDX-License-Identifier: GPL-2.0-or-later
/* The command line of memgen, read with getopt_long and checked. */
#include "generators/gen_config.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "generators/gen_schedule.h"
#include "lib/clock.h"
#include "lib/units.h"

#define INTERVAL_MIN_NS NS_PER_MS
#define OTHERS_DEFAULT "steady --size=20MiB"
#define OTHERS_WORDS_MAX 16
#define HUGE_PAGE_BYTES_DEFAULT (2ULL << 20)
#define HUGE_PAGE_FILE "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size"

/* Common options; the options of patterns come before them, numbered by enum gen_opt. */
enum common_opt {
	OPT_START_DELAY = GEN_OPT_COUNT,
	OPT_DURATION,
	OPT_STOP,
	OPT_JITTER,
	OPT_SEED,
	OPT_PROCESSES,
	OPT_LEAKING,
	OPT_OTHERS,
	OPT_THREADS,
	OPT_PAGES,
	OPT_DIR,
	OPT_THP,
	OPT_SIMULATE,
	OPT_INTERVAL,
	OPT_TRUTH,
	OPT_MEMORY,
	OPT_DESCRIBE,
	OPT_LIST,
	OPT_JSON,
	OPT_HELP,
	OPT_VERSION,
	OPT_COUNT,
};

/* getopt gives 0 and '?' a meaning of their own, so its values are shifted past all characters. */
#define OPT_VALUE(opt) ((int)(opt) + 256)

static const struct {
	const char *name;
	int has_arg;
} common_options[] = {
	{ "start-delay", required_argument },
	{ "duration", required_argument },
	{ "stop", required_argument },
	{ "jitter", required_argument },
	{ "seed", required_argument },
	{ "processes", required_argument },
	{ "leaking", required_argument },
	{ "others", required_argument },
	{ "threads", required_argument },
	{ "pages", required_argument },
	{ "dir", required_argument },
	{ "thp", required_argument },
	{ "simulate", optional_argument },
	{ "interval", required_argument },
	{ "truth", required_argument },
	{ "memory", required_argument },
	{ "describe", no_argument },
	{ "list", no_argument },
	{ "json", no_argument },
	{ "help", no_argument },
	{ "version", no_argument },
};

_Static_assert(sizeof(common_options) / sizeof(common_options[0]) == OPT_COUNT - GEN_OPT_COUNT,
	"a row for each common option, in order");

/* What was seen on the command line, before it is known which pattern it is for. */
struct command_line {
	bool given[OPT_COUNT];
	const char *value[OPT_COUNT]; /* the last one wins; NULL without an argument */
	const char *pattern;
};

static void fill_getopt(struct option *ret)
{
	for (int i = 0; i < GEN_OPT_COUNT; i++)
		ret[i] = (struct option){
			.name = gen_options[i].name,
			.has_arg = required_argument,
			.val = OPT_VALUE(i),
		};
	for (int i = GEN_OPT_COUNT; i < OPT_COUNT; i++)
		ret[i] = (struct option){
			.name = common_options[i - GEN_OPT_COUNT].name,
			.has_arg = common_options[i - GEN_OPT_COUNT].has_arg,
			.val = OPT_VALUE(i),
		};
	ret[OPT_COUNT] = (struct option){ 0 };
}

static int refuse_option(int argc, char **argv, int code, struct gen_error *ret_error)
{
	/* getopt has already moved past an option that it does not know. */
	const char *arg = optind > 0 && optind <= argc ? argv[optind - 1] : "";

	if (code == ':')
		return gen_refuse(ret_error, "%s: needs a value (see memgen --help)", arg);
	if (optopt >= OPT_VALUE(0))
		return gen_refuse(ret_error, "%s: takes no value (see memgen --help)", arg);
	if (optopt != 0)
		return gen_refuse(ret_error, "-%c: unknown option (see memgen --help)", optopt);
	return gen_refuse(ret_error, "%s: unknown option (see memgen --help)", arg);
}

static int read_command_line(
	int argc, char **argv, struct command_line *ret, struct gen_error *ret_error)
{
	struct option options[OPT_COUNT + 1];
	int code;

	fill_getopt(options);
	optind = 0; /* starts anew, also when called twice in one process */
	opterr = 0;
	while ((code = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		int opt = code == 'h' ? (int)OPT_HELP : code - OPT_VALUE(0);

		if (code == '?' || code == ':')
			return refuse_option(argc, argv, code, ret_error);
		ret->given[opt] = true;
		ret->value[opt] = optarg;
	}
	if (optind < argc)
		ret->pattern = argv[optind];
	if (optind + 1 < argc)
		return gen_refuse(ret_error, "%s: only one pattern a run", argv[optind + 1]);
	return 0;
}

static void append(struct gen_error *error, const char *text)
{
	size_t len = strlen(error->text);

	snprintf(error->text + len, sizeof(error->text) - len, "%s", text);
}

static int find_pattern(
	const char *name, const struct gen_pattern **ret_pattern, struct gen_error *ret_error)
{
	*ret_pattern = name ? gen_pattern_find(name) : NULL;
	if (*ret_pattern)
		return 0;
	if (name)
		gen_refuse(ret_error, "%s: unknown pattern (known:", name);
	else
		gen_refuse(ret_error, "no pattern given (known:");
	for (size_t i = 0; gen_patterns[i]; i++) {
		append(ret_error, " ");
		append(ret_error, gen_patterns[i]->name);
	}
	append(ret_error, ")");
	return -EINVAL;
}

static int refuse_foreign_option(
	const struct gen_pattern *pattern, enum gen_opt opt, struct gen_error *ret_error)
{
	gen_refuse(ret_error, "--%s: not an option of %s (it belongs to:", gen_options[opt].name,
		pattern->name);
	for (size_t i = 0; gen_patterns[i]; i++) {
		if (!gen_pattern_takes(gen_patterns[i], opt))
			continue;
		append(ret_error, " ");
		append(ret_error, gen_patterns[i]->name);
	}
	append(ret_error, ")");
	return -EINVAL;
}

static int set_pattern_options(
	const struct command_line *line, struct gen_config *config, struct gen_error *ret_error)
{
	const struct gen_pattern *pattern = config->pattern;
	int err;

	for (size_t i = 0; pattern->options[i].value; i++) {
		enum gen_opt opt = pattern->options[i].opt;
		const char *text = line->given[opt] ? line->value[opt] : pattern->options[i].value;

		err = gen_option_set(opt, text, config->page_bytes, &config->params, ret_error);
		if (err)
			return err;
	}
	for (int opt = 0; opt < GEN_OPT_COUNT; opt++) {
		if (!line->given[opt])
			continue;
		config->params.given |= 1u << opt;
		if (!gen_pattern_takes(pattern, (enum gen_opt)opt))
			return refuse_foreign_option(pattern, (enum gen_opt)opt, ret_error);
	}
	return pattern->validate ? pattern->validate(&config->params, ret_error) : 0;
}

static int parse_count(const char *name, const char *text, uint64_t min, uint64_t max,
	uint64_t *ret, struct gen_error *ret_error)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	/* strtoull() alone would take blanks, signs and nothing at all. */
	if (*text < '0' || *text > '9' || *end != '\0' || errno || value < min || value > max)
		return gen_refuse(ret_error, "--%s=%s: must be a whole number from %llu to %llu",
			name, text, (unsigned long long)min, (unsigned long long)max);
	*ret = value;
	return 0;
}

static int parse_duration(
	const char *name, const char *text, uint64_t *ret_ns, struct gen_error *ret_error)
{
	if (units_parse_duration(text, ret_ns))
		return gen_refuse(ret_error, "--%s=%s: not a duration (examples: %s)", name, text,
			UNITS_DURATION_EXAMPLES);
	return 0;
}

static int parse_jitter(const char *text, double *ret, struct gen_error *ret_error)
{
	char *end;
	double percent = strtod(text, &end);

	if (end != text && *end == '%')
		end++;
	if (*text < '0' || *text > '9' || *end != '\0' || !(percent <= 100))
		return gen_refuse(
			ret_error, "--jitter=%s: must be a percentage from 0 to 100", text);
	*ret = percent / 100;
	return 0;
}

static int parse_pages(const char *text, const struct gen_holder **ret, struct gen_error *ret_error)
{
	const struct gen_holder *holder = gen_holder_find(text);

	if (holder) {
		*ret = holder;
		return 0;
	}
	gen_refuse(ret_error, "--pages=%s: not a kind of pages (known:", text);
	for (size_t i = 0; gen_holders[i]; i++) {
		append(ret_error, " ");
		append(ret_error, gen_holders[i]->name);
	}
	append(ret_error, ")");
	return -EINVAL;
}

static int parse_thp(const char *text, bool *ret_always, struct gen_error *ret_error)
{
	*ret_always = strcmp(text, "always") == 0;
	if (!*ret_always && strcmp(text, "never") != 0)
		return gen_refuse(ret_error, "--thp=%s: must be never or always", text);
	return 0;
}

static int parse_simulate(const char *text, enum gen_action *ret, struct gen_error *ret_error)
{
	if (text && strcmp(text, "samples") != 0 && strcmp(text, "truth") != 0)
		return gen_refuse(ret_error, "--simulate=%s: must be truth or samples", text);
	*ret = text && strcmp(text, "samples") == 0 ? GEN_SIMULATE_SAMPLES : GEN_SIMULATE;
	return 0;
}

static int parse_memory(const char *text, uint64_t *ret_bytes, struct gen_error *ret_error)
{
	if (units_parse_size(text, ret_bytes) || *ret_bytes == 0)
		return gen_refuse(ret_error, "--memory=%s: not a size above 0 (examples: %s)", text,
			UNITS_SIZE_EXAMPLES);
	return 0;
}

static int set_common_option(
	int opt, const char *text, struct gen_config *config, struct gen_error *ret_error)
{
	const char *name = common_options[opt - GEN_OPT_COUNT].name;
	uint64_t count = 0;
	int err = 0;

	switch (opt) {
	case OPT_START_DELAY:
		return parse_duration(name, text, &config->start_delay_ns, ret_error);
	case OPT_DURATION:
		return parse_duration(name, text, &config->duration_ns, ret_error);
	case OPT_STOP:
		return parse_duration(name, text, &config->params.stop_ns, ret_error);
	case OPT_INTERVAL:
		return parse_duration(name, text, &config->interval_ns, ret_error);
	case OPT_JITTER:
		return parse_jitter(text, &config->params.jitter, ret_error);
	case OPT_SEED:
		return parse_count(name, text, 0, UINT64_MAX, &config->params.seed, ret_error);
	case OPT_PROCESSES:
		err = parse_count(name, text, 1, GEN_PROCESSES_MAX, &count, ret_error);
		config->processes = (unsigned)count;
		return err;
	case OPT_THREADS:
		err = parse_count(name, text, 1, GEN_THREADS_MAX, &count, ret_error);
		config->threads = (unsigned)count;
		return err;
	case OPT_LEAKING:
		err = parse_count(name, text, 1, GEN_PROCESSES_MAX, &count, ret_error);
		config->leaking = (unsigned)count;
		return err;
	case OPT_TRUTH:
		config->truth_path = text;
		return 0;
	case OPT_MEMORY:
		return parse_memory(text, &config->memory_bytes, ret_error);
	case OPT_PAGES:
		return parse_pages(text, &config->holder, ret_error);
	case OPT_DIR:
		config->dir = text;
		return 0;
	case OPT_THP:
		return parse_thp(text, &config->thp_always, ret_error);
	case OPT_SIMULATE:
		return parse_simulate(text, &config->action, ret_error);
	default:
		return 0;
	}
}

uint64_t gen_huge_page_bytes(void)
{
	FILE *file = fopen(HUGE_PAGE_FILE, "re");
	unsigned long long bytes = 0;

	if (file) {
		if (fscanf(file, "%llu", &bytes) != 1)
			bytes = 0;
		fclose(file);
	}
	return bytes ? bytes : HUGE_PAGE_BYTES_DEFAULT;
}

/* An option that the holder does not take; names the holders that do. */
static int refuse_with_pages(const char *option, unsigned flag, const struct gen_config *config,
	struct gen_error *ret_error)
{
	gen_refuse(ret_error, "%s: not with --pages=%s, only with", option, config->holder->name);
	for (size_t i = 0; gen_holders[i]; i++) {
		if (!(gen_holders[i]->takes & flag))
			continue;
		append(ret_error, " --pages=");
		append(ret_error, gen_holders[i]->name);
	}
	return -EINVAL;
}

static uint64_t unit_bytes(const struct gen_config *config)
{
	if (config->thp_always)
		return gen_huge_page_bytes();
	return config->holder->unit_bytes ? config->holder->unit_bytes(config) : config->page_bytes;
}

/* Splits @text at blanks into @argv, behind the program's name. -E2BIG when there are too many. */
static int split_words(char *text, char **argv, int *ret_argc)
{
	static char program[] = "memgen";
	char *save = NULL;
	int argc = 0;

	argv[argc++] = program;
	for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (argc == OTHERS_WORDS_MAX)
			return -E2BIG;
		argv[argc++] = word;
	}
	argv[argc] = NULL;
	*ret_argc = argc;
	return 0;
}

/* @text is a pattern with its own options; jitter and seed are those of the run. */
static int read_others(const char *text, struct gen_config *other, struct gen_error *ret_error)
{
	struct command_line line = { 0 };
	char *argv[OTHERS_WORDS_MAX + 1];
	char words[256];
	int argc, err;

	if (snprintf(words, sizeof(words), "%s", text) >= (int)sizeof(words) ||
		split_words(words, argv, &argc))
		return gen_refuse(ret_error, "too long");
	err = read_command_line(argc, argv, &line, ret_error);
	for (int opt = GEN_OPT_COUNT; !err && opt < OPT_COUNT; opt++)
		if (line.given[opt])
			err = gen_refuse(ret_error, "--%s: give it to all, outside of --others",
				common_options[opt - GEN_OPT_COUNT].name);
	if (!err)
		err = find_pattern(line.pattern, &other->pattern, ret_error);
	return err ? err : set_pattern_options(&line, other, ret_error);
}

/* What the processes that do not run the pattern do instead. */
static int set_others(
	const struct command_line *line, struct gen_config *config, struct gen_error *ret_error)
{
	const char *text = line->given[OPT_OTHERS] ? line->value[OPT_OTHERS] : OTHERS_DEFAULT;
	struct gen_config other = { .page_bytes = config->page_bytes };
	struct gen_error error = { "" };

	if (!line->given[OPT_LEAKING])
		config->leaking = line->given[OPT_OTHERS] ? 1 : config->processes;
	if (config->leaking > config->processes)
		return gen_refuse(ret_error, "--leaking=%u: more than --processes (%u)",
			config->leaking, config->processes);
	if (config->leaking == config->processes) {
		if (line->given[OPT_OTHERS])
			return gen_refuse(ret_error,
				"--others: there are none; raise --processes or lower --leaking");
		return 0;
	}
	other.params.jitter = config->params.jitter;
	if (read_others(text, &other, &error))
		return gen_refuse(ret_error, "--others=%.100s: %.300s", text, error.text);
	/* Verdicts on the cgroup of all are held against its first process. */
	if (other.pattern->class == GEN_LEAK && config->pattern->class == GEN_BENIGN)
		return gen_refuse(ret_error,
			"--others=%.100s: a leak beside %s, which is none; swap them", text,
			config->pattern->name);
	config->other = other.pattern;
	config->other_params = other.params;
	return 0;
}

/* The times of the samples, counted from onset. */
static void set_ticks(struct gen_config *config)
{
	config->tick_ns = GEN_TICK_NS;
	if (!gen_is_simulated(config))
		return;
	config->tick_ns = config->interval_ns;
	config->phase_ns = config->start_delay_ns % config->interval_ns;
	if (config->phase_ns)
		config->phase_ns = config->interval_ns - config->phase_ns;
}

/* Options that are right alone, but not with the others. */
static int check_together(const struct command_line *line, const struct gen_config *config,
	struct gen_error *ret_error)
{
	bool samples = config->action == GEN_SIMULATE_SAMPLES;

	if (config->duration_ns == 0)
		return gen_refuse(ret_error, "--duration=0: must be more than 0 (examples: %s)",
			UNITS_DURATION_EXAMPLES);
	if (config->start_delay_ns >= config->duration_ns)
		return gen_refuse(ret_error,
			"--start-delay=%gs%s: not less than --duration (%gs): nothing would "
			"happen; give a longer --duration, or --start-delay=0",
			gen_seconds(config->start_delay_ns),
			line->given[OPT_START_DELAY] ? "" : " (the default)",
			gen_seconds(config->duration_ns));
	if (line->given[OPT_STOP] && config->params.stop_ns == 0)
		return gen_refuse(ret_error, "--stop=0: must be more than 0 (a pattern that never "
					     "moves: memgen steady)");
	if (config->interval_ns < INTERVAL_MIN_NS)
		return gen_refuse(ret_error, "--interval: too short (the least is 1ms)");
	if (line->given[OPT_INTERVAL] && !gen_is_simulated(config))
		return gen_refuse(ret_error, "--interval: only with --simulate");
	if (line->given[OPT_TRUTH] && !samples)
		return gen_refuse(ret_error,
			"--truth: only with --simulate=samples (otherwise the truth is on stdout)");
	if (line->given[OPT_MEMORY] && !samples)
		return gen_refuse(ret_error, "--memory: only with --simulate=samples");
	if (line->given[OPT_JSON])
		return gen_refuse(ret_error, "--json: only with --list");
	if (line->given[OPT_DIR] && !(config->holder->takes & GEN_TAKES_DIR))
		return refuse_with_pages("--dir", GEN_TAKES_DIR, config, ret_error);
	if (config->thp_always && !(config->holder->takes & GEN_TAKES_THP))
		return refuse_with_pages("--thp=always", GEN_TAKES_THP, config, ret_error);
	if (config->threads > 1 && !(config->holder->takes & GEN_TAKES_THREADS))
		return refuse_with_pages("--threads", GEN_TAKES_THREADS, config, ret_error);
	if (line->given[OPT_DESCRIBE] && gen_is_simulated(config))
		return gen_refuse(ret_error, "--describe and --simulate: one of them");
	return 0;
}

static int check_peak(const struct gen_config *config, struct gen_error *ret_error)
{
	double peak = gen_peak_bytes(config->pattern, &config->params, gen_span_ns(config));
	char text[UNITS_TEXT_SIZE], unit[UNITS_TEXT_SIZE];

	if (!(peak <= (double)GEN_PEAK_MAX_BYTES))
		return gen_refuse(ret_error,
			"%s would hold more than 64TiB at its end; "
			"shorten --duration or grow more slowly",
			config->pattern->name);
	units_format_size(peak, text, sizeof(text));
	units_format_size((double)config->unit_bytes, unit, sizeof(unit));
	if (peak < (double)config->unit_bytes)
		return gen_refuse(ret_error,
			"%s would hold only %s at its end, less than one unit (%s); "
			"lengthen --duration or grow faster",
			config->pattern->name, text, unit);
	return 0;
}

int gen_config_parse(int argc, char **argv, struct gen_config *ret, struct gen_error *ret_error)
{
	struct command_line line = { 0 };
	struct gen_config config = {
		.action = GEN_RUN,
		.start_delay_ns = 5 * NS_PER_S,
		.duration_ns = 60 * NS_PER_S,
		.processes = 1,
		.threads = 1,
		.holder = gen_holders[0],
		.dir = "/tmp",
		.interval_ns = 100 * NS_PER_MS,
		.page_bytes = (uint64_t)sysconf(_SC_PAGESIZE),
		.params.seed = 1,
	};
	int err;

	err = read_command_line(argc, argv, &line, ret_error);
	if (err)
		return err;
	if (line.given[OPT_HELP] || line.given[OPT_VERSION] || line.given[OPT_LIST]) {
		config.action = line.given[OPT_HELP]	  ? GEN_HELP
				: line.given[OPT_VERSION] ? GEN_VERSION
							  : GEN_LIST;
		config.json = line.given[OPT_JSON];
		*ret = config;
		return 0;
	}
	err = find_pattern(line.pattern, &config.pattern, ret_error);
	for (int opt = GEN_OPT_COUNT; !err && opt < OPT_COUNT; opt++)
		if (line.given[opt])
			err = set_common_option(opt, line.value[opt], &config, ret_error);
	if (!err)
		err = set_pattern_options(&line, &config, ret_error);
	if (!err)
		err = set_others(&line, &config, ret_error);
	if (!err)
		err = check_together(&line, &config, ret_error);
	if (err)
		return err;
	set_ticks(&config);
	if (line.given[OPT_DESCRIBE])
		config.action = GEN_DESCRIBE;
	config.unit_bytes = unit_bytes(&config);
	err = check_peak(&config, ret_error);
	if (!err && config.other) {
		struct gen_config other = gen_process_config(&config, config.leaking);

		err = check_peak(&other, ret_error);
	}
	if (err)
		return err;
	*ret = config;
	return 0;
}
