# Unit tests: tests/unit/test_*.c, one cmocka group a binary, linked against everything that is
# not a main program (ARCHIVE_OBJS, to which each folder's module.mk adds).
UNIT_TESTS += $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))

$(BUILD)/libleaklab.a: $(ARCHIVE_OBJS)
	$(say) AR $@
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/tests/unit/test_%: $(BUILD)/tests/unit/test_%.o $(BUILD)/libleaklab.a
	$(say) LINK $@
	$(Q)$(LINK) -Wl,--as-needed $^ -lcmocka -lcyaml -lyaml -ljansson -lcgroup -lm -lpthread -o $@

unit-tests: $(UNIT_TESTS)
.PHONY: unit-tests
