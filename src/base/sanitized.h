/* sanitized: whether this build watches itself at run time, and tells at exit(3): of errors and
 * leaks (sanitizers), or of what ran (coverage). */
#ifndef ADBAD_BASE_SANITIZED_H
#define ADBAD_BASE_SANITIZED_H

#include <stdbool.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(ADBAD_COVERAGE)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

/* … by ThreadSanitizer. */
#if defined(__SANITIZE_THREAD__)
#define SANITIZED_THREADS true
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SANITIZED_THREADS true
#endif
#endif
#ifndef SANITIZED_THREADS
#define SANITIZED_THREADS false
#endif

#endif
