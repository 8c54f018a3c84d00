# What all programs share. lib/ includes libc only.
LIB_OBJS = $(call objects,$(wildcard lib/*.c))
ARCHIVE_OBJS += $(LIB_OBJS)

# A file that changes only when the revision does, so that a new commit rebuilds one object.
$(BUILD)/lib/revision.o: $(BUILD)/lib/revision_text.h
$(BUILD)/lib/revision_text.h: FORCE
	@mkdir -p $(@D)
	@echo '#define REVISION_TEXT "$(VERSION)"' > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
FORCE:
.PHONY: FORCE
