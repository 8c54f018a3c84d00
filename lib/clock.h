/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one time base of the project: CLOCK_MONOTONIC in nanoseconds, the same clock as
 * bpf_ktime_get_ns(), shared by host and containers. Wall time only names things.
 */
#ifndef LEAKLAB_LIB_CLOCK_H
#define LEAKLAB_LIB_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define NS_PER_US 1000ULL
#define NS_PER_MS 1000000ULL
#define NS_PER_S 1000000000ULL

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t clock_mono_ns(void);

/* Nanoseconds of CPU time that the calling thread has used. */
uint64_t clock_cpu_ns(void);

/* Nanoseconds since 1970 of CLOCK_REALTIME. */
uint64_t clock_wall_ns(void);

/*
 * The kernel's tick (a jiffy), from the resolution of the clock that counts in ticks; 0 when that
 * is not said.
 */
uint64_t clock_tick_ns(void);

/*
 * Sleeps until CLOCK_MONOTONIC reaches @deadline_ns; returns at once when it has passed.
 * Returns 0, or -EINTR when a signal handler ran.
 */
int clock_sleep_until_ns(uint64_t deadline_ns);

/*
 * Writes @wall_ns as UTC, "2026-01-31T12:34:56Z", or with @compact "20260131T123456Z".
 * @buf must hold 24 bytes.
 */
void clock_format_utc(uint64_t wall_ns, int compact, char *buf, size_t size);

#endif
