/* What translated kernels are made of besides C: arrays, Python's division, places of slices, memory of a call. */
#ifndef RAWINLAY_SUPPORT_H
#define RAWINLAY_SUPPORT_H

#include <math.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define IN static inline __attribute__((always_inline, unused))

/* An array: its first element, how many there are along each axis, and how many elements apart they lie. */
#define ARRAY(T, D, N) typedef struct { T *at; int64_t n[N], s[N]; } A##N##_##D;
#define ARRAYS(T, D) ARRAY(T, D, 1) ARRAY(T, D, 2) ARRAY(T, D, 3) ARRAY(T, D, 4) ARRAY(T, D, 5) ARRAY(T, D, 6)
ARRAYS(bool, b1)
ARRAYS(uint8_t, u1)
ARRAYS(uint16_t, u2)
ARRAYS(uint32_t, u4)
ARRAYS(uint64_t, u8)
ARRAYS(int8_t, i1)
ARRAYS(int16_t, i2)
ARRAYS(int32_t, i4)
ARRAYS(int64_t, i8)
ARRAYS(float, f4)
ARRAYS(double, f8)

/* What a call has allocated, and where it goes on when there is no memory. */
typedef struct {
    void **held;
    int64_t count, room;
    jmp_buf out;
} Arena;

/* An argument or a result: a number, or an array's address and shape. */
typedef union {
    int64_t i;
    uint64_t u;
    double d;
    float f;
    void *p;
} Word;

static __attribute__((unused)) void *claim(Arena *arena, int64_t count, size_t size, bool zero) {
    if (count < 0)
        count = 0;
    if (arena->count == arena->room) {
        int64_t room = 2 * arena->room + 16;
        void **held = realloc(arena->held, (size_t)room * sizeof *held);
        if (!held)
            longjmp(arena->out, 1);
        arena->held = held, arena->room = room;
    }
    /* 64 bytes apart: vectors lie across no cache lines. */
    if ((uint64_t)count > (SIZE_MAX - 128) / size)
        longjmp(arena->out, 1);
    size_t bytes = ((size_t)count * size + 127) & ~(size_t)63;
    void *room = zero ? calloc(bytes + 64, 1) : malloc(bytes + 64);
    if (!room)
        longjmp(arena->out, 1);
    arena->held[arena->count++] = room;
    return (void *)(((uintptr_t)room + 63) & ~(uintptr_t)63);
}

static __attribute__((unused)) void release(Arena *arena, int64_t mark) {
    while (arena->count > mark)
        free(arena->held[--arena->count]);
}

/* Division that rounds down; by zero it gives zero. */
IN int64_t div_i8(int64_t a, int64_t b) {
    if (b == 0)
        return 0;
    if (b == -1)
        return -a;
    int64_t q = a / b;
    return q - ((a % b != 0) & ((a ^ b) < 0));
}
IN int64_t mod_i8(int64_t a, int64_t b) {
    if (b == 0 || b == -1)
        return 0;
    int64_t r = a % b;
    return r + (((r != 0) & ((r ^ b) < 0)) ? b : 0);
}
IN uint64_t div_u8(uint64_t a, uint64_t b) { return b ? a / b : 0; }
IN uint64_t mod_u8(uint64_t a, uint64_t b) { return b ? a % b : 0; }

/* The lesser and the larger of two, the first where they are equal or no numbers. */
#define LEAST(T, D)                                           \
    IN T min_##D(T a, T b) { return b < a ? b : a; } \
    IN T max_##D(T a, T b) { return b > a ? b : a; }
LEAST(bool, b1)
LEAST(uint8_t, u1)
LEAST(uint16_t, u2)
LEAST(uint32_t, u4)
LEAST(uint64_t, u8)
LEAST(int8_t, i1)
LEAST(int16_t, i2)
LEAST(int32_t, i4)
LEAST(int64_t, i8)
LEAST(float, f4)
LEAST(double, f8)

IN int64_t abs_i8(int64_t a) { return a < 0 ? -a : a; }
IN int32_t abs_i4(int32_t a) { return a < 0 ? -a : a; }
IN int16_t abs_i2(int16_t a) { return a < 0 ? (int16_t)-a : a; }

/* Signed against unsigned. */
IN bool lt_iu(int64_t a, uint64_t b) { return a < 0 || (uint64_t)a < b; }
IN bool le_iu(int64_t a, uint64_t b) { return a < 0 || (uint64_t)a <= b; }
IN bool eq_iu(int64_t a, uint64_t b) { return a >= 0 && (uint64_t)a == b; }

/* An index, counted from behind where it is negative; where a slice begins or ends, and how long it is. */
IN int64_t ix(int64_t i, int64_t n) { return i < 0 ? i + n : i; }
IN int64_t cut(int64_t i, int64_t n) {
    i = i < 0 ? i + n : i;
    return i < 0 ? 0 : i > n ? n : i;
}
IN int64_t span(int64_t a, int64_t b) { return b > a ? b - a : 0; }

#endif
