/* rawinlay.bitstream.runtime._kernels: translated kernels, called from Python.

   find(name) gives a function that takes a kernel's arguments. It looks among the kernel's entries for one of their
   types, and runs it without Python's lock; it returns NotImplemented where there is none. Arrays are taken by the
   buffer protocol: type, axes, steps and whether they may be written are looked at before anything is run. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include "module.h"

#define MOST_ARGUMENTS 64
#define MOST_WORDS 512
#define MOST_BYTES 192
#define MOST_RESULTS 32

extern const Entry ENTRIES_base[];
extern const Source SOURCES_base[];
#ifdef RAWINLAY_AVX2
extern const Entry ENTRIES_avx2[];
#endif

static const Entry *entries = ENTRIES_base;
static PyObject *empty; /* numpy.empty, once a kernel has returned an array */

static const char *const DTYPES[] = {
    "", "?", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f4", "f8",
};

/* What was given: bytes of types as in an entry, what each array has, and words. */
typedef struct {
    uint8_t codes[MOST_BYTES], has[MOST_BYTES];
    Word words[MOST_WORDS];
    Py_buffer views[MOST_ARGUMENTS];
    int bytes, count, held;
} Given;

/* The letter of a buffer's elements, 0 for what no kernel takes. */
static int letter(const Py_buffer *view) {
    const char *f = view->format ? view->format : "B";
    if (*f == '@' || *f == '=')
        f++;
    if (!f[0] || f[1])
        return 0;
    Py_ssize_t size = view->itemsize;
    int rank = size == 1 ? 0 : size == 2 ? 1 : size == 4 ? 2 : size == 8 ? 3 : -1;
    if (rank < 0)
        return 0;
    switch (*f) {
    case '?': return 1;
    case 'B': case 'H': case 'I': case 'L': case 'Q': return 2 + rank;
    case 'b': case 'h': case 'i': case 'l': case 'q': return 6 + rank;
    case 'f': return size == 4 ? 10 : 0;
    case 'd': return size == 8 ? 11 : 0;
    default: return 0;
    }
}

static Word number(int code, const void *at) {
    Word word = {0};
    switch (code) {
    case 1: word.i = *(const uint8_t *)at; break;
    case 2: word.i = *(const uint8_t *)at; break;
    case 3: word.i = *(const uint16_t *)at; break;
    case 4: word.i = *(const uint32_t *)at; break;
    case 5: word.u = *(const uint64_t *)at; break;
    case 6: word.i = *(const int8_t *)at; break;
    case 7: word.i = *(const int16_t *)at; break;
    case 8: word.i = *(const int32_t *)at; break;
    case 9: word.i = *(const int64_t *)at; break;
    case 10: word.f = *(const float *)at; break;
    case 11: word.d = *(const double *)at; break;
    }
    return word;
}

/* Take one argument; 0 where no kernel takes such a thing. */
static int take(Given *given, PyObject *one) {
    if (given->bytes + 2 >= MOST_BYTES || given->count + 16 >= MOST_WORDS)
        return 0;
    Word *word = &given->words[given->count];
    if (PyBool_Check(one)) {
        word->i = one == Py_True;
        given->codes[given->bytes++] = 1, given->count++;
        return 1;
    }
    if (PyLong_Check(one)) {
        int overflow;
        word->i = PyLong_AsLongLongAndOverflow(one, &overflow);
        if (overflow || (word->i == -1 && PyErr_Occurred()))
            return 0;
        given->codes[given->bytes++] = 9, given->count++;
        return 1;
    }
    if (PyFloat_Check(one)) {
        word->d = PyFloat_AsDouble(one);
        given->codes[given->bytes++] = 11, given->count++;
        return 1;
    }
    if (PyTuple_Check(one)) {
        given->codes[given->bytes++] = 0xF0;
        for (Py_ssize_t i = 0; i < PyTuple_Size(one); i++)
            if (!take(given, PyTuple_GetItem(one, i)))
                return 0;
        if (given->bytes + 2 >= MOST_BYTES)
            return 0;
        given->codes[given->bytes++] = 0xF1;
        return 1;
    }
    if (!PyObject_CheckBuffer(one) || PyBytes_Check(one) || given->held == MOST_ARGUMENTS)
        return 0;
    Py_buffer *view = &given->views[given->held];
    if (PyObject_GetBuffer(one, view, PyBUF_FORMAT | PyBUF_STRIDES))
        return 0;
    given->held++;
    int code = letter(view);
    if (!code || view->ndim > 6 || (uintptr_t)view->buf % (size_t)view->itemsize)
        return 0;
    if (!view->ndim) {
        given->words[given->count++] = number(code, view->buf);
        given->codes[given->bytes++] = (uint8_t)code;
        return 1;
    }
    uint8_t has = view->readonly ? 0 : 2;
    Py_ssize_t apart = 1;
    int contiguous = 1, empty_one = 0;
    for (int i = view->ndim - 1; i >= 0; i--) {
        if (view->strides[i] % view->itemsize)
            return 0;
        if (view->shape[i] > 1 && view->strides[i] != apart * view->itemsize)
            contiguous = 0;
        empty_one |= view->shape[i] == 0;
        apart *= view->shape[i];
    }
    int last = view->ndim - 1;
    if (view->shape[last] <= 1 || view->strides[last] == view->itemsize || empty_one)
        has |= 1;
    if (contiguous || empty_one)
        has |= 4;
    given->words[given->count++].p = view->buf;
    for (int i = 0; i < view->ndim; i++)
        given->words[given->count++].i = view->shape[i];
    for (int i = 0; i < view->ndim; i++)
        given->words[given->count++].i = view->strides[i] / view->itemsize;
    given->has[given->bytes] = has;
    given->codes[given->bytes++] = (uint8_t)(code | view->ndim << 4);
    return 1;
}

static int fits(const Entry *entry, const Given *given) {
    for (int i = 0; i < given->bytes; i++)
        if (entry->codes[i] != given->codes[i] || (entry->flags[i] & ~given->has[i]))
            return 0;
    return entry->codes[given->bytes] == 0;
}

/* A new NumPy array with the elements of one of the kernel's. */
static PyObject *copied(int code, const Word *words) {
    int ndim = code >> 4;
    if (!empty) {
        PyObject *numpy = PyImport_ImportModule("numpy");
        empty = numpy ? PyObject_GetAttrString(numpy, "empty") : NULL;
        Py_XDECREF(numpy);
        if (!empty)
            return NULL;
    }
    PyObject *shape = PyTuple_New(ndim);
    for (int i = 0; shape && i < ndim; i++)
        PyTuple_SetItem(shape, i, PyLong_FromLongLong(words[1 + i].i));
    PyObject *out = shape ? PyObject_CallFunction(empty, "Os", shape, DTYPES[code & 15]) : NULL;
    Py_XDECREF(shape);
    Py_buffer view;
    if (!out || PyObject_GetBuffer(out, &view, PyBUF_WRITABLE | PyBUF_STRIDES)) {
        Py_XDECREF(out);
        return NULL;
    }
    int64_t at[6] = {0}, total = 1;
    for (int i = 0; i < ndim; i++)
        total *= words[1 + i].i;
    for (int64_t n = 0; n < total; n++) {
        int64_t from = 0;
        for (int i = 0; i < ndim; i++)
            from += at[i] * words[1 + ndim + i].i;
        memcpy((char *)view.buf + n * view.itemsize, (const char *)words[0].p + from * view.itemsize, view.itemsize);
        for (int i = ndim - 1; i >= 0 && ++at[i] == words[1 + i].i; i--)
            at[i] = 0;
    }
    PyBuffer_Release(&view);
    return out;
}

static PyObject *result(const uint8_t **codes, const Word **words) {
    int code = *(*codes)++;
    if (code == 0xF0) {
        PyObject *list = PyList_New(0);
        while (list && **codes != 0xF1) {
            PyObject *part = result(codes, words);
            if (!part || PyList_Append(list, part)) {
                Py_XDECREF(part);
                Py_DECREF(list);
                return NULL;
            }
            Py_DECREF(part);
        }
        (*codes)++;
        PyObject *out = list ? PyList_AsTuple(list) : NULL;
        Py_XDECREF(list);
        return out;
    }
    const Word *word = *words;
    if (code >> 4) {
        *words += 1 + 2 * (code >> 4);
        return copied(code, word);
    }
    *words += 1;
    switch (code) {
    case 1: return PyBool_FromLong(word->i != 0);
    case 2: case 3: case 4: case 5: return PyLong_FromUnsignedLongLong(word->u);
    case 10: return PyFloat_FromDouble(word->f);
    case 11: return PyFloat_FromDouble(word->d);
    default: return PyLong_FromLongLong(word->i);
    }
}

static PyObject *run(const Entry *entry, const Given *given) {
    Arena arena = {0};
    Word out[MOST_RESULTS];
    memset(out, 0, sizeof out);
    volatile int failed = 0;
    Py_BEGIN_ALLOW_THREADS
    if (setjmp(arena.out))
        failed = 1;
    else
        entry->run(&arena, given->words, out);
    Py_END_ALLOW_THREADS
    PyObject *found = NULL;
    if (failed)
        PyErr_NoMemory();
    else if (!entry->results[0])
        found = Py_NewRef(Py_None);
    else {
        const uint8_t *codes = entry->results;
        const Word *words = out;
        found = result(&codes, &words);
    }
    release(&arena, 0);
    free(arena.held);
    return found;
}

static PyObject *call(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    const Entry *entry = PyCapsule_GetPointer(self, NULL);
    if (!entry)
        return NULL;
    Given given;
    given.bytes = given.count = given.held = 0;
    memset(given.has, 0, sizeof given.has);
    int taken = 1;
    for (Py_ssize_t i = 0; i < count && taken; i++)
        taken = take(&given, args[i]);
    PyObject *found = NULL;
    if (taken) {
        const char *name = entry->name;
        for (; entry->name && !strcmp(entry->name, name); entry++)
            if (fits(entry, &given)) {
                found = run(entry, &given);
                goto done;
            }
    }
    PyErr_Clear();
    found = Py_NewRef(Py_NotImplemented);
done:
    for (int i = 0; i < given.held; i++)
        PyBuffer_Release(&given.views[i]);
    return found;
}

static PyMethodDef call_method = {"kernel", (PyCFunction)(void (*)(void))call, METH_FASTCALL, NULL};

static PyObject *find(PyObject *self, PyObject *name) {
    const char *text = PyUnicode_AsUTF8AndSize(name, NULL);
    if (!text)
        return NULL;
    for (const Entry *entry = entries; entry->name; entry++)
        if (!strcmp(entry->name, text)) {
            PyObject *capsule = PyCapsule_New((void *)entry, NULL, NULL);
            PyObject *out = capsule ? PyCFunction_NewEx(&call_method, capsule, NULL) : NULL;
            Py_XDECREF(capsule);
            return out;
        }
    Py_RETURN_NONE;
}

static PyObject *digest(PyObject *self, PyObject *name) {
    const char *text = PyUnicode_AsUTF8AndSize(name, NULL);
    if (!text)
        return NULL;
    for (const Source *source = SOURCES_base; source->name; source++)
        if (!strcmp(source->name, text))
            return PyUnicode_FromString(source->digest);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"find", find, METH_O, "find(name): the kernel of that name, module:function, as a function; None where there is none."},
    {"digest", digest, METH_O, "digest(module): of what the module's kernels were made of; None of another module."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_kernels", "Kernels that were translated to C and compiled ahead.", -1, methods,
    NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__kernels(void) {
#ifdef RAWINLAY_AVX2
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2"))
        entries = ENTRIES_avx2;
#endif
    return PyModule_Create(&definition);
}
