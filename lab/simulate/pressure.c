// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/simulate/pressure.h"
#include "lib/clock.h"

#define S ((double)NS_PER_S)

static double line_at(const struct pressure_line *line, uint64_t t_ns)
{
	if (t_ns >= line->to_ns)
		return line->to;
	if (t_ns <= line->from_ns)
		return line->from;
	return line->from + (line->to - line->from) * (double)(t_ns - line->from_ns) /
				    (double)(line->to_ns - line->from_ns);
}

static void begin_line(struct pressure_line *line, uint64_t t_ns, double takes_s, double to)
{
	*line = (struct pressure_line){
		.from_ns = t_ns,
		.to_ns = t_ns + (uint64_t)(takes_s * S),
		.from = line_at(line, t_ns),
		.to = to,
	};
}

void pressure_init(
	struct pressure *pressure, bool on, const struct random_stream *random, uint64_t start_ns)
{
	*pressure = (struct pressure){ .on = on, .random = *random };
	pressure->next_ns = start_ns + (uint64_t)(random_log(&pressure->random, 60, 900) * S);
}

/* Reclaim: within seconds. What is needed again comes back slowly, file pages all of them. */
static void begin_change(struct pressure *pressure)
{
	struct random_stream *random = &pressure->random;
	uint64_t t_ns = pressure->next_ns;
	double takes_s, wait_s;

	if (pressure->returning) {
		double kept = random_linear(random, 0, 0.7);

		takes_s = random_log(random, 5, 60);
		wait_s = random_log(random, 120, 900);
		begin_line(&pressure->swapped, t_ns, takes_s,
			kept * line_at(&pressure->swapped, t_ns));
		begin_line(&pressure->dropped, t_ns, takes_s, 0);
	} else {
		takes_s = random_log(random, 2, 20);
		wait_s = random_log(random, 60, 600);
		begin_line(&pressure->swapped, t_ns, takes_s, random_linear(random, 0.1, 0.5));
		begin_line(&pressure->dropped, t_ns, takes_s, random_linear(random, 0.3, 0.9));
	}
	pressure->returning = !pressure->returning;
	pressure->next_ns = t_ns + (uint64_t)((takes_s + wait_s) * S);
}

void pressure_move(struct pressure *pressure, uint64_t t_ns)
{
	while (pressure->on && pressure->next_ns <= t_ns)
		begin_change(pressure);
}

double pressure_swapped(const struct pressure *pressure, uint64_t t_ns)
{
	return line_at(&pressure->swapped, t_ns);
}

double pressure_dropped(const struct pressure *pressure, uint64_t t_ns)
{
	return line_at(&pressure->dropped, t_ns);
}
