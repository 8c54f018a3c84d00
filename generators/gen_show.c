// SPDX-License-Identifier: GPL-2.0-or-later
#include "generators/gen_show.h"

#include <limits.h>

#include "lib/jsonl.h"

static const char usage[] =
	"Usage: memgen PATTERN [OPTION...]\n"
	"Holds memory whose size is a known function of time, and writes the truth of it to\n"
	"stdout, one JSON object a line.\n";

static const char common_help[] =
	"All patterns take:\n"
	"  --start-delay=TIME   from ready to onset (default 5s)\n"
	"  --duration=TIME      from ready to the end (default 60s)\n"
	"  --stop=TIME          after onset; from then on the pattern stands still\n"
	"  --jitter=PERCENT     size and interval of each step vary by so much; 0 to 100\n"
	"                       (default 0); what is held does not drift from its schedule\n"
	"  --seed=N             of the jitter (default 1)\n"
	"  --processes=N        run the pattern in N processes (default 1)\n"
	"  --leaking=K          only the first K of them run it (default: all; with --others 1)\n"
	"  --others='PATTERN OPTION...'\n"
	"                       what the others do (default 'steady --size=20MiB'), each healthy\n"
	"                       one in a phase of its own\n"
	"  --threads=N          divide the touching of each process among N threads (default 1)\n"
	"  --pages=KIND         what holds the memory, see below (default anon)\n"
	"  --dir=DIR            where the pages of a file on a disk have it (default /tmp)\n"
	"  --thp=never|always   huge pages (default never); always grows by whole huge pages\n"
	"\n";

static const char after_help[] =
	"\n"
	"Instead of running:\n"
	"  --simulate[=truth]   the same truth in virtual time, without any memory\n"
	"  --simulate=samples   the samples that an exact collector would see of it\n"
	"    --truth=FILE       and the truth into FILE, in the same pass\n"
	"    --memory=SIZE      the limit of the cgroup that they tell of (default none)\n"
	"  --interval=TIME      between two simulated samples, and steps of the truth\n"
	"                       (default 100ms)\n"
	"  --describe           peak and times of this run, as JSON\n"
	"  --list [--json]      the patterns and kinds of pages\n"
	"  -h, --help, --version\n"
	"\n"
	"Sizes are 512MiB, 1G, 50MB; rates 1MiB/s, 10KB/s, 64KiB/min; times 20s, 500ms, 1m30s.\n"
	"\n"
	"Examples:\n"
	"  memgen linear --rate=4KiB/s --duration=10min\n"
	"  memgen burst --size=50MiB --every=20s --jitter=10 --seed=7\n"
	"  memgen cache --pages=file --dir=/var/tmp --rate=10MiB/s --size=200MiB\n"
	"  memgen linear --pages=socket --rate=256KiB/s\n"
	"  memgen sawtooth --simulate=samples --duration=3h | memgrowth replay -\n"
	"\n"
	"Exit: 0 ended by duration or signal, 2 usage, 3 could not do what was asked,\n"
	"128+N one of the processes was killed by signal N.\n";

static void show_holders(FILE *out)
{
	fputs("Kinds of pages. What the truth tells is what the kernel charges to the memory\n"
	      "cgroup, within 1 MiB or the share that is given; RSS: processes show it as "
	      "resident,\n"
	      "cgroup: only the charge does. What is reclaimable is no leak, whatever the "
	      "pattern.\n",
		out);
	for (size_t i = 0; gen_holders[i]; i++) {
		const struct gen_holder *holder = gen_holders[i];

		fprintf(out, "  %-9s %-6s %u %%  %s%s\n", holder->name,
			holder->ledger == GEN_LEDGER_PROCESS ? "RSS" : "cgroup",
			holder->tolerance_percent, holder->summary,
			holder->reclaimable ? " (reclaimable)" : "");
	}
}

void gen_show_help(FILE *out)
{
	fprintf(out, "%s\nPatterns and their options:\n", usage);
	for (size_t i = 0; gen_patterns[i]; i++) {
		const struct gen_pattern *pattern = gen_patterns[i];

		fprintf(out, "  %-13s %s\n               ", pattern->name, pattern->summary);
		for (size_t k = 0; pattern->options[k].value; k++)
			fprintf(out, " --%s=%s", gen_options[pattern->options[k].opt].name,
				pattern->options[k].value);
		fputc('\n', out);
	}
	fprintf(out, "\nThe values are the defaults. What they mean:\n");
	for (int opt = 0; opt < GEN_OPT_COUNT; opt++)
		fprintf(out, "  --%-11s %s\n", gen_options[opt].name, gen_options[opt].help);
	fprintf(out, "\n%s", common_help);
	show_holders(out);
	fputs(after_help, out);
}

static void put_holders(struct jsonl *line)
{
	jsonl_array_begin(line, "pages");
	for (size_t i = 0; gen_holders[i]; i++) {
		const struct gen_holder *holder = gen_holders[i];

		jsonl_object_begin(line, NULL);
		jsonl_str(line, "name", holder->name);
		jsonl_str(line, "ledger", gen_ledger_name(holder->ledger));
		jsonl_str(line, "kind", holder->kind);
		jsonl_bool(line, "reclaimable", holder->reclaimable);
		jsonl_u64(line, "tolerance_percent", holder->tolerance_percent);
		jsonl_str(line, "summary", holder->summary);
		jsonl_object_end(line);
	}
	jsonl_array_end(line);
}

static int list_json(FILE *out)
{
	char buf[JSONL_LINE_SIZE];
	struct jsonl line;

	jsonl_begin(&line, buf, sizeof(buf));
	jsonl_array_begin(&line, "patterns");
	for (size_t i = 0; gen_patterns[i]; i++) {
		const struct gen_pattern *pattern = gen_patterns[i];

		jsonl_object_begin(&line, NULL);
		jsonl_str(&line, "name", pattern->name);
		jsonl_str(&line, "class", gen_class_name(pattern->class));
		jsonl_str(&line, "summary", pattern->summary);
		jsonl_object_begin(&line, "options");
		for (size_t k = 0; pattern->options[k].value; k++)
			jsonl_str(&line, gen_options[pattern->options[k].opt].name,
				pattern->options[k].value);
		jsonl_object_end(&line);
		jsonl_object_end(&line);
	}
	jsonl_array_end(&line);
	put_holders(&line);
	return jsonl_write_file(&line, out);
}

int gen_show_list(FILE *out, bool json)
{
	if (json)
		return list_json(out);
	fprintf(out, "%-13s %-7s %s\n", "PATTERN", "CLASS", "SUMMARY");
	for (size_t i = 0; gen_patterns[i]; i++)
		fprintf(out, "%-13s %-7s %s\n", gen_patterns[i]->name,
			gen_class_name(gen_patterns[i]->class), gen_patterns[i]->summary);
	fprintf(out, "\n%-13s %-7s %-11s %s\n", "PAGES", "LEDGER", "KIND", "SUMMARY");
	for (size_t i = 0; gen_holders[i]; i++)
		fprintf(out, "%-13s %-7s %-11s %s%s\n", gen_holders[i]->name,
			gen_ledger_name(gen_holders[i]->ledger), gen_holders[i]->kind,
			gen_holders[i]->summary,
			gen_holders[i]->reclaimable ? " (reclaimable)" : "");
	return 0;
}

/* What a process needs beside its peak: the holder's own, and what the truth may be short of. */
static uint64_t overhead_bytes(const struct gen_config *config, uint64_t peak_bytes)
{
	const struct gen_holder *holder = config->holder;
	uint64_t bytes = peak_bytes * holder->tolerance_percent / 100;

	return bytes + (holder->overhead_bytes ? holder->overhead_bytes(config, peak_bytes) : 0);
}

/* What each process holds at most: of unlike ones the mean, so that the sum of all is right. */
static uint64_t peak_units(const struct gen_config *config)
{
	uint64_t most = 0, sum = 0;

	for (unsigned proc = 0; proc < config->processes; proc++) {
		struct gen_config process = gen_process_config(config, proc);
		uint64_t units = gen_peak_units(&process);

		sum += units;
		if (units > most)
			most = units;
	}
	return config->other ? (sum + config->processes - 1) / config->processes : most;
}

int gen_show_describe(FILE *out, const struct gen_config *config)
{
	uint64_t peak_bytes = peak_units(config) * config->unit_bytes;
	char buf[PIPE_BUF];
	struct jsonl line;

	jsonl_begin(&line, buf, sizeof(buf));
	jsonl_str(&line, "pattern", config->pattern->name);
	jsonl_str(&line, "class", gen_config_class(config));
	jsonl_str(&line, "pages", config->holder->name);
	jsonl_str(&line, "ledger", gen_ledger_name(config->holder->ledger));
	jsonl_str(&line, "kind", config->holder->kind);
	jsonl_bool(&line, "reclaimable", config->holder->reclaimable);
	jsonl_u64(&line, "tolerance_percent", config->holder->tolerance_percent);
	jsonl_u64(&line, "unit_bytes", config->unit_bytes);
	jsonl_u64(&line, "overhead_bytes", overhead_bytes(config, peak_bytes));
	jsonl_u64(&line, "peak_bytes", peak_bytes);
	jsonl_u64(&line, "processes", config->processes);
	jsonl_f64(&line, "onset_s", gen_seconds(config->start_delay_ns), 6);
	jsonl_f64(&line, "duration_s", gen_seconds(config->duration_ns), 6);
	return jsonl_write_file(&line, out);
}
