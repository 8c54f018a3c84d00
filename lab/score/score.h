/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Judges a detector: what the workloads did (truth) against what the detector said. Pure: no I/O,
 * no clock, no knowledge of files; structs in, structs out. docs/scoring.md says what every
 * figure means and why the constants are what they are.
 *
 * A unit is one process of one workload instance in one run, or the whole instance when its truth
 * is in the ledger of cgroups. An alarm is one stretch of a verdict of one tier on one address
 * space or cgroup, from "raised" to "withdrawn" or "ended".
 *
 * All times are CLOCK_MONOTONIC in ns. Doubles that are unknown are NAN. Strings and arrays of the
 * inputs are borrowed and must outlive the result.
 */
#ifndef LEAKLAB_LAB_SCORE_SCORE_H
#define LEAKLAB_LAB_SCORE_SCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/stats.h"

/* A growing alarm is false when nothing grew within this time before it. */
#define SCORE_RISE_WINDOW_NS 5000000000ULL
/* Truth is written at most this often: a step tells of what grew since. */
#define SCORE_STEP_NS 100000000ULL
/* And it becomes false when it is left standing over a benign unit that grew no more so long. */
#define SCORE_STALE_NS 10000000000ULL
/* Of growth in steps twice its longest pause is allowed, but after a longer one it is new. */
#define SCORE_PAUSE_MAX_NS 40000000000ULL
/* TPR counts growing alarms up to this latency; the leak tier has until the end of the unit. */
#define SCORE_GROWING_DEADLINE_NS 10000000000ULL
/* The second moment at which the rate is compared, after the alarm. */
#define SCORE_RATE_LATER_NS 10000000000ULL
/* When confidence is compared with severity, after onset. */
#define SCORE_CONFIDENCE_AT_NS 30000000000ULL
/* A generator that is further from its schedule, or from its own smaps, broke its contract. */
#define SCORE_LATE_MAX_NS 1000000000ULL
#define SCORE_SHORTFALL_MAX 0.01
/* Time to limit is judged from here on after the tier's alarm, and counts as right in this band. */
#define SCORE_LIMIT_AFTER_NS 5000000000ULL
#define SCORE_LIMIT_BAND 0.1
/* The first statement must be made by then: who waits for an easy moment has said nothing. */
#define SCORE_LIMIT_LATE_NS 20000000000ULL
/* Estimates below this are taken as this: the logarithm of nothing says nothing. */
#define SCORE_LIMIT_FLOOR_S 0.001
/* The rate at the onset is over this time, or up to an earlier end, but over no less than this. */
#define SCORE_ONSET_RATE_NS 10000000000ULL
#define SCORE_ONSET_RATE_MIN_NS 1000000000ULL
/* Level of all intervals, and the band in which a rate counts as right. */
#define SCORE_LEVEL 0.95
#define SCORE_RATE_BAND 0.05
/* Rank correlations of fewer units say nothing. */
#define SCORE_CORRELATION_MIN 5

#define SCORE_NO_UNIT SIZE_MAX
#define SCORE_ALL_GROUPS SIZE_MAX
#define SCORE_NO_LIMIT UINT64_MAX

enum score_tier { SCORE_GROWING, SCORE_LEAK, SCORE_TIERS };
enum score_ledger { SCORE_PROCESS, SCORE_CGROUP };
enum score_state { SCORE_RAISED, SCORE_UPDATED, SCORE_WITHDRAWN, SCORE_ENDED };
enum score_moment { SCORE_AT_ALARM, SCORE_AT_LATER, SCORE_AT_END, SCORE_MOMENTS };
enum score_verdict { SCORE_PASS, SCORE_FAIL, SCORE_SKIP, SCORE_BROKEN };

const char *score_tier_name(enum score_tier tier);
const char *score_verdict_name(enum score_verdict verdict);
/* Exit code of the project for @verdict: 0, 1, 77, 3. */
int score_verdict_exit(enum score_verdict verdict);

/* Inputs ---------------------------------------------------------------------------------- */

/* One change of what a process holds. Steps of a unit are in order of t_ns. */
struct score_step {
	uint64_t t_ns; /* all its bytes are touched */
	uint64_t retained_bytes;
	uint64_t late_ns; /* touching was due to begin at t_ns - late_ns or later */
	/* Of retained_bytes, what will be released again; of a leak the rest is what leaks. */
	uint64_t garbage_bytes;
};

struct score_unit {
	size_t group;	      /* units of one scenario share their gates; numbered from 0 */
	const char *run;      /* name of the run */
	const char *instance; /* workload instance in the run */
	unsigned int proc;
	unsigned int procs; /* processes of the instance; 1 of a unit that is the instance */
	const char *pattern;
	/* Name of its class among benign ones; NULL: its pattern. */
	const char *benign_class;
	bool leak;		  /* the generator's class; otherwise benign */
	enum score_ledger ledger; /* where the truth can be seen */
	const char *kind;   /* what a verdict on its cgroup must call it; NULL: nobody knows */
	bool kernel_whole;  /* the kernel does not tell @kind from other kernel memory */
	const char *broken; /* contract that was broken, or NULL; such units are not judged */
	uint64_t process_ns;
	uint64_t ready_ns;
	uint64_t onset_ns; /* when the pattern began to move: t0 of a leak; 0 when never */
	uint64_t end_ns;   /* last moment at which truth and recording both exist */
	const struct score_step *steps;
	size_t steps_count;
	int64_t pid;		 /* on the host */
	const char *cgroup_path; /* NULL when the run does not know */
	const char *limit_cgroup;
	uint64_t limit_bytes; /* effective, or SCORE_NO_LIMIT */
	uint64_t oom_ns;      /* when the limit that binds killed it as expected; 0: never */
	/*
	 * The truth summed over the instance's processes, by which verdicts on its cgroup are
	 * judged; NULL: that of this unit.
	 */
	const struct score_unit *whole;
};

struct score_detection {
	uint64_t t_ns; /* in ascending order over the detections of one run */
	enum score_tier tier;
	enum score_state state;
	size_t run; /* number of its run: address spaces are numbered anew in each */
	enum score_ledger ledger;
	uint64_t subject; /* mm, or id of the cgroup */
	size_t unit;	  /* to which the subject belongs, or SCORE_NO_UNIT */
	int64_t pid;	  /* as the detector says, or as recorded for mm when it does not */
	/* As recorded of the subject; 0 and NULL when unknown. */
	int64_t recorded_pid;
	const char *recorded_path;
	const char *cgroup_path;
	const char *limit_cgroup;
	uint64_t limit_bytes;
	const char *pattern; /* NULL when not stated */
	double rate_bytes_per_s, rate_lo, rate_hi;
	double confidence;
	double score;	  /* raw evidence before calibration */
	const char *kind; /* NULL when not stated */
	double time_to_limit_s, time_to_limit_lo_s, time_to_limit_hi_s;
};

/* Results --------------------------------------------------------------------------------- */

struct score_alarm {
	size_t unit; /* or SCORE_NO_UNIT; also after the unit's end, when no truth speaks */
	size_t run;
	enum score_ledger ledger;
	uint64_t subject; /* mm, or id of the cgroup */
	enum score_tier tier;
	bool first; /* of its unit and tier */
	uint64_t raised_ns;
	uint64_t closed_ns; /* 0 while it stands */
	bool withdrawn;	    /* closed as wrong or over; otherwise the process ended */
	bool early;	    /* at or before t0 of a leak unit; implies wrong */
	bool wrong;	    /* false positive; means nothing without a unit */
	bool attributed;    /* process (of a cgroup: kind), container and limit are the unit's */
	double confidence;  /* when raised */
	double score;	    /* raw evidence when raised */
	int64_t pid;
	const char *path; /* of the cgroup, as recorded; NULL of a process */
	const char *kind; /* of a cgroup, whose kinds are alarms of their own; NULL: not stated */
	const char
		*pattern; /* last stated of it, also when closed, up to the unit's end; or NULL */
};

/*
 * Statements of one tier about one unit, made at least SCORE_LIMIT_AFTER_NS after the tier's alarm
 * and before the kill, of the time until the limit that killed it. Errors are
 * ln(estimated / actual).
 */
struct score_limit {
	bool killed;	   /* the unit was killed; otherwise nothing here means anything */
	size_t statements; /* 0: nothing was said, which counts as wrong */
	size_t within;	   /* of them, estimates within SCORE_LIMIT_BAND of the actual time */
	size_t intervals, covered;
	double error_mean;
	/* Of the first of them. */
	double first_error, first_actual_s, first_estimate_s;
	bool first_within; /* and made within SCORE_LIMIT_LATE_NS of the alarm */
	bool first_interval, first_covered;
};

struct score_rate {
	bool stated;
	double error; /* (stated - true) / true */
	bool interval;
	bool covered; /* the stated interval holds the true rate */
};

/* One unit in one tier. */
struct score_verdicts {
	size_t alarms;
	size_t false_alarms;
	size_t withdrawn;
	bool detected; /* the first alarm came after t0 and before the unit's end */
	bool in_time;  /* and within the tier's deadline */
	uint64_t alarm_ns;
	double latency_s;     /* from t0; of a miss, the time for which it was watched */
	double since_start_s; /* from the start of the process */
	uint64_t leaked_bytes;
	double headroom_share; /* leaked bytes of what was free below the limit at t0 */
	struct score_rate rate[SCORE_MOMENTS];
	double confidence_at; /* last stated up to SCORE_CONFIDENCE_AT_NS after t0, else 0 */
	double confidence_end;
	const char *kind; /* of the first right alarm on its cgroup that states one, or NULL */
	struct score_limit limit;
};

struct score_judged {
	const char *broken; /* as given, or what the truth itself shows; NULL when judged */
	double true_rate_bytes_per_s;  /* mean growth up to the end */
	double onset_rate_bytes_per_s; /* as score_truth_onset_rate() says */
	/*
	 * The alarm that stood longest, of those of the leak tier, if one stood for any time,
	 * otherwise of all; and the one by which the unit is named: the last of that tier and
	 * ledger that stood for at least half as long. One about another kind of memory than the
	 * tier's is none of them. Borrowed from the alarms; NULL: there is none.
	 */
	const struct score_alarm *longest;
	const struct score_alarm *named_by;
	const char *pattern; /* that alarm's, or NULL */
	/* What its cgroup's alarms call it: in the leak tier, else in the other; or NULL. */
	const char *kind;
	bool kind_right; /* it is the unit's */
	struct score_verdicts tier[SCORE_TIERS];
};

struct score_result {
	const struct score_unit *units; /* borrowed */
	size_t units_count;
	struct score_judged *judged; /* one for each unit */
	struct score_alarm *alarms;  /* in order of raised_ns within a run */
	size_t alarms_count;
};

/*
 * Judges @detections, which are grouped by run, against @units.
 * The caller releases @ret with score_done(). Returns 0, -ENOMEM, or -EINVAL when a unit number
 * is out of range.
 */
int score_judge(const struct score_unit *units, size_t units_count,
	const struct score_detection *detections, size_t detections_count,
	struct score_result *ret);
void score_done(struct score_result *result);

/* What truth says (also for reports and tests) --------------------------------------------- */

/* True when @unit's retained bytes rose at some moment within the rise window before @t_ns. */
bool score_truth_rises(const struct score_unit *unit, uint64_t t_ns);
/*
 * True when from @from_ns to @to_ns there is a stretch without a rise longer than SCORE_STALE_NS,
 * or than twice the longest pause between the rises from the onset up to then: growth in steps has
 * pauses. What was before a fall, or before a pause above SCORE_PAUSE_MAX_NS, does not count.
 */
bool score_truth_stale(const struct score_unit *unit, uint64_t from_ns, uint64_t to_ns);
/* Bytes held when the pattern began to move, and what was added to them by @t_ns. */
uint64_t score_truth_base(const struct score_unit *unit);
uint64_t score_truth_leaked(const struct score_unit *unit, uint64_t t_ns);
/*
 * Mean growth of a leak in bytes per second from its first step to @t_ns, linear between steps
 * and not beyond the last one; NAN when it has less than two steps. Before the second step it is
 * the rate between these two: a burst has no rate until the next one comes.
 */
double score_truth_rate(const struct score_unit *unit, uint64_t t_ns);
/*
 * Bytes per second by which what a leak holds grew in the first SCORE_ONSET_RATE_NS after t0, or
 * until its end if that is earlier, from what it held before t0 to its last step of that time: a
 * jump at t0 is spread over it. NAN of what is benign, has no onset, or ended less than
 * SCORE_ONSET_RATE_MIN_NS after it.
 */
double score_truth_onset_rate(const struct score_unit *unit);
/* What @unit's truth breaks of the generator's contract, or NULL. */
const char *score_truth_broken(const struct score_unit *unit);

/*
 * Sums @count truths of one instance, which need pid, kind and figures of the caller: steps, and
 * process_ns, ready_ns, onset_ns and end_ns of the sum, which ends with the first that ends.
 * Changes that lie within SCORE_STEP_NS of each other become one, for the sum has no finer time
 * than its parts. The caller frees @ret_steps. Returns 0 or -ENOMEM.
 */
int score_truth_sum(const struct score_unit *parts, size_t count, struct score_unit *unit,
	struct score_step **ret_steps);
/* True when @stated is right for @unit's cgroup; also when nobody knows what is. */
bool score_kind_right(const struct score_unit *unit, const char *stated);
/* True when @kind is a part of the kernel's own memory. */
bool score_kind_of_kernel(const char *kind);

/* Time to limit --------------------------------------------------------------------------- */

/* Adds @det's estimate to @limit when it has one and it qualifies; @alarm_ns is the tier's alarm.
 */
void score_limit_add(const struct score_unit *unit, const struct score_detection *det,
	uint64_t alarm_ns, struct score_limit *limit);

/* Figures over many units ------------------------------------------------------------------ */

struct score_share {
	size_t k;
	size_t n; /* 0: nothing to say, the rest means nothing */
	double share;
	struct stats_interval exact; /* Clopper-Pearson */
	struct stats_interval wilson;
};

#define SCORE_PATTERNS_MAX 32

struct score_class {
	const char *pattern; /* NULL for all benign classes together */
	struct score_share fpr;
	size_t false_alarms;
	double hours;	       /* watched */
	double per_hour;       /* false alarms */
	double per_hour_upper; /* one-sided 95 % bound */
};

struct score_rate_summary {
	size_t n;
	double bias; /* mean */
	double absolute_p95;
	struct score_share within; /* SCORE_RATE_BAND */
	struct score_share coverage;
};

/* Over leaks that were killed at their limit; each counts once, whatever it was told. */
struct score_limit_summary {
	size_t stated;		   /* units with a statement that qualifies */
	struct score_share within; /* of all units: the first statement is in SCORE_LIMIT_BAND */
	double bias, absolute_p95; /* of the first statements' errors */
	struct score_share coverage;
	/* All statements, as means over units of their own shares and errors. */
	size_t statements;
	double all_within, all_coverage, all_bias;
};

struct score_tier_summary {
	struct score_share tpr;
	struct score_class benign[SCORE_PATTERNS_MAX];
	size_t benign_count;
	struct score_class pooled;
	size_t early; /* false alarms on leak units, at or before t0 */
	size_t alarms;
	size_t withdrawn;
	double withdrawn_after_median_s;
	/* Latency in s over leak units; misses are censored. NAN where the curve does not reach. */
	double latency_median, latency_p95;
	double latency_min, latency_mean, latency_max; /* of those that were found */
	double since_start_median;
	double leaked_median_bytes, headroom_median;
	struct score_rate_summary rate[SCORE_MOMENTS];
	size_t calibrated; /* first alarms of their unit with a confidence */
	struct stats_calibration calibration;
	size_t correlated;
	double spearman, kendall; /* confidence against severity */
	struct score_share attribution;
	size_t unjudged; /* alarms on what has no truth */
	struct score_limit_summary limit;
};

/* Columns of the confusion matrix after the patterns that were run. */
enum {
	SCORE_COLUMN_OTHER = SCORE_PATTERNS_MAX, /* a pattern that no unit had */
	SCORE_COLUMN_UNKNOWN,			 /* the detector said "unknown" */
	SCORE_COLUMN_NONE,			 /* a leak of which it said nothing */
	SCORE_COLUMNS,
};

struct score_patterns {
	const char *name[SCORE_PATTERNS_MAX];
	size_t count;
	size_t cell[SCORE_PATTERNS_MAX][SCORE_COLUMNS]; /* [truth][stated] */
	struct score_share accuracy;
	double macro_f1;
};

struct score_summary {
	size_t units;
	size_t leak_units;   /* judged */
	size_t benign_units; /* judged */
	size_t broken_units;
	struct score_tier_summary tier[SCORE_TIERS];
	struct score_patterns patterns;
	double rate_error_p95; /* |error| at the end, leak tier where it spoke, else growing */
	size_t rate_error_n;
	size_t rate_unstated; /* leaks that were found and have a rate, of which none was stated */
	size_t cgroup_leaks;  /* judged leaks of the cgroup ledger */
	struct score_share kinds; /* of those that were found: named by their kind */
};

/*
 * Sums up the units of @group, or of all with SCORE_ALL_GROUPS. @ret borrows strings of the units.
 * Returns 0, -ENOMEM, or -E2BIG when there are more than SCORE_PATTERNS_MAX patterns.
 */
int score_summarize(const struct score_result *result, size_t group, struct score_summary *ret);

/* Gates ----------------------------------------------------------------------------------- */

enum score_gate {
	SCORE_GATE_GROWING_TPR_MIN,
	SCORE_GATE_GROWING_FPR_MAX,
	SCORE_GATE_GROWING_LATENCY_MEDIAN_MAX_S,
	SCORE_GATE_LEAK_TPR_MIN,
	SCORE_GATE_LEAK_FPR_MAX,
	SCORE_GATE_LEAK_LATENCY_MEDIAN_MAX_S,
	SCORE_GATE_PATTERN_ACCURACY_MIN,
	SCORE_GATE_RATE_ERROR_MAX,
	SCORE_GATE_ATTRIBUTION_MIN,
	SCORE_GATE_KIND_ACCURACY_MIN,
	SCORE_GATE_TIME_TO_LIMIT_WITHIN_MIN,
	SCORE_GATES,
};

struct score_gates {
	double bound[SCORE_GATES]; /* NAN: not set */
};

struct score_gate_result {
	enum score_gate gate;
	double bound;
	double value; /* NAN: could not be measured, `why` says why */
	size_t n;     /* units, alarms or statements behind the value */
	enum score_verdict verdict;
	const char *why; /* static text, or NULL */
};

/* "growing.tpr_min" and so on. */
const char *score_gate_name(enum score_gate gate);
/* Returns the gate of that name, or SCORE_GATES. */
enum score_gate score_gate_find(const char *name);
/* A set of gates with none set. */
struct score_gates score_gates_none(void);
/* True when @bound is one that @gate can have: shares lie in 0 to 1, others are at least 0. */
bool score_gate_valid(enum score_gate gate, double bound);

/*
 * Holds @summary against @gates; writes one result for each gate that is set.
 * A value that a silent detector leaves unmeasured is FAIL; one for which there is no judged unit
 * at all is BROKEN. Returns their number.
 */
size_t score_gates_check(const struct score_gates *gates, const struct score_summary *summary,
	struct score_gate_result results[SCORE_GATES]);

/*
 * The verdict of a summary with its gates: BROKEN when any unit or gate is, else FAIL when a gate
 * failed, else PASS; BROKEN also without any judged unit.
 */
enum score_verdict score_conclude(const struct score_summary *summary,
	const struct score_gate_result *results, size_t results_count);
/* The graver of two: BROKEN, FAIL, SKIP, PASS. */
enum score_verdict score_verdict_worst(enum score_verdict a, enum score_verdict b);

#endif
