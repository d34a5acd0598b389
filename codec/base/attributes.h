/* The only place for compiler extensions. */
#ifndef MICA_BASE_ATTRIBUTES_H
#define MICA_BASE_ATTRIBUTES_H

#if defined(__GNUC__) || defined(__clang__)
#define MICA_PRINTF(string, first) __attribute__((format(printf, string, first)))
#define MICA_NODISCARD __attribute__((warn_unused_result))
#define MICA_LIKELY(x) __builtin_expect(!!(x), 1)
#define MICA_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define MICA_INLINE static inline __attribute__((always_inline))
#else
#define MICA_PRINTF(string, first)
#define MICA_NODISCARD
#define MICA_LIKELY(x) (x)
#define MICA_UNLIKELY(x) (x)
#define MICA_INLINE static inline
#endif

#endif
