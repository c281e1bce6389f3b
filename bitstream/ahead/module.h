/* The table of translated kernels. */
#ifndef RAWINLAY_MODULE_H
#define RAWINLAY_MODULE_H

#include "support.h"

/* A kernel for types of arguments. codes: a byte for each argument, 1 to 11 for b1 u1 u2 u4 u8 i1 i2 i4 i8 f4 f8, of an
   array plus 16 for each axis, 0xF0 and 0xF1 around a tuple's; a zero ends them. flags: what is asked of each array: 1
   that its last axis has neighbours one apart, 2 that it may be written, 4 that it is contiguous. */
typedef struct {
    const char *name;
    const uint8_t *codes, *flags, *results;
    void (*run)(Arena *arena, const Word *in, Word *out);
} Entry;

/* A module of Python's and a digest of what its kernels were made of. */
typedef struct {
    const char *name, *digest;
} Source;

/* The table is there once for each kind of processor, each with its own ending. */
#define JOINED_(a, b) a##_##b
#define JOINED(a, b) JOINED_(a, b)
#ifdef LEVEL
#define NAMED(a) JOINED(a, LEVEL)
#endif

#endif
