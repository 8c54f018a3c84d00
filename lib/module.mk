# What all programs share. lib/ includes libc only.
LIB_OBJS = $(call objects,$(wildcard lib/*.c))
ARCHIVE_OBJS += $(LIB_OBJS)
