# memgen. A pattern is one file, pattern_*.c, and what holds the memory is another, hold_*.c; names
# carry a prefix because all objects share one archive for the unit tests, in which two of the same
# name would hide each other.
GENERATOR_OBJS = $(call objects,$(wildcard generators/gen_*.c generators/pattern_*.c \
	generators/hold_*.c))
ARCHIVE_OBJS += $(GENERATOR_OBJS)

# Static, so that it runs in an image with nothing else in it. The sanitizers cannot be.
$(eval $(call program,memgen,$(BUILD)/generators/main.o $(GENERATOR_OBJS) $(LIB_OBJS),\
	$(if $(SANITIZE),,-static) -lm -lpthread))
