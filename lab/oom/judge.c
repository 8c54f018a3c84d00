// SPDX-License-Identifier: GPL-2.0-or-later
/* What the sources' answers amount to. Pure: no I/O, no clock. The rule is told in docs/oom.md. */
#include "lab/oom/oom.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *oom_source_name(enum oom_source source)
{
	static const char *const names[] = { "trace", "events", "status", "podman", "conmon",
		"klog" };

	return names[source];
}

const char *oom_answer_name(enum oom_answer answer)
{
	static const char *const names[] = { "unknown", "no", "yes" };

	return names[answer];
}

const char *oom_scope_name(enum oom_scope scope)
{
	static const char *const names[] = { "none", "main", "child", "group", "unknown" };

	return names[scope];
}

const char *oom_limit_name(enum oom_limit limit)
{
	static const char *const names[] = { "unknown", "own", "ancestor", "host" };

	return names[limit];
}

void oom_evidence_init(struct oom_evidence *evidence, const char *cgroup_path, pid_t main_pid)
{
	memset(evidence, 0, sizeof(*evidence));
	snprintf(evidence->cgroup_path, sizeof(evidence->cgroup_path), "%s", cgroup_path);
	evidence->main_pid = main_pid;
	for (int i = 0; i < OOM_SOURCES; i++)
		oom_say(evidence, (enum oom_source)i, OOM_UNKNOWN, "not asked");
}

void oom_say(struct oom_evidence *evidence, enum oom_source source, enum oom_answer answer,
	const char *why, ...)
{
	struct oom_said *said = &evidence->said[source];
	va_list args;

	said->answer = answer;
	va_start(args, why);
	vsnprintf(said->why, sizeof(said->why), why, args);
	va_end(args);
}

void oom_add_victim(struct oom_evidence *evidence, const struct oom_victim *victim)
{
	for (size_t i = 0; i < evidence->victims_count; i++)
		if (evidence->victims[i].pid == victim->pid &&
			evidence->victims[i].source == victim->source)
			return;
	if (evidence->victims_count < OOM_VICTIMS_MAX)
		evidence->victims[evidence->victims_count++] = *victim;
}

void oom_copy_comm(char *to, size_t size, const char *from, size_t len)
{
	size_t used = 0;

	for (size_t i = 0; i < len && used + 5 < size; i++) {
		unsigned char c = (unsigned char)from[i];

		if (c < 0x20 || c >= 0x7f)
			used += (size_t)snprintf(to + used, size - used, "\\x%02x", c);
		else
			to[used++] = (char)c;
	}
	to[used] = '\0';
}

/* SIGKILL for sure, or by an exit code that says so. */
static bool ended_by_kill(const struct oom_evidence *evidence)
{
	return evidence->end == OOM_END_EXITED_KILL ||
	       (evidence->end == OOM_END_SIGNALLED && evidence->end_code == SIGKILL);
}

/* It cannot have been the victim: it lives, or ended in another way. */
static bool outlived(const struct oom_evidence *evidence)
{
	return evidence->end != OOM_END_UNKNOWN && !ended_by_kill(evidence);
}

static bool names_main(const struct oom_evidence *evidence)
{
	for (size_t i = 0; i < evidence->victims_count; i++)
		if (evidence->main_pid && evidence->victims[i].pid == evidence->main_pid)
			return true;
	return false;
}

static bool names_by(const struct oom_evidence *evidence, enum oom_source source)
{
	for (size_t i = 0; i < evidence->victims_count; i++)
		if (evidence->victims[i].source == source)
			return true;
	return false;
}

/* The tracepoint fires for a victim that was exiting anyway too: look for what speaks for a kill.
 */
static enum oom_answer judge_by_trace(const struct oom_evidence *evidence)
{
	if (evidence->said[OOM_KLOG].answer == OOM_NO)
		return OOM_NO;
	if (names_main(evidence))
		return outlived(evidence) ? OOM_NO : OOM_YES;
	if (ended_by_kill(evidence) || evidence->said[OOM_PODMAN].answer == OOM_YES ||
		evidence->said[OOM_CONMON].answer == OOM_YES)
		return OOM_YES;
	return OOM_UNKNOWN;
}

static enum oom_answer judge_killed(const struct oom_evidence *evidence)
{
	const struct oom_said *said = evidence->said;

	/* Both are written by the kernel function that sends the signal. */
	if (said[OOM_EVENTS].answer == OOM_YES || said[OOM_KLOG].answer == OOM_YES)
		return OOM_YES;
	if (said[OOM_EVENTS].answer == OOM_NO)
		return OOM_NO;
	if (said[OOM_TRACE].answer == OOM_YES)
		return judge_by_trace(evidence);
	if (said[OOM_TRACE].answer == OOM_NO || said[OOM_KLOG].answer == OOM_NO)
		return OOM_NO;
	/* Podman tells what conmon was told, and errs both ways: not without a SIGKILL. */
	if (said[OOM_PODMAN].answer == OOM_YES && ended_by_kill(evidence))
		return OOM_YES;
	return OOM_UNKNOWN;
}

static enum oom_scope judge_scope(const struct oom_evidence *evidence, enum oom_answer killed)
{
	if (killed == OOM_NO)
		return OOM_SCOPE_NONE;
	if (killed == OOM_UNKNOWN)
		return OOM_SCOPE_UNKNOWN;
	if (outlived(evidence))
		return OOM_SCOPE_CHILD;
	if (evidence->group == OOM_YES)
		return OOM_SCOPE_GROUP;
	if (names_main(evidence))
		return OOM_SCOPE_MAIN;
	/* The recorder names processes; the kernel log may name a thread of the first one. */
	if (names_by(evidence, OOM_TRACE) && evidence->victims_count < OOM_VICTIMS_MAX)
		return OOM_SCOPE_CHILD;
	if (evidence->victims_count)
		return OOM_SCOPE_UNKNOWN;
	return ended_by_kill(evidence) ? OOM_SCOPE_MAIN : OOM_SCOPE_UNKNOWN;
}

/* The first victim; of several sources the one that stands first in enum oom_source. */
static const struct oom_victim *first_victim(const struct oom_evidence *evidence)
{
	const struct oom_victim *first = NULL;

	for (size_t i = 0; i < evidence->victims_count; i++) {
		const struct oom_victim *victim = &evidence->victims[i];

		if (!first || victim->source < first->source ||
			(victim->source == first->source && victim->t_ns < first->t_ns))
			first = victim;
	}
	return first;
}

/* The log's clock is not ours: its time comes after that of the wakeup. */
static void judge_time(const struct oom_evidence *evidence, struct oom_verdict *verdict)
{
	const struct oom_victim *victim =
		verdict->victim && verdict->victim->t_ns ? verdict->victim : NULL;

	if (victim && victim->source == OOM_TRACE) {
		verdict->t_ns = victim->t_ns;
		verdict->t_source = oom_source_name(OOM_TRACE);
	} else if (evidence->notified_ns) {
		verdict->t_ns = evidence->notified_ns;
		verdict->t_source = oom_source_name(OOM_EVENTS);
	} else if (victim) {
		verdict->t_ns = victim->t_ns;
		verdict->t_source = oom_source_name(OOM_KLOG);
	} else if (evidence->ended_ns && verdict->scope != OOM_SCOPE_CHILD) {
		verdict->t_ns = evidence->ended_ns;
		verdict->t_source = "end";
	}
}

void oom_judge(const struct oom_evidence *evidence, struct oom_verdict *ret)
{
	struct oom_verdict verdict = { .killed = judge_killed(evidence) };

	verdict.scope = judge_scope(evidence, verdict.killed);
	if (verdict.killed == OOM_YES) {
		verdict.limit = evidence->limit;
		if (*evidence->limit_path)
			verdict.limit_path = evidence->limit_path;
		verdict.victim = first_victim(evidence);
		judge_time(evidence, &verdict);
	}
	for (int i = 0; i < OOM_SOURCES; i++) {
		enum oom_answer answer = evidence->said[i].answer;

		verdict.lied[i] = verdict.killed != OOM_UNKNOWN && answer != OOM_UNKNOWN &&
				  answer != verdict.killed;
	}
	*ret = verdict;
}
