// SPDX-License-Identifier: GPL-2.0-or-later
/* What the detector keeps: at most 2 KiB an address space, and no allocation after its start. */
#include <malloc.h>

#include "collector/detect/detect.h"
#include "tests/unit/fixtures/cmocka_all.h"

#define STATE_MAX_BYTES 2048
#define SECOND_NS 1000000000ULL
#define PROCESSES 500U

static void count(void *ctx, const struct detect_verdict *verdict)
{
	(void)verdict;
	++*(unsigned int *)ctx;
}

static size_t heap_bytes(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void test_state_of_a_process(void **state)
{
	(void)state;
	print_message("state: %zu bytes a process, of at most %d\n", detect_state_bytes(),
		STATE_MAX_BYTES);
	assert_in_range(detect_state_bytes(), 1, STATE_MAX_BYTES);
}

/* The index beside it is small: all that a detector takes of the heap is counted here. */
static void test_heap_of_a_detector(void **state)
{
	unsigned int verdicts = 0;
	size_t before = heap_bytes(), taken;
	struct detect *detect = detect_new(
		&(struct detect_options){ .max_processes = PROCESSES }, count, &verdicts);

	(void)state;
	taken = heap_bytes() - before;
	print_message("heap: %zu bytes for each of %u processes\n", taken / PROCESSES, PROCESSES);
	assert_in_range(taken / PROCESSES, 0, STATE_MAX_BYTES);
	detect_free(detect);
}

static void test_no_allocation_after_the_start(void **state)
{
	unsigned int verdicts = 0;
	struct detect *detect = detect_new(
		&(struct detect_options){ .max_processes = PROCESSES }, count, &verdicts);
	size_t before = heap_bytes();

	(void)state;
	for (uint64_t s = 1; s < 400; s++) {
		for (uint64_t mm = 1; mm <= PROCESSES + 10; mm++)
			detect_sample(detect, &(struct detect_sample){
						      .mm = mm + s / 300 * PROCESSES,
						      .t_ns = s * SECOND_NS,
						      .anon_bytes = s * mm * 16384,
					      });
		detect_tick(detect, s * SECOND_NS + SECOND_NS / 2);
		if (s == 299)
			for (uint64_t mm = 1; mm <= PROCESSES; mm++)
				detect_exit(detect, mm, s * SECOND_NS);
	}
	assert_true(verdicts > PROCESSES);
	assert_int_equal(heap_bytes(), before);
	detect_free(detect);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_state_of_a_process),
		cmocka_unit_test(test_heap_of_a_detector),
		cmocka_unit_test(test_no_allocation_after_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
