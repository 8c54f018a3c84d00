/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sizes, rates and durations as people write them, and back.
 *
 * Sizes: a decimal number and a unit. B, KiB, MiB, GiB, TiB are powers of 1024; KB, MB, GB, TB
 * are powers of 1000; K, M, G, T alone (any case, "512m") are powers of 1024, as podman reads
 * them. A number without a unit is bytes.
 * Rates: a size followed by /s, /min or /h.
 * Durations: ns, us, ms, s, m or min, h, d, and sums of them ("1m30s"). A unit is required,
 * except for 0.
 */
#ifndef LEAKLAB_LIB_UNITS_H
#define LEAKLAB_LIB_UNITS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Each parser takes the whole of @text and leaves its output untouched on failure.
 * Returns 0, -EINVAL when @text is not of the form above (negative numbers are not), or -ERANGE
 * when the value does not fit.
 */
int units_parse_size(const char *text, uint64_t *ret_bytes);
int units_parse_rate(const char *text, double *ret_bytes_per_s);
int units_parse_duration(const char *text, uint64_t *ret_ns);

/* Examples for error messages: "512MiB, 1G", ... */
#define UNITS_SIZE_EXAMPLES "512MiB, 1G"
#define UNITS_RATE_EXAMPLES "1MiB/s, 10KB/s, 64KiB/min"
#define UNITS_DURATION_EXAMPLES "20s, 500ms, 1m30s"

/* A buffer that holds any formatted value. */
#define UNITS_TEXT_SIZE 32

/*
 * Short text for people: "12.5 MiB", "1.0 MiB/s", "1.8 s". Three significant digits.
 * Each returns @buf, so that it can stand in an argument list.
 */
char *units_format_size(double bytes, char *buf, size_t size);
char *units_format_rate(double bytes_per_s, char *buf, size_t size);
char *units_format_duration(double seconds, char *buf, size_t size);

#endif
