# Unit tests: tests/unit/test_*.c, one cmocka group a binary, linked against everything that is
# not a main program (ARCHIVE_OBJS, to which each folder's module.mk adds).
UNIT_TESTS += $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))

# The scorer is tested on its own, however lab/module.mk lists it.
include lab/score.mk

# Expanded late: the lists may use what the Makefile defines after its includes.
.SECONDEXPANSION:
$(BUILD)/libleaklab.a: $$(sort $$(ARCHIVE_OBJS) $$(LAB_SCORE_OBJS))
	$(say) AR $@
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/tests/unit/test_%: $(BUILD)/tests/unit/test_%.o $(BUILD)/libleaklab.a
	$(say) LINK $@
	$(Q)$(LINK) -Wl,--as-needed $^ -lcmocka -lcyaml -lyaml -ljansson -lcgroup -lm -lpthread -o $@

unit-tests: $(UNIT_TESTS)
.PHONY: unit-tests
