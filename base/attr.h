/*
 * Compiler attributes under short names, and scope-bound cleanup.
 *
 * TS_AUTO(fn) marks a local whose destructor `fn` runs at the end of its scope;
 * TS_TAKE(p) hands such a local on (to a caller, a field, a queue) and leaves NULL behind.
 * Neither is mixed with goto: a jump past a TS_AUTO local is a compile error.
 */
#ifndef TS_BASE_ATTR_H
#define TS_BASE_ATTR_H

#include <stddef.h>

#define TS_NODISCARD __attribute__((warn_unused_result))
#define TS_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define TS_NORETURN __attribute__((noreturn))
#define TS_FALLTHROUGH __attribute__((fallthrough))
#define TS_UNUSED __attribute__((unused))
#define TS_AUTO(fn) __attribute__((cleanup(fn)))

/* The one statement-expression of the house: "p is yours now". */
#define TS_TAKE(p)                                                                                 \
    __extension__({                                                                                \
        __typeof__(p) taken_ = (p);                                                                \
        (p) = NULL;                                                                                \
        taken_;                                                                                    \
    })

#define TS_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* The structure that embeds @member, from a pointer to that member. */
#define TS_CONTAINER(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define TS_CONTAINER_CONST(ptr, type, member)                                                      \
    ((const type *)(const void *)((const char *)(ptr)-offsetof(type, member)))

/* Defines `name`, the TS_AUTO form of a destructor that takes the pointer itself. */
#define TS_DEFINE_AUTO(name, type, destroy)                                                        \
    static inline void name(type **p)                                                              \
    {                                                                                              \
        destroy(*p);                                                                               \
    }

#endif
