// SPDX-License-Identifier: GPL-2.0-or-later
#include "generators/gen_truth.h"

#include <string.h>
#include <sys/wait.h>

#include "lib/jsonl.h"
#include "lib/revision.h"

void gen_truth_init(struct gen_truth *truth, int fd, FILE *file)
{
	truth->fd = fd;
	truth->file = file;
	truth->err = 0;
	memset(truth->buf, 1, sizeof(truth->buf));
}

static void begin(struct gen_truth *truth, struct jsonl *ret_line, const char *type)
{
	jsonl_begin(ret_line, truth->buf, sizeof(truth->buf));
	jsonl_str(ret_line, "type", type);
}

static void begin_at(
	struct gen_truth *truth, struct jsonl *ret_line, const char *type, uint64_t t_ns)
{
	begin(truth, ret_line, type);
	jsonl_u64(ret_line, "t_ns", t_ns);
}

static int finish(struct gen_truth *truth, struct jsonl *line)
{
	int err =
		truth->file ? jsonl_write_file(line, truth->file) : jsonl_write_fd(line, truth->fd);

	if (err)
		truth->err = err;
	return err;
}

static void put_params(struct jsonl *line, const struct gen_config *config)
{
	const struct gen_params *params = &config->params;

	jsonl_object_begin(line, "params");
	for (size_t i = 0; config->pattern->options[i].value; i++) {
		enum gen_opt opt = config->pattern->options[i].opt;
		double value = gen_option_value(opt, params);

		jsonl_f64(line, gen_options[opt].key, value,
			gen_options[opt].kind == GEN_KIND_SIZE ? 0 : 6);
	}
	jsonl_f64(line, "start_delay_s", gen_seconds(config->start_delay_ns), 6);
	jsonl_f64(line, "duration_s", gen_seconds(config->duration_ns), 6);
	if (params->stop_ns)
		jsonl_f64(line, "stop_s", gen_seconds(params->stop_ns), 6);
	jsonl_f64(line, "jitter_percent", 100 * params->jitter, 3);
	jsonl_object_end(line);
}

int gen_truth_start(struct gen_truth *truth, const struct gen_config *config, uint64_t t_ns)
{
	struct jsonl line;
	int err;

	begin(truth, &line, "header");
	jsonl_str(&line, "format", "leaklab.truth");
	jsonl_u64(&line, "version", 1);
	jsonl_str(&line, "generator", "memgen");
	jsonl_str(&line, "revision", revision());
	err = finish(truth, &line);
	if (err)
		return err;
	begin_at(truth, &line, "start", t_ns);
	jsonl_str(&line, "pattern", config->pattern->name);
	jsonl_str(&line, "class", gen_config_class(config));
	jsonl_str(&line, "pages", config->holder->name);
	jsonl_str(&line, "ledger", gen_ledger_name(config->holder->ledger));
	jsonl_str(&line, "kind", config->holder->kind);
	jsonl_bool(&line, "reclaimable", config->holder->reclaimable);
	jsonl_u64(&line, "page_bytes", config->page_bytes);
	jsonl_u64(&line, "seed", config->params.seed);
	jsonl_u64(&line, "processes", config->processes);
	jsonl_u64(&line, "threads", config->threads);
	jsonl_bool(&line, "simulated", config->action != GEN_RUN);
	put_params(&line, config);
	return finish(truth, &line);
}

int gen_truth_process(struct gen_truth *truth, const struct gen_config *config, uint64_t t_ns,
	unsigned proc, int pid)
{
	struct jsonl line;

	begin_at(truth, &line, "process", t_ns);
	jsonl_u64(&line, "proc", proc);
	jsonl_i64(&line, "pid", pid);
	if (proc >= config->leaking) {
		const struct gen_config other = gen_process_config(config, proc);

		jsonl_str(&line, "pattern", other.pattern->name);
		jsonl_str(&line, "class", gen_config_class(&other));
	}
	return finish(truth, &line);
}

int gen_truth_ready(struct gen_truth *truth, uint64_t t_ns)
{
	struct jsonl line;

	begin_at(truth, &line, "ready", t_ns);
	return finish(truth, &line);
}

int gen_truth_onset(struct gen_truth *truth, uint64_t t_ns, unsigned proc, uint64_t unit_bytes)
{
	struct jsonl line;

	begin_at(truth, &line, "onset", t_ns);
	jsonl_u64(&line, "proc", proc);
	jsonl_u64(&line, "unit_bytes", unit_bytes);
	return finish(truth, &line);
}

int gen_truth_step(struct gen_truth *truth, const struct gen_step *step)
{
	struct jsonl line;

	begin_at(truth, &line, "step", step->t_ns);
	jsonl_u64(&line, "proc", step->proc);
	jsonl_u64(&line, "asked_bytes", (uint64_t)step->asked_bytes);
	jsonl_u64(&line, "touched_bytes", step->touched_bytes);
	jsonl_u64(&line, "retained_bytes", step->retained_bytes);
	if (step->kept_bytes != GEN_KEPT_ALL)
		jsonl_u64(&line, "kept_bytes", step->kept_bytes);
	jsonl_u64(&line, "released_bytes", step->released_bytes);
	jsonl_i64(&line, "late_ns", step->late_ns);
	return finish(truth, &line);
}

int gen_truth_measured(struct gen_truth *truth, uint64_t t_ns, unsigned proc,
	uint64_t retained_bytes, int64_t measured_bytes, bool reclaimable)
{
	struct jsonl line;

	begin_at(truth, &line, "measured", t_ns);
	jsonl_u64(&line, "proc", proc);
	jsonl_u64(&line, "retained_bytes", retained_bytes);
	if (measured_bytes < 0)
		jsonl_null(&line, "smaps_bytes");
	else
		jsonl_i64(&line, "smaps_bytes", measured_bytes);
	if (measured_bytes < 0 || reclaimable)
		jsonl_null(&line, "shortfall_bytes");
	else
		jsonl_i64(&line, "shortfall_bytes", (int64_t)retained_bytes - measured_bytes);
	return finish(truth, &line);
}

int gen_truth_exited(struct gen_truth *truth, uint64_t t_ns, unsigned proc, int pid, int status)
{
	struct jsonl line;

	begin_at(truth, &line, "exited", t_ns);
	jsonl_u64(&line, "proc", proc);
	jsonl_i64(&line, "pid", pid);
	if (WIFSIGNALED(status))
		jsonl_i64(&line, "signal", WTERMSIG(status));
	else
		jsonl_i64(&line, "exit_code", WEXITSTATUS(status));
	return finish(truth, &line);
}

int gen_truth_end(struct gen_truth *truth, uint64_t t_ns, const char *reason, uint64_t cpu_ns)
{
	struct jsonl line;

	begin_at(truth, &line, "end", t_ns);
	jsonl_str(&line, "reason", reason);
	jsonl_u64(&line, "cpu_ns", cpu_ns);
	return finish(truth, &line);
}
